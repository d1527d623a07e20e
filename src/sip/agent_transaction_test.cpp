// RFC 3261 section 17 with RFC 6026: what is repeated, when, and until when.
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

using Times = std::vector<Duration>;

Message message_to_bob() {
  Message m;
  m.method = "MESSAGE";
  m.request_uri = *Uri::parse("sip:bob@192.0.2.2");
  m.add("From", "<sip:alice@example.com>");
  m.add("To", "<sip:bob@example.com>");
  return m;
}

TEST(AgentTransaction, AnInviteWithoutAnyResponseIsRepeatedByTimerAAndEndsByTimerB) {
  PeerAndAgent t;
  t.invite();
  t.net.run_for(31900ms);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  EXPECT_EQ(t.net.times(t.bob, "INVITE"), (Times{0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms}));
  t.net.run_for(100ms);
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.cause, EndCause::NoResponse);
  EXPECT_EQ(ended.status, 408);
  t.expect_clean();
}

TEST(AgentTransaction, AnotherRequestIsRepeatedByTimerEAndEndsByTimerF) {
  PeerAndAgent t;
  const auto id = t.bob.agent.request(message_to_bob(), t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.run_for(33s);
  EXPECT_EQ(t.net.times(t.bob, "MESSAGE"),
            (Times{0ms, 500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms, 19500ms, 23500ms, 27500ms, 31500ms}));
  const auto response = t.bob.expect<ResponseReceived>();
  EXPECT_EQ(response.transaction, id);
  EXPECT_EQ(response.response.status, 408);
  t.expect_clean();
}

TEST(AgentTransaction, ResponsesGoToSentBysPortUnlessRportOrANatAsksForTheSources) {
  PeerAndAgent t;
  int n = 0;
  const auto answered_at = [&](const std::string& via, std::string_view source) {
    Message m = t.peer.request("OPTIONS", ++n, "");
    m.set("Via", "SIP/2.0/UDP " + via + ";branch=z9hG4bKport" + std::to_string(n));
    t.says_from(source, m);
    t.bob.agent.respond(t.bob.expect<RequestReceived>().transaction, 200, {}, {}, t.net.now);
    t.net.collect();
    return t.net.log.back().flow.remote.to_string();
  };
  EXPECT_EQ(answered_at("192.0.2.9:5070;rport", "192.0.2.9:40000"), "192.0.2.9:40000");
  EXPECT_EQ(answered_at("192.0.2.9:5070", "192.0.2.9:40000"), "192.0.2.9:5070");
  EXPECT_EQ(answered_at("192.0.2.9", "192.0.2.9:40000"), "192.0.2.9:5060");
  EXPECT_EQ(answered_at("phone.example.com:5070", "192.0.2.9:40000"), "192.0.2.9:5070");
  EXPECT_EQ(answered_at("10.0.0.9:5070", "192.0.2.9:40000"), "192.0.2.9:40000") << "a NAT lets nothing else in";
  t.net.transport = TransportKind::Tcp;
  EXPECT_EQ(answered_at("192.0.2.9:5070", "192.0.2.9:40000"), "192.0.2.9:40000");
}

TEST(AgentTransaction, RefusalsMadeWithoutATransactionGoToSentBysPortToo) {
  PeerAndAgent t;
  t.net.inject("192.0.2.9:40000", t.bob,
               "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKm\r\n"
               "From: <sip:a@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n");
  ASSERT_EQ(t.net.log.size(), 1U);
  EXPECT_EQ(t.net.log[0].m.status, 400);
  EXPECT_EQ(t.net.log[0].flow.remote.to_string(), "192.0.2.9:5070");
}

TEST(AgentTransaction, ADialogsRequestsGoToTheSourceWhereverResponsesWent) {
  PeerAndAgent t;
  Message invite = t.peer.request("INVITE", 1, "", std::string(kOffer));
  invite.set("Via", "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKdialog");
  t.says_from("192.0.2.9:40000", invite);
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.log.back().flow.remote.to_string(), "192.0.2.9:5070") << "the 100";
  EXPECT_EQ(t.bob.agent.dialog(t.s)->flow.remote.to_string(), "192.0.2.9:40000");
}

