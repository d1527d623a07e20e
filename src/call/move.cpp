// Moving a seat: the flip. What is asked is checked here; what happens is decided by flip_machine.h; what must be done
// is ordered here.
#include <algorithm>

#include "base/assert.h"
#include "call/core_impl.h"

namespace segue::call {

LiveFlip* Core::Impl::running_flip(Call& call, Side side) {
  const auto id = call.seat(side).flip;
  if (!id) return nullptr;
  return &call.flips.at(*id);
}

// ---- asking

Result<Side> Core::Impl::side_of(const Call& call, const FlipAsked& asked) const {
  const auto owns = [&](Side s) { return call.seat(s).account == asked.account && asked.account.valid(); };
  if (asked.side) {
    if (!owns(*asked.side)) return fail(ErrorKind::Forbidden, "that side of the call belongs to somebody else");
    return *asked.side;
  }
  if (owns(Side::Caller) && owns(Side::Callee)) {
    return fail(ErrorKind::Conflict, "both sides of this call belong to the account: say which by a code in the call");
  }
  if (owns(Side::Caller)) return Side::Caller;
  if (owns(Side::Callee)) return Side::Callee;
  return fail(ErrorKind::Forbidden, "the account has no part in this call");
}

bool Core::Impl::here_already(const Call& call, Side side, DeviceId device, std::size_t binding) const {
  const DeviceId current = side == Side::Caller ? call.record.caller_device : call.record.callee_device;
  return device == current && directory.talks_over(call.seat(side).leg, device, binding);
}

Result<std::vector<DeviceId>> Core::Impl::targets(const Call& call, Side side, const FlipAsked& asked) const {
  const DeviceId current = side == Side::Caller ? call.record.caller_device : call.record.callee_device;
  if (asked.target) {
    const Device* device = directory.device(*asked.target);
    if (device == nullptr) return fail(ErrorKind::NotFound, "no such device");
    if (device->account != asked.account) return fail(ErrorKind::Forbidden, "the device belongs to somebody else");
    bool elsewhere = device->id != current;  // the same device by another flow is another place
    for (std::size_t b = 0; b < directory.bindings(device->id); ++b) {
      elsewhere = elsewhere || !here_already(call, side, device->id, b);
    }
    if (!elsewhere) return fail(ErrorKind::Conflict, "the call is on that device already");
    return std::vector{device->id};
  }
  std::vector<DeviceId> all;
  for (auto id : directory.devices_of(asked.account)) {
    if (id != current && directory.bindings(id) > 0) all.push_back(id);
  }
  return all;
}

Result<FlipId> Core::Impl::ask_flip(const FlipAsked& asked, Now now) {
  Call* call = find(asked.call);
  if (call == nullptr || call->ended()) return fail(ErrorKind::NotFound, "no such live call");
  const auto side = side_of(*call, asked);
  if (!side) return tl::unexpected(side.error());
  const auto devices = targets(*call, *side, asked);
  if (!devices) return tl::unexpected(devices.error());
  if (call->record.state != CallState::Talking) return fail(ErrorKind::Conflict, "the call has not been answered yet");
  if (LiveFlip* running = running_flip(*call, *side)) {
    if (running->target == asked.target) return running->id;
    return fail(ErrorKind::Conflict, "another flip of this seat is going on; cancel it first");
  }
  if (!call->seat(*side).leg) return fail(ErrorKind::Conflict, "nobody sits there to be moved");
  if (call->record.flips.size() >= kMaxFlipsKept)
    return fail(ErrorKind::Exhausted, "this call has been flipped too often");
  LiveFlip& flip = open_flip(*call, *side, asked, now);
  const FlipId id = flip.id;
  ring_targets(*call, flip, *devices, asked.mode, now);
  changed(*call);
  return id;
}

LiveFlip& Core::Impl::open_flip(Call& call, Side side, const FlipAsked& asked, Now now) {
  const FlipId id{next.flip++};
  LiveFlip flip;
  flip.id = id;
  flip.side = side;
  flip.target = asked.target;
  flip.from = call.seat(side).leg;
  flip.asked_at = now.mono;
  flip.index = call.record.flips.size();
  FlipRecord record;
  record.id = id;
  record.call = call.id;
  record.account = asked.account;
  record.side = side;
  record.trigger = asked.trigger;
  record.mode = asked.mode;
  record.from = side == Side::Caller ? call.record.caller_device : call.record.callee_device;
  record.asked_at = now.wall;
  call.record.flips.push_back(std::move(record));
  call.seat(side).flip = id;
  flip_calls[id] = call.id;
  open_segment(call, SegmentKind::Flip, side, {}, now, id);
  if (const LegId far = call.seat(other(side)).leg) order(WatchFlip{id, far, flip.from});
  return call.flips[id] = std::move(flip);
}

void Core::Impl::ring_targets(Call& call, LiveFlip& flip, const std::vector<DeviceId>& devices, FlipMode mode,
                              Now now) {
  auto& record = call.record.flips[flip.index];
  std::vector<LegId> legs;
  for (auto id : devices) {
    record.targets.push_back(id);
    const Device* device = directory.device(id);
    for (std::size_t b = 0; b < directory.bindings(id) && legs.size() < flip::kMaxCandidates; ++b) {
      if (here_already(call, flip.side, id, b)) continue;
      const LegId leg = new_leg(call, flip.side);
      legs.push_back(leg);
      flip.candidates[leg] = id;
      // Exactly the codec in use on the far line: nothing may change there (design.md section 4.2). The two laws of
      // G.711 are one.
      const bool auto_answer = mode == FlipMode::AutoAnswer && device != nullptr && device->auto_answer;
      order(
          RingLeg{call.id, leg, id, b, call.seat(other(flip.side)).identity, with_other_law(call.codec), auto_answer});
    }
  }
  if (legs.empty()) {
    flip.state = flip::Failed{FlipOutcome::Unreachable};
    return settle(call, flip, now);
  }
  flip.state = flip::start(std::move(legs), now.mono, {policy.ring, policy.proof});
}

void Core::Impl::keyed(Call& call, Side side, LegId, std::string_view code, Now now) {
  FlipAsked asked;
  asked.call = call.id;
  asked.account = call.seat(side).account;
  asked.side = side;
  asked.trigger = FlipTrigger::FeatureCode;
  if (code != policy.all_code) {
    for (auto id : directory.devices_of(asked.account)) {
      const Device* device = directory.device(id);
      if (device != nullptr && code.size() == 2 && device->flip_digit == code[1]) asked.target = id;
    }
    if (!asked.target) return;  // the digit was taken from the device meanwhile
  }
  if (LiveFlip* running = running_flip(call, side)) {
    if (running->target != asked.target || now.mono - running->asked_at <= policy.repeat_code) return;
    return drive(call, *running, flip::CancelAsked{}, now);
  }
  // A refusal (the call is there already) changes nothing: the person talks on.
  (void)ask_flip(asked, now);
}

// ---- pulling: a device of the account dials the code

void Core::Impl::pull(const Arrival& arrival, Now now) {
  std::vector<std::pair<CallId, Side>> found;
  for (auto& [id, call] : calls) {
    if (call.record.state != CallState::Talking) continue;
    for (Side s : {Side::Caller, Side::Callee}) {
      const Seat& seat = call.seat(s);  // somebody sits there, or has just walked away from a flip
      const DeviceId sits = s == Side::Caller ? call.record.caller_device : call.record.callee_device;
      if (seat.leg && sits == arrival.device && directory.same_flow(seat.leg, arrival.leg)) continue;  // it is here
      if (seat.account == arrival.account && (seat.leg || seat.flip)) found.emplace_back(id, s);
    }
  }
  Cause refusal = found.empty() ? Cause::NothingToFlip : Cause::SeveralCalls;
  if (found.size() == 1) {
    Call& call = *find(found[0].first);
    const Side side = found[0].second;
    const bool codec_fits = std::any_of(arrival.offered.begin(), arrival.offered.end(), [&](Codec c) {
      return c == call.codec || (call.codec <= Codec::Pcma && c <= Codec::Pcma);
    });
    LiveFlip* running = running_flip(call, side);
    const bool can_join = running == nullptr || std::holds_alternative<flip::Ringing>(running->state);
    if (!codec_fits) {
      refusal = Cause::NoCommonCodec;
    } else if (!can_join || (running == nullptr && call.record.flips.size() >= kMaxFlipsKept)) {
      refusal = Cause::Busy;
    } else {
      const LegId leg = arrival.leg;
      place(leg, call, side);
      if (running == nullptr) {
        FlipAsked asked{call.id, arrival.account, side, arrival.device, FlipMode::Ring, FlipTrigger::PullCode};
        running = &open_flip(call, side, asked, now);
        running->state = flip::start({leg}, now.mono, {policy.ring, policy.proof});
      } else {  // it rings here already and is dialled from here: the dialled leg is the answer
        std::get<flip::Ringing>(running->state).candidates.push_back(leg);
      }
      auto& record = call.record.flips[running->index];
      if (std::find(record.targets.begin(), record.targets.end(), arrival.device) == record.targets.end()) {
        record.targets.push_back(arrival.device);
      }
      record.answered_at = now.wall;
      running->candidates[leg] = arrival.device;
      order(AnswerLeg{leg, call.codec});
      drive(call, *running, flip::Answered{leg}, now);
      changed(call);
      return after(call.id, now);
    }
  }
  order(ReleaseLeg{arrival.leg, refusal});  // it never gets a seat
}

// ---- what happens

void Core::Impl::drive(Call& call, LiveFlip& flip, const flip::Event& event, Now now) {
  const bool was_over = flip::ended(flip.state);
  auto step = flip::step(std::move(flip.state), event, now.mono, {policy.ring, policy.proof});
  flip.state = std::move(step.next);
  for (const auto& o : step.orders) carry_out(call, flip, o, now);
  // Where no line is armed the worker has nothing to say about it.
  if (std::holds_alternative<flip::Withdrawing>(flip.state) && !flip.armed_line) {
    return drive(call, flip, flip::SpliceWithdrawn{}, now);
  }
  if (!was_over && flip::ended(flip.state)) settle(call, flip, now);
}

void Core::Impl::carry_out(Call& call, LiveFlip& flip, const flip::Order& o, Now now) {
  if (const auto* ready = std::get_if<flip::Arm>(&o)) {
    call.record.flips[flip.index].state = "proving";
    arm(call, flip, ready->winner);
    changed(call);
  } else if (std::holds_alternative<flip::Disarm>(o)) {
    if (flip.armed_line) order(DisarmSplice{flip.id, flip.armed_line});
  } else if (const auto* gone = std::get_if<flip::Release>(&o)) {
    flip.candidates.erase(gone->leg);
    release(gone->leg, gone->cause);
  } else if (const auto* win = std::get_if<flip::Commit>(&o)) {
    commit(call, flip, win->winner, now);
  } else if (std::holds_alternative<flip::Restore>(o)) {
    flip.armed_line = {};
    for (Side s : {Side::Caller, Side::Callee}) set_audio(call, s);
  }
}

void Core::Impl::commit(Call& call, LiveFlip& flip, LegId winner, Now now) {
  Seat& seat = call.seat(flip.side);
  auto& record = call.record.flips[flip.index];
  DeviceId& sits = flip.side == Side::Caller ? call.record.caller_device : call.record.callee_device;
  close_segment(call, SegmentKind::Talk, flip.side, sits, Cause::Flipped, now);
  close_segment(call, SegmentKind::Hold, flip.side, sits, Cause::Flipped, now);
  release(seat.leg, Cause::Flipped);
  seat.leg = winner;
  seat.grace.reset();
  sits = flip.candidates.at(winner);
  record.to = sits;
  record.spliced_at = now.wall;
  flip.candidates.erase(winner);
  open_segment(call, SegmentKind::Talk, flip.side, sits, now);
  note_hold(call, flip.side, now);  // B may have put us on hold before it sat here
  read_digits(call, flip.side);
  // Both seats can move at once. For a single flip these two say what is so already; where the far seat moved meanwhile
  // they join the new legs.
  set_audio(call, flip.side);
  set_audio(call, other(flip.side));
  if (LiveFlip* theirs = running_flip(call, other(flip.side))) follow(call, *theirs, winner);
}

// B hears the far party and its line waits for B's audio. If the far party has walked away from a flip of its own there
// is no line yet: follow() arms the one that comes.
void Core::Impl::arm(Call& call, LiveFlip& flip, LegId winner) {
  const Seat& far = call.seat(other(flip.side));
  if (!far.leg) return order(SetAudio{winner, {}, Filler::ComfortNoise});
  order(holds(far.leg) ? SetAudio{winner, {}, Filler::Music} : SetAudio{winner, far.leg, Filler::Nothing});
  const Device* device = directory.device(flip.candidates.at(winner));
  flip.armed_line = far.leg;
  order(ArmSplice{flip.id, far.leg, winner, device != nullptr && device->proof_by_answer});
}

// The other seat's flip goes on, with a new far leg: measured there, and armed there if B has answered.
void Core::Impl::follow(Call& call, LiveFlip& flip, LegId new_far) {
  order(WatchFlip{flip.id, new_far, flip.from});
  const auto* proving = std::get_if<flip::Proving>(&flip.state);
  if (proving == nullptr) return;
  arm(call, flip, proving->winner);
}

void Core::Impl::settle(Call& call, LiveFlip& flip, Now now) {
  auto& record = call.record.flips[flip.index];
  Seat& seat = call.seat(flip.side);
  const auto* moved = std::get_if<flip::Moved>(&flip.state);
  record.outcome = moved != nullptr ? FlipOutcome::Done : std::get<flip::Failed>(flip.state).outcome;
  record.state = moved != nullptr ? "done" : "failed";
  record.ended_at = now.wall;
  seat.flip.reset();
  flip.candidates.clear();
  auto& segments = call.record.segments;
  const auto segment =
      std::find_if(segments.rbegin(), segments.rend(), [&](const Segment& s) { return s.flip == flip.id; });
  if (segment != segments.rend()) segment->to = now.wall, segment->device = record.to;
  changed(call);
  if (call.ended()) return;
  if (moved == nullptr) {
    const LegId far = call.seat(other(flip.side)).leg;
    far ? order(UnwatchFlip{flip.id, far}) : void(flip.report_pending = false);  // nothing is measured without a line
    if (!seat.leg) end_call(call, Cause::GraceEnded, Party::System, now);        // A has walked away and nobody took it
  } else if (moved->winner_gone) {
    left(call, flip.side, moved->winner, Cause::NormalClearing, now);
  }
}

void Core::Impl::report(FlipId id, FlipReport report, Now now) {
  const auto owner = flip_calls.find(id);
  if (owner == flip_calls.end()) return;
  Call& call = *find(owner->second);
  LiveFlip& flip = call.flips.at(id);
  if (!flip::ended(flip.state)) return;  // its far line closed under it; follow() has begun to measure the next one
  call.record.flips[flip.index].report = std::move(report);
  if (call.record.flips.size() > kMaxPicturesKept && flip.index >= kMaxPicturesKept) {
    auto& old = call.record.flips[flip.index - kMaxPicturesKept].report;
    if (old) old->packets.clear(), old->packets.shrink_to_fit();
  }
  flip.report_pending = false;
  changed(call);
  after(call.id, now);
}

}  // namespace segue::call
