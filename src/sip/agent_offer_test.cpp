// re-INVITE and UPDATE: glare, order, delayed offers (RFC 3261 section 14, 3311, 6337).
#include <set>

#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

TEST(AgentOffer, AReInviteGoesThereAndBackAndChangesTheSdpInForce) {
  TwoParties t;
  t.talk();
  t.alice.agent.reinvite(t.a, std::string(kHold), t.net.now);
  t.net.settle();
  const auto offer = t.bob.expect<OfferReceived>();
  EXPECT_EQ(offer.session, t.b);
  EXPECT_EQ(offer.sdp, kHold);
  t.bob.agent.answer_offer(t.b, std::string(kAnswer), t.net.now);
  t.net.settle();
  const auto answered = t.alice.expect<OfferAnswered>();
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.sdp, kAnswer);
  EXPECT_EQ(t.net.count(t.alice, "ACK"), 2U);
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 0U);
  t.bob.agent.hangup(t.b, {}, t.net.now);
  t.expect_clean();
}

TEST(AgentOffer, ARefusedOfferLeavesTheCall) {
  TwoParties t;
  t.talk();
  t.alice.agent.reinvite(t.a, std::string(kHold), t.net.now);
  t.net.settle();
  t.bob.agent.reject_offer(t.b, 488, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.alice.expect<OfferAnswered>().status, 488);
  EXPECT_EQ(t.alice.count<SessionEnded>() + t.bob.count<SessionEnded>(), 0U);
}

TEST(AgentOffer, GlareBacksOffByRoleAndBothOffersSucceed) {
  TwoParties t;
  t.talk();
  t.net.log.clear();
  t.alice.agent.reinvite(t.a, std::string(kHold), t.net.now);
  t.bob.agent.reinvite(t.b, std::string(kHold), t.net.now);
  t.net.run_for(50ms);
  EXPECT_EQ(t.net.count(t.alice, "491 INVITE"), 1U);
  EXPECT_EQ(t.net.count(t.bob, "491 INVITE"), 1U);
  for (int i = 0; i < 1000; ++i) {
    t.net.run_for(10ms);
    if (t.alice.take<OfferReceived>()) t.alice.agent.answer_offer(t.a, std::string(kOffer), t.net.now);
    if (t.bob.take<OfferReceived>()) t.bob.agent.answer_offer(t.b, std::string(kAnswer), t.net.now);
  }
  const auto owner = t.net.times(t.alice, "INVITE"), other = t.net.times(t.bob, "INVITE");
  ASSERT_EQ(owner.size(), 2U);
  ASSERT_EQ(other.size(), 2U);
  // The 491 takes 20 ms; the other role's re-INVITE may hold the owner's back for its own round trip.
  EXPECT_GE(owner[1], 2100ms + 20ms);
  EXPECT_LE(owner[1], 4s + 60ms);
  EXPECT_GE(other[1], 20ms);
  EXPECT_LE(other[1], 2s + 20ms);
  EXPECT_EQ(t.alice.expect<OfferAnswered>().status, 200);
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 200);
}

TEST(AgentOffer, TheBackOffIsSpreadInStepsOfTenMilliseconds) {
  std::set<Duration> seen;
  for (int i = 0; i < 40; ++i) {
    Net net;
    for (int skip = 0; skip < i; ++skip) (void)net.add("192.0.2.77:" + std::to_string(1000 + skip));  // another seed
    Node& bob = net.add("192.0.2.2:5060");
    Peer peer;
    InviteOptions o;
    o.flow = net.flow(bob, peer.address);
    o.request_uri = *Uri::parse("sip:peer@192.0.2.9");
    o.from = o.to = o.contact = name_addr("<sip:bob@192.0.2.2>");
    o.sdp = kOffer;
    const SessionId s = bob.agent.invite(std::move(o), net.now);
    net.collect();
    net.inject(peer.address, bob, peer.response(net.last(bob, "INVITE"), 200, "x", std::string(kAnswer)).to_string());
    net.log.clear();
    bob.agent.reinvite(s, std::string(kHold), net.now);
    net.collect();
    net.inject(peer.address, bob, peer.response(net.last(bob, "INVITE"), 491, "x").to_string());
    const Duration wait = *bob.agent.next_deadline() - net.now.mono;
    net.run_for(5s);
    const auto times = net.times(bob, "INVITE");
    ASSERT_GE(times.size(), 2U);
    EXPECT_GE(times[1], 2100ms);
    EXPECT_LE(times[1], 4s);
    EXPECT_EQ(times[1] % 10ms, 0ms);
    EXPECT_LE(wait, times[1]);
    seen.insert(times[1]);
  }
  EXPECT_GT(seen.size(), 20U);
}

