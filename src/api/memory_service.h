// A whole Service in memory, for tests: it keeps what it is told and holds to the rules that service.h promises. Two
// people: Ada (acc_1, devices dev_1 and dev_2, number 1001) and Grace (acc_2, dev_3, number 1002); Ada's call with
// Grace is call_12 once begin_call() was called.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "api/service.h"
#include "record/json.h"
#include "record/samples.h"

namespace segue::api {

class MemoryService : public Service {
 public:
  MemoryService() {
    for (const char* name : {"Ada Lovelace", "Grace Hopper"}) static_cast<void>(create_account(name));
    static_cast<void>(create_device({1}, new_device("ada-desk", '1')));
    static_cast<void>(create_device({1}, new_device("ada-mobile", '2')));
    static_cast<void>(create_device({2}, new_device("grace-desk", '1')));
    static_cast<void>(create_number({1}, "1001"));
    static_cast<void>(create_number({2}, "1002"));
    tokens_ = {{"1", {"1", "admin", std::nullopt, "admin-token"}},
               {"2", {"2", "ada", AccountId{1}, "ada-token"}},
               {"3", {"3", "grace", AccountId{2}, "grace-token"}}};
    devices_.at({1}).bindings.push_back(
        {"sip:ada@192.0.2.1", "192.0.2.1:5060", "udp", "phone/\xFF", record::samples::wall(9)});
  }

