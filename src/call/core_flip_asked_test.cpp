// Flips: who may ask, and by what: the API, codes keyed in the call, a code dialled on B.
#include "call/core_flip_harness.h"

namespace segue::call {
namespace {

using namespace testing;

// ---- asking

TEST_F(Flip, TheSameTargetTwiceIsTheSameFlip) {
  const FlipId f = to(kMobile);
  EXPECT_EQ(to(kMobile), f);
  EXPECT_EQ(t.all<RingLeg>().size(), 1U);
  EXPECT_EQ(t.flip_to(kLaptop).error().kind, ErrorKind::Conflict);
  EXPECT_EQ(t.flip({t.call, kAda, {}, {}, FlipMode::Ring, FlipTrigger::Api}).error().kind, ErrorKind::Conflict);
}

TEST_F(Flip, TypedRefusals) {
  EXPECT_EQ(t.flip_to(kDesk).error().kind, ErrorKind::Conflict) << "it is there already";
  EXPECT_EQ(t.flip_to(kBobDesk).error().kind, ErrorKind::Forbidden) << "somebody else's device";
  EXPECT_EQ(t.flip_to(DeviceId{99}).error().kind, ErrorKind::NotFound);
  EXPECT_EQ(t.flip({t.call, kEve, {}, kEvePhone, FlipMode::Ring, FlipTrigger::Api}).error().kind, ErrorKind::Forbidden);
  EXPECT_EQ(t.flip({t.call, kAda, Side::Caller, kMobile, FlipMode::Ring, FlipTrigger::Api}).error().kind,
            ErrorKind::Forbidden);
  EXPECT_EQ(t.flip({CallId{99}, kAda, {}, kMobile, FlipMode::Ring, FlipTrigger::Api}).error().kind,
            ErrorKind::NotFound);
  t.leaves(t.bob);
  EXPECT_EQ(t.flip_to(kMobile).error().kind, ErrorKind::NotFound) << "after hang-up";
}

TEST_F(Flip, ToASecondFlowOfTheSameDevice) {
  t.directory.bind(kDesk, 2);
  t.directory.flows[t.ada] = 1;
  const FlipId f = to(kDesk);
  ASSERT_EQ(t.all<RingLeg>().size(), 1U) << "not where the call is";
  EXPECT_EQ(t.last<RingLeg>()->binding, 0U);
  const LegId b = t.ringing(kDesk);
  t.answers(b);
  t.spliced(f);
  expect_moved_to(kDesk, b);
  EXPECT_EQ(t.released(t.ada), Cause::Flipped);
}

TEST_F(Flip, OfACallThatStillRingsIsRefused) {
  House house;
  house.dials(kBobDesk, "1001");
  EXPECT_EQ(house.flip_to(kMobile).error().kind, ErrorKind::Conflict);
}

TEST_F(Flip, OfACallWithOneselfNeedsToSayWhichSide) {
  House house;
  const LegId mine = house.dials(kMobile, "1001");
  house.answers(house.ringing(kDesk));
  EXPECT_EQ(house.flip_to(kLaptop).error().kind, ErrorKind::Conflict);
  house.keys(mine, "*3");
  EXPECT_EQ(house.record().flips.at(0).side, Side::Caller);
}

// ---- codes

TEST_F(Flip, ByCodeFromEitherSeat) {
  t.keys(t.ada, "*2");
  EXPECT_EQ(t.last<RingLeg>()->device, kMobile);
  EXPECT_EQ(t.record().flips[0].trigger, FlipTrigger::FeatureCode);
  t.keys(t.bob, "*2");
  EXPECT_EQ(t.last<RingLeg>()->device, kBobMobile) << "each leg's codes are its own account's";
}

TEST_F(Flip, ByTheCodeForAll) {
  t.keys(t.ada, "*0");
  EXPECT_EQ(t.all<RingLeg>().size(), 2U);
}

TEST_F(Flip, TheSameCodeWithinASecondIsTheSameFlipAndLaterItCancels) {
  t.keys(t.ada, "*2");
  t.passes(1s);
  t.keys(t.ada, "*2");
  EXPECT_EQ(t.record().flips.size(), 1U);
  EXPECT_FALSE(t.record().flips[0].outcome);
  t.keys(t.ada, "*3");
  EXPECT_EQ(t.record().flips.size(), 1U) << "another code does nothing while a flip goes on";
  t.passes(1ms);
  t.keys(t.ada, "*2");
  EXPECT_EQ(t.record().flips[0].outcome, FlipOutcome::Cancelled);
}

TEST_F(Flip, ACodeToWhereTheCallIsAlreadyAndAnUnknownOneChangeNothing) {
  t.keys(t.ada, "*1");
  t.keys(t.ada, "*7");
  EXPECT_TRUE(t.orders.empty());
  EXPECT_TRUE(t.record().flips.empty());
}

// ---- pulling

TEST_F(Flip, PulledFromB) {
  const LegId b = t.dials(kMobile, "*11");
  EXPECT_EQ(t.last<AnswerLeg>()->leg, b);
  EXPECT_EQ(t.last<ArmSplice>()->to, b);
  const FlipId f = t.last<ArmSplice>()->flip;
  EXPECT_EQ(flip(f).trigger, FlipTrigger::PullCode);
  t.spliced(f);
  expect_moved_to(kMobile, b);
  EXPECT_EQ(t.released(t.ada), Cause::Flipped);
}

TEST_F(Flip, PulledByTheDeviceThatHasItButFromAnotherFlow) {
  EXPECT_EQ(t.released(t.dials(kDesk, "*11")), Cause::NothingToFlip) << "it is here";
  t.directory.flows[t.ada] = 1;
  const LegId b = t.dials(kDesk, "*11");
  t.spliced(t.last<ArmSplice>()->flip);
  expect_moved_to(kDesk, b);
}

TEST_F(Flip, PulledWithoutACallOrWithSeveral) {
  House house;
  EXPECT_EQ(house.released(house.dials(kMobile, "*11")), Cause::NothingToFlip);
  house.bob_and_ada_talk();
  house.dials(kEvePhone, "1001");
  EXPECT_EQ(house.core.sizes().calls, 2U);
  house.answers(house.ringing(kLaptop));
  EXPECT_EQ(house.released(house.dials(kMobile, "*11")), Cause::SeveralCalls) << "never a guess";
  EXPECT_EQ(house.core.sizes().calls, 2U);
}

TEST_F(Flip, APullWithoutACommonCodecIsRefused) {
  EXPECT_EQ(t.released(t.dials(kMobile, "*11", {Codec::Opus})), Cause::NoCommonCodec);
}

TEST_F(Flip, APullJoinsTheFlipThatRings) {
  const FlipId f = to(kMobile);
  const LegId rung = t.ringing(kMobile);
  const LegId dialled = t.dials(kMobile, "*11");
  EXPECT_EQ(t.record().flips.size(), 1U);
  EXPECT_EQ(t.last<ArmSplice>()->to, dialled);
  t.spliced(f);
  EXPECT_EQ(t.released(rung), Cause::AnsweredElsewhere);
  expect_moved_to(kMobile, dialled);
}

TEST_F(Flip, APullWhileAnotherDeviceIsBeingProvenIsBusy) {
  to(kMobile);
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.released(t.dials(kLaptop, "*11")), Cause::Busy);
}

TEST_F(Flip, APullAfterAHasWalkedAwayTakesTheCall) {
  const FlipId f = to(kMobile);
  t.leaves(t.ada);
  const LegId dialled = t.dials(kMobile, "*11");
  EXPECT_FALSE(t.released(dialled));
  t.spliced(f);
  expect_moved_to(kMobile, dialled);
}

}  // namespace
}  // namespace segue::call
