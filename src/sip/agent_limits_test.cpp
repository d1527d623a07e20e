// Bounds, failed flows and hostile input.
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

TEST(AgentLimits, PastTheTransactionBoundNewRequestsGet503AndTheOldCallsGoOn) {
  AgentConfig config;
  config.limits.max_transactions = 10;
  PeerAndAgent t(config);
  t.talk();
  const Peer caller = t.peer;
  t.peer.to = "<sip:bob@example.com>";
  for (int i = 0; i < 9; ++i) {
    t.peer.call_id = "flood" + std::to_string(i);
    t.says(t.peer.request("OPTIONS", 1, t.peer.call_id));
  }
  EXPECT_EQ(t.bob.count<RequestReceived>(), 9U);
  EXPECT_EQ(t.bob.agent.counters().refused_full, 0U);
  t.peer.call_id = "one-more";
  const Message more = t.peer.request("INVITE", 1, "one-more", std::string(kOffer));
  t.says(more);
  t.says(more);
  EXPECT_EQ(t.bob.agent.counters().refused_full, 2U);
  EXPECT_EQ(t.bob.count<RequestReceived>(), 9U);
  const Message refused = t.net.last(t.bob, "503 INVITE");
  EXPECT_FALSE(refused.get("Retry-After").empty());
  EXPECT_EQ(refused.get("To"), t.net.log[t.net.log.size() - 2].m.get("To")) << "a repetition gets the same tag";
  t.says(t.peer.request("ACK", 1, "one-more"));

  EXPECT_EQ(
      t.bob.agent.request(t.peer.request("MESSAGE", 1, "x"), t.net.flow(t.bob, t.peer.address), t.net.now).valid(),
      true);
  t.net.collect();
  EXPECT_EQ(t.bob.expect<ResponseReceived>().response.status, 503);
  t.peer = caller;
  t.says(t.peer.request("BYE", 2, "bye"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

TEST(AgentLimits, PastTheSessionBoundInvitesAreRefusedBothWays) {
  AgentConfig config;
  config.limits.max_sessions = 1;
  PeerAndAgent t(config);
  t.talk();
  Peer other;
  other.call_id = "other";
  other.from = "<sip:other@example.com>;tag=o";
  t.says(other.request("INVITE", 1, "other", std::string(kOffer)));
  EXPECT_EQ(t.net.count(t.bob, "503 INVITE"), 1U);
  const SessionId refused = t.bob.agent.invite(t.options(), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 0U);
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.session, refused);
  EXPECT_EQ(ended.cause, EndCause::NoResponse);
  EXPECT_EQ(ended.status, 503);
  t.says(t.peer.request("BYE", 2, "bye"));
  EXPECT_EQ(t.bob.agent.sizes().sessions, 0U);
  t.says(other.request("INVITE", 2, "again", std::string(kOffer)));
  EXPECT_EQ(t.bob.count<RequestReceived>(), 1U);
}

TEST(AgentFlow, AFailedFlowEndsWhatWaitsOnItAndNothingElse) {
  PeerAndAgent t({}, TransportKind::Tcp);
  t.talk();
  const SessionId talking = t.s;
  const auto info = t.bob.agent.request_in_session(t.s, "INFO", {}, {}, t.net.now);
  t.invite();
  t.responds(180, "x");
  auto elsewhere = t.options();
  elsewhere.flow.remote = at("198.51.100.1:5060");
  const SessionId other = t.bob.agent.invite(std::move(elsewhere), t.net.now);
  t.bob.agent.flow_failed(t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.collect();
  const auto response = t.bob.expect<ResponseReceived>();
  EXPECT_EQ(response.transaction, info);
  EXPECT_EQ(response.response.status, 503);
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.session, t.s);
  EXPECT_EQ(ended.cause, EndCause::NoResponse);
  EXPECT_EQ(ended.status, 503);
  EXPECT_TRUE(t.bob.agent.dialog(talking).has_value());
  EXPECT_TRUE(t.bob.agent.dialog(other).has_value());
}

TEST(AgentFlow, WhatHasItsFinalResponseDoesNotFailAgain) {
  PeerAndAgent t({}, TransportKind::Tcp);
  t.invite();
  t.responds(200, "x", std::string(kAnswer));
  t.bob.expect<SessionAnswered>();
  t.bob.agent.flow_failed(t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  EXPECT_TRUE(t.bob.agent.dialog(t.s).has_value());
  EXPECT_EQ(t.bob.agent.sizes().client_transactions, 1U) << "it stays for the 2xx's repetitions";
}

/// What AgentLimits::max_transactions is reckoned from: the time that the transactions of one call are kept, summed.
TEST(AgentLimits, ACallLeavesHundredTransactionSeconds) {
  const auto kept_after = [](auto&& call) {  // by one agent, which is never told more
    PeerAndAgent t;
    call(t);
    const auto begun = t.net.now.mono;
    double sum = 0;
    for (auto last = begun; t.net.now.mono - begun < 60s; last = t.net.now.mono) {
      const auto sizes = t.bob.agent.sizes();
      t.net.run_for(100ms);
      sum += static_cast<double>(sizes.client_transactions + sizes.server_transactions) * to_s(t.net.now.mono - last);
    }
    EXPECT_EQ(t.bob.agent.sizes().timers, 0U);
    return sum;
  };
  const double caller_leg = kept_after([](PeerAndAgent& t) {
    t.says(t.peer.request("INVITE", 1, "challenged", std::string(kOffer)));
    t.bob.agent.respond(t.bob.expect<RequestReceived>().transaction, 401, {}, {}, t.net.now, {});
    t.net.collect();
    t.says(t.peer.request("ACK", 1, "challenged"));
    t.talk();
    t.says(t.peer.request("BYE", 3, "bye"));
  });
  const double callee_leg = kept_after([](PeerAndAgent& t) {
    t.invite();
    t.responds(200, "x", std::string(kAnswer));
    t.bob.agent.hangup(t.s, {}, t.net.now);
    t.net.collect();
    t.responds(200, "x", {}, "BYE");
  });
  EXPECT_NEAR(caller_leg + callee_leg, 3 * 32 + 2 * 5, 1);
}

TEST(AgentFlow, ByeOnAFailedFlowStillEndsTheSession) {
  PeerAndAgent t({}, TransportKind::Tcp);
  t.talk();
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.bob.agent.flow_failed(t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.collect();
  EXPECT_EQ(t.bob.count<SessionEnded>(), 1U);
  EXPECT_EQ(t.bob.agent.sizes().sessions, 0U);
}

TEST(AgentHostile, MalformedRequestsAreAnsweredOrDroppedAndCounted) {
  PeerAndAgent t;
  t.net.inject(t.peer.address, t.bob, "\r\n\r\n");
  t.net.inject(t.peer.address, t.bob, "nonsense");
  EXPECT_EQ(t.bob.agent.counters().malformed_dropped, 1U);
  std::string bytes = t.peer.request("OPTIONS", 1, "m").to_string();
  bytes.replace(bytes.find("Max-Forwards: 70"), 16, "Content-Length: x");
  t.net.inject(t.peer.address, t.bob, bytes);
  EXPECT_EQ(t.bob.agent.counters().malformed_answered, 1U);
  EXPECT_EQ(t.net.count(t.bob, "400 OPTIONS"), 1U);
  const auto dropped = t.bob.take<Refused>(), answered = t.bob.take<Refused>();
  ASSERT_TRUE(dropped && answered);
  EXPECT_EQ(dropped->status, 0);
  EXPECT_EQ(answered->status, 400);
  EXPECT_EQ(answered->text, "a header that may stand once stands twice");
  EXPECT_EQ(t.bob.agent.sizes().server_transactions, 0U);
}

TEST(AgentHostile, WhatAStreamBrokeOnIsAnsweredIfItIsARequest) {
  PeerAndAgent t({}, TransportKind::Tcp);
  const auto flow = t.net.flow(t.bob, t.peer.address);
  t.bob.agent.receive_unframed(t.peer.request("OPTIONS", 1, "m").to_string(), 400, "no Content-Length", flow);
  t.bob.agent.receive_unframed("SIP/2.0 200 OK\r\n\r\n", 400, "no Content-Length", flow);
  t.bob.agent.receive_unframed(std::string(100000, 'x'), 513, "too large", flow);
  t.net.collect();
  EXPECT_EQ(t.net.count(t.bob, "400 OPTIONS"), 1U);
  std::vector<int> statuses;
  while (const auto refused = t.bob.take<Refused>()) statuses.push_back(refused->status);
  EXPECT_EQ(statuses, (std::vector<int>{400, 0, 0}));
}

std::string mutated(std::string bytes, Random& random) {
  for (std::uint64_t n = 1 + random.below(4); n > 0 && !bytes.empty(); --n) {
    const auto at = static_cast<std::size_t>(random.below(bytes.size()));
    switch (random.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        bytes.erase(at, static_cast<std::size_t>(1 + random.below(20)));
        break;
      case 2:
        bytes.insert(at, bytes.substr(static_cast<std::size_t>(random.below(bytes.size())), 30));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, std::string(static_cast<std::size_t>(random.below(40)), ";,<>\"=@ \r"[random.below(9)]));
        break;
    }
  }
  return bytes;
}

/// Messages that fit the live session, so that mutations reach deep.
std::vector<std::string> seeds(const PeerAndAgent& t, int cseq) {
  std::vector<std::string> list;
  const std::string id = std::to_string(cseq);
  for (const auto* method : {"INFO", "OPTIONS", "UPDATE", "INVITE", "ACK", "CANCEL", "PRACK", "NOTIFY"}) {
    list.push_back(t.peer.request(method, cseq, "m" + id, cseq % 2 == 0 ? std::string(kHold) : "").to_string());
  }
  for (const auto* name : {"INVITE", "INFO"}) {
    for (const int status : {100, 180, 200, 401, 422, 481, 487, 491, 500}) {
      Message m = t.peer.response(t.net.last(t.bob, name), status, "peer", std::string(kAnswer));
      m.set("From", std::string(t.net.last(t.bob, name).get("From")));
      m.add("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
      m.add("Min-SE", "500");
      list.push_back(m.to_string());
    }
  }
  return list;
}

TEST(AgentHostile, FourThousandMutatedMessagesLeaveALiveSessionUnharmed) {
  PeerAndAgent t;
  Random random(7);
  t.net.hostile = true;
  t.talk();
  int cseq = 10;
  for (int i = 0; i < 4000; ++i) {
    if (i % 100 == 0) {
      // Something of ours is always under way, so that responses have a transaction to hit.
      t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
      (void)t.bob.agent.request_in_session(t.s, "INFO", {}, {}, t.net.now);
      t.net.run_for(100ms);
      while (t.bob.take<OfferReceived>()) t.bob.agent.reject_offer(t.s, 488, t.net.now);
    }
    const auto list = seeds(t, ++cseq);
    t.net.inject(t.peer.address, t.bob, mutated(list[random.below(list.size())], random));
    if (t.bob.count<SessionEnded>() > 0) {
      // Only a 481 to our re-INVITE, which a mutation of something harmless can still be, may end the session.
      ASSERT_EQ(t.bob.expect<SessionEnded>().status, 481) << "message " << i;
      t.peer.call_id = "again" + std::to_string(i);
      t.peer.to = "<sip:bob@example.com>";
      t.bob.events.clear();
      t.says(t.peer.request("INVITE", 1, "again" + std::to_string(i), std::string(kOffer)));
      t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                      t.net.now);
      t.answer();
      t.ack();
      t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
      (void)t.bob.agent.request_in_session(t.s, "INFO", {}, {}, t.net.now);
      t.net.collect();
    }
    t.bob.events.remove_if([](const Output& o) { return !std::holds_alternative<OfferReceived>(o); });
    ASSERT_TRUE(t.bob.agent.dialog(t.s)->confirmed);
    ASSERT_LE(t.bob.agent.sizes().sessions, 20U);
  }
  t.bob.events.clear();
  t.says(t.peer.request("BYE", 2000000000, "the-end"));
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