TEST(AgentOffer, ANewerOfferDoesNotShortenTheBackOffAndReplacesTheOlder) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.responds(491, "peer");
  t.bob.agent.reinvite(t.s, std::string(kAnswer), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U);
  t.net.run_for(2s);
  EXPECT_EQ(t.net.last(t.bob, "INVITE").body, kAnswer);
  t.responds(200, "peer", std::string(kOffer));
  EXPECT_EQ(t.bob.count<OfferAnswered>(), 1U);
}

TEST(AgentOffer, EndlessGlareIsReportedInTheEnd) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(t.bob.count<OfferAnswered>(), 0U);
    t.responds(491, "peer");
    t.net.run_for(2100ms);
  }
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 491);
}

TEST(AgentOffer, OffersThatWaitAreSentInTurn) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 0U) << "not before the ACK";
  t.ack();
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U);
  t.bob.agent.reinvite(t.s, std::string(kAnswer), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U) << "not before the answer";
  t.responds(200, "peer", std::string(kOffer));
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 2U);
}

TEST(AgentOffer, ASecondOfferBeforeTheAnswerGets500WithRetryAfter) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("INVITE", 2, "re2", std::string(kHold)));
  t.says(t.peer.request("INVITE", 3, "re3", std::string(kHold)));
  t.says(t.peer.request("UPDATE", 4, "up4", std::string(kHold)));
  EXPECT_FALSE(t.net.last(t.bob, "500 INVITE").get("Retry-After").empty());
  EXPECT_FALSE(t.net.last(t.bob, "500 UPDATE").get("Retry-After").empty());
  EXPECT_EQ(t.bob.count<OfferReceived>(), 1U);
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);
  t.net.collect();
  EXPECT_EQ(cseq_number(t.net.last(t.bob, "200 INVITE")), 2U);
}

TEST(AgentOffer, APeersOfferWhileOursIsOutGets491) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  t.says(t.peer.request("UPDATE", 3, "up", std::string(kHold)));
  t.says(t.peer.request("UPDATE", 4, "refresh"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "491 INVITE", "491 UPDATE", "200 UPDATE"}));
}

TEST(AgentOffer, UpdateWithAnOfferIsAnsweredAndNeedsNoAck) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("UPDATE", 2, "up", std::string(kHold)));
  EXPECT_EQ(t.bob.expect<OfferReceived>().sdp, kHold);
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);
  t.net.run_for(5s);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 UPDATE"}));
  EXPECT_EQ(t.net.last(t.bob, "200 UPDATE").body, kAnswer);
}

TEST(AgentOffer, UpdateInAnEarlyDialog) {
  PeerAndAgent t;
  t.called();
  t.bob.agent.ring(t.s, 180, {}, {}, t.net.now);
  t.net.collect();
  t.peer.to = t.net.last(t.bob, "180 INVITE").get("To");
  t.says(t.peer.request("UPDATE", 2, "up2", std::string(kHold)));
  EXPECT_EQ(t.net.count(t.bob, "500 UPDATE"), 1U);
  Message refresh = t.peer.request("UPDATE", 3, "up3");
  refresh.set("Contact", "<sip:moved@192.0.2.9>");
  t.says(refresh);
  EXPECT_EQ(t.net.count(t.bob, "200 UPDATE"), 1U);
  EXPECT_EQ(t.bob.agent.dialog(t.s)->remote_target.user, "moved");
  t.answer();
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 1U);
}

