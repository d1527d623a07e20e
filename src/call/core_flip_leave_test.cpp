// Who leaves when, while a flip goes on: the far party, or A, who walks away.
#include "call/core_flip_harness.h"

namespace segue::call {
namespace {

using namespace testing;

// ---- the far party leaves

TEST_F(Flip, FarLeavesWhileBRings) {
  const FlipId f = to(kMobile);
  t.leaves(t.bob);
  EXPECT_EQ(t.released(t.ada), Cause::NormalClearing);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::Cancelled);
  expect_failed(f, FlipOutcome::FarPartyLeft);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, FarLeavesWhileBIsProven) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.leaves(t.bob);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::NormalClearing);
  t.spliced(f);  // in flight
  expect_failed(f, FlipOutcome::FarPartyLeft);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, FarLeavesWhileTheSpliceIsWithdrawn) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  ASSERT_TRUE(t.cancel(f));
  t.leaves(t.bob);
  t.disarmed(f, t.bob);
  expect_failed(f, FlipOutcome::FarPartyLeft);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, AReportThatNeverComesHoldsTheRecordForThreeSecondsOnly) {
  to(kMobile);
  t.leaves(t.bob);
  EXPECT_EQ(t.records.size(), 0U);
  t.passes(3s);
  EXPECT_EQ(t.records.size(), 1U);
  t.nothing_left();
}

// ---- A walks away

TEST_F(Flip, AWalksAwayWhileBRingsAndBAnswers) {
  const FlipId f = to(kMobile);
  t.leaves(t.ada);
  EXPECT_EQ(t.record().state, CallState::Talking);
  EXPECT_FALSE(t.released(t.bob));
  EXPECT_EQ(t.hears(t.bob), "noise");
  t.passes(10s);
  t.answers(t.ringing(kMobile));
  t.spliced(f);
  expect_moved_to(kMobile, t.ringing(kMobile));
  t.passes(60s);
  EXPECT_EQ(t.record().state, CallState::Talking) << "the grace is over with the splice";
}

TEST_F(Flip, AWalksAwayAndBDeclines) {
  const FlipId f = to(kMobile);
  t.leaves(t.ada);
  t.refuses(t.ringing(kMobile), Cause::Declined);
  EXPECT_EQ(t.released(t.bob), Cause::GraceEnded);
  EXPECT_EQ(t.record().cause, Cause::GraceEnded);
  expect_failed(f, FlipOutcome::Declined);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, AWalksAwayAndTheGraceEnds) {
  Policy policy;
  policy.grace = 10s;
  House house(policy);
  house.bob_and_ada_talk();
  ASSERT_TRUE(house.flip_to(kMobile));
  house.leaves(house.ada);
  house.passes(10s);
  EXPECT_EQ(house.released(house.bob), Cause::GraceEnded);
  EXPECT_EQ(house.released(house.ringing(kMobile)), Cause::Cancelled);
  EXPECT_EQ(house.record().flips[0].outcome, FlipOutcome::NoAnswer);
}

TEST_F(Flip, AWalksAwayWhileBIsProven) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.leaves(t.ada);
  EXPECT_EQ(t.record().state, CallState::Talking);
  t.spliced(f);
  expect_moved_to(kMobile, t.ringing(kMobile));
}

TEST_F(Flip, AWalksAwayWhileItsCancelIsOnTheWay) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  ASSERT_TRUE(t.cancel(f));
  t.leaves(t.ada);
  t.disarmed(f, t.bob);
  EXPECT_EQ(t.record().cause, Cause::GraceEnded);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, AWalksAwayFromAHeldCall) {
  t.holds(t.ada, true);
  const FlipId f = to(kMobile);
  t.leaves(t.ada);
  EXPECT_EQ(t.hears(t.bob), "noise");
  EXPECT_NE(t.segments().find("hold callee 11 normal_clearing"), std::string::npos) << t.segments();
  t.answers(t.ringing(kMobile));
  t.spliced(f);
  expect_moved_to(kMobile, t.ringing(kMobile));
}

TEST_F(Flip, FarLeavesWhileNobodySitsOnTheOtherSide) {
  const FlipId f = to(kMobile);
  t.leaves(t.ada);
  t.leaves(t.bob);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::Cancelled);
  EXPECT_EQ(t.record().ended_by, Party::Caller);
  t.reported(f);
  t.nothing_left();
}

}  // namespace
}  // namespace segue::call
