// A call::Core with a fake directory and a recorder of its orders, so that tests read as sentences. Ada has a desk
// phone (*1), a mobile (*2) and a laptop (*3) at 1001; Bob has a desk phone (*1) and a mobile (*2) at 1002. After each
// fact the ownership invariants are checked. For tests of this folder only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "call/core.h"

namespace segue::call::testing {

inline constexpr AccountId kAda{1}, kBob{2}, kEve{3};
inline constexpr DeviceId kDesk{11}, kMobile{12}, kLaptop{13}, kBobDesk{21}, kBobMobile{22}, kEvePhone{31};

class FakeDirectory final : public Directory {
 public:
  FakeDirectory();
  void put(Device device) { devices_[device.id] = std::move(device); }
  [[nodiscard]] Device& change(DeviceId id) { return devices_.at(id); }
  void bind(DeviceId id, std::size_t count) { bindings_[id] = count; }
  [[nodiscard]] const Account* account(AccountId id) const override;
  [[nodiscard]] const Device* device(DeviceId id) const override;
  [[nodiscard]] std::vector<DeviceId> devices_of(AccountId id) const override;
  [[nodiscard]] const Number* number(std::string_view digits) const override;
  [[nodiscard]] const Number* number_of(AccountId id) const override;
  [[nodiscard]] std::size_t bindings(DeviceId id) const override;
  [[nodiscard]] bool talks_over(LegId leg, DeviceId, std::size_t b) const override { return flow(leg) == b; }
  [[nodiscard]] bool same_flow(LegId a, LegId b) const override { return flow(a) == flow(b); }
  std::map<LegId, std::size_t> flows;  ///< by which binding of its device a leg talks; the first unless it says so

 private:
  std::map<AccountId, Account> accounts_;
  std::map<DeviceId, Device> devices_;
  std::map<std::string, Number, std::less<>> numbers_;
  [[nodiscard]] std::size_t flow(LegId leg) const { return flows.contains(leg) ? flows.at(leg) : 0; }
  std::map<DeviceId, std::size_t> bindings_;
};

class House {
 public:
  explicit House(Policy policy = {}) : core(directory, policy, {}) {}

  // ---- facts, each followed by what the core orders
  LegId dials(DeviceId device, std::string number, std::vector<Codec> offered = {Codec::Pcma, Codec::Pcmu});
  void answers(LegId leg, Codec codec = Codec::Pcma) {
    tell([&] { core.on_answered(leg, codec, now()); });
  }
  void refuses(LegId leg, Cause cause) {
    tell([&] { core.on_refused(leg, cause, now()); });
  }
  void leaves(LegId leg, Cause cause = Cause::NormalClearing) {
    tell([&] { core.on_left(leg, cause, now()); });
  }
  void rings(LegId leg, std::optional<Codec> early = {}) {
    tell([&] { core.on_ringing(leg, early, now()); });
  }
  void holds(LegId leg, bool held) {
    tell([&] { core.on_hold(leg, held, now()); });
  }
  void keys(LegId leg, std::string_view code) {
    tell([&] { core.on_code(leg, code, now()); });
  }
  void spliced(FlipId flip) {
    tell([&] { core.on_spliced(flip, now()); });
  }
  void disarmed(FlipId flip, LegId line) {
    tell([&] { core.on_disarmed(flip, line, now()); });
  }
  void reported(FlipId flip) {
    tell([&] { core.on_report(flip, {}, now()); });
  }
  void passes(Duration time);
  Result<FlipId> flip(FlipAsked asked);
  /// Ada's seat, by the API.
  Result<FlipId> flip_to(DeviceId device, FlipMode mode = FlipMode::Ring) {
    return flip({call, kAda, {}, device, mode, FlipTrigger::Api});
  }
  Result<void> cancel(FlipId flip);

  // ---- standing scenes
  /// Bob's desk calls Ada, who answers on her desk: bob and ada are the two legs.
  void bob_and_ada_talk();

  // ---- what was ordered since the last forget()
  void forget() { orders.clear(); }
  template <typename T>
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& o : orders) {
      if (const auto* t = std::get_if<T>(&o)) found.push_back(*t);
    }
    return found;
  }
  template <typename T>
  [[nodiscard]] std::optional<T> last() const {
    const auto found = all<T>();
    return found.empty() ? std::nullopt : std::optional<T>(found.back());
  }
  [[nodiscard]] LegId ringing(DeviceId device) const;  ///< the newest leg that was ordered to ring there
  [[nodiscard]] std::optional<Cause> released(LegId leg) const;
  [[nodiscard]] std::string hears(LegId leg) const;  ///< "leg 3", "music", "noise", "nothing"; "" if never set
  [[nodiscard]] const CallRecord& record() const;    ///< of the live call, or the one that ended last
  [[nodiscard]] std::string segments() const;        ///< "ring callee 11 answered_elsewhere; ..."
  void nothing_left() const;

  [[nodiscard]] Now now() const { return {at_, WallTime{at_.time_since_epoch()}}; }

  FakeDirectory directory;
  Core core;
  std::vector<Order> orders;
  std::vector<CallRecord> records;
  std::map<LegId, SetAudio> audio;
  std::map<LegId, Cause> gone;
  CallId call;
  LegId bob, ada;

 private:
  template <typename F>
  void tell(F&& f) {
    f();
    collect();
  }
  void collect();
  Instant at_{1000s};
  std::map<DeviceId, LegId> rung_;
};

}  // namespace segue::call::testing
