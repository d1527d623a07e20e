#include <algorithm>

#include "call/core_harness.h"

namespace segue::call::testing {

FakeDirectory::FakeDirectory() {
  accounts_ = {{kAda, {kAda, "Ada"}}, {kBob, {kBob, "Bob"}}, {kEve, {kEve, "Eve"}}};
  const auto add = [&](DeviceId id, AccountId account, const char* name, char digit) {
    Device d;
    d.id = id;
    d.account = account;
    d.username = d.name = name;
    d.flip_digit = digit;
    devices_[id] = std::move(d);
    bindings_[id] = 1;
  };
  add(kDesk, kAda, "desk", '1');
  add(kMobile, kAda, "mobile", '2');
  add(kLaptop, kAda, "laptop", '3');
  add(kBobDesk, kBob, "bob desk", '1');
  add(kBobMobile, kBob, "bob mobile", '2');
  add(kEvePhone, kEve, "eve", '1');
  numbers_ = {{"1001", {NumberId{1}, kAda, "1001"}}, {"1002", {NumberId{2}, kBob, "1002"}}};
}

const Account* FakeDirectory::account(AccountId id) const {
  const auto it = accounts_.find(id);
  return it == accounts_.end() ? nullptr : &it->second;
}

const Device* FakeDirectory::device(DeviceId id) const {
  const auto it = devices_.find(id);
  return it == devices_.end() ? nullptr : &it->second;
}

std::vector<DeviceId> FakeDirectory::devices_of(AccountId id) const {
  std::vector<DeviceId> all;
  for (const auto& [device_id, device] : devices_) {
    if (device.account == id) all.push_back(device_id);
  }
  return all;
}

const Number* FakeDirectory::number(std::string_view digits) const {
  const auto it = numbers_.find(digits);
  return it == numbers_.end() ? nullptr : &it->second;
}

const Number* FakeDirectory::number_of(AccountId id) const {
  for (const auto& [digits, number] : numbers_) {
    if (number.account == id) return &number;
  }
  return nullptr;
}

std::size_t FakeDirectory::bindings(DeviceId id) const {
  const auto it = bindings_.find(id);
  return it == bindings_.end() ? 0 : it->second;
}

void House::collect() {
  while (auto order = core.poll()) {
    if (const auto* ring = std::get_if<RingLeg>(&*order)) rung_[ring->device] = ring->leg, call = ring->call;
    if (const auto* set = std::get_if<SetAudio>(&*order)) audio[set->leg] = *set;
    if (const auto* release = std::get_if<ReleaseLeg>(&*order)) {
      EXPECT_FALSE(gone.contains(release->leg)) << "leg " << release->leg.value << " is released twice";
      gone[release->leg] = release->cause;
    }
    if (const auto* over = std::get_if<CallOver>(&*order)) records.push_back(over->record);
    orders.push_back(std::move(*order));
  }
  for (const auto& broken : core.broken_invariants()) ADD_FAILURE() << broken;
}

LegId House::dials(DeviceId device, std::string number, std::vector<Codec> offered) {
  const LegId leg = core.new_leg();
  tell([&] {
    core.on_arrival({leg, directory.device(device)->account, device, std::move(number), std::move(offered)}, now());
  });
  return leg;
}

void House::passes(Duration time) {
  const Instant end = at_ + time;
  while (core.next_deadline() && *core.next_deadline() <= end) {
    at_ = std::max(at_, *core.next_deadline());
    core.advance(now());
    collect();
  }
  at_ = end;
}

Result<FlipId> House::flip(FlipAsked asked) {
  auto id = core.flip(asked, now());
  collect();
  return id;
}

Result<void> House::cancel(FlipId flip) {
  auto done = core.cancel_flip(flip, now());
  collect();
  return done;
}

void House::bob_and_ada_talk() {
  bob = dials(kBobDesk, "1001");
  ada = ringing(kDesk);
  answers(ada);
  forget();
}

LegId House::ringing(DeviceId device) const {
  const auto it = rung_.find(device);
  return it == rung_.end() ? LegId{} : it->second;
}

std::optional<Cause> House::released(LegId leg) const {
  const auto it = gone.find(leg);
  return it == gone.end() ? std::nullopt : std::optional(it->second);
}

std::string House::hears(LegId leg) const {
  const auto it = audio.find(leg);
  if (it == audio.end()) return "";
  if (it->second.from) return "leg " + std::to_string(it->second.from.value);
  if (it->second.filler == Filler::Music) return "music";
  return it->second.filler == Filler::ComfortNoise ? "noise" : "nothing";
}

const CallRecord& House::record() const {
  const CallRecord* live = core.call(call);
  return live != nullptr ? *live : records.back();
}

std::string House::segments() const {
  std::string text;
  for (const auto& s : record().segments) {
    if (!text.empty()) text += "; ";
    text += std::string(to_string(s.kind)) + (s.side == Side::Caller ? " caller " : " callee ") +
            std::to_string(s.device.value) + " ";
    text += s.to ? std::string(s.cause ? to_string(*s.cause) : "over") : "open";
  }
  return text;
}

void House::nothing_left() const {
  const auto sizes = core.sizes();
  EXPECT_EQ(sizes.calls, 0U);
  EXPECT_EQ(sizes.legs, 0U);
  EXPECT_EQ(sizes.flips, 0U);
  EXPECT_FALSE(core.next_deadline().has_value());
}

}  // namespace segue::call::testing
