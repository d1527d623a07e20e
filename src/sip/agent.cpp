#include "sip/agent.h"

#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {

Agent::Impl::Impl(AgentConfig c, Random r) : config(std::move(c)), random(std::move(r)) {
  for (const auto& option : config.supported) supported_list.append(supported_list.empty() ? "" : ", ").append(option);
}

Session* Agent::Impl::session(SessionId id) {
  const auto found = sessions.find(id.value);
  return found == sessions.end() ? nullptr : &found->second;
}

Session* Agent::Impl::session_by_tag(std::string_view local_tag, std::string_view call_id) {
  const auto found = session_tags.find(local_tag);
  if (found == session_tags.end()) return nullptr;
  Session* s = session(SessionId{found->second});
  return s != nullptr && s->dialog.call_id == call_id ? s : nullptr;
}

Dialog* Agent::Impl::dialog_of(Session& s, std::string_view remote_tag) {
  if (s.state != SessionState::Calling) return s.dialog.remote_tag == remote_tag ? &s.dialog : nullptr;
  const auto found =
      std::find_if(s.early.begin(), s.early.end(), [&](const Dialog& d) { return d.remote_tag == remote_tag; });
  return found == s.early.end() ? nullptr : &*found;
}

Session& Agent::Impl::new_session(bool caller) {
  const SessionId id{++last_session};
  Session& s = sessions[id.value];
  s.id = id;
  s.caller = caller;
  s.min_se = std::max(config.min_se, kSmallestMinSe);
  s.dialog.local_tag = random.token(15);
  session_tags.emplace(s.dialog.local_tag, id.value);
  return s;
}

void Agent::Impl::add_own_headers(Message& m, const Session& s) const {
  m.add("Contact", s.contact);
  m.add("Allow", config.allow);
  if (!supported_list.empty()) m.add("Supported", supported_list);
  if (m.is_request) m.add("User-Agent", config.user_agent);
}

void Agent::Impl::note_peer(Session& s, const Message& m) {
  if (m.find("Allow") == nullptr) return;
  const auto methods = list_values(m, "Allow");
  s.peer_allows_update = std::find(methods.begin(), methods.end(), "UPDATE") != methods.end();
}

void set_sdp(Message& m, std::string sdp) {
  if (sdp.empty()) return;
  // A Content-Type among the owner's headers says more (multipart).
  if (m.find("Content-Type") == nullptr) m.add("Content-Type", "application/sdp");
  m.body = std::move(sdp);
}

Agent::Agent(AgentConfig config, Random random) : impl_(std::make_unique<Impl>(std::move(config), std::move(random))) {}
Agent::~Agent() = default;

void Agent::receive(std::string_view bytes, const Flow& from, Now now) { impl_->receive(bytes, from, now); }
void Agent::receive_unframed(std::string_view bytes, int status, std::string text, const Flow& from) {
  impl_->receive_unframed(bytes, status, std::move(text), from);
}

void Agent::flow_failed(const Flow& flow, Now now) { impl_->flow_failed(flow, now); }
void Agent::connection_closed(const Flow& connection, Now now) { impl_->connection_closed(connection, now); }
void Agent::advance(Now now) { impl_->advance(now); }
std::optional<Instant> Agent::next_deadline() const { return impl_->timers.next(); }

std::optional<Output> Agent::poll() {
  if (impl_->out.empty()) return std::nullopt;
  std::optional<Output> output(std::move(impl_->out.front()));
  impl_->out.pop_front();
  return output;
}

TransactionId Agent::request(Message request, const Flow& flow, Now now) {
  return impl_->request(std::move(request), flow, now);
}

void Agent::respond(TransactionId transaction, int status, std::vector<Header> headers, std::string body, Now now,
                    std::string_view reason) {
  impl_->respond(transaction, status, std::move(headers), std::move(body), now, reason);
}

std::optional<Header> Agent::authorize(const Message& response, std::string_view user, std::string_view password,
                                       std::string_view method, const Uri& uri) {
  return impl_->authorize(response, user, password, method, uri);
}

SessionId Agent::invite(InviteOptions options, Now now) { return impl_->invite(std::move(options), now); }

void Agent::set_credentials(SessionId session, std::string user, std::string password) {
  if (Session* s = impl_->session(session)) {
    s->credentials = std::make_unique<SessionCredentials>(std::move(user), std::move(password));
  }
}

SessionId Agent::accept_invite(TransactionId transaction, const NameAddr& contact, Now now) {
  return impl_->accept_invite(transaction, contact, now);
}

void Agent::ring(SessionId session, int status, std::string sdp, std::vector<Header> headers, Now now) {
  if (Session* s = impl_->session(session)) impl_->ring(*s, status, std::move(sdp), std::move(headers), now);
}

void Agent::answer(SessionId session, std::string sdp, std::vector<Header> headers, Now now) {
  if (Session* s = impl_->session(session)) impl_->answer(*s, std::move(sdp), std::move(headers), now);
}

void Agent::reject(SessionId session, int status, std::vector<Header> headers, Now now, std::string_view reason) {
  if (Session* s = impl_->session(session)) impl_->reject(*s, status, std::move(headers), now, reason);
}

void Agent::hangup(SessionId session, std::vector<Header> headers, Now now) {
  if (Session* s = impl_->session(session)) impl_->hangup(*s, std::move(headers), now);
}

void Agent::answer_offer(SessionId session, std::string sdp, Now now) {
  if (Session* s = impl_->session(session)) impl_->answer_offer(*s, std::move(sdp), now);
}

void Agent::reject_offer(SessionId session, int status, Now now, std::vector<Header> headers) {
  if (Session* s = impl_->session(session)) impl_->reject_offer(*s, status, now, std::move(headers));
}

void Agent::reinvite(SessionId session, std::string sdp, Now now) {
  if (Session* s = impl_->session(session)) impl_->reinvite(*s, OfferToSend{std::move(sdp), false}, now);
}

TransactionId Agent::request_in_session(SessionId session, std::string_view method, std::vector<Header> headers,
                                        std::string body, Now now) {
  Session* s = impl_->session(session);
  if (s == nullptr) return impl_->fail_at_once(method, 481);
  return impl_->request_in_session(*s, method, std::move(headers), std::move(body), now);
}

std::optional<Agent::DialogInfo> Agent::dialog(SessionId session) const {
  const Session* s = impl_->session(session);
  if (s == nullptr) return std::nullopt;
  const Dialog& d = s->state == SessionState::Calling && !s->early.empty() ? s->early.back() : s->dialog;
  return DialogInfo{d.call_id, d.local_tag, d.remote_tag, d.remote_target, d.flow, d.confirmed};
}

SessionId Agent::find_dialog(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) const {
  Session* s = impl_->session_by_tag(local_tag, call_id);
  if (s == nullptr || s->state == SessionState::Leaving) return SessionId{};
  return Impl::dialog_of(*s, remote_tag) == nullptr ? SessionId{} : s->id;
}

const Agent::Counters& Agent::counters() const { return impl_->counters; }

Agent::Sizes Agent::sizes() const {
  const Impl& i = *impl_;
  return Sizes{i.transactions.clients(), i.transactions.servers(), i.sessions.size(), i.timers.size()};
}

}  // namespace segue::sip
