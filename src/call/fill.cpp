// Filling a seat: an INVITE arrives, the devices of the dialled account ring, the first answer takes the seat.
#include <algorithm>

#include "call/core_impl.h"

namespace segue::call {
namespace {

// Best first. Wideband before narrowband; the two laws are one codec for us (the media plane converts them by table).
constexpr Codec kPreference[] = {Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu};

bool is_g711(Codec c) { return c == Codec::Pcma || c == Codec::Pcmu; }

bool can(const std::vector<Codec>& known, Codec c) {
  if (known.empty()) return is_g711(c);  // unknown devices: every phone does G.711
  return std::any_of(known.begin(), known.end(), [&](Codec k) { return k == c || (is_g711(k) && is_g711(c)); });
}

}  // namespace

std::vector<Codec> Core::Impl::common_codecs(const Arrival& arrival, AccountId callee) const {
  std::vector<DeviceId> devices = directory.devices_of(callee);
  const auto own = directory.devices_of(arrival.account);  // they may flip too
  devices.insert(devices.end(), own.begin(), own.end());
  std::vector<Codec> common;
  for (Codec c : kPreference) {
    if (!can(arrival.offered, c)) continue;
    const bool all = std::all_of(devices.begin(), devices.end(), [&](DeviceId id) {
      const Device* d = directory.device(id);
      return d != nullptr && can(d->codecs, c);
    });
    if (all) common.push_back(c);
  }
  return common;
}

void Core::Impl::arrive(const Arrival& arrival, Now now) {
  if (arrival.dialled == policy.pull_code) return pull(arrival, now);
  const CallId id{next.call++};
  Call& call = calls[id];
  call.id = id;
  call.record.id = id;
  call.record.dialled = arrival.dialled;
  call.record.started_at = now.wall;
  call.record.caller_account = arrival.account;
  call.record.caller_device = arrival.device;
  Seat& caller = call.seat(Side::Caller);
  caller.account = arrival.account;
  const Number* own = directory.number_of(arrival.account);
  const Account* who = directory.account(arrival.account);
  caller.identity = {own != nullptr ? own->digits : "anonymous", who != nullptr ? who->name : ""};
  call.record.caller = caller.identity;
  place(arrival.leg, call, Side::Caller);
  caller.leg = arrival.leg;
  ring_account(call, arrival, now);
  changed(call);
  after(id, now);
}

void Core::Impl::ring_account(Call& call, const Arrival& arrival, Now now) {
  if (calls.size() > policy.max_calls) return end_call(call, Cause::Overload, Party::System, now);
  const Number* number = directory.number(arrival.dialled);
  call.record.callee.number = arrival.dialled;
  if (number == nullptr) return end_call(call, Cause::UnknownNumber, Party::System, now);
  Seat& callee = call.seat(Side::Callee);
  callee.account = number->account;
  call.record.callee_account = number->account;
  const Account* account = directory.account(number->account);
  callee.identity = {number->digits, account != nullptr ? account->name : ""};
  call.record.callee = callee.identity;
  call.codecs = common_codecs(arrival, number->account);
  if (call.codecs.empty()) return end_call(call, Cause::NoCommonCodec, Party::System, now);
  call.answer_deadline = now.mono + policy.answer;
  for (auto device : directory.devices_of(number->account)) {
    if (device == arrival.device) continue;
    for (std::size_t b = 0; b < directory.bindings(device) && callee.candidates.size() < kMaxRinging; ++b) {
      const LegId leg = new_leg(call, Side::Callee);
      callee.candidates[leg] = device;
      open_segment(call, SegmentKind::Ring, Side::Callee, device, now);
      order(RingLeg{call.id, leg, device, b, call.seat(Side::Caller).identity, call.codecs, false});
    }
  }
  if (callee.candidates.empty()) end_call(call, Cause::Unreachable, Party::Callee, now);
}

void Core::Impl::answered(Call& call, Side side, LegId leg, Codec codec, Now now) {
  Seat& seat = call.seat(side);
  if (LiveFlip* flip = running_flip(call, side); flip != nullptr && flip->candidates.contains(leg)) {
    call.record.flips[flip->index].answered_at = now.wall;
    return drive(call, *flip, flip::Answered{leg}, now);
  }
  const auto candidate = seat.candidates.find(leg);
  if (call.ended() || candidate == seat.candidates.end() || call.record.state != CallState::Ringing) {
    return release(leg, Cause::AnsweredElsewhere);
  }
  const DeviceId device = candidate->second;
  seat.candidates.erase(candidate);
  close_segment(call, SegmentKind::Ring, side, device, Cause::NormalClearing, now);
  for (const auto& [loser, other_device] : seat.candidates) {
    close_segment(call, SegmentKind::Ring, side, other_device, Cause::AnsweredElsewhere, now);
    release(loser, Cause::AnsweredElsewhere);
  }
  seat.candidates.clear();
  seat.leg = leg;
  call.codec = codec;
  call.record.state = CallState::Talking;
  call.record.answered_at = now.wall;
  call.record.callee_device = device;
  switch (codec) {
    case Codec::Pcmu:
      call.record.codec = "PCMU";
      break;
    case Codec::Pcma:
      call.record.codec = "PCMA";
      break;
    case Codec::G722:
      call.record.codec = "G722";
      break;
    case Codec::Opus:
      call.record.codec = "opus";
      break;
  }
  order(AnswerLeg{call.seat(Side::Caller).leg, codec});
  for (Side s : {Side::Caller, Side::Callee}) {
    set_audio(call, s);
    read_digits(call, s);
  }
  open_segment(call, SegmentKind::Talk, Side::Caller, call.record.caller_device, now);
  open_segment(call, SegmentKind::Talk, Side::Callee, device, now);
  for (Side s : {Side::Caller, Side::Callee}) note_hold(call, s, now);  // said in the first offer or answer
  changed(call);
}

// One device that refuses does not silence the rest; the strongest refusal answers the caller.
void Core::Impl::refused(Call& call, Side side, LegId leg, Cause cause, Now now) {
  if (LiveFlip* flip = running_flip(call, side); flip != nullptr && flip->candidates.contains(leg)) {
    FlipOutcome outcome = FlipOutcome::Failed;
    if (cause == Cause::Declined) outcome = FlipOutcome::Declined;
    if (cause == Cause::Busy) outcome = FlipOutcome::Busy;
    if (cause == Cause::NoAnswer) outcome = FlipOutcome::NoAnswer;
    if (cause == Cause::Unreachable) outcome = FlipOutcome::Unreachable;
    if (cause == Cause::NoCommonCodec) outcome = FlipOutcome::NoCommonCodec;
    return drive(call, *flip, flip::Refused{leg, outcome}, now);
  }
  Seat& seat = call.seat(side);
  const auto candidate = seat.candidates.find(leg);
  if (candidate == seat.candidates.end()) return;
  close_segment(call, SegmentKind::Ring, side, candidate->second, cause, now);
  seat.candidates.erase(candidate);
  const auto strength = [](Cause c) {
    return c == Cause::Declined ? 3 : c == Cause::Busy ? 2 : c == Cause::NoAnswer ? 1 : 0;
  };
  if (!seat.last_refusal || strength(cause) > strength(*seat.last_refusal)) seat.last_refusal = cause;
  if (seat.candidates.empty() && call.record.state == CallState::Ringing) {
    end_call(call, *seat.last_refusal, Party::Callee, now);
  }
}

}  // namespace segue::call
