// RFC 3261 section 12: route sets, targets, sequence numbers, and requests that belong to no dialog.
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

using Views = std::vector<std::string_view>;

TEST(DialogText, TagsAreFoundWhereTheyAreParametersOfTheHeader) {
  EXPECT_EQ(tag_of("<sip:a@b>;tag=x"), "x");
  EXPECT_EQ(tag_of("\"a;tag=no <\\\" \" <sip:a@b;tag=no>; TAG = x ;y"), "x");
  EXPECT_EQ(tag_of("sip:a@b;tag=x"), "x");
  EXPECT_EQ(tag_of("<sip:a@b;tag=no>"), "");
  EXPECT_EQ(tag_of("<sip:a@b"), "");
  EXPECT_EQ(tag_of("\"unclosed;tag=no"), "");
  EXPECT_EQ(tag_of(""), "");
}

TEST(DialogText, SequenceNumbersEndBelowTwoToThe31) {
  const auto number = [](std::string value) {
    Message m;
    m.add("CSeq", std::move(value));
    return cseq_number(m);
  };
  EXPECT_EQ(number("2147483647 BYE"), 2147483647U);
  EXPECT_FALSE(number("2147483648 BYE"));
  EXPECT_FALSE(number("99999999999 BYE"));
  EXPECT_FALSE(number("-1 BYE"));
  EXPECT_FALSE(number("7"));
  EXPECT_FALSE(number(""));
}

TEST(AgentDialog, TheCalleesRouteSetIsRecordRouteInOrder) {
  PeerAndAgent t;
  Message invite = t.peer.request("INVITE", 1, "invite", std::string(kOffer));
  invite.add("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>");
  invite.set("Contact", "\"Peer\" <sip:peer@198.51.100.9:5070>");
  t.says(invite);
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.answer();
  const Message ok = t.net.last(t.bob, "200 INVITE");
  EXPECT_EQ(list_values(ok, "Record-Route"), list_values(invite, "Record-Route"));
  t.ack();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  const Message bye = t.net.last(t.bob, "BYE");
  EXPECT_EQ(bye.all("Route"), (Views{"<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"}));
  EXPECT_EQ(bye.request_uri.to_string(), "sip:peer@198.51.100.9:5070");
  EXPECT_EQ(t.net.log.back().flow.remote, at(t.peer.address)) << "requests keep to the dialog's flow";
}

TEST(AgentDialog, TheCallersRouteSetIsReversedAndReplacesTheRoutesOfTheInvite) {
  PeerAndAgent t;
  auto options = t.options();
  options.routes = {"<sip:outbound.example.com;lr>"};
  t.s = t.bob.agent.invite(std::move(options), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.last(t.bob, "INVITE").get("Route"), "<sip:outbound.example.com;lr>");
  Message ok = t.peer.response(t.net.last(t.bob, "INVITE"), 200, "x", std::string(kAnswer));
  ok.add("Record-Route", "<sip:p2.example.com;lr>");
  ok.add("Record-Route", "<sip:p1.example.com;lr>");
  t.says(ok);
  EXPECT_EQ(t.net.last(t.bob, "ACK").all("Route"), (Views{"<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"}));
  EXPECT_EQ(t.net.last(t.bob, "ACK").request_uri.to_string(), "sip:peer@192.0.2.9:5060");
}

TEST(AgentDialog, AStrictRouterFindsItselfInTheRequestUri) {
  PeerAndAgent t;
  Message invite = t.peer.request("INVITE", 1, "invite", std::string(kOffer));
  invite.add("Record-Route", "<sip:old.example.com>, <sip:new.example.com;lr>");
  t.says(invite);
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.answer();
  t.ack();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  const Message bye = t.net.last(t.bob, "BYE");
  EXPECT_EQ(bye.request_uri.to_string(), "sip:old.example.com");
  EXPECT_EQ(bye.all("Route"), (Views{"<sip:new.example.com;lr>", "<sip:peer@192.0.2.9:5060>"}));
}

