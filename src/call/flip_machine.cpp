#include "call/flip_machine.h"

#include <algorithm>
#include <utility>

namespace segue::call::flip {
namespace {

bool take_out(std::vector<LegId>& legs, LegId leg) { return std::erase(legs, leg) > 0; }

void release_all(std::vector<Order>& orders, const std::vector<LegId>& legs, Cause cause) {
  for (auto leg : legs) orders.emplace_back(Release{leg, cause});
}

Step stay(State state) { return {std::move(state), {}}; }

// ---- Ringing

Step on(Ringing s, const Refused& e, Instant, const Limits&) {
  take_out(s.candidates, e.leg);
  if (!s.candidates.empty()) return stay(std::move(s));
  return {Failed{e.outcome}, {}};
}

Step on(Ringing s, const Answered& e, Instant now, const Limits& limits) {
  if (!take_out(s.candidates, e.leg)) return {std::move(s), {Release{e.leg, Cause::AnsweredElsewhere}}};
  return {Proving{e.leg, std::move(s.candidates), now + limits.proof}, {Arm{e.leg}}};
}

// A leg that hangs up before we saw its answer is a refusal.
Step on(Ringing s, const WinnerLeft& e, Instant now, const Limits& limits) {
  return on(std::move(s), Refused{e.leg, FlipOutcome::Declined}, now, limits);
}

Step fail_ringing(const Ringing& s, FlipOutcome outcome, Cause cause) {
  Step step{Failed{outcome}, {}};
  release_all(step.orders, s.candidates, cause);
  return step;
}

Step on(Ringing s, const CancelAsked&, Instant, const Limits&) {
  return fail_ringing(s, FlipOutcome::Cancelled, Cause::Cancelled);
}
Step on(Ringing s, const FarLeft& e, Instant, const Limits&) { return fail_ringing(s, e.outcome, Cause::Cancelled); }
Step on(Ringing s, const TimePassed&, Instant now, const Limits&) {
  if (now < s.deadline) return stay(std::move(s));
  return fail_ringing(s, FlipOutcome::NoAnswer, Cause::NoAnswer);
}
// Nothing was armed: a message of an earlier flip of the same line, already dealt with.
Step on(Ringing s, const SpliceMade&, Instant, const Limits&) { return stay(std::move(s)); }
Step on(Ringing s, const SpliceWithdrawn&, Instant, const Limits&) { return stay(std::move(s)); }

// ---- Proving

struct Why {
  FlipOutcome outcome = FlipOutcome::Cancelled;
  bool winner_gone = false;
};

Step withdraw(const Proving& s, Why why, Instant now, const Limits& limits) {
  Step step{Withdrawing{s.winner, now + limits.withdraw, why.outcome, why.winner_gone}, {Disarm{}}};
  release_all(step.orders, s.others, Cause::Cancelled);
  return step;
}

Step on(Proving s, const Refused& e, Instant now, const Limits& limits) {
  if (e.leg == s.winner) return withdraw(s, {e.outcome, true}, now, limits);
  take_out(s.others, e.leg);
  return stay(std::move(s));
}
// Exactly one wins: a second answer while the first is being proven loses.
Step on(Proving s, const Answered& e, Instant, const Limits&) {
  if (e.leg == s.winner) return stay(std::move(s));
  take_out(s.others, e.leg);
  return {std::move(s), {Release{e.leg, Cause::AnsweredElsewhere}}};
}
Step on(Proving s, const WinnerLeft& e, Instant now, const Limits& limits) {
  if (e.leg == s.winner) return withdraw(s, {FlipOutcome::Declined, true}, now, limits);
  take_out(s.others, e.leg);
  return stay(std::move(s));
}
Step on(Proving s, const CancelAsked&, Instant now, const Limits& limits) {
  return withdraw(s, {FlipOutcome::Cancelled, false}, now, limits);
}
Step on(Proving s, const FarLeft& e, Instant, const Limits&) {
  Step step{Failed{e.outcome}, {Release{s.winner, Cause::NormalClearing}}};
  release_all(step.orders, s.others, Cause::Cancelled);
  return step;
}
Step on(Proving s, const TimePassed&, Instant now, const Limits& limits) {
  if (now < s.deadline) return stay(std::move(s));
  return withdraw(s, {FlipOutcome::NoMedia, false}, now, limits);
}
Step on(Proving s, const SpliceMade&, Instant, const Limits&) {
  Step step{Moved{s.winner, false}, {Commit{s.winner}}};
  release_all(step.orders, s.others, Cause::AnsweredElsewhere);
  return step;
}
// We did not ask for it: the worker has lost the leg (closed under it). The flip cannot be proven any more.
Step on(Proving s, const SpliceWithdrawn&, Instant, const Limits&) {
  Step step{Failed{FlipOutcome::Failed}, {Release{s.winner, Cause::NoMedia}}};
  release_all(step.orders, s.others, Cause::Cancelled);
  return step;
}

// ---- Withdrawing: the worker answers within milliseconds, with SpliceMade or SpliceWithdrawn

Cause withdrawn_cause(const Withdrawing& s) {
  return s.outcome == FlipOutcome::NoMedia ? Cause::NoMedia : Cause::Cancelled;
}

Step on(Withdrawing s, const Refused& e, Instant, const Limits&) {
  if (e.leg == s.winner) s.winner_gone = true;
  return stay(s);
}
Step on(Withdrawing s, const Answered& e, Instant, const Limits&) {
  if (e.leg == s.winner) return stay(s);
  return {s, {Release{e.leg, Cause::AnsweredElsewhere}}};
}
Step on(Withdrawing s, const WinnerLeft& e, Instant, const Limits&) {
  if (e.leg == s.winner) s.winner_gone = true;
  return stay(s);
}
Step on(Withdrawing s, const CancelAsked&, Instant, const Limits&) { return stay(s); }  // it is being withdrawn already
Step on(Withdrawing s, const FarLeft& e, Instant, const Limits&) {
  return {Failed{e.outcome}, {Release{s.winner, Cause::NormalClearing}}};
}
// Its word was lost on the way (a full mailbox). B goes, and the far line gets A again whatever it plays now.
Step on(Withdrawing s, const TimePassed&, Instant now, const Limits&) {
  if (now < s.deadline) return stay(s);
  return {Failed{s.outcome}, {Release{s.winner, withdrawn_cause(s)}, Restore{}}};
}
Step on(Withdrawing s, const SpliceMade&, Instant, const Limits&) {
  return {Moved{s.winner, s.winner_gone}, {Commit{s.winner}}};
}
Step on(Withdrawing s, const SpliceWithdrawn&, Instant, const Limits&) {
  return {Failed{s.outcome}, {Release{s.winner, withdrawn_cause(s)}}};
}

// ---- Moved and Failed are final. A late answer of a loser is released; all else has been settled.

template <typename Final>
Step settled(Final s, const Event& event) {
  if (const auto* late = std::get_if<Answered>(&event)) return {s, {Release{late->leg, Cause::AnsweredElsewhere}}};
  return stay(s);
}

}  // namespace

bool ended(const State& state) { return std::holds_alternative<Moved>(state) || std::holds_alternative<Failed>(state); }

State start(std::vector<LegId> candidates, Instant now, const Limits& limits) {
  return Ringing{std::move(candidates), now + limits.ring};
}

Step step(State state, const Event& event, Instant now, const Limits& limits) {
  return std::visit(
      [&](auto&& s) -> Step {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, Moved> || std::is_same_v<S, Failed>) {
          return settled(s, event);
        } else {
          return std::visit([&](const auto& e) { return on(std::move(s), e, now, limits); }, event);
        }
      },
      std::move(state));
}

std::optional<Instant> deadline(const State& state) {
  if (const auto* s = std::get_if<Ringing>(&state)) return s->deadline;
  if (const auto* s = std::get_if<Proving>(&state)) return s->deadline;
  if (const auto* s = std::get_if<Withdrawing>(&state)) return s->deadline;
  return std::nullopt;
}

}  // namespace segue::call::flip
