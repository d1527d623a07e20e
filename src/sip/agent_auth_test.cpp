// Digest challenges to what the agent sends (RFC 3261 section 22).
#include "sip/agent_test_support.h"
#include "sip/digest.h"

namespace segue::sip::testing {
namespace {

/// The peer as a server that checks digests for real.
struct Guard {
  DigestServer server{"example.com", Random(99)};
  [[nodiscard]] Message challenge(const PeerAndAgent& t, const Message& request, bool stale = false, int status = 401,
                                  DigestAlgorithm algorithm = DigestAlgorithm::Md5) {
    Message m = t.peer.response(request, status, "x");
    m.add(status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate",
          server.challenge(algorithm, stale, t.net.now.mono).to_string());
    return m;
  }
  [[nodiscard]] DigestServer::Verdict check(const PeerAndAgent& t, const Message& request,
                                            std::string_view header = "Authorization") {
    const auto c = DigestCredentials::parse(request.get(header));
    if (!c) return DigestServer::Verdict::Wrong;
    const auto ha1 = digest_ha1(c->algorithm, "bob", "example.com", "secret");
    return server.check(*c, request.method, ha1, t.net.now.mono);
  }
};

TEST(AgentAuth, AnInviteIsSentAgainWithTheAnswerAndTheAckCarriesIt) {
  PeerAndAgent t;
  Guard guard;
  t.invite();
  t.bob.agent.set_credentials(t.s, "bob", "secret");
  const Message first = t.net.last(t.bob, "INVITE");
  t.says(guard.challenge(t, first));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "INVITE"}));
  const Message second = t.net.last(t.bob, "INVITE");
  EXPECT_EQ(guard.check(t, second), DigestServer::Verdict::Ok);
  EXPECT_EQ(second.get("Call-ID"), first.get("Call-ID"));
  EXPECT_EQ(second.get("From"), first.get("From"));
  EXPECT_EQ(second.get("To"), first.get("To"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_NE(second.get("Via"), first.get("Via"));
  EXPECT_EQ(*cseq_number(second), *cseq_number(first) + 1);
  t.responds(200, "y", std::string(kAnswer));
  const Message ack = t.net.last(t.bob, "ACK");
  EXPECT_EQ(ack.get("Authorization"), second.get("Authorization"));
  EXPECT_EQ(cseq_number(ack), cseq_number(second));
  EXPECT_EQ(t.bob.count<SessionAnswered>(), 1U);

  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "BYE")), DigestServer::Verdict::Ok) << "later requests carry it at once";
  t.responds(200, "y", {}, "BYE");
  t.expect_clean();
}

TEST(AgentAuth, AWrongPasswordIsTriedOnce) {
  PeerAndAgent t;
  Guard guard;
  t.invite();
  t.bob.agent.set_credentials(t.s, "bob", "wrong");
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "INVITE")), DigestServer::Verdict::Wrong);
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 2U);
  const auto ended = t.bob.expect<SessionEnded>();
  EXPECT_EQ(ended.cause, EndCause::Rejected);
  EXPECT_EQ(ended.status, 401);
  t.expect_clean();
}

TEST(AgentAuth, AStaleNonceIsAnsweredAgainButNotForEver) {
  PeerAndAgent t;
  Guard guard;
  t.invite();
  t.bob.agent.set_credentials(t.s, "bob", "secret");
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE"), true));
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 3U);
  for (int i = 0; i < 10; ++i) t.says(guard.challenge(t, t.net.last(t.bob, "INVITE"), true));
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 7U);
  EXPECT_EQ(t.bob.expect<SessionEnded>().status, 401);
}

TEST(AgentAuth, AProxyAndThenTheCalleeMayBothAsk) {
  PeerAndAgent t;
  Guard proxy, callee;
  t.invite();
  t.bob.agent.set_credentials(t.s, "bob", "secret");
  t.says(proxy.challenge(t, t.net.last(t.bob, "INVITE"), false, 407, DigestAlgorithm::Sha256));
  t.says(callee.challenge(t, t.net.last(t.bob, "INVITE")));
  const Message third = t.net.last(t.bob, "INVITE");
  EXPECT_EQ(callee.check(t, third), DigestServer::Verdict::Ok);
  EXPECT_EQ(proxy.check(t, third, "Proxy-Authorization"), DigestServer::Verdict::Ok);
}