TEST(AgentDialog, ATargetRefreshMovesTheTargetAndTheFlowFollowsTheSource) {
  PeerAndAgent t;
  t.talk();
  Message re = t.peer.request("INVITE", 2, "re", std::string(kOffer));
  re.set("Contact", "<sip:peer@203.0.113.5:6000>");
  t.says_from("203.0.113.5:6001", re);
  t.bob.agent.answer_offer(t.s, std::string(kAnswer), t.net.now);
  t.net.collect();
  t.says_from("203.0.113.5:6001", t.peer.request("ACK", 2, "ack-re"));
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.last(t.bob, "BYE").request_uri.to_string(), "sip:peer@203.0.113.5:6000");
  EXPECT_EQ(t.net.log.back().flow.remote, at("203.0.113.5:6001"));
}

TEST(AgentDialog, RequestsInUnknownDialogsGet481) {
  PeerAndAgent t;
  t.talk();
  const std::string good = t.peer.to;
  int n = 10;
  for (const auto* method : {"BYE", "INVITE", "INFO", "UPDATE", "OPTIONS", "REFER"}) {
    t.peer.to = "<sip:bob@example.com>;tag=nonsense";
    t.says(t.peer.request(method, n, "u" + std::to_string(n)));
    EXPECT_EQ(t.net.count(t.bob, std::string("481 ") + method), 1U);
    ++n;
  }
  t.peer.to = good;
  t.peer.from = "<sip:peer@example.com>;tag=someone-else";
  t.says(t.peer.request("BYE", n, "wrong-from"));
  t.peer.from = "<sip:peer@example.com>;tag=peer";
  t.peer.call_id = "another";
  t.says(t.peer.request("BYE", n, "wrong-call"));
  EXPECT_EQ(t.net.count(t.bob, "481 BYE"), 3U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
}

TEST(AgentDialog, ARequestOutOfOrderGets500AndHarmsNothing) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("INFO", 7, "i7"));
  t.says_from("203.0.113.66:1", t.peer.request("BYE", 6, "late"));
  EXPECT_EQ(t.net.count(t.bob, "500 BYE"), 1U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  EXPECT_EQ(t.bob.agent.dialog(t.s)->flow.remote, at(t.peer.address));
  t.says(t.peer.request("BYE", 8, "right"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
}

TEST(AgentDialog, AStaleByeGets481OnceAndItsRepetitionsTheSame) {
  PeerAndAgent t;
  t.talk();
  const Message bye = t.peer.request("BYE", 2, "bye");
  t.says(bye);
  t.says(bye);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 BYE", "200 BYE"}));
  t.says(t.peer.request("BYE", 3, "stale"));
  t.says(t.peer.request("BYE", 3, "stale"));
  EXPECT_EQ(t.net.count(t.bob, "481 BYE"), 2U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 1U);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 0U);
  t.expect_clean();
}

TEST(AgentDialog, AByeBeforeTheAckIsLegal) {
  PeerAndAgent t;
  t.called();
  t.answer();
  t.says(t.peer.request("BYE", 2, "bye"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.ack();
  t.net.run_for(40s);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "200 INVITE", "200 BYE"}));
  EXPECT_EQ(t.bob.count<SessionConfirmed>(), 0U);
  t.expect_clean();
}

TEST(AgentDialog, CrossingByesAreBothAnswered) {
  TwoParties t;
  t.talk();
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.bob.agent.hangup(t.b, {}, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.net.count(t.alice, "200 BYE"), 1U);
  EXPECT_EQ(t.net.count(t.bob, "200 BYE"), 1U);
  EXPECT_EQ(t.alice.count<SessionEnded>(), 1U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 1U);
  t.expect_clean();
}

TEST(AgentDialog, AByeDuringOurReInvite) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.says(t.peer.request("BYE", 2, "bye"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.responds(487, "peer");
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "200 BYE", "ACK"}));
  EXPECT_EQ(t.bob.count<OfferAnswered>(), 0U);
  t.expect_clean();
}

TEST(AgentDialog, OurByeDuringOurReInviteStillAcknowledgesIts2xx) {
  PeerAndAgent t;
  t.talk();
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  t.responds(200, "peer", std::string(kAnswer));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "BYE", "ACK"}));
  t.responds(200, "peer", {}, "BYE");
  t.responds(200, "peer", std::string(kAnswer));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "BYE", "ACK", "ACK"}));
  t.expect_clean();
}

