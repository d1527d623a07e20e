// How phones are reached: behind NAT, over TCP, and where their connection has gone.
#include "engine/engine_harness.h"

namespace segue::engine {
namespace {

using namespace testing;

const Endpoint kNat{IpAddress::v4(203, 0, 113, 5), 61000};

struct FlowsTest : ::testing::Test {
  Server t;
  FlipId flip_to_mobile() {
    const auto call = t.engine.calls().calls().at(0).id;
    const auto f = t.engine.flip({call, kAda, {}, kMobile, call::FlipMode::Ring, call::FlipTrigger::Api}, t.now());
    EXPECT_TRUE(f);
    t.run();
    return f.value_or(FlipId{});
  }
  std::optional<call::FlipOutcome> outcome(FlipId f) { return t.engine.calls().flip_record(f)->outcome; }
  void over_tcp(Phone& p, std::uint64_t connection) {
    p.transport = sip::TransportKind::Tcp;
    p.connection = ConnectionId{connection};
  }
};

// ---- NAT

TEST_F(FlowsTest, APhoneBehindNatIsToldWhereItIsSeenAndIsRungThere) {
  t.desk.self = {IpAddress::v4(192, 168, 1, 10), 5060};
  t.desk.nat = kNat;
  EXPECT_EQ(t.registers(t.desk).status, 200);
  const auto via = sip::Via::parse(t.desk.received.back().get("Via"));
  ASSERT_TRUE(via);
  EXPECT_EQ(via->params.get("received"), "203.0.113.5");
  EXPECT_EQ(via->params.get("rport"), "61000");
  t.dials(t.bob, "1001");
  const auto* invite = t.desk.last_request("INVITE");
  ASSERT_NE(invite, nullptr) << "rung at the NAT's address, not at the private Contact";
  EXPECT_EQ(t.desk.ways.back().remote, kNat);
  EXPECT_EQ(invite->request_uri.host, "192.168.1.10") << "the Request-URI is the Contact, as registered";
  t.answers(t.desk);
  EXPECT_EQ(t.engine.calls().calls().at(0).state, call::CallState::Talking);
}

TEST_F(FlowsTest, ANatsNewPortIsLearntWithTheNextRegister) {
  t.desk.self = {IpAddress::v4(192, 168, 1, 10), 5060};
  t.desk.nat = kNat;
  t.registers(t.desk);
  t.desk.nat = Endpoint{kNat.ip, 61999};
  t.registers(t.desk);
  ASSERT_EQ(t.engine.registrar().bindings(kDesk).size(), 1U);
  t.dials(t.bob, "1001");
  ASSERT_NE(t.desk.last_request("INVITE"), nullptr);
  EXPECT_EQ(t.desk.ways.back().remote.port, 61999);
}

TEST_F(FlowsTest, MediaOfAPhoneBehindNatMayComeFromWhereItSignals) {
  t.desk.self = {IpAddress::v4(192, 168, 1, 10), 5060};
  t.desk.nat = kNat;
  t.bob_and_ada_talk();
  const auto remotes = t.commands<media::SetRemote>();
  const auto of_desk =
      std::find_if(remotes.begin(), remotes.end(), [&](const auto& r) { return r.address.rtp.ip == t.desk.self.ip; });
  ASSERT_NE(of_desk, remotes.end());
  EXPECT_EQ(of_desk->address.signalling_ip, kNat.ip);
}

// ---- UDP phones that are gone

TEST_F(FlowsTest, AUdpPhoneThatAnswersNothingLosesItsBinding) {
  t.registers(t.desk);
  t.desk.gone = true;
  t.dials(t.bob, "1001");
  t.passes(40s);
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 1U) << "asked once more before";
  t.passes(30s);
  EXPECT_TRUE(t.engine.registrar().bindings(kDesk).empty());
  t.dials(t.bob, "1001");
  EXPECT_EQ(t.bob.last<sip::SessionEnded>()->status, 480) << "the next caller is told at once";
  t.passes(40s);
  EXPECT_EQ(t.engine.sizes().sip.client_transactions, 0U);
}

TEST_F(FlowsTest, APhoneThatAnswersAnythingKeepsItsBinding) {
  t.registers(t.desk);
  t.desk.gone = true;
  t.dials(t.bob, "1001");
  t.passes(33s);
  t.desk.gone = false;
  t.passes(5s);
  ASSERT_NE(t.desk.last_request("OPTIONS"), nullptr);
  t.desk.agent.respond(t.desk.last<sip::RequestReceived>()->transaction, 405, {}, "", t.now());
  t.passes(40s);
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 1U);
}

TEST_F(FlowsTest, APhoneThatRegistersAnewMeanwhileKeepsItsBinding) {
  t.registers(t.desk);
  t.desk.gone = true;
  t.dials(t.bob, "1001");
  t.passes(40s);
  t.desk.gone = false;
  t.registers(t.desk);
  t.desk.gone = true;
  t.passes(30s);
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 1U);
}

// ---- TCP

