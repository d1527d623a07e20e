// What the REST interface may do, on the node's own state: store and directory change together, calls are asked of the
// engine.
#include <openssl/evp.h>

#include <charconv>

#include "app/node.h"
#include "net/clock.h"
#include "sip/digest.h"

namespace segue::app {
namespace {

std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
  return hex;
}

void set_password(call::Device& device, const std::string& realm, std::string_view password) {
  device.ha1_md5 = sip::digest_ha1(sip::DigestAlgorithm::Md5, device.username, realm, password);
  device.ha1_sha256 = sip::digest_ha1(sip::DigestAlgorithm::Sha256, device.username, realm, password);
}

template <typename Map, typename Id>
auto find_in(const Map& map, Id id, const char* what) -> Result<typename Map::mapped_type> {
  const auto it = map.find(id);
  if (it == map.end()) return fail(ErrorKind::NotFound, std::string("no such ") + what);
  return it->second;
}

template <typename Map>
auto values(const Map& map) {
  std::vector<typename Map::mapped_type> all;
  all.reserve(map.size());
  for (const auto& [id, value] : map) all.push_back(value);
  return all;
}

}  // namespace

// ---- tokens

Result<api::Principal> Node::authenticate(std::string_view token) {
  auto found = store_->find_token(sha256_hex(token));
  if (!found && found.error().kind != ErrorKind::NotFound) return tl::unexpected(found.error());
  if (!found) return fail(ErrorKind::Unauthorized, "unknown token");
  return api::Principal{!found->account, found->account.value_or(AccountId{}), found->name};
}

Result<api::Token> Node::new_token(const std::string& name, std::optional<AccountId> account) {
  Random random(net::os_seed());
  const std::string secret = "sg_" + random.token(40);  // 200 bits
  auto stored = store_->add_token(name, account, sha256_hex(secret));
  if (!stored) return tl::unexpected(stored.error());
  return api::Token{std::to_string(stored->id), name, account, secret};
}

Result<api::Token> Node::create_token(const api::NewToken& wanted) {
  if (wanted.account && engine_->directory().account(*wanted.account) == nullptr) {
    return fail(ErrorKind::NotFound, "no such account");
  }
  return new_token(wanted.name, wanted.account);
}

std::vector<api::Token> Node::tokens() {
  std::vector<api::Token> all;
  for (const auto& t : store_->tokens().value_or(std::vector<store::Token>{})) {
    all.push_back({std::to_string(t.id), t.name, t.account, ""});
  }
  return all;
}

Result<void> Node::delete_token(std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return fail(ErrorKind::NotFound, "no such token");
  return store_->delete_token(number);
}

// ---- accounts

std::vector<call::Account> Node::accounts() { return values(engine_->directory().accounts()); }

Result<call::Account> Node::account(AccountId id) { return find_in(engine_->directory().accounts(), id, "account"); }

Result<call::Account> Node::create_account(std::string name) {
  auto added = store_->add_account(std::move(name));
  if (added) engine_->directory().put(*added);
  return added;
}

Result<call::Account> Node::rename_account(AccountId id, std::string name) {
  if (auto renamed = store_->rename_account(id, name); !renamed) return tl::unexpected(renamed.error());
  call::Account account{id, std::move(name)};
  engine_->directory().put(account);
  return account;
}

Result<void> Node::delete_account(AccountId id) {
  if (engine_->calls().in_call(id)) return fail(ErrorKind::Conflict, "the account is in a call");
  if (auto deleted = store_->delete_account(id); !deleted) return deleted;
  for (auto device : engine_->directory().devices_of(id)) engine_->forget_device(device);
  engine_->directory().remove(id);
  return {};
}

// ---- devices

api::DeviceStatus Node::status_of(const call::Device& device) const {
  api::DeviceStatus status{device, {}};
  for (const auto& b : engine_->registrar().bindings(device.id)) {
    status.bindings.push_back({b.contact.to_string(), b.flow.remote.to_string(),
                               std::string(sip::via_name(b.flow.transport)), b.user_agent, b.expires_wall});
  }
  return status;
}

Result<std::vector<api::DeviceStatus>> Node::devices(AccountId id) {
  if (engine_->directory().account(id) == nullptr) return fail(ErrorKind::NotFound, "no such account");
  std::vector<api::DeviceStatus> all;
  for (auto device : engine_->directory().devices_of(id))
    all.push_back(status_of(*engine_->directory().device(device)));
  return all;
}

Result<api::DeviceStatus> Node::device(DeviceId id) {
  auto found = find_in(engine_->directory().devices(), id, "device");
  if (!found) return tl::unexpected(found.error());
  return status_of(*found);
}

Result<api::DeviceStatus> Node::create_device(AccountId account, const api::NewDevice& wanted) {
  call::Device device;
  device.account = account;
  device.username = wanted.username;
  device.name = wanted.name;
  device.kind = wanted.kind;
  device.flip_digit = wanted.flip_digit;
  device.auto_answer = wanted.auto_answer;
  device.proof_by_answer = wanted.proof_by_answer;
  device.sha256 = wanted.sha256;
  device.codecs = wanted.codecs;
  set_password(device, config_.domain, wanted.password);
  auto added = store_->add_device(std::move(device));
  if (!added) return tl::unexpected(added.error());
  engine_->directory().put(*added);
  return status_of(*added);
}