TEST(AgentTransaction, ABranchOfNothingButTheCookieMatchesAsRfc2543Does) {
  PeerAndAgent t;
  for (const char* call : {"one", "two"}) {
    t.peer.call_id = call;
    t.says(t.peer.request("OPTIONS", 1, ""));
    t.says(t.peer.request("OPTIONS", 1, ""));
  }
  EXPECT_EQ(t.bob.count<RequestReceived>(), 2U) << "two calls, each once";
}

TEST(AgentTransaction, AProvisionalSlowsTimerEToT2AndStopsTimerA) {
  PeerAndAgent t;
  (void)t.bob.agent.request(message_to_bob(), t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.settle();
  t.responds(100, "", {}, "MESSAGE");
  t.net.run_for(9s);
  EXPECT_EQ(t.net.times(t.bob, "MESSAGE"), (Times{0ms, 500ms, 4500ms, 8500ms}));

  t.invite();
  t.responds(100, "");
  t.net.run_for(300s);
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U);
  EXPECT_EQ(t.bob.agent.sizes().sessions, 1U);
}

TEST(AgentTransaction, NothingIsRepeatedOnReliableTransportsButThe2xx) {
  PeerAndAgent t({}, TransportKind::Tcp);
  t.invite();
  (void)t.bob.agent.request(message_to_bob(), t.net.flow(t.bob, t.peer.address), t.net.now);
  t.called();
  t.bob.agent.reject(t.s, 486, {}, t.net.now);
  t.net.run_for(31s);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "MESSAGE", "100 INVITE", "486 INVITE"}));
  t.peer.call_id = "second";
  t.says(t.peer.request("INVITE", 1, "second", std::string(kOffer)));
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.answer();
  t.net.run_for(2s);
  // A hop further on may be UDP (section 13.3.1.4).
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 3U);
}

TEST(AgentTransaction, ARefusalIsRepeatedByTimerGUntilItsAck) {
  PeerAndAgent t;
  t.called();
  t.bob.agent.reject(t.s, 486, {}, t.net.now);
  t.net.run_for(8s);
  EXPECT_EQ(t.net.times(t.bob, "486 INVITE"), (Times{0ms, 500ms, 1500ms, 3500ms, 7500ms}));
  t.says(t.peer.request("ACK", 1, "invite"));
  t.net.run_for(30s);
  EXPECT_EQ(t.net.count(t.bob, "486 INVITE"), 5U);
  t.expect_clean();
}

TEST(AgentTransaction, ARefusalWithoutAckIsGivenUpByTimerH) {
  PeerAndAgent t;
  t.called();
  t.bob.agent.reject(t.s, 486, {}, t.net.now);
  t.net.run_for(40s);
  EXPECT_EQ(t.net.count(t.bob, "486 INVITE"), 11U);
  t.expect_clean();
}

TEST(AgentTransaction, EachRepeatedRefusalIsAcknowledgedThoughTheSessionIsOver) {
  PeerAndAgent t;
  t.invite();
  t.responds(486, "x");
  EXPECT_EQ(t.bob.expect<SessionEnded>().status, 486);
  EXPECT_EQ(t.bob.agent.sizes().sessions, 0U);
  t.responds(486, "x");
  t.responds(486, "x");
  EXPECT_EQ(t.net.count(t.bob, "ACK"), 3U);
  const Message ack = t.net.last(t.bob, "ACK"), invite = t.net.last(t.bob, "INVITE");
  EXPECT_EQ(ack.get("Via"), invite.get("Via"));
  EXPECT_EQ(tag_of(ack.get("To")), "x");
  EXPECT_EQ(cseq_number(ack), cseq_number(invite));
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  t.expect_clean();
}

TEST(AgentTransaction, Our2xxIsRepeatedUntilItsAck) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.net.run_for(8s);
  EXPECT_EQ(t.net.times(t.bob, "200 INVITE"), (Times{0ms, 500ms, 1500ms, 3500ms, 7500ms}));
  t.ack();
  t.net.run_for(30s);
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 5U);
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 1U);
  t.ack();
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 1U);
}

