// Every (state, event) pair of the flip machine, as one table. Leg 1 is the winner where there is one, legs 2 and 3 are
// the other candidates, leg 9 is nobody's.
#include "call/flip_machine.h"

#include <gtest/gtest.h>

#include <map>

namespace segue::call::flip {
namespace {

constexpr Limits kLimits{30s, 3s};
constexpr Instant kStart{100s};

LegId leg(std::uint64_t n) { return LegId{n}; }

std::string legs(const std::vector<LegId>& all) {
  std::string text;
  for (auto l : all) text += (text.empty() ? "" : "+") + std::to_string(l.value);
  return text.empty() ? "-" : text;
}

std::string words(const State& state) {
  if (const auto* s = std::get_if<Ringing>(&state)) return "ringing " + legs(s->candidates);
  if (const auto* s = std::get_if<Proving>(&state)) {
    return "proving " + std::to_string(s->winner.value) + " others " + legs(s->others);
  }
  if (const auto* s = std::get_if<Withdrawing>(&state)) {
    return "withdrawing " + std::to_string(s->winner.value) + " " + std::string(to_string(s->outcome)) +
           (s->winner_gone ? " gone" : "");
  }
  if (const auto* s = std::get_if<Moved>(&state)) {
    return "moved " + std::to_string(s->winner.value) + (s->winner_gone ? " gone" : "");
  }
  return "failed " + std::string(to_string(std::get<Failed>(state).outcome));
}

std::string words(const Order& order) {
  if (const auto* o = std::get_if<Arm>(&order)) return "arm " + std::to_string(o->winner.value);
  if (std::holds_alternative<Disarm>(order)) return "disarm";
  if (const auto* o = std::get_if<Release>(&order)) {
    return "release " + std::to_string(o->leg.value) + " " + std::string(to_string(o->cause));
  }
  if (std::holds_alternative<Restore>(order)) return "restore";
  return "commit " + std::to_string(std::get<Commit>(order).winner.value);
}

std::string words(const Step& step) {
  std::string text = words(step.next);
  for (const auto& order : step.orders) text += "; " + words(order);
  return text;
}

struct Row {
  std::string state, event, expected;
};

State state_named(const std::string& name) {
  if (name == "ringing three") return Ringing{{leg(1), leg(2), leg(3)}, kStart + 30s};
  if (name == "ringing one") return Ringing{{leg(1)}, kStart + 30s};
  if (name == "proving") return Proving{leg(1), {leg(2), leg(3)}, kStart + 3s};
  if (name == "withdrawing") return Withdrawing{leg(1), kStart + 2s, FlipOutcome::Cancelled, false};
  if (name == "withdrawing no media") return Withdrawing{leg(1), kStart + 2s, FlipOutcome::NoMedia, false};
  if (name == "withdrawing gone") return Withdrawing{leg(1), kStart + 2s, FlipOutcome::Declined, true};
  if (name == "moved") return Moved{leg(1), false};
  EXPECT_EQ(name, "failed");
  return Failed{FlipOutcome::Declined};
}

Event event_named(const std::string& name) {
  static const std::map<std::string, Event> kEvents{
      {"1 refuses", Refused{leg(1), FlipOutcome::Busy}},
      {"2 refuses", Refused{leg(2), FlipOutcome::Busy}},
      {"9 refuses", Refused{leg(9), FlipOutcome::Busy}},
      {"1 answers", Answered{leg(1)}},
      {"2 answers", Answered{leg(2)}},
      {"9 answers", Answered{leg(9)}},
      {"1 leaves", WinnerLeft{leg(1)}},
      {"2 leaves", WinnerLeft{leg(2)}},
      {"cancel", CancelAsked{}},
      {"far leaves", FarLeft{}},
      {"grace ends", FarLeft{FlipOutcome::NoAnswer}},
      {"time is not up", TimePassed{}},
      {"time is up", TimePassed{}},
      {"spliced", SpliceMade{}},
      {"withdrawn", SpliceWithdrawn{}},
  };
  return kEvents.at(name);
}

const std::vector<Row> kTable{
    // Ringing: the first answer is proven, refusals leave the rest ringing, all else ends it without a trace.
    {"ringing three", "1 refuses", "ringing 2+3"},
    {"ringing three", "9 refuses", "ringing 1+2+3"},
    {"ringing one", "1 refuses", "failed busy"},
    {"ringing three", "1 answers", "proving 1 others 2+3; arm 1"},
    {"ringing one", "1 answers", "proving 1 others -; arm 1"},
    {"ringing three", "9 answers", "ringing 1+2+3; release 9 answered_elsewhere"},
    {"ringing three", "1 leaves", "ringing 2+3"},
    {"ringing one", "1 leaves", "failed declined"},
    {"ringing three", "cancel", "failed cancelled; release 1 cancelled; release 2 cancelled; release 3 cancelled"},
    {"ringing one", "far leaves", "failed far_party_left; release 1 cancelled"},
    {"ringing one", "grace ends", "failed no_answer; release 1 cancelled"},
    {"ringing three", "time is not up", "ringing 1+2+3"},
    {"ringing three", "time is up", "failed no_answer; release 1 no_answer; release 2 no_answer; release 3 no_answer"},
    {"ringing three", "spliced", "ringing 1+2+3"},
    {"ringing three", "withdrawn", "ringing 1+2+3"},

    // Proving: exactly one wins; others ring on until the splice.
    {"proving", "1 refuses", "withdrawing 1 busy gone; disarm; release 2 cancelled; release 3 cancelled"},
    {"proving", "2 refuses", "proving 1 others 3"},
    {"proving", "9 refuses", "proving 1 others 2+3"},
    {"proving", "1 answers", "proving 1 others 2+3"},
    {"proving", "2 answers", "proving 1 others 3; release 2 answered_elsewhere"},
    {"proving", "9 answers", "proving 1 others 2+3; release 9 answered_elsewhere"},
    {"proving", "1 leaves", "withdrawing 1 declined gone; disarm; release 2 cancelled; release 3 cancelled"},
    {"proving", "2 leaves", "proving 1 others 3"},
    {"proving", "cancel", "withdrawing 1 cancelled; disarm; release 2 cancelled; release 3 cancelled"},
    {"proving", "far leaves",
     "failed far_party_left; release 1 normal_clearing; release 2 cancelled; release 3 cancelled"},
    {"proving", "grace ends", "failed no_answer; release 1 normal_clearing; release 2 cancelled; release 3 cancelled"},
    {"proving", "time is not up", "proving 1 others 2+3"},
    {"proving", "time is up", "withdrawing 1 no_media; disarm; release 2 cancelled; release 3 cancelled"},
    {"proving", "spliced", "moved 1; commit 1; release 2 answered_elsewhere; release 3 answered_elsewhere"},
    {"proving", "withdrawn", "failed failed; release 1 no_media; release 2 cancelled; release 3 cancelled"},

    // Withdrawing: the worker has the last word.
    {"withdrawing", "1 refuses", "withdrawing 1 cancelled gone"},
    {"withdrawing", "2 refuses", "withdrawing 1 cancelled"},
    {"withdrawing", "1 answers", "withdrawing 1 cancelled"},
    {"withdrawing", "2 answers", "withdrawing 1 cancelled; release 2 answered_elsewhere"},
    {"withdrawing", "1 leaves", "withdrawing 1 cancelled gone"},
    {"withdrawing", "2 leaves", "withdrawing 1 cancelled"},
    {"withdrawing", "cancel", "withdrawing 1 cancelled"},
    {"withdrawing", "far leaves", "failed far_party_left; release 1 normal_clearing"},
    {"withdrawing", "grace ends", "failed no_answer; release 1 normal_clearing"},
    {"withdrawing", "time is not up", "withdrawing 1 cancelled"},
    {"withdrawing", "time is up", "failed cancelled; release 1 cancelled; restore"},
    {"withdrawing no media", "time is up", "failed no_media; release 1 no_media; restore"},
    {"withdrawing", "spliced", "moved 1; commit 1"},
    {"withdrawing gone", "spliced", "moved 1 gone; commit 1"},
    {"withdrawing", "withdrawn", "failed cancelled; release 1 cancelled"},
    {"withdrawing no media", "withdrawn", "failed no_media; release 1 no_media"},

    // Final: only a late answer still needs something.
    {"moved", "1 refuses", "moved 1"},
    {"moved", "2 answers", "moved 1; release 2 answered_elsewhere"},
    {"moved", "1 leaves", "moved 1"},
    {"moved", "cancel", "moved 1"},
    {"moved", "far leaves", "moved 1"},
    {"moved", "time is up", "moved 1"},
    {"moved", "spliced", "moved 1"},
    {"moved", "withdrawn", "moved 1"},
    {"failed", "1 refuses", "failed declined"},
    {"failed", "2 answers", "failed declined; release 2 answered_elsewhere"},
    {"failed", "1 leaves", "failed declined"},
    {"failed", "cancel", "failed declined"},
    {"failed", "far leaves", "failed declined"},
    {"failed", "time is up", "failed declined"},
    {"failed", "spliced", "failed declined"},
    {"failed", "withdrawn", "failed declined"},
};

TEST(FlipMachine, EveryPairOfStateAndEvent) {
  for (const auto& row : kTable) {
    const Instant now = row.event == "time is up" ? kStart + 30s : kStart + 1s;
    EXPECT_EQ(words(step(state_named(row.state), event_named(row.event), now, kLimits)), row.expected)
        << "in \"" << row.state << "\", when \"" << row.event << "\"";
  }
}

TEST(FlipMachine, TheTableNamesEveryPair) {
  std::map<std::pair<std::size_t, std::size_t>, int> seen;
  for (const auto& row : kTable) ++seen[{state_named(row.state).index(), event_named(row.event).index()}];
  EXPECT_EQ(seen.size(), std::variant_size_v<State> * std::variant_size_v<Event>);
}

TEST(FlipMachine, EveryStateThatIsNotTheEndHasADeadline) {
  EXPECT_EQ(deadline(start({leg(1)}, kStart, kLimits)), kStart + 30s);
  EXPECT_EQ(deadline(step(start({leg(1)}, kStart, kLimits), Answered{leg(1)}, kStart + 5s, kLimits).next), kStart + 8s);
  const auto withdrawing = step(state_named("proving"), CancelAsked{}, kStart + 1s, kLimits).next;
  EXPECT_EQ(deadline(withdrawing), kStart + 3s);
  EXPECT_FALSE(deadline(state_named("moved")));
  EXPECT_FALSE(deadline(state_named("failed")));
}

TEST(FlipMachine, OnlyMovedAndFailedAreTheEnd) {
  EXPECT_FALSE(ended(state_named("ringing one")));
  EXPECT_FALSE(ended(state_named("proving")));
  EXPECT_FALSE(ended(state_named("withdrawing")));
  EXPECT_TRUE(ended(state_named("moved")));
  EXPECT_TRUE(ended(state_named("failed")));
}

}  // namespace
}  // namespace segue::call::flip
