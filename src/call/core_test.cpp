// Calls without flips: who rings, who wins, who hears what, how it ends, what the record says.
#include "call/core_harness.h"

namespace segue::call {
namespace {

using namespace testing;

TEST(Call, RingsEveryDeviceOfTheDialledAccount) {
  House t;
  t.dials(kBobDesk, "1001");
  const auto rung = t.all<RingLeg>();
  ASSERT_EQ(rung.size(), 3U);
  EXPECT_EQ(rung[0].device, kDesk);
  EXPECT_EQ(rung[1].device, kMobile);
  EXPECT_EQ(rung[2].device, kLaptop);
  for (const auto& r : rung) {
    EXPECT_EQ(r.show, (Identity{"1002", "Bob"})) << "a device is never shown";
    EXPECT_FALSE(r.auto_answer) << "only flips of one's own account may open a microphone";
  }
}

TEST(Call, RingsEveryBindingOfADeviceButNoUnregisteredOne) {
  House t;
  t.directory.bind(kMobile, 2);
  t.directory.bind(kLaptop, 0);
  t.dials(kBobDesk, "1001");
  const auto rung = t.all<RingLeg>();
  ASSERT_EQ(rung.size(), 3U);
  EXPECT_EQ(rung[1].device, kMobile);
  EXPECT_EQ(rung[2].device, kMobile);
  EXPECT_EQ(rung[2].binding, 1U);
}

TEST(Call, RingsAtMostKMaxRingingLegs) {
  House t;
  t.directory.bind(kDesk, kMaxRinging + 5);
  t.dials(kBobDesk, "1001");
  EXPECT_EQ(t.all<RingLeg>().size(), kMaxRinging);
}

TEST(Call, TheFirstAnswerWinsAndTheOthersStopRingingAtOnce) {
  House t;
  const LegId bob = t.dials(kBobDesk, "1001");
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.released(t.ringing(kDesk)), Cause::AnsweredElsewhere);
  EXPECT_EQ(t.released(t.ringing(kLaptop)), Cause::AnsweredElsewhere);
  ASSERT_TRUE(t.last<AnswerLeg>());
  EXPECT_EQ(t.last<AnswerLeg>()->leg, bob);
  EXPECT_EQ(t.hears(bob), "leg " + std::to_string(t.ringing(kMobile).value));
  EXPECT_EQ(t.hears(t.ringing(kMobile)), "leg " + std::to_string(bob.value));
  EXPECT_EQ(t.record().state, CallState::Talking);
  EXPECT_EQ(t.record().callee_device, kMobile);
  EXPECT_EQ(t.segments(),
            "ring callee 11 answered_elsewhere; ring callee 12 normal_clearing; ring callee 13 answered_elsewhere; "
            "talk caller 21 open; talk callee 12 open");
}

TEST(Call, ASecondAnswerInTheSameMillisecondLoses) {
  House t;
  t.dials(kBobDesk, "1001");
  t.answers(t.ringing(kMobile));
  t.forget();
  t.answers(t.ringing(kDesk));  // it crossed our CANCEL: the engine's agent sends ACK and BYE, the domain is silent
  EXPECT_TRUE(t.orders.empty());
  EXPECT_EQ(t.record().callee_device, kMobile);
}

TEST(Call, OneRefusalDoesNotSilenceTheRest) {
  House t;
  t.dials(kBobDesk, "1001");
  t.refuses(t.ringing(kDesk), Cause::Declined);
  EXPECT_EQ(t.record().state, CallState::Ringing);
  t.answers(t.ringing(kMobile));
  EXPECT_EQ(t.record().state, CallState::Talking);
}

TEST(Call, TheStrongestRefusalAnswersTheCaller) {
  struct Case {
    Cause a, b, c, expected;
  };
  for (const auto& [a, b, c, expected] : {
           Case{Cause::Busy, Cause::Declined, Cause::NoAnswer, Cause::Declined},
           Case{Cause::Unreachable, Cause::Busy, Cause::NoAnswer, Cause::Busy},
           Case{Cause::Unreachable, Cause::NoAnswer, Cause::Unreachable, Cause::NoAnswer},
           Case{Cause::Unreachable, Cause::Unreachable, Cause::Unreachable, Cause::Unreachable},
       }) {
    House t;
    const LegId bob = t.dials(kBobDesk, "1001");
    t.refuses(t.ringing(kDesk), a);
    t.refuses(t.ringing(kMobile), b);
    t.refuses(t.ringing(kLaptop), c);
    EXPECT_EQ(t.released(bob), expected);
    EXPECT_EQ(t.record().cause, expected);
    EXPECT_EQ(t.record().ended_by, Party::Callee);
    t.nothing_left();
  }
}

TEST(Call, ACallerWhoGivesUpStopsAllRinging) {
  House t;
  const LegId bob = t.dials(kBobDesk, "1001");
  t.leaves(bob, Cause::Cancelled);
  for (auto device : {kDesk, kMobile, kLaptop}) EXPECT_EQ(t.released(t.ringing(device)), Cause::Cancelled);
  EXPECT_EQ(t.record().cause, Cause::Cancelled);
  EXPECT_EQ(t.record().ended_by, Party::Caller);
  t.nothing_left();
}

TEST(Call, AnUnansweredCallEndsWhenItsTimeIsUp) {
  House t;
  const LegId bob = t.dials(kBobDesk, "1001");
  t.passes(119s);
  EXPECT_FALSE(t.released(bob));
  t.passes(1s);
  EXPECT_EQ(t.released(bob), Cause::NoAnswer);
  t.nothing_left();
}

TEST(Call, RefusalsBeforeAnythingRings) {
  House t;
  EXPECT_EQ(t.released(t.dials(kBobDesk, "999")), Cause::UnknownNumber);
  EXPECT_EQ(t.released(t.dials(kBobDesk, "1001", {Codec::Opus})), Cause::NoCommonCodec);
  for (auto device : {kDesk, kMobile, kLaptop}) t.directory.bind(device, 0);
  EXPECT_EQ(t.released(t.dials(kBobDesk, "1001")), Cause::Unreachable);
  EXPECT_TRUE(t.all<RingLeg>().empty());
  EXPECT_EQ(t.records.size(), 3U) << "each of them has a record";
  for (const auto& r : t.records) EXPECT_TRUE(r.cause && r.ended_at);
  t.nothing_left();
}

TEST(Call, TheCallerShowsNoDeviceEvenWithoutANumber) {
  House t;
  t.dials(kEvePhone, "1001");
  EXPECT_EQ(t.all<RingLeg>().at(0).show, (Identity{"anonymous", "Eve"}));
}

TEST(Call, MaxCallsIsABoundAndOneMoreIsRefused) {
  Policy policy;
  policy.max_calls = 2;
  House t(policy);
  EXPECT_FALSE(t.released(t.dials(kBobDesk, "1001")));
  EXPECT_FALSE(t.released(t.dials(kBobDesk, "1001")));
  EXPECT_EQ(t.released(t.dials(kBobDesk, "1001")), Cause::Overload);
  EXPECT_EQ(t.core.sizes().calls, 2U);
}

// ---- codecs

TEST(Call, OffersWhatTheCallerAndAllDevicesOfBothCanDo) {
  House t;
  for (auto device : {kDesk, kMobile, kLaptop, kBobDesk, kBobMobile}) {
    t.directory.change(device).codecs = {Codec::Opus, Codec::G722, Codec::Pcma};
  }
  t.directory.change(kLaptop).codecs = {Codec::Opus, Codec::Pcma};
  t.dials(kBobDesk, "1001", {Codec::Pcmu, Codec::G722, Codec::Opus});
  EXPECT_EQ(t.all<RingLeg>().at(0).codecs, (std::vector{Codec::Opus, Codec::Pcma, Codec::Pcmu}));
}

TEST(Call, OneUnknownDeviceMeansG711) {
  House t;
  for (auto device : {kDesk, kMobile, kBobDesk, kBobMobile}) t.directory.change(device).codecs = {Codec::Opus};
  t.dials(kBobDesk, "1001", {Codec::Opus, Codec::Pcmu});
  ASSERT_TRUE(t.all<RingLeg>().empty()) << "the laptop does G.711 only, the others Opus only";
  t.directory.change(kMobile).codecs.clear();
  t.directory.change(kDesk).codecs.clear();
  t.directory.change(kBobDesk).codecs.clear();
  t.directory.change(kBobMobile).codecs.clear();
  t.dials(kBobDesk, "1001", {Codec::Opus, Codec::Pcmu});
  EXPECT_EQ(t.all<RingLeg>().at(0).codecs, (std::vector{Codec::Pcma, Codec::Pcmu}));
}

TEST(Call, TheCallerIsAnsweredWithTheCodecThatTheWinnerChose) {
  House t;
  t.dials(kBobDesk, "1001");
  t.answers(t.ringing(kDesk), Codec::Pcmu);
  EXPECT_EQ(t.last<AnswerLeg>()->codec, Codec::Pcmu);
  EXPECT_EQ(t.record().codec, "PCMU");
}

// ---- ringing and early media

TEST(Call, EarlyMediaPassesOnlyFromASingleRingingDevice) {
  House t;
  const LegId bob = t.dials(kBobDesk, "1001");
  t.rings(t.ringing(kDesk), Codec::Pcma);
  EXPECT_EQ(t.last<ShowRinging>()->leg, bob);
  EXPECT_FALSE(t.last<ShowRinging>()->early_from);
  t.refuses(t.ringing(kMobile), Cause::Busy);
  t.refuses(t.ringing(kLaptop), Cause::Busy);
  t.rings(t.ringing(kDesk), Codec::Pcma);
  EXPECT_EQ(t.last<ShowRinging>()->early_from, t.ringing(kDesk));
}

// ---- hold

TEST(Call, WhoeverIsPutOnHoldHearsMusic) {
  House t;
  t.bob_and_ada_talk();
  t.holds(t.ada, true);
  EXPECT_EQ(t.hears(t.bob), "music");
  EXPECT_EQ(t.hears(t.ada), "leg " + std::to_string(t.bob.value));
  t.holds(t.ada, true);  // a retransmitted re-INVITE says nothing new
  t.holds(t.ada, false);
  EXPECT_EQ(t.hears(t.bob), "leg " + std::to_string(t.ada.value));
  EXPECT_NE(t.segments().find("hold callee 11 normal_clearing"), std::string::npos);
}

TEST(Call, AHoldInTheFirstOfferOrAnswerCountsFromTheAnswerOn) {
  for (const bool caller : {true, false}) {
    House t;
    t.bob = t.dials(kBobDesk, "1001");
    t.ada = t.ringing(kDesk);
    const LegId holder = caller ? t.bob : t.ada;
    const LegId other = caller ? t.ada : t.bob;
    t.holds(holder, true);
    EXPECT_TRUE(t.all<SetAudio>().empty());
    t.answers(t.ada);
    EXPECT_EQ(t.hears(other), "music");
    EXPECT_NE(t.segments().find(caller ? "hold caller 21 open" : "hold callee 11 open"), std::string::npos);
    t.holds(holder, false);
    EXPECT_EQ(t.hears(other), "leg " + std::to_string(holder.value));
    EXPECT_NE(t.segments().find(caller ? "hold caller 21 normal" : "hold callee 11 normal"), std::string::npos);
  }
}

TEST(Call, AHoldOfADeviceThatLosesTheRingConcernsNobody) {
  House t;
  t.bob = t.dials(kBobDesk, "1001");
  t.holds(t.ringing(kMobile), true);
  t.answers(t.ringing(kDesk));
  EXPECT_EQ(t.hears(t.bob), "leg " + std::to_string(t.ringing(kDesk).value));
}

// ---- ends

TEST(Call, EachPartyMayEndIt) {
  for (const bool caller : {true, false}) {
    House t;
    t.bob_and_ada_talk();
    t.leaves(caller ? t.bob : t.ada);
    EXPECT_EQ(t.released(caller ? t.ada : t.bob), Cause::NormalClearing);
    EXPECT_EQ(t.record().ended_by, caller ? Party::Caller : Party::Callee);
    EXPECT_EQ(t.record().cause, Cause::NormalClearing);
    EXPECT_EQ(t.segments().find("open"), std::string::npos);
    t.nothing_left();
  }
}

TEST(Call, PeopleMayEndItByTheApiAndTheServerMayStop) {
  House t;
  t.bob_and_ada_talk();
  EXPECT_TRUE(t.core.hang_up(t.call, Cause::NormalClearing, t.now()));
  EXPECT_FALSE(t.core.hang_up(t.call, Cause::NormalClearing, t.now())) << "it has ended already";
  t.passes(0s);
  t.dials(kBobDesk, "1001");
  t.core.hang_up_all(Cause::ServerStopped, t.now());
  t.passes(5s);
  t.leaves(LegId{12345});  // a leg that nobody knows
  t.nothing_left();
}

TEST(Call, DeadMediaHasItsOwnCause) {
  House t;
  t.bob_and_ada_talk();
  t.leaves(t.ada, Cause::MediaTimeout);
  EXPECT_EQ(t.record().cause, Cause::MediaTimeout);
  EXPECT_EQ(t.released(t.bob), Cause::MediaTimeout);
}

TEST(Call, InCallIsTrueForBothAccountsWhileItLives) {
  House t;
  EXPECT_FALSE(t.core.in_call(kAda));
  t.bob_and_ada_talk();
  EXPECT_TRUE(t.core.in_call(kAda));
  EXPECT_TRUE(t.core.in_call(kBob));
  EXPECT_FALSE(t.core.in_call(kEve));
  t.leaves(t.bob);
  EXPECT_FALSE(t.core.in_call(kAda));
}

TEST(Words, EveryCauseHasAWordAStatusAndAReason) {
  for (int c = 0; c <= static_cast<int>(Cause::ProtocolError); ++c) {
    const auto cause = static_cast<Cause>(c);
    EXPECT_NE(to_string(cause), "unknown");
    EXPECT_GE(sip_status(cause), 200);
    EXPECT_NE(reason_header(cause).find("cause="), std::string::npos);
  }
}

}  // namespace
}  // namespace segue::call
