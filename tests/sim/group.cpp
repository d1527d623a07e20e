#include "sim/group.h"

#include <fmt/core.h>

#include <algorithm>

namespace segue::sim {

using call::Side;

const call::CallRecord* Group::record() const {
  const auto* r = world_.engine->calls().call(call_);
  return r != nullptr && r->state != call::CallState::Ended ? r : nullptr;
}

DeviceId Group::sits(Side side) const {
  const auto* r = record();
  if (r == nullptr) return {};
  return side == Side::Caller ? r->caller_device : r->callee_device;
}

AccountId Group::account(Side side) const {
  const auto* r = record();
  if (r == nullptr) return {};
  return side == Side::Caller ? r->caller_account : r->callee_account;
}

bool Group::flipping() const {
  const auto* r = record();
  return r != nullptr && std::any_of(r->flips.begin(), r->flips.end(), [](const auto& f) { return !f.outcome; });
}

void Group::choose_source(Phone& p) {
  static constexpr unsigned kTimes[] = {10, 20, 20, 30};
  p.talk.ptime_ms = std::min(kTimes[world_.random.below(4)], world_.weather.longest_ptime);
  p.talk.phase = 1ms + world_.some(std::chrono::milliseconds(p.talk.ptime_ms));
  p.talk.jitter = world_.weather.jitter;
  p.talk.loss = world_.weather.rtp_loss;
  p.talk.dtx = chance(world_.weather.dtx);
}

// ---- a call

void Group::dial() {
  if (stopping_) return;
  const int from = chance(0.5) ? 0 : 3;
  for (int i = 0; i < World::kPhonesInGroup; ++i) {
    Phone& p = phone(i);
    p.sweep();
    choose_source(p);
    p.manners = {};
    p.manners.kind = chance(0.7) ? Manners::Kind::Answer : chance(0.5) ? Manners::Kind::RingOn : Manners::Kind::Busy;
    p.manners.after = chance(0.3) ? Duration(0) : world_.some(400ms);
  }
  Phone& caller = phone(from + static_cast<int>(world_.random.below(3)));
  call_ = {};
  rounds_left_ = 1 + static_cast<int>(world_.random.below(8));
  const int callee = number_ * 2 + (from == 0 ? 2 : 1);
  PhoneCall& call = caller.dial(fmt::format("{}", 1000 + callee));
  if (chance(0.05)) {
    later(world_.some(600ms), [this, &caller, port = call.rtp.port] {
      world_.race("caller gives up");
      const auto it = caller.calls.find(port);
      if (it != caller.calls.end()) caller.hang_up(it->second);
    });
  }
  wait_for_answer(world_.clock.now().mono + 8s);
}

void Group::wait_for_answer(Instant until) {
  const AccountId mine{static_cast<std::uint64_t>(1 + number_ * 2)};
  for (const auto& r : world_.engine->calls().calls()) {
    if (r.caller_account != mine && r.callee_account != mine) continue;
    if (r.state != call::CallState::Talking) continue;
    call_ = r.id;
    return later(200ms + world_.some(300ms), [this] { round(); });
  }
  if (world_.clock.now().mono >= until) return over();
  later(40ms, [this, until] { wait_for_answer(until); });
}

void Group::round() {
  if (record() == nullptr) return over();
  if (stopping_ || rounds_left_-- <= 0) {
    hang_up(chance(0.5) ? Side::Caller : Side::Callee);
    return later(100ms, [this] { over(); });
  }
  const Side side = chance(0.5) ? Side::Caller : Side::Callee;
  ask(side);
  disturb(side);
  later(50ms, [this, until = world_.clock.now().mono + 12s] { wait_for_quiet(until); });
}

void Group::wait_for_quiet(Instant until) {
  if (record() == nullptr) return over();
  const Instant now = world_.clock.now().mono;
  if (flipping() && now < until) return later(50ms, [this, until] { wait_for_quiet(until); });
  if (now >= until) return world_.complain(fmt::format("call {}: a flip has not ended in 12 s", call_.value));
  later(100ms, [this, now] { wait_for_voices(now + 4s); });
}

/// Both hear each other again, whatever became of the flip. Checked for some time, because digits may be withheld and
/// a fade may go on.
void Group::wait_for_voices(Instant until) {
  std::string why;
  if (record() == nullptr || flipping() || voices_right(why)) {
    return later(world_.some(200ms), [this] { round(); });
  }
  if (world_.clock.now().mono >= until) return world_.complain(fmt::format("call {}: {}", call_.value, why));
  later(100ms, [this, until] { wait_for_voices(until); });
}

bool Group::voices_right(std::string& why) {
  for (const Side side : {Side::Caller, Side::Callee}) {
    Phone& ear = at(sits(side));
    Phone& mouth = at(sits(call::other(side)));
    PhoneCall* hearing = ear.talking();
    PhoneCall* speaking = mouth.talking();
    if (hearing == nullptr || speaking == nullptr || ear.vanished() || mouth.vanished()) {
      why = fmt::format("{} or {} has no call though it sits in it", ear.user, mouth.user);
      const auto leaves = [&](const Phone& p) {  // its BYE may be lost several times
        return p.hung_up_at && world_.clock.now().mono - *p.hung_up_at < 33s;
      };
      return ear.vanished() || mouth.vanished() || leaves(ear) || leaves(mouth);
    }
    if (hearing->leaving || speaking->leaving) return true;
    if (hearing->held || speaking->held || speaking->mute || hearing->mute) continue;
    // A phone may have answered two: this call, and a flip of another that somebody else has won meanwhile.
    const auto hears = [&](const auto& entry) {
      const PhoneCall& call = entry.second;
      const bool fresh = speaking->talk.dtx || world_.clock.now().mono - call.heard_at < 150ms;
      return call.answered && !call.ended && call.hears == mouth.index && fresh;
    };
    if (std::any_of(ear.calls.begin(), ear.calls.end(), hears)) continue;
    why = fmt::format("{} does not hear {} but {} ({:.0f} ms ago)", ear.user, mouth.user, hearing->hears,
                      to_ms(world_.clock.now().mono - hearing->heard_at));
    return false;
  }
  return true;
}

void Group::over() {
  for (int i = 0; i < World::kPhonesInGroup; ++i) {
    for (auto& [port, call] : phone(i).calls) {
      if (!call.ended) phone(i).hang_up(call);
    }
  }
  call_ = {};
  later(300ms + world_.some(1s), [this] { dial(); });
}

void Group::hang_up(Side side) {
  if (record() == nullptr) return;
  Phone& p = at(sits(side));
  if (PhoneCall* call = p.talking()) p.hang_up(*call);
}

// ---- a flip

void Group::teach(Phone& p) {
  using Kind = Manners::Kind;
  static constexpr std::pair<Kind, int> kTable[] = {
      {Kind::Answer, 60}, {Kind::Decline, 7},  {Kind::Busy, 5},   {Kind::NotHere, 4}, {Kind::WrongCodec, 3},
      {Kind::Mute, 6},    {Kind::Redirect, 2}, {Kind::RingOn, 7}, {Kind::Vanish, 4},
  };
  auto draw = static_cast<int>(world_.random.below(98));
  p.manners = {};
  for (const auto& [kind, weight] : kTable) {
    p.manners.kind = kind;
    if ((draw -= weight) < 0) break;
  }
  p.manners.ring = chance(0.7);
  p.manners.after = chance(0.3) ? Duration(0) : world_.some(700ms);
  if (chance(0.06)) p.manners.leave = world_.some(250ms);
  if (p.manners.kind == Kind::Vanish) p.vanish_until = world_.clock.now().mono + 6s;
  choose_source(p);
}

void Group::ask(Side side) {
  const auto* r = record();
  if (r == nullptr) return;
  const DeviceId current = sits(side);
  std::vector<DeviceId> others;
  for (auto id : world_.engine->directory().devices_of(account(side))) {
    if (id == current) continue;
    others.push_back(id);
    if (at(id).talking() == nullptr) teach(at(id));
  }
  const DeviceId target = others[world_.random.below(others.size())];
  const auto mode = chance(0.3) ? call::FlipMode::AutoAnswer : call::FlipMode::Ring;
  if (mode == call::FlipMode::AutoAnswer && at(target).manners.kind == Manners::Kind::Answer) {
    at(target).manners.after = {};  // it takes the call at once
  }
  const char digit = world_.engine->directory().device(target)->flip_digit;
  code_.clear();
  switch (world_.random.below(6)) {
    case 0:
      if (auto f =
              world_.engine->flip({call_, account(side), {}, target, mode, call::FlipTrigger::Api}, world_.clock.now());
          !f && f.error().kind != ErrorKind::Conflict) {
        world_.complain("a flip by API was refused: " + f.error().text);
      }
      break;
    case 1:
      (void)world_.engine->flip({call_, account(side), {}, {}, mode, call::FlipTrigger::Api}, world_.clock.now());
      break;
    case 2:
    case 3:
      code_ = std::string{'*', digit};
      break;
    case 4:
      code_ = "*0";
      break;
    default: {
      Phone& puller = at(target);
      if (puller.vanished()) break;
      puller.dial("*11");
      break;
    }
  }
  world_.deliver();
  if (!code_.empty()) {
    by_info_ = chance(0.4);
    if (PhoneCall* call = at(current).talking()) at(current).key(*call, code_, by_info_);
  }
}

void Group::disturb(Side side) {
  const auto draw = world_.random.below(100);
  const Duration when = world_.some(chance(0.5) ? 300ms : 1200ms);
  if (draw < 12) {
    later(when, [this, side] { cancel(side); });
  } else if (draw < 18 && !code_.empty()) {
    later(1300ms + when, [this, side, code = code_] {
      if (record() == nullptr) return;
      world_.race("code again");
      if (PhoneCall* call = at(sits(side)).talking()) at(sits(side)).key(*call, code, by_info_);
    });
  } else if (draw < 28) {
    later(when, [this, side] {
      if (flipping()) world_.race("A walks away while a flip goes on");
      hang_up(side);
    });
  } else if (draw < 35) {
    later(when, [this, side] {
      if (flipping()) world_.race("far party leaves while a flip goes on");
      hang_up(call::other(side));
    });
  } else if (draw < 47) {
    later(when / 2, [this, side] {
      if (flipping()) world_.race("both seats flip at once");
      ask(call::other(side));
    });
  } else if (draw < 54) {
    later(when, [this, held = chance(0.5) ? side : call::other(side)] {
      if (record() == nullptr) return;
      Phone& p = at(sits(held));
      PhoneCall* call = p.talking();
      if (call == nullptr) return;
      if (flipping()) world_.race("hold while a flip goes on");
      p.hold(*call, true);
      later(1200ms, [&p, port = call->rtp.port] {
        const auto it = p.calls.find(port);
        if (it != p.calls.end()) p.hold(it->second, false);
      });
    });
  } else if (draw < 56) {
    later(when, [this] {
      if (record() == nullptr) return;
      world_.race("hung up by the API");
      (void)world_.engine->hang_up(call_, world_.clock.now());
      world_.deliver();
    });
  }
}

void Group::cancel(Side) {
  const auto* r = record();
  if (r == nullptr) return;
  for (const auto& f : r->flips) {
    if (f.outcome) continue;
    world_.race(f.state == "proving" ? "cancel while a splice is armed" : "cancel while ringing");
    (void)world_.engine->cancel_flip(f.id, world_.clock.now());
    break;
  }
  world_.deliver();
}

}  // namespace segue::sim