TEST(AgentDialog, AByeDuringThePeersReInviteGives487ToIt) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("INVITE", 2, "re", std::string(kHold)));
  t.says(t.peer.request("BYE", 3, "bye"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"200 BYE", "487 INVITE"}));
  t.says(t.peer.request("ACK", 2, "re"));
  t.expect_clean();
}

TEST(AgentDialog, OptionsInTheDialogIsAnsweredHere) {
  PeerAndAgent t;
  t.talk();
  t.says(t.peer.request("OPTIONS", 2, "o"));
  const Message ok = t.net.last(t.bob, "200 OPTIONS");
  EXPECT_NE(ok.get("Allow").find("UPDATE"), std::string_view::npos);
  EXPECT_EQ(ok.get("Supported"), "timer");
  EXPECT_EQ(ok.get("Accept"), "application/sdp");
  EXPECT_EQ(t.bob.count<SessionRequest>(), 0U);
}

TEST(AgentDialog, OtherRequestsInTheDialogGoToTheOwner) {
  TwoParties t;
  t.talk();
  const auto id = t.alice.agent.request_in_session(t.a, "INFO", {{"Content-Type", "application/dtmf-relay"}},
                                                   "Signal=5\r\n", t.net.now);
  t.net.settle();
  const auto info = t.bob.expect<SessionRequest>();
  EXPECT_EQ(info.session, t.b);
  EXPECT_EQ(info.request.body, "Signal=5\r\n");
  t.bob.agent.respond(info.transaction, 200, {}, {}, t.net.now);
  t.net.settle();
  const auto response = t.alice.expect<ResponseReceived>();
  EXPECT_EQ(response.transaction, id);
  EXPECT_EQ(response.response.status, 200);
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.expect_clean();
}

TEST(AgentDialog, ARequestWithoutADialogFailsAtOnce) {
  TwoParties t;
  t.invite();
  const auto id = t.alice.agent.request_in_session(t.a, "INFO", {}, {}, t.net.now);
  t.net.collect();
  const auto response = t.alice.expect<ResponseReceived>();
  EXPECT_EQ(response.transaction, id);
  EXPECT_EQ(response.response.status, 481);
  (void)t.alice.agent.request_in_session(SessionId{4711}, "INFO", {}, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(t.alice.expect<ResponseReceived>().response.status, 481);
}

TEST(AgentDialog, MergedRequestsGet482) {
  PeerAndAgent t;
  t.says(t.peer.request("INVITE", 1, "one-way", std::string(kOffer)));
  t.says(t.peer.request("INVITE", 1, "other-way", std::string(kOffer)));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"482 INVITE"}));
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
  // A serial fork that tries again after the first branch was refused is no loop.
  t.bob.agent.respond(t.bob.expect<RequestReceived>().transaction, 480, {}, {}, t.net.now);
  t.says(t.peer.request("INVITE", 1, "third-way", std::string(kOffer)));
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
}

TEST(AgentDialog, MergingIsForgottenWithTheTransaction) {
  PeerAndAgent t;
  t.says(t.peer.request("MESSAGE", 1, "one-way"));
  t.bob.agent.respond(t.bob.expect<RequestReceived>().transaction, 200, {}, {}, t.net.now);
  t.says(t.peer.request("MESSAGE", 1, "other-way"));
  EXPECT_EQ(t.net.count(t.bob, "482 MESSAGE"), 1U);
  t.net.run_for(33s);
  t.says(t.peer.request("MESSAGE", 1, "third-way"));
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
}