TEST_F(FlowsTest, AFlipToADeviceThatRegisteredOverTcp) {
  over_tcp(t.mobile, 7);
  EXPECT_EQ(t.registers(t.mobile).status, 200);
  t.bob_and_ada_talk();
  const FlipId f = flip_to_mobile();
  const auto* invite = t.mobile.last_request("INVITE");
  ASSERT_NE(invite, nullptr);
  EXPECT_EQ(t.mobile.ways.back(), t.flow_of(t.mobile)) << "by the connection that it had opened";
  EXPECT_EQ(invite->get("Via").substr(0, 12), "SIP/2.0/TCP ");
  EXPECT_NE(invite->get("Contact").find("transport=tcp"), std::string_view::npos);
  t.answers(t.mobile);
  ASSERT_EQ(t.commands<media::ArmSplice>().size(), 1U);
  const auto legs = t.commands<media::OpenLeg>();
  t.media(media::Spliced{f, legs[0].leg, legs[1].leg, legs[2].leg, t.at});
  EXPECT_EQ(outcome(f), call::FlipOutcome::Done);
  EXPECT_EQ(t.desk.requests("BYE"), 1U);
  t.bob.agent.hangup(t.bob_session, {}, t.now());
  t.run();
  EXPECT_EQ(t.mobile.requests("BYE"), 1U);
}

TEST_F(FlowsTest, ATcpPhoneThatIsDeadIsUnreachableAsSoonAsItsConnectionCloses) {
  over_tcp(t.mobile, 7);
  t.registers(t.mobile);
  t.bob_and_ada_talk();
  const auto heard_by_bob = t.bob.received.size();
  t.mobile.gone = true;  // its kernel takes the INVITE, or nobody does: TCP tells later
  const FlipId f = flip_to_mobile();
  EXPECT_FALSE(outcome(f));
  t.passes(2s);
  t.closes(t.mobile);
  EXPECT_EQ(outcome(f), call::FlipOutcome::Unreachable);
  EXPECT_TRUE(t.engine.registrar().bindings(kMobile).empty());
  EXPECT_EQ(t.engine.calls().calls().size(), 1U);
  EXPECT_EQ(t.bob.received.size(), heard_by_bob);
  EXPECT_EQ(t.desk.requests("BYE"), 0U);
}

TEST_F(FlowsTest, APhoneThatRingsMayAnswerByANewConnection) {
  over_tcp(t.mobile, 7);
  t.registers(t.mobile);
  t.bob_and_ada_talk();
  const FlipId f = flip_to_mobile();
  const auto session = t.takes(t.mobile);
  t.mobile.agent.ring(session, 180, "", {}, t.now());
  t.run();
  t.closes(t.mobile);
  EXPECT_FALSE(outcome(f)) << "it has the INVITE";
  over_tcp(t.mobile, 8);
  t.mobile.nat = Endpoint{t.mobile.self.ip, 49999};
  t.mobile.agent.answer(session, Server::offer(t.mobile), {}, t.now());
  t.run();
  EXPECT_EQ(t.commands<media::ArmSplice>().size(), 1U);
  EXPECT_EQ(t.mobile.requests("ACK"), 1U);
  EXPECT_EQ(t.mobile.ways.back(), t.flow_of(t.mobile));
}

TEST_F(FlowsTest, WhereItsConnectionHasGoneAPhoneIsReachedAtItsContact) {
  over_tcp(t.mobile, 7);
  t.mobile.nat = Endpoint{t.mobile.self.ip, 49152};  // the port that it connected from
  t.registers(t.mobile);
  auto restored = t.engine.registrar().bindings(kMobile);
  ASSERT_EQ(restored.size(), 1U);
  restored[0].flow.connection = {};  // as after a restart of the server
  t.engine.registrar().restore(kMobile, restored);
  t.bob_and_ada_talk();
  (void)flip_to_mobile();
  ASSERT_NE(t.mobile.last_request("INVITE"), nullptr);
  EXPECT_EQ(t.mobile.ways.back().reopen, t.mobile.self) << "where it listens";
  t.answers(t.mobile);
  EXPECT_EQ(t.mobile.ways.back().reopen, t.mobile.self) << "the ACK too";
}

TEST_F(FlowsTest, ANextHopOnAnotherHostIsNotTried) {
  over_tcp(t.mobile, 7);
  t.mobile.self = {IpAddress::v4(192, 168, 1, 12), 5060};
  t.mobile.nat = kNat;  // behind it, a private Contact: somebody else, seen from here
  t.registers(t.mobile);
  t.bob_and_ada_talk();
  (void)flip_to_mobile();
  ASSERT_NE(t.mobile.last_request("INVITE"), nullptr);
  EXPECT_FALSE(t.mobile.ways.back().reopen);
}

TEST_F(FlowsTest, AByeOverAConnectionThatIsGoneEndsTheLegAtOnce) {
  over_tcp(t.desk, 7);
  t.bob_and_ada_talk();
  t.desk.gone = true;
  t.bob.agent.hangup(t.bob_session, {}, t.now());
  t.run();
  EXPECT_EQ(t.engine.sizes().legs, 0U);
  EXPECT_GT(t.engine.sizes().sip.sessions, 0U) << "its BYE waits for an answer";
  t.closes(t.desk);
  t.passes(40s);
  EXPECT_EQ(t.engine.sizes().sip.sessions, 0U);
}

}  // namespace
}  // namespace segue::engine