Result<api::DeviceStatus> Node::change_device(DeviceId id, const api::DeviceChange& change) {
  auto found = find_in(engine_->directory().devices(), id, "device");
  if (!found) return tl::unexpected(found.error());
  call::Device device = *found;
  if (change.name) device.name = *change.name;
  if (change.kind) device.kind = *change.kind;
  if (change.flip_digit) device.flip_digit = *change.flip_digit;
  if (change.auto_answer) device.auto_answer = *change.auto_answer;
  if (change.proof_by_answer) device.proof_by_answer = *change.proof_by_answer;
  if (change.sha256) device.sha256 = *change.sha256;
  if (change.codecs) device.codecs = *change.codecs;
  if (change.password) set_password(device, config_.domain, *change.password);
  if (auto updated = store_->update_device(device); !updated) return tl::unexpected(updated.error());
  engine_->directory().put(device);
  if (change.password) {
    engine_->drop_bindings(id);
    drain();
  }
  return status_of(device);
}

Result<void> Node::delete_device(DeviceId id) {
  if (auto deleted = store_->delete_device(id); !deleted) return deleted;
  engine_->forget_device(id);
  return {};
}

// ---- numbers

std::vector<call::Number> Node::numbers() { return values(engine_->directory().numbers()); }

Result<call::Number> Node::number(NumberId id) { return find_in(engine_->directory().numbers(), id, "number"); }

Result<call::Number> Node::create_number(AccountId account, std::string digits) {
  auto added = store_->add_number(account, digits);
  if (added) engine_->directory().put(*added);
  return added;
}

Result<void> Node::delete_number(NumberId id) {
  if (auto deleted = store_->delete_number(id); !deleted) return deleted;
  engine_->directory().remove(id);
  return {};
}

// ---- calls and flips

std::vector<call::CallRecord> Node::calls() { return engine_->calls().calls(); }

Result<call::CallRecord> Node::call(CallId id) {
  const auto* live = engine_->calls().call(id);
  if (live == nullptr || live->state == call::CallState::Ended) return fail(ErrorKind::NotFound, "no such live call");
  return *live;
}

Result<void> Node::hang_up(CallId id) {
  auto done = engine_->hang_up(id, net::read_clock());
  drain();
  return done;
}

Result<call::FlipRecord> Node::flip(const api::Principal& principal, const api::FlipRequest& request) {
  call::FlipAsked asked;
  asked.call = request.call;
  asked.target = request.device;
  asked.mode = request.mode;
  asked.account = principal.admin ? request.account.value_or(AccountId{}) : principal.account;
  const call::CallRecord* live = engine_->calls().call(request.call);
  if (live == nullptr || live->state == call::CallState::Ended) return fail(ErrorKind::NotFound, "no such live call");
  if (!asked.account && request.device) {
    const auto* device = engine_->directory().device(*request.device);
    if (device == nullptr) return fail(ErrorKind::NotFound, "no such device");
    asked.account = device->account;
  }
  if (!asked.account && !live->caller_account) asked.account = live->callee_account;
  if (!asked.account && !live->callee_account) asked.account = live->caller_account;
  if (!asked.account)
    return fail(ErrorKind::InvalidInput, "both parties have an account here: say which one flips (\"account\")");
  auto id = engine_->flip(asked, net::read_clock());
  drain();
  if (!id) return tl::unexpected(id.error());
  return *engine_->calls().flip_record(*id);
}

Result<call::FlipRecord> Node::flip_record(FlipId id) {
  if (const auto* live = engine_->calls().flip_record(id)) return *live;
  return store_->flip(id);
}

Result<call::FlipRecord> Node::cancel_flip(FlipId id) {
  auto before = flip_record(id);
  if (!before) return before;
  auto done = engine_->cancel_flip(id, net::read_clock());
  drain();
  if (!done && done.error().kind != ErrorKind::NotFound) return tl::unexpected(done.error());
  if (!done) return fail(ErrorKind::Conflict, "the flip has already ended");
  return flip_record(id);
}

Result<api::Records> Node::records(const api::Page& page, std::optional<AccountId> account) {
  std::optional<CallId> before;
  if (!page.cursor.empty()) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(page.cursor.data(), page.cursor.data() + page.cursor.size(), value);
    if (error != std::errc{} || end != page.cursor.data() + page.cursor.size()) {
      return fail(ErrorKind::InvalidInput, "the cursor is not one that this server has given");
    }
    before = CallId{value};
  }
  auto found = store_->records(before, page.limit, account);
  if (!found) return tl::unexpected(found.error());
  return api::Records{std::move(found->items), found->before ? std::to_string(found->before->value) : ""};
}

Result<call::CallRecord> Node::record(CallId id) {
  if (const auto* live = engine_->calls().call(id)) return *live;
  return store_->record(id);
}

api::Health Node::health() {
  api::Health h;
  h.version = SEGUE_VERSION;
  h.uptime_s = to_s(net::read_clock().mono - started_);
  h.calls = engine_->calls().sizes().calls;
  h.registered_devices = engine_->registrar().registered_devices();
  h.rtp_ports_used = media_->ports_used();
  h.rtp_ports_total = media_->ports_total();
  const auto writer = store_->writer_state();
  h.store_ok = writer.ok;
  h.store_error = writer.error;
  return h;
}

}  // namespace segue::app