TEST(AgentOffer, AReInviteThatOvertakesTheAckProvesThe2xx) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 1U);
  EXPECT_EQ(t.bob.count<OfferReceived>(), 1U);
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);
  t.net.collect();
  t.ack(1);  // the late one: matched by CSeq, it is not the new one's
  t.net.run_for(2s);
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 1U + 3U);
  t.ack(2);
  t.net.run_for(10s);
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 1U + 3U);
}

TEST(AgentOffer, A2xxToAReInviteWithoutAckEndsTheCall) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);
  t.net.run_for(33s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::NoAck);
  t.expect_clean();
}

TEST(AgentOffer, DelayedOfferOfTheCaller) {
  TwoParties t;
  auto options = t.options();
  options.sdp.clear();
  t.a = t.alice.agent.invite(std::move(options), t.net.now);
  t.net.settle();
  t.accept();
  t.bob.agent.answer(t.b, std::string(kOffer), {}, t.net.now);
  t.net.run_for(600ms);  // one repetition of the 200 must not bring an ACK either
  EXPECT_EQ(t.alice.expect<SessionAnswered>().sdp, kOffer);
  EXPECT_EQ(t.net.count(t.alice, "ACK"), 0U);
  t.alice.agent.answer_offer(t.a, std::string(kAnswer), t.net.now);
  t.net.settle();
  EXPECT_EQ(t.net.last(t.alice, "ACK").body, kAnswer);
  EXPECT_EQ(t.bob.expect<SessionConfirmed>().sdp, kAnswer);
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.expect_clean();
}

TEST(AgentOffer, DelayedOfferThatCannotBeAnsweredIsAckedAndByed) {
  PeerAndAgent t;
  auto options = t.options();
  options.sdp.clear();
  t.s = t.bob.agent.invite(std::move(options), t.net.now);
  t.net.collect();
  t.responds(200, "x", std::string(kOffer));
  t.bob.agent.reject_offer(t.s, 488, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE"}));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  t.expect_clean();
}

TEST(AgentOffer, DelayedOffersInReInvitesBothWays) {
  TwoParties t;
  t.talk();
  t.alice.agent.reinvite(t.a, {}, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.bob.expect<OfferReceived>().sdp, "");
  t.bob.agent.answer_offer(t.b, std::string(kHold), t.net.now);
  t.net.settle();
  EXPECT_EQ(t.alice.expect<OfferAnswered>().sdp, kHold);
  EXPECT_EQ(t.net.count(t.alice, "ACK"), 1U) << "the second waits for the answer";
  t.alice.agent.answer_offer(t.a, std::string(kOffer), t.net.now);
  t.net.settle();
  EXPECT_EQ(t.bob.expect<SessionConfirmed>().sdp, kOffer);
}

TEST(AgentOffer, WhileOurDelayedOfferWaitsForItsAckThePeersGets491) {
  PeerAndAgent t;
  t.called({});
  t.answer();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  EXPECT_EQ(t.net.count(t.bob, "491 INVITE"), 1U);
  t.ack(1, std::string(kOffer));
  EXPECT_EQ(t.bob.expect<SessionConfirmed>().sdp, kOffer);
}

TEST(AgentOffer, A481ToAReInviteEndsTheSession) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.responds(481, "peer");
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 481);
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.cause, EndCause::Rejected);
  EXPECT_EQ(ended.status, 481);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE"}));
  t.expect_clean();
}

TEST(AgentOffer, AReInviteThatNobodyAnswersLeavesTheDecisionToTheOwner) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.run_for(33s);
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 408);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
}

// Found by the fuzzer: the transaction stayed for ever.
TEST(AgentOffer, AReInviteThatIsOnlyProceedingDoesNotOutliveItsSessionForLong) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.responds(180, "peer");
  t.says(t.peer.request("BYE", 2, "bye"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
