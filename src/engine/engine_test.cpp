// The engine with phones on sip::Agent: registering, calls, flips, and who is shown to whom.
#include <fmt/core.h>

#include "engine/engine_harness.h"
#include "sip/digest.h"

namespace segue::engine {
namespace {

using namespace testing;

struct EngineTest : ::testing::Test {
  Server t;
  LegId leg(std::size_t opened) const { return t.commands<media::OpenLeg>().at(opened).leg; }
  FlipId flip_to_mobile(call::FlipMode mode = call::FlipMode::Ring) {
    EXPECT_EQ(t.registers(t.mobile).status, 200);
    const auto call = t.engine.calls().calls().at(0).id;
    const auto f = t.engine.flip({call, kAda, {}, kMobile, mode, call::FlipTrigger::Api}, t.now());
    EXPECT_TRUE(f);
    t.run();
    return f.value_or(FlipId{});
  }
  /// A request of Bob's phone that his agent does not make: the next one after his last INVITE, or the ACK of that one.
  std::string in_dialog_of_bob(std::string_view method, std::string_view branch, const std::string& body) {
    const auto info = t.bob.agent.dialog(t.bob_session);
    if (method != "ACK") raw_cseq = sip::CSeq::parse(t.bob.last_response("INVITE")->get("CSeq"))->number + 1;
    return fmt::format(
        "{} sip:segue@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK{}\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:bob@segue.test>;tag={}\r\nTo: <sip:1001@segue.test>;tag={}\r\n"
        "Call-ID: {}\r\nCSeq: {} {}\r\nContact: <sip:bob@192.0.2.21>\r\n{}Content-Length: {}\r\n\r\n{}",
        method, branch, info->local_tag, info->remote_tag, info->call_id, raw_cseq, method,
        body.empty() ? "" : "Content-Type: application/sdp\r\n", body.size(), body);
  }
  std::uint32_t raw_cseq = 0;
  void nothing_left() {
    t.passes(60s);
    const auto s = t.engine.sizes();
    EXPECT_EQ(s.legs + s.calls.calls + s.calls.legs + s.calls.flips, 0U);
    EXPECT_EQ(s.sip.sessions + s.sip.client_transactions + s.sip.server_transactions + s.sip.timers, 0U);
    EXPECT_TRUE(t.ports.empty());
  }
};

// ---- registering

TEST_F(EngineTest, RegistersWithMd5) {
  const auto r = t.registers(t.desk);
  EXPECT_EQ(r.status, 200);
  EXPECT_NE(r.get("Contact").find("expires=600"), std::string_view::npos);
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 1U);
}

TEST_F(EngineTest, RegistersWithSha256WhereTheDeviceSaysSo) {
  auto device = *t.engine.directory().device(kDesk);
  device.sha256 = true;
  t.engine.directory().put(device);
  const auto r =
      t.registers(t.desk, "desk", {{"Contact", "<sip:desk@192.0.2.11>"}}, kPassword, sip::DigestAlgorithm::Sha256);
  EXPECT_EQ(r.status, 200);
}

TEST_F(EngineTest, AWrongPasswordIsForbidden) {
  EXPECT_EQ(t.registers(t.desk, "desk", {{"Contact", "<sip:desk@192.0.2.11>"}}, "wrong").status, 403);
  EXPECT_TRUE(t.engine.registrar().bindings(kDesk).empty());
}

TEST_F(EngineTest, SomebodyElsesAddressOfRecordIsForbidden) {
  EXPECT_EQ(t.registers(t.desk, "bob", {{"Contact", "<sip:desk@192.0.2.11>"}}, kPassword).status, 403);
  EXPECT_TRUE(t.engine.registrar().bindings(kBobDesk).empty());
}

TEST_F(EngineTest, AnOldNonceIsStaleAndNotWrong) {
  t.registers(t.desk);
  const auto challenge_of = [&] {
    sip::Message m;
    m.method = "REGISTER";
    m.request_uri = *sip::Uri::parse("sip:segue.test");
    m.add("From", "<sip:desk@segue.test>;tag=r");
    m.add("To", "<sip:desk@segue.test>");
    return m;
  };
  auto m = challenge_of();
  (void)t.desk.agent.request(m, {sip::TransportKind::Udp, t.desk.self, {IpAddress::v4(192, 0, 2, 1), 5060}, {}},
                             t.now());
  t.run();
  const auto challenge =
      sip::DigestChallenge::parse(t.desk.last<sip::ResponseReceived>()->response.get("WWW-Authenticate"));
  ASSERT_TRUE(challenge);
  t.passes(400s);
  Random random(1);
  m.add("Authorization",
        sip::digest_answer(*challenge, "desk", sip::digest_ha1(sip::DigestAlgorithm::Md5, "desk", kDomain, kPassword),
                           "REGISTER", "sip:segue.test", 1, random)
            .to_string());
  (void)t.desk.agent.request(m, {sip::TransportKind::Udp, t.desk.self, {IpAddress::v4(192, 0, 2, 1), 5060}, {}},
                             t.now());
  t.run();
  const auto& response = t.desk.last<sip::ResponseReceived>()->response;
  EXPECT_EQ(response.status, 401);
  EXPECT_NE(response.get("WWW-Authenticate").find("stale=true"), std::string_view::npos);
}

TEST_F(EngineTest, RegisterVariants) {
  const auto with = [&](std::vector<sip::Header> headers) {
    return t.registers(t.desk, "desk", std::move(headers), kPassword);
  };
  EXPECT_EQ(with({{"Contact", "<sip:a@192.0.2.11>"}, {"Expires", "10"}}).status, 423);
  EXPECT_EQ(t.desk.last<sip::ResponseReceived>()->response.get("Min-Expires"), "60");
  EXPECT_EQ(with({{"Contact", "<sip:a@192.0.2.11>;expires=100, <sip:b@192.0.2.11>"}}).all("Contact").size(), 2U);
  EXPECT_EQ(with({}).all("Contact").size(), 2U) << "a query";
  EXPECT_EQ(with({{"Contact", "<sip:a@192.0.2.11>;expires=0"}}).all("Contact").size(), 1U);
  EXPECT_EQ(with({{"Contact", "*"}, {"Expires", "5"}}).status, 400);
  EXPECT_EQ(with({{"Contact", "*"}, {"Expires", "0"}}).status, 200);
  EXPECT_TRUE(t.engine.registrar().bindings(kDesk).empty());
  EXPECT_EQ(with({{"Contact", "<tel:123>"}}).status, 400);
}

TEST_F(EngineTest, AnOutboundInstanceReplacesItsOwnBindingOnly) {
  const auto with = [&](const char* contact) { return t.registers(t.desk, "desk", {{"Contact", contact}}, kPassword); };
  with("<sip:a@192.0.2.11:1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
  with("<sip:a@192.0.2.11:2>;+sip.instance=\"<urn:uuid:1>\";reg-id=2");
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 2U) << "Wi-Fi and cellular";
  with("<sip:a@192.0.2.11:3>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
  EXPECT_EQ(t.engine.registrar().bindings(kDesk).size(), 2U);
}

TEST_F(EngineTest, WithANewPasswordTheDeviceMustRegisterAnewAndItsCallGoesOn) {
  t.bob_and_ada_talk();
  t.stored.clear();
  t.engine.drop_bindings(kDesk);
  t.run();
  EXPECT_TRUE(t.engine.registrar().bindings(kDesk).empty());
  EXPECT_EQ(t.stored, std::vector{kDesk});
  EXPECT_EQ(t.engine.calls().calls().size(), 1U);
}

TEST_F(EngineTest, BindingsExpire) {
  t.registers(t.desk, "60");
  t.passes(61s);
  EXPECT_TRUE(t.engine.registrar().bindings(kDesk).empty());
}

// ---- calls

TEST_F(EngineTest, ACallIsSetUpWithOurOwnSdpOnBothSides) {
  t.bob_and_ada_talk();
  const auto* invite = t.desk.last_request("INVITE");
  ASSERT_NE(invite, nullptr);
  const auto offer = sdp::parse(invite->body);
  ASSERT_TRUE(offer && offer->audio);
  EXPECT_EQ(offer->audio->rtp.ip, IpAddress::v4(192, 0, 2, 1)) << "media is anchored here";
  EXPECT_EQ(offer->audio->direction, sdp::Direction::SendRecv);
  ASSERT_NE(t.bob.last<sip::SessionAnswered>(), nullptr);
  const auto answer = sdp::parse(t.bob.last<sip::SessionAnswered>()->sdp);
  EXPECT_EQ(answer->audio->rtp.ip, IpAddress::v4(192, 0, 2, 1));
  EXPECT_EQ(t.commands<media::SetRemote>().size(), 2U);
  EXPECT_EQ(t.ports.size(), 2U);
}

TEST_F(EngineTest, TheFarPartyIsShownAndNeverADevice) {
  t.bob_and_ada_talk();
  const auto* invite = t.desk.last_request("INVITE");
  EXPECT_NE(invite->get("From").find("sip:1002@segue.test"), std::string_view::npos) << invite->get("From");
  const std::string text = invite->to_string();
  EXPECT_EQ(text.find("192.0.2.21"), std::string::npos) << "neither Contact nor o= gives away an address";
  EXPECT_EQ(text.find("bob device"), std::string::npos);
  EXPECT_NE(invite->get("Contact").find("segue@192.0.2.1"), std::string_view::npos);
  EXPECT_NE(text.find("IN IP4 192.0.2.1\r\n"), std::string::npos);
}

TEST_F(EngineTest, ACallersAnswerModeIsNeverPassedOn) {
  t.registers(t.desk);
  t.dials(t.bob, "1001", Server::offer(t.bob),
          {{"Answer-Mode", "Auto"}, {"Call-Info", "<sip:x>;answer-after=0"}, {"Alert-Info", "<http://x>;info=auto"}});
  const auto* invite = t.desk.last_request("INVITE");
  ASSERT_NE(invite, nullptr);
  for (const auto* name : {"Answer-Mode", "Call-Info", "Alert-Info"}) EXPECT_EQ(invite->find(name), nullptr) << name;
}

TEST_F(EngineTest, RefusalsOfAnInvite) {
  t.registers(t.desk);
  const auto status = [&](const std::string& number, const std::string& sdp) {
    t.dials(t.bob, number, sdp);
    const auto* ended = t.bob.last<sip::SessionEnded>();
    return ended == nullptr ? 0 : ended->status;
  };
  EXPECT_EQ(status("999", Server::offer(t.bob)), 404);
  EXPECT_EQ(status("1001", "v=0\r\nm=audio here RTP/AVP 8\r\n"), 400);
  EXPECT_EQ(status("1001",
                   "v=0\r\no=- 1 1 IN IP4 192.0.2.21\r\ns=-\r\nc=IN IP4 192.0.2.21\r\nt=0 0\r\n"
                   "m=video 4000 RTP/AVP 96\r\n"),
            488);
  EXPECT_EQ(status("1001",
                   "v=0\r\no=- 1 1 IN IP4 192.0.2.21\r\ns=-\r\nc=IN IP4 192.0.2.21\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 speex/8000\r\n"),
            488);
  EXPECT_EQ(status("*11", Server::offer(t.bob)), 404) << "nothing to flip";
  t.max_ports = t.ports.size();
  EXPECT_EQ(status("1001", Server::offer(t.bob)), 503);
  EXPECT_TRUE(t.desk.last_request("INVITE") == nullptr);
  nothing_left();
}

TEST_F(EngineTest, EachLegsMediaHasItsPeersFamily) {
  t.registers(t.desk);
  const std::string offer =
      "v=0\r\no=- 1 1 IN IP6 2001:db8::21\r\ns=-\r\nc=IN IP6 2001:db8::21\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
  t.dials(t.bob, "1001", offer);
  EXPECT_EQ(t.bob.last<sip::SessionEnded>()->status, 488) << "no media address of that family";
  EXPECT_EQ(t.bob.last_response("INVITE")->get("Warning").substr(0, 3), "301");
  t.has_v6 = true;
  t.dials(t.bob, "1001", offer);
  t.answers(t.desk);
  const auto rung = sdp::parse(t.desk.last_request("INVITE")->body);
  EXPECT_EQ(rung->audio->rtp.ip, IpAddress::v4(192, 0, 2, 1)) << "the desk phone registered by IPv4";
  ASSERT_NE(t.bob.last<sip::SessionAnswered>(), nullptr);
  const auto answered = sdp::parse(t.bob.last<sip::SessionAnswered>()->sdp);
  EXPECT_EQ(answered->audio->rtp.ip, *IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(t.commands<media::SetRemote>().size(), 2U);
}

TEST_F(EngineTest, NoPortToRingIsARefusalOfThatDevice) {
  t.registers(t.desk);
  t.max_ports = 1;
  t.dials(t.bob, "1001");
  EXPECT_EQ(t.bob.last<sip::SessionEnded>()->status, 503);
  nothing_left();
}

TEST_F(EngineTest, AHangUpEndsBothLegs) {
  t.bob_and_ada_talk();
  t.bob.agent.hangup(t.bob_session, {}, t.now());
  t.run();
  EXPECT_EQ(t.desk.requests("BYE"), 1U);
  EXPECT_NE(t.desk.last_request("BYE")->get("Reason").find("cause=16"), std::string_view::npos);
  ASSERT_EQ(t.records.size(), 1U);
  EXPECT_EQ(t.records[0].cause, call::Cause::NormalClearing);
  EXPECT_EQ(t.records[0].ended_by, call::Party::Caller);
  nothing_left();
}

TEST_F(EngineTest, ADelayedOfferGetsOursInThe200) {
  t.registers(t.desk);
  t.registers(t.bob);
  t.dials(t.bob, "1001", "");
  t.answers(t.desk);
  const auto* answered = t.bob.last<sip::SessionAnswered>();
  ASSERT_NE(answered, nullptr);
  const auto offer = sdp::parse(answered->sdp);
  ASSERT_TRUE(offer && offer->audio);
  EXPECT_EQ(offer->audio->codecs, (std::vector<sdp::CodecPt>{{Codec::Pcma, 8}, {Codec::Pcmu, 0}})) << "both laws";
}

TEST_F(EngineTest, HoldByReInviteGivesTheOtherMusic) {
  t.bob_and_ada_talk();
  const auto before = t.desk.received.size();
  t.bob.agent.reinvite(t.bob_session, Server::offer(t.bob, sdp::Direction::SendOnly), t.now());
  t.run();
  EXPECT_EQ(t.bob.last<sip::OfferAnswered>()->status, 200);
  EXPECT_EQ(sdp::parse(t.bob.last<sip::OfferAnswered>()->sdp)->audio->direction, sdp::Direction::RecvOnly);
  const auto heard = t.commands<media::SetSource>().back();
  const auto* clip = std::get_if<media::FromClip>(&heard.source);
  ASSERT_NE(clip, nullptr);
  EXPECT_EQ(clip->clip, media::Clip::Music);
  EXPECT_EQ(t.desk.received.size(), before) << "the other party is not told";
  t.bob.agent.reinvite(t.bob_session, Server::offer(t.bob), t.now());
  t.run();
  EXPECT_TRUE(std::holds_alternative<media::FromLeg>(t.commands<media::SetSource>().back().source));
}

TEST_F(EngineTest, AFirstOfferThatHoldsGivesTheOtherMusic) {
  t.registers(t.desk);
  const std::string old_style =
      "v=0\r\no=- 1 1 IN IP4 192.0.2.21\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
  for (const auto& offer :
       {Server::offer(t.bob, sdp::Direction::SendOnly), Server::offer(t.bob, sdp::Direction::Inactive), old_style}) {
    const SessionId s = t.dials(t.bob, "1001", offer);
    t.answers(t.desk);
    EXPECT_TRUE(t.hears_music(t.commands<media::OpenLeg>().back().leg)) << offer;
    t.bob.agent.hangup(s, {}, t.now());
    t.run();
  }
}

TEST_F(EngineTest, AnAnswerThatHoldsGivesTheOtherMusic) {
  t.registers(t.desk);
  t.dials(t.bob, "1001");
  t.answers(t.desk, sdp::Direction::SendOnly);
  EXPECT_TRUE(t.hears_music(leg(0)));
}

TEST_F(EngineTest, AHoldByBBeforeTheSpliceGivesTheFarPartyMusic) {
  t.bob_and_ada_talk();
  const FlipId f = flip_to_mobile();
  const SessionId b = t.answers(t.mobile);
  t.mobile.agent.reinvite(b, Server::offer(t.mobile, sdp::Direction::SendOnly), t.now());
  t.run();
  EXPECT_FALSE(t.hears_music(leg(0)));
  t.media(media::Spliced{f, leg(0), leg(1), leg(2), t.at});
  EXPECT_TRUE(t.hears_music(leg(0)));
}

// RFC 3264 section 8: a section that was there stays there, refused or not, and the text in force keeps its version.
TEST_F(EngineTest, OurOfferKeepsEachSectionOfTheSdpInForce) {
  t.bob_and_ada_talk();
  t.bob.agent.reinvite(t.bob_session, Server::offer(t.bob) + "m=video 40002 RTP/AVP 96\r\n", t.now());
  t.run();
  const std::string in_force = t.bob.last_response("INVITE")->body;
  EXPECT_NE(in_force.find("m=video 0 RTP/AVP 96"), std::string::npos);
  t.raw(t.bob, in_dialog_of_bob("INVITE", "v1", ""));
  EXPECT_EQ(t.bob.last_response("INVITE")->status, 200);
  EXPECT_EQ(t.bob.last_response("INVITE")->body, in_force);
  t.raw(t.bob, in_dialog_of_bob("ACK", "v2", Server::offer(t.bob) + "m=video 0 RTP/AVP 96\r\n"));
  EXPECT_EQ(t.engine.calls().calls().size(), 1U);
}

TEST_F(EngineTest, AReInviteWithoutSdpMayTakeBackAHold) {
  t.bob_and_ada_talk();
  t.bob.agent.reinvite(t.bob_session, Server::offer(t.bob, sdp::Direction::SendOnly), t.now());
  t.run();
  t.raw(t.bob, in_dialog_of_bob("INVITE", "d1", ""));
  const auto* offer = t.bob.last_response("INVITE");
  ASSERT_EQ(offer->status, 200);
  EXPECT_EQ(sdp::parse(offer->body)->audio->direction, sdp::Direction::SendRecv) << "not the held one's recvonly";
  t.raw(t.bob, in_dialog_of_bob("ACK", "d2", Server::offer(t.bob)));
  EXPECT_TRUE(std::holds_alternative<media::FromLeg>(t.commands<media::SetSource>().back().source));
}

TEST_F(EngineTest, DigitsByInfoGoThroughTheGate) {
  t.bob_and_ada_talk();
  const auto info = [&](const char* type, const char* body) {
    t.bob.agent.request_in_session(t.bob_session, "INFO", {{"Content-Type", type}}, body, t.now());
    t.run();
    return t.bob.last<sip::ResponseReceived>()->response.status;
  };
  EXPECT_EQ(info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), 200);
  EXPECT_EQ(info("application/dtmf-relay", "Signal= *\r\nDuration= 1\r\n"), 200);
  EXPECT_EQ(info("Application/DTMF; charset=utf-8", "#\r\n"), 200);
  EXPECT_EQ(info("application/dtmf-relay", "Signal=x\r\n"), 400);
  EXPECT_EQ(info("text/plain", "hello"), 415);
  const auto digits = t.commands<media::InjectDigit>();
  ASSERT_EQ(digits.size(), 3U);
  EXPECT_EQ(digits[0].digit, '5');
  EXPECT_EQ(digits[0].duration_ms, 160U);
  EXPECT_EQ(digits[1].digit, '*');
  EXPECT_EQ(digits[1].duration_ms, 40U);
  EXPECT_EQ(digits[2].digit, '#');
}

TEST_F(EngineTest, DeadMediaIsAskedAboutBeforeTheCallEnds) {
  t.bob_and_ada_talk();
  t.media(media::MediaDead{leg(1), 30s});
  EXPECT_EQ(t.engine.calls().calls().size(), 1U) << "the device answered OPTIONS: it is silent by its own choice";
  t.desk.gone = true;
  t.media(media::MediaDead{leg(1), 30s});
  t.passes(33s);
  ASSERT_EQ(t.records.size(), 1U);
  EXPECT_EQ(t.records[0].cause, call::Cause::MediaTimeout);
  EXPECT_EQ(t.bob.requests("BYE"), 1U);
  nothing_left();
}

TEST_F(EngineTest, AServerThatStopsEndsItsCallsAndTakesNoNewOnes) {
  t.bob_and_ada_talk();
  t.engine.hang_up_all(t.now());
  t.run();
  EXPECT_NE(t.bob.last_request("BYE")->get("Reason").find("Server is stopping"), std::string_view::npos);
  EXPECT_NE(t.desk.last_request("BYE")->get("Reason").find("Server is stopping"), std::string_view::npos);
  t.dials(t.bob, "1001");
  t.run();
  EXPECT_EQ(t.bob.last<sip::SessionEnded>()->status, 503);
  EXPECT_EQ(t.bob.last_response("INVITE")->get("Retry-After"), "5");
  nothing_left();
}

TEST_F(EngineTest, WhatPeersCanCauseAtWillHasATopicOfItsOwnInTheLog) {
  t.raw(t.bob, "garbage");
  EXPECT_EQ(t.registers(t.desk, "desk", {{"Contact", "<sip:desk@192.0.2.11>"}}, "wrong").status, 403);
  t.bob_and_ada_talk();
  t.media(media::PacketsRefused{leg(1), *Endpoint::parse("192.0.2.99:4000"), true});
  std::vector<Log::Topic> topics;
  for (const auto& line : t.logged) {
    if (line.level == Log::Level::Warning) topics.push_back(line.topic);
  }
  EXPECT_EQ(topics, (std::vector{Log::Topic::Malformed, Log::Topic::Credentials, Log::Topic::Media}));
  EXPECT_NE(t.logged.back().text.find("192.0.2.99:4000"), std::string::npos) << t.logged.back().text;
}

TEST_F(EngineTest, ACommandThatTheMediaPlaneRefusesEndsTheCall) {
  t.bob_and_ada_talk();
  t.media_full = true;
  t.bob.agent.reinvite(t.bob_session, Server::offer(t.bob, sdp::Direction::SendOnly), t.now());
  t.run();
  ASSERT_EQ(t.records.size(), 1U);
  EXPECT_EQ(t.records[0].cause, call::Cause::Overload);
  EXPECT_EQ(t.bob.requests("BYE") + t.desk.requests("BYE"), 2U);
  nothing_left();
}

TEST_F(EngineTest, ADeviceThatStaysSilentIsAskedAgainButNotTwiceAtOnce) {
  t.bob_and_ada_talk();
  t.media(media::MediaDead{leg(1), 30s});
  t.media(media::MediaDead{leg(1), 60s});
  EXPECT_EQ(t.desk.requests("OPTIONS"), 2U);
  t.desk.gone = true;
  t.media(media::MediaDead{leg(1), 90s});
  t.passes(30s);
  const auto waiting = t.engine.sizes().sip.client_transactions;
  t.media(media::MediaDead{leg(1), 120s});
  EXPECT_EQ(t.engine.sizes().sip.client_transactions, waiting);
  t.passes(3s);
  ASSERT_EQ(t.records.size(), 1U) << "it had answered before it died";
  EXPECT_EQ(t.records[0].cause, call::Cause::MediaTimeout);
}

TEST_F(EngineTest, AWorkerThatIsFullEndsTheCall) {
  t.bob_and_ada_talk();
  media::LegClosed closed;
  closed.leg = leg(1);
  t.media(closed);
  ASSERT_EQ(t.records.size(), 1U);
  EXPECT_EQ(t.records[0].cause, call::Cause::Overload);
  nothing_left();
}

// RFC 3264 section 6.1: it may send with any format that its answer lists.
TEST_F(EngineTest, APhoneThatAnswersWithBothLawsIsHeardWithBoth) {
  t.registers(t.desk);
  t.dials(t.bob, "1001");
  t.answers(t.desk,
            "v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 8 0\r\n");
  const auto set = t.commands<media::SetRemote>().at(0);
  EXPECT_EQ(set.format.codec, Codec::Pcma);
  EXPECT_EQ(set.format.receive_pt, 8);
  EXPECT_EQ(set.format.receive_other_law_pt, 0);
}

// ---- flips

TEST_F(EngineTest, AFlipTellsTheFarPartyNothing) {
  t.bob_and_ada_talk();
  const auto heard_by_bob = t.bob.received.size();
  const FlipId f = flip_to_mobile();
  const auto* invite = t.mobile.last_request("INVITE");
  ASSERT_NE(invite, nullptr);
  EXPECT_NE(invite->get("From").find("sip:1002@"), std::string_view::npos);
  EXPECT_EQ(invite->find("Answer-Mode"), nullptr);
  t.answers(t.mobile);
  ASSERT_EQ(t.commands<media::ArmSplice>().size(), 1U);
  EXPECT_EQ(t.desk.requests("BYE"), 0U);
  t.media(media::Spliced{f, leg(0), leg(1), leg(2), t.at});
  EXPECT_EQ(t.desk.requests("BYE"), 1U);
  EXPECT_NE(t.desk.last_request("BYE")->get("Reason").find("flipped"), std::string_view::npos);
  auto measured = std::make_shared<media::SpliceMeasurement>();
  measured->flip = f;
  measured->line = leg(0);
  measured->spliced = true;
  t.media(media::SpliceMeasured{measured});
  EXPECT_EQ(t.bob.received.size(), heard_by_bob);
  const auto* record = t.engine.calls().flip_record(f);
  ASSERT_TRUE(record != nullptr && record->report);
  EXPECT_EQ(record->report->lines.at(0).key, "sip_to_far");
  EXPECT_EQ(record->report->lines.at(0).number, 0.0);
  t.bob.agent.hangup(t.bob_session, {}, t.now());
  t.run();
  nothing_left();
}

TEST_F(EngineTest, TheMediaOfAFlippedLegIsClosedAtOnce) {
  t.bob_and_ada_talk();
  const FlipId f = flip_to_mobile();
  t.answers(t.mobile);
  EXPECT_TRUE(t.commands<media::CloseLeg>().empty());
  t.media(media::Spliced{f, leg(0), leg(1), leg(2), t.at});
  ASSERT_EQ(t.commands<media::CloseLeg>().size(), 1U);
  EXPECT_EQ(t.commands<media::CloseLeg>()[0].leg, leg(1));
  EXPECT_FALSE(t.ports.contains(leg(1)));
}

TEST_F(EngineTest, AnAutoAnswerFlipSaysSoInAllThreeWays) {
  t.bob_and_ada_talk();
  flip_to_mobile(call::FlipMode::AutoAnswer);
  const auto* invite = t.mobile.last_request("INVITE");
  EXPECT_EQ(invite->get("Answer-Mode"), "Auto");
  EXPECT_NE(invite->get("Call-Info").find("answer-after=0"), std::string_view::npos);
  EXPECT_NE(invite->find("Alert-Info"), nullptr);
}

TEST_F(EngineTest, AMeasurementOfALineThatTheFlipHasLeftIsDropped) {
  t.bob_and_ada_talk();
  const FlipId f = flip_to_mobile();
  t.answers(t.mobile);
  t.media(media::Spliced{f, leg(0), leg(1), leg(2), t.at});
  auto measured = std::make_shared<media::SpliceMeasurement>();
  measured->flip = f;
  measured->line = leg(1);
  t.media(media::SpliceMeasured{measured});
  EXPECT_FALSE(t.engine.calls().flip_record(f)->report);
}

TEST_F(EngineTest, APulledCallIsAnsweredAtOnce) {
  t.bob_and_ada_talk();
  t.registers(t.mobile);
  t.dials(t.mobile, "*11");
  EXPECT_NE(t.mobile.last<sip::SessionAnswered>(), nullptr);
  ASSERT_EQ(t.commands<media::ArmSplice>().size(), 1U);
  EXPECT_EQ(t.commands<media::ArmSplice>()[0].line, leg(0));
}

TEST_F(EngineTest, ACallMovesToAnotherFlowOfTheSameDeviceAndNotToItsOwn) {
  t.bob_and_ada_talk();
  t.dials(t.desk, "*11");
  EXPECT_EQ(t.desk.last<sip::SessionEnded>()->status, 404) << "the call is here";
  const auto call = t.engine.calls().calls().at(0).id;
  const auto to_desk = [&] {
    auto f = t.engine.flip({call, kAda, {}, kDesk, call::FlipMode::Ring, call::FlipTrigger::Api}, t.now());
    t.run();
    return f;
  };
  EXPECT_EQ(to_desk().error().kind, ErrorKind::Conflict);
  t.mobile.user = "desk";  // the same device, in another network
  EXPECT_EQ(t.registers(t.mobile).status, 200);
  const auto rung = t.desk.requests("INVITE");
  ASSERT_TRUE(to_desk());
  EXPECT_EQ(t.mobile.requests("INVITE"), 1U);
  EXPECT_EQ(t.desk.requests("INVITE"), rung) << "not where the call is";
}

TEST_F(EngineTest, AServerThatStopsSaysGoodByeToEverybody) {
  t.bob_and_ada_talk();
  flip_to_mobile();
  t.takes(t.mobile);
  t.engine.hang_up_all(t.now());
  t.run();
  EXPECT_EQ(t.bob.requests("BYE") + t.desk.requests("BYE"), 2U);
  EXPECT_NE(t.bob.last_request("BYE")->get("Reason").find("cause=41"), std::string_view::npos);
  EXPECT_EQ(t.mobile.requests("CANCEL"), 1U);
  nothing_left();
}

}  // namespace
}  // namespace segue::engine