  /// Grace calls Ada, who answers on dev_1.
  void begin_call(call::CallState state = call::CallState::Talking) {
    call::CallRecord record = record::samples::call();
    record.state = state;
    record.ended_at.reset();
    record.cause.reset();
    record.caller = {"1002", "Grace Hopper"};
    record.caller_account = {2};
    record.caller_device = {3};
    record.callee_account = {1};
    record.callee_device = {1};
    record.flips.clear();
    for (auto& segment : record.segments) segment.account = {1};
    record.segments.push_back(
        {call::SegmentKind::Talk, call::Side::Caller, {2}, {3}, "Grace's desk", record.started_at, {}, {}, {}});
    calls_[record.id] = record;
  }
  /// The call's flips and the call itself end; it becomes a record.
  void end_call(CallId id) {
    auto record = calls_.at(id);
    record.state = call::CallState::Ended;
    record.ended_at = record::samples::wall(60'000);
    record.cause = call::Cause::NormalClearing;
    for (auto& flip : record.flips) finish(flip, call::FlipOutcome::Done);
    records_[id] = record;
    calls_.erase(id);
  }
  void keep_record(const call::CallRecord& record) { records_[record.id] = record; }
  Health health_now{"0.1.0", 12.5, 0, 1, 4, 1000, true, ""};

  Result<Principal> authenticate(std::string_view secret) override {
    for (const auto& [id, token] : tokens_) {
      if (token.secret == secret) return Principal{!token.account, token.account.value_or(AccountId{}), token.name};
    }
    return fail(ErrorKind::Unauthorized, "This token is not known.");
  }
  Result<Token> create_token(const NewToken& made) override {
    if (made.account && !accounts_.contains(*made.account)) return fail(ErrorKind::NotFound, "No such account.");
    const std::string id = std::to_string(++last_token_);
    return tokens_[id] = {id, made.name, made.account, "secret-" + id};
  }
  std::vector<Token> tokens() override { return values(tokens_); }
  Result<void> delete_token(std::string_view id) override { return erase(tokens_, std::string(id)); }

  std::vector<call::Account> accounts() override { return values(accounts_); }
  Result<call::Account> account(AccountId id) override { return find(accounts_, id); }
  Result<call::Account> create_account(std::string name) override {
    const AccountId id{accounts_.size() + 1};
    return accounts_[id] = {id, std::move(name)};
  }
  Result<call::Account> rename_account(AccountId id, std::string name) override {
    if (!accounts_.contains(id)) return fail(ErrorKind::NotFound, "No such account.");
    return accounts_[id] = {id, std::move(name)};
  }
  Result<void> delete_account(AccountId id) override {
    for (const auto& [call, record] : calls_) {
      if (record.caller_account == id || record.callee_account == id)
        return fail(ErrorKind::Conflict, "It has a live call.");
    }
    return erase(accounts_, id);
  }

  Result<std::vector<DeviceStatus>> devices(AccountId id) override {
    if (!accounts_.contains(id)) return fail(ErrorKind::NotFound, "No such account.");
    auto all = values(devices_);
    std::erase_if(all, [&](const auto& status) { return status.device.account != id; });
    return all;
  }
  Result<DeviceStatus> device(DeviceId id) override { return find(devices_, id); }
  Result<DeviceStatus> create_device(AccountId account, const NewDevice& made) override {
    if (!accounts_.contains(account)) return fail(ErrorKind::NotFound, "No such account.");
    for (const auto& [id, status] : devices_) {
      if (status.device.username == made.username) return fail(ErrorKind::Conflict, "This username is taken.");
    }
    const DeviceId id{devices_.size() + 1};
    call::Device device{id,          account,         made.username,        made.name,
                        made.kind,   made.flip_digit, made.auto_answer,     made.proof_by_answer,
                        made.codecs, made.sha256,     std::string(32, 'a'), std::string(64, 'b')};
    return devices_[id] = {std::move(device), {}};
  }
  Result<DeviceStatus> change_device(DeviceId id, const DeviceChange& change) override {
    if (!devices_.contains(id)) return fail(ErrorKind::NotFound, "No such device.");
    auto& device = devices_[id].device;
    device.name = change.name.value_or(device.name);
    device.kind = change.kind.value_or(device.kind);
    device.flip_digit = change.flip_digit.value_or(device.flip_digit);
    device.auto_answer = change.auto_answer.value_or(device.auto_answer);
    device.proof_by_answer = change.proof_by_answer.value_or(device.proof_by_answer);
    device.sha256 = change.sha256.value_or(device.sha256);
    device.codecs = change.codecs.value_or(device.codecs);
    return devices_[id];
  }
  Result<void> delete_device(DeviceId id) override { return erase(devices_, id); }

  std::vector<call::Number> numbers() override { return values(numbers_); }
  Result<call::Number> number(NumberId id) override { return find(numbers_, id); }
  Result<call::Number> create_number(AccountId account, std::string digits) override {
    if (!accounts_.contains(account)) return fail(ErrorKind::NotFound, "No such account.");
    for (const auto& [id, number] : numbers_) {
      if (number.digits == digits) return fail(ErrorKind::Conflict, "This number is taken.");
    }
    const NumberId id{numbers_.size() + 1};
    return numbers_[id] = {id, account, std::move(digits)};
  }
  Result<void> delete_number(NumberId id) override { return erase(numbers_, id); }

  std::vector<call::CallRecord> calls() override { return values(calls_); }
  Result<call::CallRecord> call(CallId id) override { return find(calls_, id); }
  Result<void> hang_up(CallId id) override {
    if (!calls_.contains(id)) return fail(ErrorKind::NotFound, "No such call.");
    end_call(id);
    return {};
  }

  Result<call::FlipRecord> flip(const Principal& principal, const FlipRequest& asked) override {
    const auto found = calls_.find(asked.call);
    if (found == calls_.end()) return fail(ErrorKind::NotFound, "No such call.");
    auto& call = found->second;
    if (call.state != call::CallState::Talking) return fail(ErrorKind::Conflict, "The call is not talking yet.");
    if (principal.admin && !asked.account)
      return fail(ErrorKind::InvalidInput, "Both parties are accounts: say which one flips.");
    const AccountId account = asked.account.value_or(principal.account);
    const bool caller = call.caller_account == account;
    const DeviceId here = caller ? call.caller_device : call.callee_device;
    if (asked.device == here) return fail(ErrorKind::Conflict, "The call is there already.");
    const DeviceId target = asked.device.value_or(DeviceId{2});
    if (!devices_.contains(target)) return fail(ErrorKind::NotFound, "No such device.");
    for (const auto& flip : call.flips) {
      if (flip.outcome) continue;
      if (flip.targets == std::vector{target}) return flip;
      return fail(ErrorKind::Conflict, "Another flip is running.");
    }
    call::FlipRecord flip;
    flip.id = {++last_flip_};
    flip.call = asked.call;
    flip.account = account;
    flip.side = caller ? call::Side::Caller : call::Side::Callee;
    flip.mode = asked.mode;
    flip.from = here;
    flip.targets = {target};
    flip.asked_at = record::samples::wall(1);
    call.flips.push_back(flip);
    return flip;
  }
  Result<call::FlipRecord> flip_record(FlipId id) override {
    for (auto* calls : {&calls_, &records_}) {
      for (auto& [call, record] : *calls) {
        for (auto& flip : record.flips) {
          if (flip.id == id) return flip;
        }
      }
    }
    return fail(ErrorKind::NotFound, "No such flip.");
  }
  Result<call::FlipRecord> cancel_flip(FlipId id) override {
    for (auto& [call, record] : calls_) {
      for (auto& flip : record.flips) {
        if (flip.id != id) continue;
        if (flip.outcome) return fail(ErrorKind::Conflict, "It has ended.");
        finish(flip, call::FlipOutcome::Cancelled);
        return flip;
      }
    }
    return fail(ErrorKind::Conflict, "It has ended.");
  }

  Result<Records> records(const Page& page, std::optional<AccountId> account) override {
    if (!health_now.store_ok) return fail(ErrorKind::Unavailable, "The database cannot be read.");
    const auto before =
        page.cursor.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : record::parse_id("call", page.cursor);
    if (!before) return fail(ErrorKind::InvalidInput, "The cursor is not one of ours.");
    Records found;
    for (auto it = records_.rbegin(); it != records_.rend(); ++it) {
      const auto& record = it->second;
      if (record.id.value >= *before) continue;
      if (account && record.caller_account != *account && record.callee_account != *account) continue;
      if (found.items.size() == page.limit) {
        found.next_cursor = record::id_text(found.items.back().id);
        break;
      }
      found.items.push_back(record);
    }
    return found;
  }
  Result<call::CallRecord> record(CallId id) override { return find(records_, id); }
  Health health() override { return health_now; }

 private:
  static NewDevice new_device(const char* username, char digit) {
    NewDevice device;
    device.username = device.name = username;
    device.password = "password";
    device.flip_digit = digit;
    return device;
  }
  static void finish(call::FlipRecord& flip, call::FlipOutcome outcome) {
    if (flip.outcome) return;
    flip.outcome = outcome;
    flip.ended_at = record::samples::wall(2);
    flip.state = outcome == call::FlipOutcome::Done ? "done" : "failed";
    flip.report = record::samples::report();
  }
  template <typename Map>
  static std::vector<typename Map::mapped_type> values(const Map& map) {
    std::vector<typename Map::mapped_type> all;
    for (const auto& [key, value] : map) all.push_back(value);
    return all;
  }
  template <typename Map>
  static Result<typename Map::mapped_type> find(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    if (found == map.end()) return fail(ErrorKind::NotFound, "There is nothing with this id.");
    return found->second;
  }
  template <typename Map>
  static Result<void> erase(Map& map, const typename Map::key_type& key) {
    if (map.erase(key) == 0) return fail(ErrorKind::NotFound, "There is nothing with this id.");
    return {};
  }

  std::map<AccountId, call::Account> accounts_;
  std::map<DeviceId, DeviceStatus> devices_;
  std::map<NumberId, call::Number> numbers_;
  std::map<std::string, Token> tokens_;
  std::map<CallId, call::CallRecord> calls_, records_;
  std::uint64_t last_token_ = 3, last_flip_ = 0;
};

}  // namespace segue::api
