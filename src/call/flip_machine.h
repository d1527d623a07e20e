// The move of one seat, as a pure state machine: which device takes the call, and when that is settled. It knows legs
// by id only and orders what must be done; call::Core carries the orders out. The worker's Spliced is the commit: what
// comes before it loses nothing, what comes after is too late.
//
//            asked                answered              spliced
//   (start) ------> Ringing ----------------> Proving -----------> Moved
//                     |  \ all refused, timeout   |  \ cancel, timeout, B left
//                     |   \ cancel                |   v
//                     |    `--------> Failed <----|- Withdrawing --spliced--> Moved (too late to withdraw)
//                     |                 ^         |        | disarmed, timeout (the worker's word is lost)
//                     `--far left-------'---------'--------'
//
// A leaving changes nothing here: the flip goes on while the far party hears comfort noise (the Core's grace timer ends
// it).
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/record.h"

namespace segue::call::flip {

/// At most this many devices ring in one flip: nine digits and a few second bindings.
inline constexpr std::size_t kMaxCandidates = 16;

// ---- states
struct Ringing {
  std::vector<LegId> candidates;
  Instant deadline{};
};
struct Proving {
  LegId winner;
  std::vector<LegId> others;  ///< still ringing until the splice
  Instant deadline{};
};
/// The splice is being withdrawn; the worker has the last word. Where it says nothing in time, its word was lost.
struct Withdrawing {
  LegId winner;
  Instant deadline{};
  FlipOutcome outcome = FlipOutcome::Cancelled;
  bool winner_gone = false;  ///< B hung up: if the splice was faster, B has left the seat it had just taken
};
struct Moved {
  LegId winner;
  bool winner_gone = false;
};
struct Failed {
  FlipOutcome outcome = FlipOutcome::Failed;
};
using State = std::variant<Ringing, Proving, Withdrawing, Moved, Failed>;
[[nodiscard]] bool ended(const State& state);

// ---- events
struct Refused {  ///< a candidate declined, was busy, could not be reached, had no codec
  LegId leg;
  FlipOutcome outcome = FlipOutcome::Declined;
};
struct Answered {
  LegId leg;
};
struct WinnerLeft {  ///< B's BYE
  LegId leg;
};
struct CancelAsked {};
struct FarLeft {  ///< the far party or the whole call has gone; the outcome says which
  FlipOutcome outcome = FlipOutcome::FarPartyLeft;
};
struct TimePassed {};
struct SpliceMade {};
struct SpliceWithdrawn {};
using Event =
    std::variant<Refused, Answered, WinnerLeft, CancelAsked, FarLeft, TimePassed, SpliceMade, SpliceWithdrawn>;

// ---- orders
struct Arm {
  LegId winner;
};
struct Disarm {};
struct Release {
  LegId leg;
  Cause cause = Cause::AnsweredElsewhere;
};
struct Commit {  ///< the winner sits in the seat now; release A
  LegId winner;
};
struct Restore {};  ///< nobody knows whom the far line plays: say again who is heard where
using Order = std::variant<Arm, Disarm, Release, Commit, Restore>;

struct Limits {
  Duration ring = 30s;
  Duration proof = 3s;
  Duration withdraw = 2s;  ///< for the worker's word, which takes milliseconds
};

struct Step {
  State next;
  std::vector<Order> orders;
};

[[nodiscard]] State start(std::vector<LegId> candidates, Instant now, const Limits& limits);
/// Total: every (state, event) pair is written out; those that change nothing return the state as it was, with the
/// reason beside them.
[[nodiscard]] Step step(State state, const Event& event, Instant now, const Limits& limits);
[[nodiscard]] std::optional<Instant> deadline(const State& state);

}  // namespace segue::call::flip