TEST(AgentTransaction, A2xxWithoutAckEndsInByeAndNoAck) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.net.run_for(31900ms);
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 0U);
  t.net.run_for(200ms);
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 1U);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::NoAck);
  t.expect_clean();
}

TEST(AgentTransaction, ARepeated2xxIsAcknowledgedAgain) {
  PeerAndAgent t;
  t.invite();
  t.responds(200, "x", std::string(kAnswer));
  t.responds(200, "x", std::string(kAnswer));
  EXPECT_EQ(t.net.count(t.bob, "ACK"), 2U);
  EXPECT_EQ(t.bob.count<SessionAnswered>(), 1U);
  t.net.run_for(60s);  // the transaction is over, the session is not
  EXPECT_EQ(t.bob.agent.sizes().client_transactions, 0U);
  t.responds(200, "x", std::string(kAnswer));
  EXPECT_EQ(t.net.count(t.bob, "ACK"), 3U);
  EXPECT_EQ(cseq_number(t.net.last(t.bob, "ACK")), cseq_number(t.net.last(t.bob, "INVITE")));
  EXPECT_EQ(t.bob.agent.counters().stray_responses, 0U);
}

TEST(AgentTransaction, ARepeated2xxIsAcknowledgedEvenAfterTheCallHasEnded) {
  PeerAndAgent t;
  t.invite();
  t.responds(200, "x", std::string(kAnswer));
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  t.responds(200, "x", {}, "BYE");
  EXPECT_EQ(t.bob.agent.sizes().sessions, 0U);
  t.responds(200, "x", std::string(kAnswer));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE", "ACK"}));
  t.expect_clean();
}

TEST(AgentTransaction, ARepeatedInviteGetsTheLastProvisionalAndNothingAfterThe2xx) {
  PeerAndAgent t;
  const Message invite = t.peer.request("INVITE", 1, "invite", std::string(kOffer));
  t.says(invite);
  t.says(invite);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE"}));
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.bob.agent.ring(t.s, 180, {}, {}, t.net.now);
  t.net.collect();
  t.says(invite);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "100 INVITE", "180 INVITE", "180 INVITE"}));
  t.answer();
  t.says(invite);
  EXPECT_EQ(t.net.count(t.bob, "200 INVITE"), 1U);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 0U);
  EXPECT_EQ(t.bob.agent.counters().retransmissions_absorbed, 3U);
}

TEST(AgentTransaction, ARingingResponseIsRepeatedEveryMinute) {
  PeerAndAgent t;
  t.called();
  t.bob.agent.ring(t.s, 180, {}, {}, t.net.now);
  t.net.run_for(125s);
  EXPECT_EQ(t.net.times(t.bob, "180 INVITE"), (Times{0s, 60s, 120s}));
}

TEST(AgentTransaction, RequestsThatTheirOwnerForgetsEnd) {
  PeerAndAgent t;
  t.says(t.peer.request("INVITE", 1, "invite", std::string(kOffer)));
  t.says(t.peer.request("MESSAGE", 2, "message"));
  t.net.run_for(33s);
  EXPECT_EQ(t.net.count(t.bob, "500 INVITE") > 0, true);
  EXPECT_EQ(t.net.count(t.bob, "500 MESSAGE"), 0U);
  t.expect_clean();
}

TEST(AgentTransaction, TheFinalResponseOfAnotherRequestIsRepeatedOnDemandForTimerJ) {
  PeerAndAgent t;
  const Message m = t.peer.request("MESSAGE", 1, "m");
  t.says(m);
  t.says(m);  // nothing to repeat yet
  const auto id = t.bob.expect<RequestReceived>().transaction;
  t.bob.agent.respond(id, 200, {}, "thanks", t.net.now);
  t.bob.agent.respond(id, 404, {}, {}, t.net.now);  // answered already: ignored
  t.net.run_for(30s);
  t.says(m);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 MESSAGE", "200 MESSAGE"}));
  t.net.run_for(3s);
  EXPECT_EQ(t.bob.agent.sizes().server_transactions, 0U);
}

