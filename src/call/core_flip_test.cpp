// Flips: the good end, and the others, which leave A untouched.
#include "call/core_flip_harness.h"

namespace segue::call {
namespace {

using namespace testing;

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

TEST_F(Flip, ToADeviceThatHoldsBeforeTheSpliceGivesMusicAfterIt) {
  const FlipId f = to(kMobile);
  const LegId b = t.ringing(kMobile);
  t.answers(b);
  t.holds(b, true);
  EXPECT_EQ(t.hears(t.bob), heard(t.ada)) << "A talks on";
  t.spliced(f);
  EXPECT_EQ(t.hears(t.bob), "music");
  EXPECT_NE(t.segments().find("hold callee 12 open"), std::string::npos) << t.segments();
  t.holds(b, false);
  expect_moved_to(kMobile, b);
  EXPECT_NE(t.segments().find("hold callee 12 normal_clearing"), std::string::npos) << t.segments();
}

TEST_F(Flip, WhileTheFarPartyHoldsUsBHearsMusic) {
  t.holds(t.bob, true);
  to(kMobile);
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.hears(t.ringing(kMobile)), "music");
}

TEST_F(Flip, TheWorkersWordThatIsLostFailsItAndTheCallGoesOnWithA) {
  const FlipId f = to(kMobile);
  const LegId b = t.ringing(kMobile);
  t.answers(b);
  ASSERT_TRUE(t.cancel(f));
  t.forget();
  t.passes(3s);
  expect_failed(f, FlipOutcome::Cancelled);
  EXPECT_EQ(t.released(b), Cause::Cancelled);
  EXPECT_EQ(t.last<SetAudio>()->leg, t.ada);
  EXPECT_EQ(t.all<SetAudio>().size(), 2U) << "whatever the far line plays, it plays A now";
  EXPECT_EQ(t.hears(t.bob), heard(t.ada));
  t.spliced(f);
  EXPECT_EQ(t.record().callee_device, kDesk) << "too late";
  EXPECT_FALSE(t.released(t.ada));
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

}  // namespace
}  // namespace segue::call
