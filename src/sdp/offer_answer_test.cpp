#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdp/sdp.h"

namespace segue::sdp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Endpoint kOurs = *Endpoint::parse("203.0.113.5:20000");
const std::vector<Codec> kAll = {Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu};

Description offer(const std::string& media, const std::string& session = "c=IN IP4 192.0.2.10\r\n") {
  auto description = parse("v=0\r\no=bob 1 2 IN IP4 198.51.100.77\r\ns=call\r\n" + session + "t=0 0\r\n" + media);
  if (description) return *std::move(description);
  ADD_FAILURE() << description.error().text;
  return {};
}

Answer answer_to(const Description& theirs, const std::vector<Codec>& allowed = kAll, bool prefer_ours = false) {
  auto answer = make_answer(theirs, kOurs, 7, 1, allowed, prefer_ours);
  if (answer) return *std::move(answer);
  ADD_FAILURE() << answer.error().text;
  return {};
}

TEST(SdpOffer, PrintsTheFixedProfile) {
  EXPECT_EQ(print(make_offer(kOurs, 42, {Codec::Opus, Codec::Pcma})),
            "v=0\r\no=- 42 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\n"
            "m=audio 20000 RTP/AVP 96 8 101 102\r\n"
            "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=0; sprop-stereo=0; useinbandfec=1; usedtx=0\r\n"
            "a=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
            "a=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n"
            "a=ptime:20\r\na=maxptime:20\r\na=sendrecv\r\n");
}

TEST(SdpOffer, KeepsTheOrderAndEachCodecOnce) {
  const auto local = make_offer(kOurs, 1, {Codec::Pcmu, Codec::G722, Codec::Pcmu});
  EXPECT_THAT(local.codecs, ElementsAre(CodecPt{Codec::Pcmu, 0}, CodecPt{Codec::G722, 9}));
  EXPECT_THAT(local.events, ElementsAre(EventPt{101, 8000}));
}

TEST(SdpOffer, PrintsIpv6) {
  const auto text = print(make_offer(*Endpoint::parse("[2001:db8::5]:20000"), 1, {Codec::Pcmu}));
  EXPECT_THAT(text, HasSubstr("o=- 1 1 IN IP6 2001:db8::5\r\n"));
  EXPECT_THAT(text, HasSubstr("c=IN IP6 2001:db8::5\r\n"));
}

TEST(SdpOffer, RoundTrips) {
  for (const auto direction : {Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive}) {
    auto local = make_offer(kOurs, 1, kAll);
    local.direction = direction;
    const auto read = parse(print(local));
    ASSERT_TRUE(read && read->audio);
    EXPECT_EQ(read->audio->codecs, local.codecs);
    EXPECT_EQ(read->audio->events, local.events);
    EXPECT_EQ(read->audio->rtp, local.rtp);
    EXPECT_EQ(read->audio->direction, direction);
  }
}

TEST(SdpAnswer, TakesTheOfferersFirstAllowedCodecUnlessOursIsPreferred) {
  const auto theirs = offer("m=audio 40000 RTP/AVP 8 0 9\r\n");
  EXPECT_EQ(answer_to(theirs).agreed.codec, (CodecPt{Codec::Pcma, 8}));
  EXPECT_EQ(answer_to(theirs, {Codec::Pcmu, Codec::G722}).agreed.codec, (CodecPt{Codec::Pcmu, 0}));
  EXPECT_EQ(answer_to(theirs, kAll, true).agreed.codec, (CodecPt{Codec::G722, 9}));
}

TEST(SdpAnswer, MirrorsTheOfferersNumbersAndNamesOneCodec) {
  const auto theirs = offer(
      "m=audio 40000 RTP/AVP 101 96 97\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:96 telephone-event/48000\r\n"
      "a=rtpmap:97 telephone-event/8000\r\n");
  const auto answer = answer_to(theirs);
  EXPECT_EQ(answer.agreed.codec.payload_type, 101);
  EXPECT_EQ(answer.agreed.receive_pt, 101);
  EXPECT_EQ(answer.agreed.event, (EventPt{96, 48000}));
  EXPECT_EQ(answer.agreed.receive_event, answer.agreed.event);
  const auto text = print(answer.local, &theirs);
  EXPECT_THAT(text, HasSubstr("m=audio 20000 RTP/AVP 101 96\r\n"));
  EXPECT_THAT(text, HasSubstr("a=fmtp:101 stereo=0;"));
}

TEST(SdpAnswer, TakesAnEventOfAnotherClockRatherThanNone) {
  EXPECT_EQ(
      answer_to(
          offer("m=audio 40000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"))
          .agreed.event,
      (EventPt{101, 8000}));
  EXPECT_FALSE(answer_to(offer("m=audio 40000 RTP/AVP 0\r\n")).agreed.event);
}