TEST(AgentTransaction, ReceivedAndRportAreFilledInAndTheResponseGoesToTheSource) {
  PeerAndAgent t;
  t.says_from("203.0.113.7:40000", t.peer.request("MESSAGE", 1, "m"));
  const auto received = t.bob.expect<RequestReceived>();
  const auto via = Via::parse(received.request.get("Via"));
  EXPECT_EQ(via->params.get("received"), "203.0.113.7");
  EXPECT_EQ(via->params.get("rport"), "40000");
  EXPECT_EQ(via->host, "192.0.2.9");
  t.bob.agent.respond(received.transaction, 200, {}, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.log.back().flow.remote, at("203.0.113.7:40000"));
  EXPECT_EQ(t.net.log.back().m.get("Via"), received.request.get("Via"));
}

TEST(AgentTransaction, OurViaHasCookieRportAndTheLocalAddress) {
  PeerAndAgent t;
  t.invite();
  const auto via = Via::parse(t.net.last(t.bob, "INVITE").get("Via"));
  EXPECT_EQ(via->transport, "UDP");
  EXPECT_EQ(via->host, "192.0.2.2");
  EXPECT_EQ(via->port, 5060);
  EXPECT_TRUE(via->params.has("rport"));
  EXPECT_TRUE(via->branch().starts_with("z9hG4bK"));
}

TEST(AgentTransaction, StrayResponsesAreDroppedAndCounted) {
  PeerAndAgent t;
  t.invite();
  Message other = t.peer.response(t.net.last(t.bob, "INVITE"), 180, "x");
  other.set("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKunknown");
  t.says(other);
  Message two = t.peer.response(t.net.last(t.bob, "INVITE"), 180, "x");
  two.add("Via", "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKdeeper");
  t.says(two);
  Message wrong_method = t.peer.response(t.net.last(t.bob, "INVITE"), 180, "x");
  wrong_method.set("CSeq", "1 BYE");
  wrong_method.method = "BYE";
  t.says(wrong_method);
  EXPECT_EQ(t.bob.agent.counters().stray_responses, 3U);
  EXPECT_EQ(t.bob.count<SessionProgress>(), 0U);
}

TEST(AgentTransaction, BranchesWithoutTheCookieAreMatchedByTheOldRules) {
  PeerAndAgent t;
  const auto old = [&](std::string_view method, std::string sdp) {
    Message m = t.peer.request(method, 1, "", std::move(sdp));
    m.set("Via", "SIP/2.0/UDP 192.0.2.9:5060");
    return m;
  };
  t.says(old("INVITE", std::string(kOffer)));
  t.says(old("INVITE", std::string(kOffer)));
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.bob.agent.reject(t.s, 486, {}, t.net.now);
  t.net.collect();
  t.peer.to = t.net.last(t.bob, "486 INVITE").get("To");
  t.says(old("ACK", {}));
  t.net.run_for(10s);
  EXPECT_EQ(t.net.count(t.bob, "486 INVITE"), 1U);
  t.expect_clean();
}

// Whatever is lost: each side gets exactly one end, and nothing stays behind.
TEST(AgentTransaction, CallsThroughALossyNetworkLeaveNothingBehind) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    TwoParties t;
    Random random(seed);
    t.net.lose = [&](const Sent&) { return random.chance(0.3); };
    t.invite();
    t.net.run_for(20s);
    std::size_t ends = 1;
    if (t.bob.count<RequestReceived>() > 0) {
      ++ends;
      t.accept();
      t.ring();
      t.net.run_for(seed % 3 == 0 ? 1ms : 2s);
      if (seed % 4 != 0) t.answer();
      t.net.run_for(seed % 5 == 0 ? 5ms : 8s);
    }
    (seed % 2 == 0 ? t.alice : t.bob).agent.hangup(seed % 2 == 0 ? t.a : t.b, {}, t.net.now);
    t.net.run_for(100s);
    t.alice.agent.hangup(t.a, {}, t.net.now);
    t.bob.agent.hangup(t.b, {}, t.net.now);
    t.expect_clean();
    EXPECT_EQ(t.alice.count<SessionEnded>() + t.bob.count<SessionEnded>(), ends) << "seed " << seed;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace segue::sip::testing
