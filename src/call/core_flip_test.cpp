// Flips: who may ask, how each of them ends, and that A is untouched by those that fail.
#include <algorithm>

#include "call/core_harness.h"
#include "call/flip_machine.h"

namespace segue::call {
namespace {

using namespace testing;

/// Bob (caller, far) and Ada (callee, on her desk) talk.
struct Flip : ::testing::Test {
  Flip() { t.bob_and_ada_talk(); }

  FlipId to(DeviceId device) {
    const auto id = t.flip_to(device);
    EXPECT_TRUE(id) << (id ? "" : id.error().text);
    return id.value_or(FlipId{});
  }
  const FlipRecord& flip(FlipId id) const {
    const auto& flips = t.record().flips;
    return *std::find_if(flips.begin(), flips.end(), [&](const auto& f) { return f.id == id; });
  }
  void expect_failed(FlipId id, FlipOutcome outcome) {
    EXPECT_EQ(flip(id).outcome, outcome);
    EXPECT_EQ(flip(id).state, "failed");
    EXPECT_TRUE(flip(id).ended_at);
    EXPECT_FALSE(flip(id).to);
  }
  /// The call goes on with A as if nothing had been.
  void expect_untouched() {
    EXPECT_EQ(t.record().state, CallState::Talking);
    EXPECT_EQ(t.record().callee_device, kDesk);
    EXPECT_FALSE(t.released(t.ada));
    EXPECT_FALSE(t.released(t.bob));
    EXPECT_EQ(t.hears(t.bob), heard(t.ada));
    EXPECT_EQ(t.hears(t.ada), heard(t.bob));
    for (const auto& set : t.all<SetAudio>()) EXPECT_NE(set.leg, t.bob) << "the far party's line was touched";
    ASSERT_TRUE(t.last<UnwatchFlip>());
    t.reported(t.last<UnwatchFlip>()->flip);
    EXPECT_EQ(t.core.sizes().flips, 0U);
    EXPECT_EQ(t.core.sizes().legs, 2U);
  }
  void expect_moved_to(DeviceId device, LegId leg) {
    EXPECT_EQ(t.record().callee_device, device);
    EXPECT_EQ(t.hears(t.bob), heard(leg));
    EXPECT_EQ(t.hears(leg), heard(t.bob));
    EXPECT_FALSE(t.released(leg));
    EXPECT_FALSE(t.released(t.bob));
  }
  static std::string heard(LegId leg) { return "leg " + std::to_string(leg.value); }

  House t;
};

// ---- the good end

TEST_F(Flip, MovesTheSeatAndReleasesA) {
  const FlipId f = to(kMobile);
  ASSERT_EQ(t.all<RingLeg>().size(), 1U);
  EXPECT_EQ(t.last<RingLeg>()->show, (Identity{"1002", "Bob"})) << "B sees the far party";
  EXPECT_EQ(t.last<RingLeg>()->codecs, (std::vector{Codec::Pcma, Codec::Pcmu})) << "the far line's codec, both laws";
  EXPECT_EQ(t.last<WatchFlip>()->far, t.bob);
  const LegId b = t.ringing(kMobile);
  t.rings(b);
  t.answers(b);
  EXPECT_EQ(t.last<ArmSplice>()->far, t.bob);
  EXPECT_EQ(t.last<ArmSplice>()->to, b);
  EXPECT_FALSE(t.released(t.ada)) << "A talks on until the splice";
  EXPECT_EQ(flip(f).state, "proving");
  t.spliced(f);
  EXPECT_EQ(t.released(t.ada), Cause::Flipped);
  expect_moved_to(kMobile, b);
  EXPECT_EQ(t.last<ReadDigits>()->leg, b);
  EXPECT_EQ(t.last<ReadDigits>()->codes, (std::vector<std::string>{"*0", "*1", "*2", "*3"}));
  EXPECT_EQ(flip(f).outcome, FlipOutcome::Done);
  EXPECT_EQ(flip(f).from, kDesk);
  EXPECT_EQ(flip(f).to, kMobile);
  EXPECT_TRUE(flip(f).ringing_at && flip(f).answered_at && flip(f).spliced_at && flip(f).ended_at);
  EXPECT_TRUE(t.all<UnwatchFlip>().empty()) << "the measurement goes on for a second";
  t.reported(f);
  EXPECT_TRUE(flip(f).report);
  EXPECT_NE(t.segments().find("talk callee 11 flipped; flip callee 12 over; talk callee 12 open"), std::string::npos)
      << t.segments();
}

TEST_F(Flip, ToAllRingsAllOthersAndOneWins) {
  const auto f = t.flip({t.call, kAda, {}, {}, FlipMode::Ring, FlipTrigger::Api});
  ASSERT_TRUE(f);
  EXPECT_EQ(t.all<RingLeg>().size(), 2U);
  t.answers(t.ringing(kLaptop));
  EXPECT_FALSE(t.released(t.ringing(kMobile))) << "the others ring until the splice";
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::AnsweredElsewhere);
  EXPECT_EQ(t.all<ArmSplice>().size(), 1U);
  t.spliced(*f);
  expect_moved_to(kLaptop, t.ringing(kLaptop));
}

TEST_F(Flip, AutoAnswerOnlyWhereTheDeviceAllowsIt) {
  ASSERT_TRUE(t.flip_to(kMobile, FlipMode::AutoAnswer));
  EXPECT_FALSE(t.last<RingLeg>()->auto_answer);
  t.refuses(t.ringing(kMobile), Cause::Busy);
  t.directory.change(kLaptop).auto_answer = true;
  ASSERT_TRUE(t.flip_to(kLaptop, FlipMode::AutoAnswer));
  EXPECT_TRUE(t.last<RingLeg>()->auto_answer);
}

TEST_F(Flip, OfAHeldCallStartsActive) {
  t.holds(t.ada, true);
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.spliced(f);
  expect_moved_to(kMobile, t.ringing(kMobile));  // the far party is off the music
  EXPECT_NE(t.segments().find("hold callee 11 flipped"), std::string::npos) << t.segments();
}

TEST_F(Flip, WhileTheFarPartyHoldsUsBHearsMusic) {
  t.holds(t.bob, true);
  to(kMobile);
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.hears(t.ringing(kMobile)), "music");
}