TEST(SdpAnswer, MuxesRtcpWhereBothSidesSaySo) {
  for (const bool asked : {true, false}) {
    const auto theirs = offer(std::string("m=audio 40000 RTP/AVP 0\r\n") + (asked ? "a=rtcp-mux\r\n" : ""));
    auto answer = answer_to(theirs);
    EXPECT_FALSE(answer.agreed.rtcp_mux) << "not without take_mux()";
    EXPECT_THAT(print(answer.local, &theirs), Not(HasSubstr("rtcp-mux")));
    take_mux(theirs, answer);
    EXPECT_EQ(answer.agreed.rtcp_mux, asked);
    EXPECT_EQ(print(answer.local, &theirs).find("a=rtcp-mux\r\n") != std::string::npos, asked);
  }
  for (const bool offered : {true, false}) {
    auto ours = make_offer(kOurs, 1, {Codec::Pcmu});
    ours.rtcp_mux = offered;
    EXPECT_EQ(accept_answer(ours, offer("m=audio 40000 RTP/AVP 0\r\na=rtcp-mux\r\n"))->rtcp_mux, offered);
    EXPECT_FALSE(accept_answer(ours, offer("m=audio 40000 RTP/AVP 0\r\n"))->rtcp_mux);
  }
}

TEST(SdpAnswer, MirrorsTheDirection) {
  const auto direction_for = [](const std::string& line, const std::string& ip = "192.0.2.10") {
    return answer_to(offer("m=audio 40000 RTP/AVP 0\r\n" + line, "c=IN IP4 " + ip + "\r\n")).agreed.direction;
  };
  EXPECT_EQ(direction_for(""), Direction::SendRecv);
  EXPECT_EQ(direction_for("a=sendonly\r\n"), Direction::RecvOnly);
  EXPECT_EQ(direction_for("a=recvonly\r\n"), Direction::SendOnly);
  EXPECT_EQ(direction_for("a=inactive\r\n"), Direction::Inactive);
  EXPECT_EQ(direction_for("", "0.0.0.0"), Direction::RecvOnly);
  EXPECT_EQ(direction_for("a=recvonly\r\n", "0.0.0.0"), Direction::Inactive);
}

