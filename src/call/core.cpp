#include "call/core.h"

#include <algorithm>

#include "base/assert.h"
#include "call/core_impl.h"

namespace segue::call {

// ---- finding

Call* Core::Impl::find(CallId id) {
  const auto it = calls.find(id);
  return it == calls.end() ? nullptr : &it->second;
}

Call* Core::Impl::call_of(LegId leg, Side* side) {
  const auto place = places.find(leg);
  if (place == places.end()) return nullptr;  // released before; what it still says concerns nobody
  if (side != nullptr) *side = place->second.side;
  return find(place->second.call);
}

void Core::Impl::place(LegId leg, const Call& call, Side side) { places[leg] = LegPlace{call.id, side}; }

bool Core::Impl::holds(LegId leg) const {
  const auto place = places.find(leg);
  return place != places.end() && place->second.held;
}

LegId Core::Impl::new_leg(const Call& call, Side side) {
  const LegId leg{next.leg++};
  place(leg, call, side);
  return leg;
}

void Core::Impl::release(LegId leg, Cause cause) {
  if (!leg || !places.contains(leg)) return;
  forget(leg);
  order(ReleaseLeg{leg, cause});
}

std::optional<Instant> Core::Impl::deadline(const Call& call) const {
  if (call.close_at) return call.close_at;
  std::optional<Instant> due;
  if (call.record.state == CallState::Ringing) due = call.answer_deadline;
  for (const auto& seat : call.seats) due = earlier(due, seat.grace);
  for (const auto& [id, flip] : call.flips) due = earlier(due, flip::deadline(flip.state));
  return due;
}

void Core::Impl::reschedule(const Call& call) {
  if (const auto old = deadline_of.find(call.id); old != deadline_of.end()) {
    deadlines.erase({old->second, call.id});
    deadline_of.erase(old);
  }
  if (const auto due = deadline(call)) {
    deadlines.insert({*due, call.id});
    deadline_of[call.id] = *due;
  }
}

// ---- record

void Core::Impl::open_segment(Call& call, SegmentKind kind, Side side, DeviceId device, Now now, FlipId flip) {
  const auto& seat = call.seat(side);
  const Device* known = directory.device(device);
  Segment segment;
  segment.kind = kind;
  segment.side = side;
  segment.account = seat.account;
  segment.device = device;
  segment.name = known != nullptr ? known->name : seat.identity.number;
  segment.from = now.wall;
  segment.flip = flip;
  call.record.segments.push_back(std::move(segment));
}

void Core::Impl::close_segment(Call& call, SegmentKind kind, Side side, DeviceId device, Cause cause, Now now) {
  auto& all = call.record.segments;
  const auto open = std::find_if(all.rbegin(), all.rend(), [&](const Segment& s) {
    return !s.to && s.kind == kind && s.side == side && s.device == device;
  });
  if (open == all.rend()) return;
  open->to = now.wall;
  open->cause = cause;
}

void Core::Impl::note_hold(Call& call, Side side, Now now) {
  const DeviceId device = side == Side::Caller ? call.record.caller_device : call.record.callee_device;
  if (!holds(call.seat(side).leg)) {
    return close_segment(call, SegmentKind::Hold, side, device, Cause::NormalClearing, now);
  }
  open_segment(call, SegmentKind::Hold, side, device, now);
}

// ---- the public face: each fact finds its call, changes it, and looks at its deadline again

Core::Core(const Directory& directory, Policy policy, FirstIds ids)
    : impl_(std::make_unique<Impl>(directory, std::move(policy), ids)) {}
Core::~Core() = default;

LegId Core::new_leg() { return LegId{impl_->next.leg++}; }
void Core::on_arrival(const Arrival& arrival, Now now) { impl_->arrive(arrival, now); }

void Core::on_ringing(LegId leg, std::optional<Codec> early_codec, Now now) {
  Side side{};
  Call* call = impl_->call_of(leg, &side);
  if (call == nullptr || call->ended()) return;
  if (const auto id = call->seat(side).flip) {  // a flip's candidate: its early media reaches nobody
    auto& record = call->record.flips[call->flips.at(*id).index];
    if (!record.ringing_at) record.ringing_at = now.wall;
    impl_->changed(*call);
    return;
  }
  if (call->record.state != CallState::Ringing || side == Side::Caller) return;
  const bool alone = call->seat(side).candidates.size() == 1;
  impl_->order(ShowRinging{call->seat(Side::Caller).leg, early_codec && alone ? leg : LegId{}});
}

void Core::on_answered(LegId leg, Codec codec, Now now) {
  Side side{};
  Call* call = impl_->call_of(leg, &side);
  if (call == nullptr) return;
  const CallId id = call->id;
  impl_->answered(*call, side, leg, codec, now);
  impl_->after(id, now);
}

void Core::Impl::gone(LegId leg, Cause cause, Now now, void (Impl::*told)(Call&, Side, LegId, Cause, Now)) {
  Side side{};
  Call* call = call_of(leg, &side);
  if (call == nullptr) return;
  const CallId id = call->id;
  forget(leg);
  order(ReleaseLeg{leg, cause});
  (this->*told)(*call, side, leg, cause, now);
  after(id, now);
}

void Core::on_refused(LegId leg, Cause cause, Now now) { impl_->gone(leg, cause, now, &Impl::refused); }

void Core::on_left(LegId leg, Cause cause, Now now) { impl_->gone(leg, cause, now, &Impl::left); }

void Core::on_hold(LegId leg, bool held, Now now) {
  const auto place = impl_->places.find(leg);
  if (place == impl_->places.end() || place->second.held == held) return;
  place->second.held = held;
  const Side side = place->second.side;
  Call* call = impl_->find(place->second.call);
  // A leg that rings or is being proven keeps it until it sits: answered() and commit() look at it then.
  if (call->record.state != CallState::Talking || call->seat(side).leg != leg) return;
  impl_->note_hold(*call, side, now);
  impl_->set_audio(*call, other(side));
  impl_->changed(*call);
}

void Core::on_code(LegId leg, std::string_view code, Now now) {
  Side side{};
  Call* call = impl_->call_of(leg, &side);
  if (call == nullptr || call->ended() || call->seat(side).leg != leg) return;
  const CallId id = call->id;
  impl_->keyed(*call, side, leg, code, now);
  impl_->after(id, now);
}

void Core::on_spliced(FlipId flip, Now now) {
  const auto owner = impl_->flip_calls.find(flip);
  if (owner == impl_->flip_calls.end()) return;
  const CallId id = owner->second;
  Call* call = impl_->find(id);
  impl_->drive(*call, call->flips.at(flip), flip::SpliceMade{}, now);
  impl_->after(id, now);
}

void Core::on_disarmed(FlipId flip, LegId line, Now now) {
  const auto owner = impl_->flip_calls.find(flip);
  if (owner == impl_->flip_calls.end()) return;
  const CallId id = owner->second;
  Call* call = impl_->find(id);
  auto& live = call->flips.at(flip);
  if (live.armed_line != line) return;
  live.armed_line = {};
  impl_->drive(*call, live, flip::SpliceWithdrawn{}, now);
  impl_->after(id, now);
}

void Core::on_report(FlipId flip, FlipReport report, Now now) { impl_->report(flip, std::move(report), now); }

Result<FlipId> Core::flip(const FlipAsked& asked, Now now) {
  auto id = impl_->ask_flip(asked, now);
  if (id) impl_->after(asked.call, now);
  return id;
}

Result<void> Core::cancel_flip(FlipId flip, Now now) {
  const auto owner = impl_->flip_calls.find(flip);
  if (owner == impl_->flip_calls.end()) return fail(ErrorKind::NotFound, "no such flip in a live call");
  const CallId id = owner->second;
  Call* call = impl_->find(id);
  auto& live = call->flips.at(flip);
  if (flip::ended(live.state)) return fail(ErrorKind::Conflict, "the flip has already ended");
  impl_->drive(*call, live, flip::CancelAsked{}, now);
  impl_->after(id, now);
  return {};
}

Result<void> Core::hang_up(CallId id, Cause cause, Now now) {
  Call* call = impl_->find(id);
  if (call == nullptr || call->ended()) return fail(ErrorKind::NotFound, "no such live call");
  impl_->end_call(*call, cause, Party::System, now);
  impl_->after(id, now);
  return {};
}

void Core::hang_up_all(Cause cause, Now now) {
  std::vector<CallId> ids;
  for (const auto& [id, call] : impl_->calls) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (auto id : ids) {
    if (Call* call = impl_->find(id); call != nullptr && !call->ended())
      impl_->end_call(*call, cause, Party::System, now);
    impl_->after(id, now);
  }
}

void Core::advance(Now now) { impl_->advance(now); }

std::optional<Instant> Core::next_deadline() const {
  if (impl_->deadlines.empty()) return std::nullopt;
  return impl_->deadlines.begin()->first;
}

std::optional<Order> Core::poll() {
  if (impl_->orders.empty()) return std::nullopt;
  Order front = std::move(impl_->orders.front());
  impl_->orders.pop_front();
  return front;
}

// ---- what is known

std::vector<CallRecord> Core::calls() const {
  std::vector<CallRecord> all;
  for (const auto& [id, call] : impl_->calls) {
    if (!call.ended()) all.push_back(call.record);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return all;
}

const CallRecord* Core::call(CallId id) const {
  const Call* call = impl_->find(id);
  return call == nullptr ? nullptr : &call->record;
}

const FlipRecord* Core::flip_record(FlipId id) const {
  const auto owner = impl_->flip_calls.find(id);
  if (owner == impl_->flip_calls.end()) {
    for (const auto& [call_id, call] : impl_->calls) {
      for (const auto& flip : call.record.flips) {
        if (flip.id == id) return &flip;
      }
    }
    return nullptr;
  }
  const Call& call = impl_->calls.at(owner->second);
  return &call.record.flips[call.flips.at(id).index];
}

bool Core::in_call(AccountId account) const {
  return std::any_of(impl_->calls.begin(), impl_->calls.end(), [&](const auto& entry) {
    const Call& call = entry.second;
    return !call.ended() && (call.seats[0].account == account || call.seats[1].account == account);
  });
}

Core::Sizes Core::sizes() const { return {impl_->calls.size(), impl_->places.size(), impl_->flip_calls.size()}; }

std::vector<std::string> Core::broken_invariants() const {
  std::vector<std::string> broken;
  std::map<LegId, int> seen;
  for (const auto& [id, call] : impl_->calls) {
    const auto name = "call " + std::to_string(id.value) + ": ";
    for (const auto& seat : call.seats) {
      if (seat.leg) ++seen[seat.leg];
      for (const auto& [leg, device] : seat.candidates) ++seen[leg];
      if (call.ended() && seat.leg) broken.push_back(name + "has ended, but a leg still sits in a seat");
      if (!call.ended() && call.record.state == CallState::Talking && !seat.leg && !seat.grace) {
        broken.push_back(name + "talks with an empty seat and nobody is waited for");
      }
      if (seat.flip && !call.flips.contains(*seat.flip))
        broken.push_back(name + "a seat points to a flip that is gone");
    }
    for (const auto& [flip_id, live] : call.flips) {
      if (flip::ended(live.state)) continue;
      for (const auto& [leg, device] : live.candidates) {
        if (impl_->places.contains(leg)) ++seen[leg];
      }
      if (call.seat(live.side).flip != flip_id) broken.push_back(name + "a flip goes on that no seat knows");
    }
  }
  for (const auto& [leg, count] : seen) {
    if (count > 1)
      broken.push_back("leg " + std::to_string(leg.value) + " sits in " + std::to_string(count) + " places");
    if (!impl_->places.contains(leg))
      broken.push_back("leg " + std::to_string(leg.value) + " sits in a seat but was released");
  }
  if (seen.size() != impl_->places.size()) broken.push_back("legs are known that sit nowhere");
  return broken;
}

}  // namespace segue::call