// ---- the other ends: A is untouched

TEST_F(Flip, Refusals) {
  for (const auto& [cause, outcome] : {
           std::pair{Cause::Declined, FlipOutcome::Declined},
           {Cause::Busy, FlipOutcome::Busy},
           {Cause::NoAnswer, FlipOutcome::NoAnswer},
           {Cause::Unreachable, FlipOutcome::Unreachable},
           {Cause::NoCommonCodec, FlipOutcome::NoCommonCodec},
           {Cause::NoPorts, FlipOutcome::Failed},
       }) {
    const FlipId f = to(kMobile);
    t.refuses(t.ringing(kMobile), cause);
    expect_failed(f, outcome);
    expect_untouched();
  }
}

TEST_F(Flip, NobodyAnswersInTime) {
  const FlipId f = to(kMobile);
  t.passes(29s);
  EXPECT_FALSE(flip(f).outcome);
  t.passes(1s);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::NoAnswer);
  expect_failed(f, FlipOutcome::NoAnswer);
  expect_untouched();
}

TEST_F(Flip, AnsweredWithoutAudio) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.passes(3s);
  EXPECT_EQ(t.last<DisarmSplice>()->far, t.bob);
  EXPECT_FALSE(t.released(t.ringing(kMobile))) << "the worker has the last word";
  t.disarmed(f, t.bob);
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::NoMedia);
  expect_failed(f, FlipOutcome::NoMedia);
  expect_untouched();
}

TEST_F(Flip, CancelledWhileRinging) {
  const FlipId f = to(kMobile);
  EXPECT_TRUE(t.cancel(f));
  EXPECT_EQ(t.released(t.ringing(kMobile)), Cause::Cancelled);
  expect_failed(f, FlipOutcome::Cancelled);
  EXPECT_EQ(t.cancel(f).error().kind, ErrorKind::Conflict);
  expect_untouched();
  EXPECT_EQ(t.cancel(FlipId{999}).error().kind, ErrorKind::NotFound);
}

TEST_F(Flip, CancelledJustBeforeTheSplice) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  EXPECT_TRUE(t.cancel(f));
  t.disarmed(f, t.bob);
  expect_failed(f, FlipOutcome::Cancelled);
  expect_untouched();
}

TEST_F(Flip, CancelledTooLate) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  EXPECT_TRUE(t.cancel(f));
  t.spliced(f);  // was sent before the worker read our DisarmSplice
  t.disarmed(f, t.bob);
  EXPECT_EQ(flip(f).outcome, FlipOutcome::Done);
  expect_moved_to(kMobile, t.ringing(kMobile));
}

TEST_F(Flip, OfADeviceThatIsNotRegistered) {
  t.directory.bind(kMobile, 0);
  expect_failed(to(kMobile), FlipOutcome::Unreachable);
  expect_untouched();
}

TEST_F(Flip, BLeavesJustBeforeTheSplice) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.leaves(t.ringing(kMobile));
  t.disarmed(f, t.bob);
  expect_failed(f, FlipOutcome::Declined);
  expect_untouched();
}

TEST_F(Flip, BLeavesWhileTheSpliceIsMade) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.leaves(t.ringing(kMobile));
  t.spliced(f);  // B had taken the seat before it left it: that ends the call
  EXPECT_EQ(t.record().state, CallState::Ended);
  EXPECT_EQ(t.record().cause, Cause::NormalClearing);
  EXPECT_EQ(t.record().ended_by, Party::Callee);
  EXPECT_EQ(t.released(t.bob), Cause::NormalClearing);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, BLeavesAfterTheSplice) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.spliced(f);
  t.leaves(t.ringing(kMobile));
  EXPECT_EQ(t.record().cause, Cause::NormalClearing);
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, AWinnerThatRefusesAfterItsAnswerChangesNothingOfTheCommit) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.refuses(t.ringing(kMobile), Cause::Busy);  // its dialog broke
  t.spliced(f);
  EXPECT_EQ(t.record().state, CallState::Ended) << "the seat had moved, and B is gone";
  t.reported(f);
  t.nothing_left();
}

TEST_F(Flip, AStaleByeOfAAfterTheSpliceDoesNotEndTheCall) {
  const FlipId f = to(kMobile);
  t.answers(t.ringing(kMobile));
  t.spliced(f);
  t.leaves(t.ada);
  EXPECT_EQ(t.record().state, CallState::Talking);
}

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