TEST(SdpAnswer, MirrorsEverySectionAndRefusesTheRest) {
  const auto theirs = offer(
      "m=video 5000 RTP/AVP 97 98\r\nm=audio 5004 RTP/AVP 8\r\nm=audio 5006 RTP/AVP 0\r\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
  const auto text = print(answer_to(theirs).local, &theirs);
  EXPECT_THAT(text, HasSubstr("t=0 0\r\nm=video 0 RTP/AVP 97\r\nm=audio 20000 RTP/AVP 8\r\n"));
  EXPECT_THAT(text, testing::EndsWith("m=audio 0 RTP/AVP 0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  const auto read = parse(text);
  ASSERT_TRUE(read && read->audio);
  EXPECT_EQ(read->audio->section, 1U);
}

TEST(SdpAnswer, ShowsNoAddressAndNoNameOfTheOtherSide) {
  const auto theirs =
      offer("m=audio 40000 RTP/AVP 0\r\nc=IN IP4 192.0.2.20\r\na=rtcp:4444 IN IP4 192.0.2.21\r\na=ssrc:1 cname:x\r\n");
  const auto text = print(answer_to(theirs).local, &theirs);
  for (const auto* secret : {"192.0.2", "198.51.100", "bob", "call", "ssrc", "4444"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
}

TEST(SdpAnswer, RefusesWithoutCommonGround) {
  const auto kind_for = [](const Description& theirs, const std::vector<Codec>& allowed) {
    const auto answer = make_answer(theirs, kOurs, 1, 1, allowed, false);
    return answer ? ErrorKind::Internal : answer.error().kind;
  };
  EXPECT_EQ(kind_for(offer("m=audio 40000 RTP/AVP 0\r\n"), {Codec::Opus}), ErrorKind::Conflict);
  EXPECT_EQ(kind_for(offer("m=audio 40000 RTP/AVP 0\r\n"), {}), ErrorKind::Conflict);
  EXPECT_EQ(kind_for(offer("m=audio 40000 RTP/AVP 18\r\n"), kAll), ErrorKind::Conflict);
  EXPECT_EQ(kind_for(offer("m=audio 0 RTP/AVP 0\r\n"), kAll), ErrorKind::Conflict);
  EXPECT_EQ(kind_for(offer("m=audio 40000 RTP/AVP 0\r\n", "c=IN IP6 2001:db8::1\r\n"), kAll), ErrorKind::Conflict);
}

TEST(SdpAccept, SendsWithTheAnswersNumbersAndReceivesWithOurs) {
  const auto ours = make_offer(kOurs, 1, {Codec::Opus, Codec::Pcmu});
  const auto agreed = accept_answer(ours, offer("m=audio 40000 RTP/AVP 111 110\r\na=rtpmap:111 opus/48000/2\r\n"
                                                "a=rtpmap:110 telephone-event/48000\r\n"));
  ASSERT_TRUE(agreed);
  EXPECT_EQ(agreed->codec, (CodecPt{Codec::Opus, 111}));
  EXPECT_EQ(agreed->receive_pt, 96);
  EXPECT_EQ(agreed->event, (EventPt{110, 48000}));
  EXPECT_EQ(agreed->receive_event, (EventPt{102, 48000}));
}

TEST(SdpAccept, AnAnswerWithBothLawsMayBeSentWithBoth) {
  const auto both = make_offer(kOurs, 1, {Codec::G722, Codec::Pcma, Codec::Pcmu});
  const auto answer = offer("m=audio 40000 RTP/AVP 0 8\r\n");
  EXPECT_EQ(accept_answer(both, answer)->receive_pt, 0);
  EXPECT_EQ(accept_answer(both, answer)->receive_other_law_pt, 8);
  EXPECT_FALSE(accept_answer(make_offer(kOurs, 1, {Codec::Pcmu}), answer)->receive_other_law_pt) << "not offered";
  EXPECT_FALSE(accept_answer(both, offer("m=audio 40000 RTP/AVP 0\r\n"))->receive_other_law_pt);
  EXPECT_FALSE(accept_answer(both, offer("m=audio 40000 RTP/AVP 9 0\r\n"))->receive_other_law_pt);
}

TEST(SdpAccept, SkipsWhatWasNotOffered) {
  const auto ours = make_offer(kOurs, 1, {Codec::Pcmu});
  const auto agreed =
      accept_answer(ours, offer("m=audio 40000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/48000\r\n"));
  ASSERT_TRUE(agreed);
  EXPECT_EQ(agreed->codec.codec, Codec::Pcmu);
  EXPECT_FALSE(agreed->event);
  EXPECT_FALSE(agreed->receive_event);
}

TEST(SdpAccept, TheDirectionIsWhatBothSidesAllow) {
  const auto agreed_direction = [](Direction ours, const std::string& theirs, const std::string& ip = "192.0.2.10") {
    auto local = make_offer(kOurs, 1, {Codec::Pcmu});
    local.direction = ours;
    const auto agreed = accept_answer(local, offer("m=audio 40000 RTP/AVP 0\r\n" + theirs, "c=IN IP4 " + ip + "\r\n"));
    return agreed ? agreed->direction : Direction::Inactive;
  };
  EXPECT_EQ(agreed_direction(Direction::SendRecv, ""), Direction::SendRecv);
  EXPECT_EQ(agreed_direction(Direction::SendRecv, "a=recvonly\r\n"), Direction::SendOnly);
  EXPECT_EQ(agreed_direction(Direction::SendRecv, "a=sendonly\r\n"), Direction::RecvOnly);
  EXPECT_EQ(agreed_direction(Direction::SendOnly, "a=sendrecv\r\n"), Direction::SendOnly);
  EXPECT_EQ(agreed_direction(Direction::RecvOnly, "a=sendonly\r\n"), Direction::RecvOnly);
  EXPECT_EQ(agreed_direction(Direction::SendOnly, "a=sendonly\r\n"), Direction::Inactive);
  EXPECT_EQ(agreed_direction(Direction::SendRecv, "", "0.0.0.0"), Direction::RecvOnly);
}

TEST(SdpAccept, RefusesAnAnswerThatAcceptsNothing) {
  const auto ours = make_offer(kOurs, 1, {Codec::Pcmu});
  for (const auto* media :
       {"m=audio 0 RTP/AVP 0\r\n", "m=audio 40000 RTP/AVP 8\r\n", "m=audio 40000 RTP/SAVP 0\r\n", ""}) {
    const auto agreed = accept_answer(ours, offer(media));
    ASSERT_FALSE(agreed) << media;
    EXPECT_EQ(agreed.error().kind, ErrorKind::Conflict);
  }
  EXPECT_FALSE(accept_answer(ours, offer("m=audio 40000 RTP/AVP 0\r\n", "c=IN IP6 2001:db8::1\r\n")));
}

}  // namespace
}  // namespace segue::sdp
