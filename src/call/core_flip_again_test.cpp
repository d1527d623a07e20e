// Both seats flip at once; and flips again and again, up to the bounds.
#include <algorithm>

#include "call/core_flip_harness.h"
#include "call/flip_machine.h"

namespace segue::call {
namespace {

using namespace testing;

// ---- both seats at once

struct BothFlip : Flip {
  void SetUp() override {
    mine = to(kMobile);
    theirs = t.flip({t.call, kBob, {}, kBobMobile, FlipMode::Ring, FlipTrigger::Api}).value();
  }
  void expect_joined(LegId a, LegId b) {
    EXPECT_EQ(t.hears(a), heard(b));
    EXPECT_EQ(t.hears(b), heard(a));
    EXPECT_EQ(t.core.sizes().legs, 2U);
    t.reported(mine);
    t.reported(theirs);
    EXPECT_EQ(t.core.sizes().flips, 0U);
  }
  FlipId mine, theirs;
};

TEST_F(BothFlip, OneAfterTheOther) {
  t.answers(t.ringing(kMobile));
  t.spliced(mine);
  EXPECT_EQ(t.last<WatchFlip>()->flip, theirs) << "the other is measured on the new leg's line from here on";
  EXPECT_EQ(t.last<WatchFlip>()->far, t.ringing(kMobile));
  t.answers(t.ringing(kBobMobile));
  EXPECT_EQ(t.last<ArmSplice>()->far, t.ringing(kMobile));
  t.spliced(theirs);
  expect_joined(t.ringing(kMobile), t.ringing(kBobMobile));
}

TEST_F(BothFlip, AnArmedSpliceFollowsTheSeatThatMoved) {
  t.answers(t.ringing(kMobile));
  t.answers(t.ringing(kBobMobile));
  t.spliced(mine);
  EXPECT_EQ(t.last<ArmSplice>()->flip, theirs);
  EXPECT_EQ(t.last<ArmSplice>()->far, t.ringing(kMobile));
  t.disarmed(theirs, t.ada);  // her desk's line closed under the other flip: of no interest any more
  t.reported(theirs);         // and so is what was measured there
  EXPECT_FALSE(flip(theirs).outcome);
  EXPECT_FALSE(flip(theirs).report);
  t.spliced(theirs);
  EXPECT_EQ(flip(theirs).outcome, FlipOutcome::Done);
  expect_joined(t.ringing(kMobile), t.ringing(kBobMobile));
}

TEST_F(BothFlip, ACancelAfterTheArmedLineClosedDisarmsTheNewOne) {
  t.answers(t.ringing(kMobile));
  t.answers(t.ringing(kBobMobile));
  t.spliced(mine);
  ASSERT_TRUE(t.cancel(theirs));
  EXPECT_EQ(t.last<DisarmSplice>()->far, t.ringing(kMobile));
  t.disarmed(theirs, t.ada);
  EXPECT_FALSE(flip(theirs).outcome);
  t.disarmed(theirs, t.ringing(kMobile));
  EXPECT_EQ(flip(theirs).outcome, FlipOutcome::Cancelled);
  expect_joined(t.ringing(kMobile), t.bob);
}

TEST_F(BothFlip, TheFarPartyWalksAwayFromItsOwnFlipAndOurBAnswers) {
  t.leaves(t.bob);
  EXPECT_EQ(t.record().state, CallState::Talking);
  t.answers(t.ringing(kMobile));
  EXPECT_TRUE(t.all<ArmSplice>().empty()) << "there is no line to arm";
  EXPECT_EQ(t.hears(t.ringing(kMobile)), "noise");
  t.answers(t.ringing(kBobMobile));
  t.spliced(theirs);
  EXPECT_EQ(t.last<ArmSplice>()->flip, mine);
  EXPECT_EQ(t.last<ArmSplice>()->far, t.ringing(kBobMobile));
  t.spliced(mine);
  expect_joined(t.ringing(kMobile), t.ringing(kBobMobile));
}

TEST_F(BothFlip, TheFarPartyWalksAwayWhileOurSpliceIsArmedOnItsLine) {
  t.answers(t.ringing(kMobile));
  t.leaves(t.bob);
  t.disarmed(mine, t.bob);
  EXPECT_FALSE(flip(mine).outcome) << "it waits for the leg that comes";
  t.answers(t.ringing(kBobMobile));
  t.spliced(theirs);
  t.spliced(mine);
  EXPECT_EQ(flip(mine).outcome, FlipOutcome::Done);
  expect_joined(t.ringing(kMobile), t.ringing(kBobMobile));
}

TEST_F(BothFlip, ACancelWithNoLineArmedTakesEffectAtOnce) {
  t.leaves(t.bob);
  t.answers(t.ringing(kMobile));
  ASSERT_TRUE(t.cancel(mine));
  EXPECT_EQ(flip(mine).outcome, FlipOutcome::Cancelled);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::Cancelled);
  EXPECT_EQ(t.core.sizes().flips, 1U) << "what was measured closed with the line: no report is waited for";
  t.answers(t.ringing(kBobMobile));
  t.spliced(theirs);
  expect_joined(t.ada, t.ringing(kBobMobile));
}

TEST_F(BothFlip, BothWalkAway) {
  t.leaves(t.ada);
  t.leaves(t.bob);
  EXPECT_EQ(t.record().state, CallState::Ended);
  t.reported(mine);
  t.reported(theirs);
  t.nothing_left();
}

TEST_F(BothFlip, AFlipThatIsAskedWhileTheFarSeatIsEmptyLeavesNothing) {
  ASSERT_TRUE(t.cancel(mine));
  t.reported(mine);
  t.leaves(t.bob);
  mine = to(kLaptop);
  ASSERT_TRUE(t.cancel(mine));
  EXPECT_EQ(t.core.sizes().flips, 1U) << "nothing was measured, so no report is waited for";
}

// ---- again and again

TEST_F(Flip, BackAndForthAHundredTimesLeavesNothingBehind) {
  for (int i = 0; i < 100; ++i) {
    const DeviceId target = i % 2 == 0 ? kMobile : kDesk;
    const FlipId f = to(target);
    t.answers(t.ringing(target));
    t.spliced(f);
    t.reported(f);
    t.passes(2s);
    expect_moved_to(target, t.ringing(target));
    EXPECT_EQ(t.core.sizes().legs, 2U);
    EXPECT_EQ(t.core.sizes().flips, 0U);
    EXPECT_FALSE(t.core.next_deadline());
    t.forget();
  }
  EXPECT_EQ(t.record().flips.size(), 100U);
  t.leaves(t.bob);
  t.nothing_left();
}

TEST_F(Flip, KMaxFlipsKeptIsTheLastOneAndTheNextIsRefused) {
  for (std::size_t i = 0; i < kMaxFlipsKept; ++i) {
    const FlipId f = to(kMobile);
    ASSERT_TRUE(t.core.cancel_flip(f, t.now()));
    t.core.on_report(f, FlipReport{true, false, 20, {}, {ReportPacket{}}}, t.now());
    while (t.core.poll()) {
    }
    t.forget();
  }
  EXPECT_EQ(t.record().flips.size(), kMaxFlipsKept);
  EXPECT_EQ(t.flip_to(kMobile).error().kind, ErrorKind::Exhausted);
  EXPECT_EQ(t.released(t.dials(kMobile, "*11")), Cause::Busy);
  const auto& flips = t.record().flips;
  const auto pictures =
      std::count_if(flips.begin(), flips.end(), [](const auto& f) { return !f.report->packets.empty(); });
  EXPECT_EQ(pictures, static_cast<std::ptrdiff_t>(kMaxPicturesKept)) << "the newest keep their packets";
  EXPECT_FALSE(flips.back().report->packets.empty());
}

TEST_F(Flip, RingsAtMostKMaxCandidates) {
  t.directory.bind(kMobile, flip::kMaxCandidates + 3);
  to(kMobile);
  EXPECT_EQ(t.all<RingLeg>().size(), flip::kMaxCandidates);
}

}  // namespace
}  // namespace segue::call
