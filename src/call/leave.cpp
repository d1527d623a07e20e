// Leaving: a leg goes, and with it perhaps the call. Who leaves decides what happens (edge-cases: "Who leaves when").
#include <algorithm>

#include "call/core_impl.h"

namespace segue::call {
namespace {

constexpr Duration kReportWait = 3s;  // reports come about a second after the splice; past this the record goes without

Party party_of(Side s) { return s == Side::Caller ? Party::Caller : Party::Callee; }

}  // namespace

void Core::Impl::left(Call& call, Side side, LegId leg, Cause cause, Now now) {
  Seat& seat = call.seat(side);
  LiveFlip* flip = running_flip(call, side);
  if (flip != nullptr && flip->candidates.contains(leg)) return drive(call, *flip, flip::WinnerLeft{leg}, now);
  if (seat.leg != leg) return refused(call, side, leg, cause, now);  // a ringing candidate gave up
  seat.leg = {};
  if (call.ended()) return;
  const bool somebody_stays = call.seat(other(side)).leg.valid();
  if (flip != nullptr && call.record.state == CallState::Talking && somebody_stays) {  // walking away: the flip goes on
    seat.grace = now.mono + policy.grace;
    const DeviceId device = side == Side::Caller ? call.record.caller_device : call.record.callee_device;
    close_segment(call, SegmentKind::Talk, side, device, cause, now);
    close_segment(call, SegmentKind::Hold, side, device, cause, now);
    set_audio(call, other(side));
    // A flip of the other seat that is armed on this line waits for the leg that comes: follow() arms that one.
    if (LiveFlip* theirs = running_flip(call, other(side)); theirs != nullptr && theirs->armed_line == leg) {
      if (std::holds_alternative<flip::Proving>(theirs->state)) theirs->armed_line = {};
    }
    changed(call);
    return;
  }
  if (call.record.state == CallState::Ringing && cause == Cause::NormalClearing) cause = Cause::Cancelled;
  end_call(call, cause, party_of(side), now);
}

void Core::Impl::end_call(Call& call, Cause cause, Party party, Now now) {
  call.record.state = CallState::Ended;
  call.record.cause = cause;
  call.record.ended_by = party;
  call.record.ended_at = now.wall;
  FlipOutcome outcome = FlipOutcome::FarPartyLeft;
  if (cause == Cause::GraceEnded) {
    outcome = FlipOutcome::NoAnswer;
  } else if (party == Party::System) {
    outcome = FlipOutcome::Cancelled;
  }
  for (auto& [id, flip] : call.flips) {
    if (!flip::ended(flip.state)) drive(call, flip, flip::FarLeft{outcome}, now);
  }
  for (Side s : {Side::Caller, Side::Callee}) {
    Seat& seat = call.seat(s);
    for (const auto& [leg, device] : seat.candidates) release(leg, party == Party::Caller ? Cause::Cancelled : cause);
    seat.candidates.clear();
    release(seat.leg, cause);
    seat.leg = {};
    seat.grace.reset();
  }
  for (auto& segment : call.record.segments) {
    if (!segment.to) segment.to = now.wall, segment.cause = cause;
  }
  call.close_at = now.mono + kReportWait;
  changed(call);
}

void Core::Impl::close(Call& call) {
  for (const auto& [flip, live] : call.flips) flip_calls.erase(flip);
  if (const auto due = deadline_of.find(call.id); due != deadline_of.end()) {
    deadlines.erase({due->second, call.id});
    deadline_of.erase(due);
  }
  order(CallOver{std::move(call.record)});
  calls.erase(call.id);
}

void Core::Impl::after(CallId id, Now now) {
  Call* call = find(id);
  if (call == nullptr) return;
  std::erase_if(call->flips, [&](const auto& entry) {
    const bool over = flip::ended(entry.second.state) && !entry.second.report_pending;
    if (over) flip_calls.erase(entry.first);
    return over;
  });
  if (call->ended() && (call->flips.empty() || now.mono >= *call->close_at)) return close(*call);
  reschedule(*call);
}

void Core::Impl::advance(Now now) {
  while (!deadlines.empty() && deadlines.begin()->first <= now.mono) {
    const CallId id = deadlines.begin()->second;
    deadlines.erase(deadlines.begin());
    deadline_of.erase(id);
    Call* call = find(id);
    if (call == nullptr) continue;
    advance_call(*call, now);
    after(id, now);
  }
}

void Core::Impl::advance_call(Call& call, Now now) {
  if (call.ended()) return;  // it waits for reports
  if (call.record.state == CallState::Ringing && now.mono >= call.answer_deadline) {
    return end_call(call, Cause::NoAnswer, Party::Callee, now);
  }
  std::vector<FlipId> due;
  for (const auto& [id, flip] : call.flips) {
    if (const auto at = flip::deadline(flip.state); at && *at <= now.mono) due.push_back(id);
  }
  for (auto id : due) {
    drive(call, call.flips.at(id), flip::TimePassed{}, now);
    if (call.ended()) return;
  }
  for (const auto& seat : call.seats) {
    if (seat.grace && now.mono >= *seat.grace) return end_call(call, Cause::GraceEnded, Party::System, now);
  }
}

}  // namespace segue::call
