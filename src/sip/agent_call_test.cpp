// Whole calls between two agents over a fake network.
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

TEST(AgentCall, RingsAnswersAndEndsWithEveryMessageInItsPlace) {
  TwoParties t;
  t.talk();
  EXPECT_EQ(t.alice.agent.dialog(t.a)->remote_tag, t.bob.agent.dialog(t.b)->local_tag);
  t.alice.agent.hangup(t.a, {{"Reason", "SIP;cause=200"}}, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.net.sent_by(t.alice), (Names{"INVITE", "ACK", "BYE"}));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"}));
  EXPECT_EQ(t.net.last(t.alice, "BYE").get("Reason"), "SIP;cause=200");
  EXPECT_EQ(t.alice.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

TEST(AgentCall, TheCalleeMayEndIt) {
  TwoParties t;
  t.talk();
  t.bob.agent.hangup(t.b, {}, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.alice.expect<SessionEnded>().cause, EndCause::RemoteBye);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  t.expect_clean();
}

TEST(AgentCall, CancelAfterRingingEndsBothSides) {
  TwoParties t;
  t.until_ringing();
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.net.settle();
  EXPECT_EQ(t.net.sent_by(t.alice), (Names{"INVITE", "CANCEL", "ACK"}));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"100 INVITE", "180 INVITE", "200 CANCEL", "487 INVITE"}));
  EXPECT_EQ(t.alice.expect<SessionEnded>().cause, EndCause::LocalHangup);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteCancel);
  t.expect_clean();
}

TEST(AgentCall, RejectionReachesTheCaller) {
  TwoParties t;
  t.invite();
  t.net.settle();
  t.accept();
  t.bob.agent.reject(t.b, 486, {}, t.net.now);
  t.net.settle();
  const auto ended = t.alice.expect<SessionEnded>();
  EXPECT_EQ(ended.cause, EndCause::Rejected);
  EXPECT_EQ(ended.status, 486);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::LocalHangup);
  t.expect_clean();
}

TEST(AgentCall, RegisterGoesThereAndBack) {
  TwoParties t;
  Message m;
  m.method = "REGISTER";
  m.request_uri = *Uri::parse("sip:example.com");
  m.add("From", "<sip:alice@example.com>");
  m.add("To", "<sip:alice@example.com>");
  const auto id = t.alice.agent.request(std::move(m), t.net.flow(t.alice, TwoParties::kBob), t.net.now);
  t.net.settle();
  const auto received = t.bob.expect<RequestReceived>();
  EXPECT_EQ(received.request.method, "REGISTER");
  t.bob.agent.respond(received.transaction, 200, {{"Contact", "<sip:alice@192.0.2.1>"}}, {}, t.net.now);
  t.net.settle();
  const auto response = t.alice.expect<ResponseReceived>();
  EXPECT_EQ(response.transaction, id);
  EXPECT_EQ(response.response.status, 200);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
