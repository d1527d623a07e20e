#include "sip/transaction_table.h"

#include <algorithm>

#include "sip/dialog.h"

namespace segue::sip {
namespace {

constexpr std::string_view kMagicCookie = "z9hG4bK";
constexpr char kSeparator = '\n';  // cannot occur in a header value

}  // namespace

template <typename Change>
void TransactionTable::at_places(const ClientTransaction& t, const Change& change) {
  change(t.flow.remote);
  if (t.flow.reopen && *t.flow.reopen != t.flow.remote) change(*t.flow.reopen);
}

ClientTransaction& TransactionTable::send(ClientTransaction t, std::string_view branch, Now now) {
  t.id = new_id();
  if (!t.user.valid()) t.user = t.id;
  t.key.append(branch).append(1, kSeparator).append(t.request.method);
  client_keys_.emplace(t.key, t.id.value);
  auto& stored = clients_.emplace(t.id.value, std::move(t)).first->second;
  at_places(stored, [&](const Endpoint& place) { pending_[place].insert(stored.id.value); });
  stored.start(env_, now);
  return stored;
}

ClientTransaction* TransactionTable::find_client(std::string_view branch, std::string_view method) {
  scratch_.assign(branch).append(1, kSeparator).append(method);
  const auto found = client_keys_.find(std::string_view(scratch_));
  return found == client_keys_.end() ? nullptr : client(TransactionId{found->second});
}

ClientTransaction* TransactionTable::client(TransactionId id) {
  const auto found = clients_.find(id.value);
  return found == clients_.end() ? nullptr : &found->second;
}

void TransactionTable::erase_client(TransactionId id) {
  const auto found = clients_.find(id.value);
  if (found == clients_.end()) return;
  found->second.stop(env_);
  settle(found->second);
  client_keys_.erase(found->second.key);
  clients_.erase(found);
}

void TransactionTable::settle(const ClientTransaction& t) {
  at_places(t, [&](const Endpoint& place) {
    const auto there = pending_.find(place);
    if (there == pending_.end()) return;
    there->second.erase(t.id.value);
    if (there->second.empty()) pending_.erase(there);
  });
}

template <typename Wanted>
std::vector<TransactionId> TransactionTable::pending_where(const Endpoint& remote, const Wanted& wanted) const {
  std::vector<TransactionId> ids;
  const auto there = pending_.find(remote);
  if (there == pending_.end()) return ids;
  for (const auto id : there->second) {
    if (wanted(clients_.at(id))) ids.push_back(TransactionId{id});
  }
  // The order of a hash table must not show in the outputs.
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<TransactionId> TransactionTable::pending_on(const Flow& flow) const {
  return pending_where(flow.remote, [&](const ClientTransaction& t) { return t.flow == flow; });
}

std::vector<TransactionId> TransactionTable::unanswered_on(const Flow& connection) const {
  return pending_where(connection.remote, [&](const ClientTransaction& t) {
    if (t.state() != ClientTransaction::State::Calling || t.flow.transport != connection.transport) return false;
    // Connections are numbered in order: what names an older one, or none, went to the one that was open to that peer.
    return t.flow.connection.value <= connection.connection.value;
  });
}

std::string_view TransactionTable::server_key(const Message& request, const Via& via, std::string_view method) {
  scratch_.clear();
  // The cookie alone makes nothing unique (RFC 4475 section 3.2.1).
  if (via.branch().size() > kMagicCookie.size() && via.branch().starts_with(kMagicCookie)) {
    scratch_.append(via.branch()).append(1, kSeparator).append(via.host);
    scratch_.append(1, ':').append(std::to_string(via.port));
  } else {
    // RFC 2543: the ACK's To tag is our own and is left out, so that request and ACK compare equal.
    const std::string_view cseq = request.get("CSeq");
    scratch_.append(request.get("Call-ID")).append(1, kSeparator).append(tag_of(request.get("From")));
    scratch_.append(1, kSeparator).append(cseq.substr(0, cseq.find(' '))).append(1, kSeparator);
    scratch_.append(request.request_uri.to_string()).append(1, kSeparator).append(via.host);
    scratch_.append(1, ':').append(std::to_string(via.port)).append(via.branch());
  }
  scratch_.append(1, kSeparator).append(method);
  return scratch_;
}

ServerTransaction* TransactionTable::find_server(std::string_view key) {
  const auto found = server_keys_.find(key);
  return found == server_keys_.end() ? nullptr : server(TransactionId{found->second});
}

ServerTransaction* TransactionTable::server(TransactionId id) {
  const auto found = servers_.find(id.value);
  return found == servers_.end() ? nullptr : &found->second;
}

ServerTransaction& TransactionTable::add_server(std::string_view key, const Message& request, const Flow& flow,
                                                Now now) {
  const TransactionId id = new_id();
  ServerTransaction& t = servers_[id.value];
  t.id = id;
  t.key = key;
  t.flow = flow;
  t.request = keep_for_responses(request);
  server_keys_.emplace(t.key, id.value);
  t.start(env_, now);
  return t;
}

void TransactionTable::erase_server(TransactionId id) {
  const auto found = servers_.find(id.value);
  if (found == servers_.end()) return;
  found->second.stop(env_);
  forget_for_merge(found->second);
  server_keys_.erase(found->second.key);
  servers_.erase(found);
}

std::string_view TransactionTable::merge_key(const Message& request) {
  scratch_.assign(request.get("Call-ID")).append(1, kSeparator).append(tag_of(request.get("From")));
  scratch_.append(1, kSeparator).append(request.get("CSeq"));
  return scratch_;
}

bool TransactionTable::merged(const Message& request) { return merge_keys_.contains(merge_key(request)); }

void TransactionTable::remember_for_merge(ServerTransaction& t, const Message& request) {
  t.merge_key = merge_key(request);
  merge_keys_.emplace(t.merge_key, t.id.value);
}

void TransactionTable::forget_for_merge(ServerTransaction& t) {
  if (t.merge_key.empty()) return;
  merge_keys_.erase(t.merge_key);
  t.merge_key.clear();
}

}  // namespace segue::sip
