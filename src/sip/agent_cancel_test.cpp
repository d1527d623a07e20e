// CANCEL, and the 200s that cross it (RFC 3261 section 9).
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

TEST(AgentCancel, WaitsForAProvisional) {
  PeerAndAgent t;
  t.invite();
  t.bob.agent.hangup(t.s, {{"Reason", "SIP;cause=200;text=\"elsewhere\""}}, t.net.now);
  t.net.run_for(2s);
  EXPECT_EQ(t.net.count(t.bob, "CANCEL"), 0U);
  t.responds(100, "");
  EXPECT_EQ(t.net.count(t.bob, "CANCEL"), 1U);
  const Message cancel = t.net.last(t.bob, "CANCEL"), invite = t.net.last(t.bob, "INVITE");
  EXPECT_EQ(cancel.get("Via"), invite.get("Via"));
  EXPECT_EQ(cancel.get("To"), invite.get("To"));
  EXPECT_EQ(cancel.request_uri, invite.request_uri) << "the same request-URI finds the same proxy";
  EXPECT_EQ(cseq_number(cancel), cseq_number(invite));
  EXPECT_EQ(cancel.get("Reason"), "SIP;cause=200;text=\"elsewhere\"");
  t.responds(180, "x");
  EXPECT_EQ(t.net.count(t.bob, "CANCEL"), 1U);
  t.responds(200, "", {}, "CANCEL");
  t.responds(487, "x");
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.count<SessionProgress>(), 0U);
  t.expect_clean();
}

TEST(AgentCancel, A200ThatCrossesItIsAckedAndByedAsOneUnit) {
  PeerAndAgent t;
  t.invite();
  t.responds(180, "x");
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  t.responds(200, "x", std::string(kAnswer));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "CANCEL", "ACK", "BYE"}));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.count<SessionAnswered>(), 0U);
  const Message bye = t.net.last(t.bob, "BYE");
  EXPECT_EQ(tag_of(bye.get("To")), "x");
  EXPECT_EQ(*cseq_number(bye), *cseq_number(t.net.last(t.bob, "INVITE")) + 1);
  t.expect_clean();
}

TEST(AgentCancel, A200BeforeAnyProvisionalIsAckedAndByed) {
  PeerAndAgent t;
  t.invite();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.responds(200, "x", std::string(kAnswer));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE"}));
  EXPECT_EQ(t.bob.count<SessionEnded>(), 1U);
  t.expect_clean();
}

TEST(AgentCancel, Both200sCrossInTheNetwork) {
  TwoParties t;
  t.until_ringing();
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.answer();
  t.net.settle();
  // The CANCEL came after the 200: it is answered and changes nothing. The BYE ends the call.
  EXPECT_EQ(t.net.sent_by(t.alice), (Names{"INVITE", "CANCEL", "ACK", "BYE"}));
  EXPECT_EQ(t.net.count(t.bob, "200 CANCEL"), 1U);
  EXPECT_EQ(t.net.count(t.bob, "487 INVITE"), 0U);
  EXPECT_EQ(t.alice.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

TEST(AgentCancel, AfterOur200ItHasNoEffect) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.says(t.peer.request("CANCEL", 1, "invite"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "200 INVITE", "200 CANCEL"}));
  t.ack();
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 1U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
}

TEST(AgentCancel, OfAnUnknownTransactionGets481) {
  PeerAndAgent t;
  t.called();
  t.says(t.peer.request("CANCEL", 1, "another-branch"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "481 CANCEL"}));
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
}

TEST(AgentCancel, BranchesOfOneCallAreToldApartByVia) {
  PeerAndAgent t;
  t.called();
  const SessionId first = t.s;
  t.peer.from = "<sip:peer@example.com>;tag=other";
  t.says(t.peer.request("INVITE", 1, "second", std::string(kOffer)));
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.says(t.peer.request("CANCEL", 1, "second"));
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.session, t.s);
  EXPECT_NE(ended.session, first);
  EXPECT_TRUE(t.bob.agent.dialog(first).has_value());
}

TEST(AgentCancel, BeforeTheOwnerAcceptedStillGivesOneEnd) {
  PeerAndAgent t;
  t.says(t.peer.request("INVITE", 1, "invite", std::string(kOffer)));
  t.says(t.peer.request("CANCEL", 1, "invite"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 CANCEL", "487 INVITE"}));
  const auto id = t.bob.expect<RequestReceived>().transaction;
  t.s = t.bob.agent.accept_invite(id, name_addr("<sip:bob@192.0.2.2>"), t.net.now);
  t.bob.agent.answer(t.s, std::string(kAnswer), {}, t.net.now);
  t.net.collect();
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.session, t.s);
  EXPECT_EQ(ended.cause, EndCause::RemoteCancel);
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 0U);
  t.says(t.peer.request("ACK", 1, "invite"));
  t.expect_clean();
}

TEST(AgentCancel, AnsweredButTheInviteNeverIsNotWaitedFor) {
  PeerAndAgent t;
  t.invite();
  t.responds(180, "x");
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  t.responds(200, "", {}, "CANCEL");
  t.net.run_for(31s);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  t.net.run_for(2s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  t.expect_clean();
}

TEST(AgentCancel, HangupWithoutAnyResponseEndsByTimerB) {
  PeerAndAgent t;
  t.invite();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.run_for(33s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  t.expect_clean();
}

TEST(AgentCancel, OfAReInviteLeavesTheSession) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  EXPECT_EQ(t.bob.count<OfferReceived>(), 1U);
  t.says(t.peer.request("CANCEL", 2, "re"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 CANCEL", "487 INVITE"}));
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);  // too late, and ignored
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 0U);
  EXPECT_TRUE(t.bob.agent.dialog(t.s)->confirmed);
}

TEST(AgentCancel, HangupOfAnUnansweredCallIs603AndOfAnUnackedOneWaitsForTheAck) {
  PeerAndAgent t;
  t.called();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "603 INVITE"), 1U);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);

  t.peer.call_id = "second";
  t.says(t.peer.request("INVITE", 1, "second", std::string(kOffer)));
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.answer();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 0U);
  t.ack();
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 1U);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 0U);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