TEST(AgentAuth, WithoutCredentialsA401IsARejection) {
  PeerAndAgent t;
  Guard guard;
  t.invite();
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));
  EXPECT_EQ(t.bob.expect<SessionEnded>().status, 401);
}

TEST(AgentAuth, AChallengeToAHungUpInviteEndsIt) {
  PeerAndAgent t;
  Guard guard;
  t.invite();
  t.bob.agent.set_credentials(t.s, "bob", "secret");
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  t.expect_clean();
}

TEST(AgentAuth, ByeReInviteAndInfoAnswerTheirOwnChallenges) {
  PeerAndAgent t;
  Guard guard;
  t.talk();
  t.bob.agent.set_credentials(t.s, "bob", "secret");
  const auto id = t.bob.agent.request_in_session(t.s, "INFO", {}, "x", t.net.now);
  t.net.collect();
  t.says(guard.challenge(t, t.net.last(t.bob, "INFO")));
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "INFO")), DigestServer::Verdict::Ok);
  EXPECT_EQ(t.net.last(t.bob, "INFO").body, "x");
  t.responds(200, "", {}, "INFO");
  EXPECT_EQ(t.bob.expect<ResponseReceived>().transaction, id) << "the owner knows it by its first id";

  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.says(guard.challenge(t, t.net.last(t.bob, "INVITE")));  // a new nonce, not called stale
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "INVITE")), DigestServer::Verdict::Ok);
  t.responds(200, "", std::string(kAnswer));
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 200);

  t.bob.agent.hangup(t.s, {{"Reason", "SIP;cause=200"}}, t.net.now);
  t.net.collect();
  t.says(guard.challenge(t, t.net.last(t.bob, "BYE")));
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 2U);
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "BYE")), DigestServer::Verdict::Ok);
  EXPECT_EQ(t.net.last(t.bob, "BYE").get("Reason"), "SIP;cause=200");
  t.responds(200, "", {}, "BYE");
  EXPECT_EQ(t.bob.count<SessionEnded>(), 1U);
  t.expect_clean();
}

TEST(AgentAuth, AuthorizeAnswersTheChallengeToARegister) {
  PeerAndAgent t;
  Guard guard;
  Message reg;
  reg.method = "REGISTER";
  reg.request_uri = *Uri::parse("sip:example.com");
  reg.add("From", "<sip:bob@example.com>");
  reg.add("To", "<sip:bob@example.com>");
  (void)t.bob.agent.request(reg, t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.collect();
  const Message sent = t.net.last(t.bob, "REGISTER");
  t.says(guard.challenge(t, sent));
  const auto challenged = t.bob.expect<ResponseReceived>();
  const auto answer = t.bob.agent.authorize(challenged.response, "bob", "secret", "REGISTER", sent.request_uri);
  ASSERT_TRUE(answer.has_value());
  reg.headers.push_back(*answer);
  reg.set("Call-ID", std::string(sent.get("Call-ID")));
  reg.set("CSeq", std::to_string(*cseq_number(sent) + 1) + " REGISTER");
  reg.set("From", std::string(sent.get("From")));
  (void)t.bob.agent.request(reg, t.net.flow(t.bob, t.peer.address), t.net.now);
  t.net.collect();
  EXPECT_EQ(guard.check(t, t.net.last(t.bob, "REGISTER")), DigestServer::Verdict::Ok);
  EXPECT_EQ(t.net.last(t.bob, "REGISTER").get("From"), sent.get("From"));
  EXPECT_FALSE(t.bob.agent.authorize(Message{}, "bob", "secret", "REGISTER", sent.request_uri).has_value());
}

}  // namespace
}  // namespace segue::sip::testing