TEST(AgentDialog, WhatCannotBeServedIsRefusedWithTheReason) {
  PeerAndAgent t;
  Message m = t.peer.request("INVITE", 1, "r", std::string(kOffer));
  m.add("Require", "timer, 100rel");
  m.add("Require", "nonsense");
  t.says(m);
  EXPECT_EQ(t.net.last(t.bob, "420 INVITE").get("Unsupported"), "100rel, nonsense");
  m = t.peer.request("OPTIONS", 2, "u");
  m.request_uri = *Uri::parse("tel:+15551234");
  t.says(m);
  EXPECT_EQ(t.net.count(t.bob, "416 OPTIONS"), 1U);
  m = t.peer.request("INVITE", 3, "c", "hello");
  m.set("Content-Type", "text/plain");
  t.says(m);
  EXPECT_EQ(t.net.last(t.bob, "415 INVITE").get("Accept"), "application/sdp");
  for (const std::string method : {"BYE", "UPDATE", "PRACK", "INFO", "NOTIFY"}) {
    t.says(t.peer.request(method, 4, "b" + method));
    EXPECT_EQ(t.net.count(t.bob, "481 " + method), 1U);
  }
  EXPECT_EQ(t.bob.count<RequestReceived>(), 0U);
  t.says(t.peer.request("OPTIONS", 5, "o"));
  EXPECT_EQ(t.bob.expect<RequestReceived>().request.method, "OPTIONS");
}

TEST(AgentDialog, AnEndpointServesTheLastHop) {
  PeerAndAgent t;
  Message m = t.peer.request("INVITE", 1, "f", std::string(kOffer));
  m.set("Max-Forwards", "0");
  t.says(m);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
}

TEST(AgentDialog, ACodedBodyIsRefusedWithTheCodingThatIsKnown) {
  PeerAndAgent t;
  Message m = t.peer.request("INVITE", 1, "gz", std::string(kOffer));
  m.add("Content-Encoding", "gzip");
  t.says(m);
  EXPECT_EQ(t.net.last(t.bob, "415 INVITE").get("Accept-Encoding"), "identity");
  m = t.peer.request("INVITE", 2, "id", std::string(kOffer));
  m.add("Content-Encoding", "Identity");
  t.says(m);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
}

TEST(AgentDialog, ACallerWhoTakesNoSdpGets406) {
  PeerAndAgent t;
  int cseq = 0;
  const auto taken = [&](const char* accept) {
    ++cseq;
    Message m = t.peer.request("INVITE", cseq, "accept" + std::to_string(cseq), std::string(kOffer));
    m.add("Accept", accept);
    const auto before = t.bob.count<RequestReceived>();
    t.says(m);
    const bool refused = t.net.count(t.bob, "406 INVITE") > 0;
    t.net.log.clear();
    EXPECT_NE(refused, t.bob.count<RequestReceived>() > before);
    return !refused;
  };
  EXPECT_TRUE(taken("application/sdp"));
  EXPECT_TRUE(taken("text/plain, APPLICATION/SDP ; level=1"));
  EXPECT_TRUE(taken("application/*"));
  EXPECT_TRUE(taken("text/plain;q=0.1, */*"));
  EXPECT_FALSE(taken("text/plain, application/dtmf-relay"));
  EXPECT_FALSE(taken("application/sdpx"));
}

TEST(AgentDialog, AnInviteThatWouldReplaceADialogStartsNoSecondCall) {
  PeerAndAgent t;
  int cseq = 0;
  const auto status = [&](std::vector<std::string> replaces) {
    ++cseq;
    Message m = t.peer.request("INVITE", cseq, "replaces" + std::to_string(cseq), std::string(kOffer));
    for (auto& value : replaces) m.add("Replaces", std::move(value));
    t.says(m);
    const int answered = t.net.log.empty() ? 0 : t.net.log.back().m.status;
    t.net.log.clear();
    return answered;
  };
  EXPECT_EQ(status({"call@host;to-tag=1;from-tag=2"}), 481);
  EXPECT_EQ(status({"call@host;from-tag=2;early-only;to-tag=1"}), 481);
  EXPECT_EQ(status({"call@host;to-tag=1"}), 400);
  EXPECT_EQ(status({""}), 400);
  EXPECT_EQ(status({"call@host;to-tag=1;from-tag=2", "call@host;to-tag=3;from-tag=4"}), 400);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 0U);
}

TEST(AgentDialog, AStrayAckIsNotAnsweredAndLeavesNothing) {
  PeerAndAgent t;
  t.says(t.peer.request("ACK", 1, "a"));
  t.peer.to = "<sip:bob@example.com>;tag=nonsense";
  t.says(t.peer.request("ACK", 1, "b"));
  EXPECT_TRUE(t.net.log.empty());
  EXPECT_EQ(t.bob.agent.sizes().server_transactions, 0U);
}

}  // namespace
}  // namespace segue::sip::testing
