#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdp/sdp.h"

namespace segue::sdp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string with_media(const std::string& media, const std::string& session = "c=IN IP4 192.0.2.10\r\n") {
  return "v=0\r\no=bob 1 2 IN IP4 198.51.100.77\r\ns=call\r\n" + session + "t=0 0\r\n" + media;
}

RemoteAudio audio_of(const std::string& text) {
  const auto description = parse(text);
  if (!description || !description->audio) {
    ADD_FAILURE() << "no usable audio: " << (description ? "" : description.error().text) << "\n" << text;
    return {};
  }
  return *description->audio;
}

std::string error_of(std::string_view text) {
  const auto description = parse(text);
  return description ? "no error" : description.error().text;
}

TEST(SdpParse, ReadsAPhonesOffer) {
  const auto audio = audio_of(with_media(
      "m=audio 40000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000/1\r\n"
      "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:30\r\na=sendrecv\r\n"));
  EXPECT_EQ(audio.rtp, *Endpoint::parse("192.0.2.10:40000"));
  EXPECT_EQ(audio.rtcp, *Endpoint::parse("192.0.2.10:40001"));
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::G722, 9}, CodecPt{Codec::Pcma, 8}, CodecPt{Codec::Pcmu, 0}));
  EXPECT_THAT(audio.events, ElementsAre(EventPt{101, 8000}));
  EXPECT_EQ(audio.ptime_ms, 30U);
  EXPECT_EQ(audio.direction, Direction::SendRecv);
  EXPECT_FALSE(audio.rtcp_mux);
}

TEST(SdpParse, KnowsStaticTypesWithoutRtpmap) {
  const auto audio = audio_of(with_media("m=audio 40000 RTP/AVP 0 3 8 9 13 18\r\n"));
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::Pcmu, 0}, CodecPt{Codec::Pcma, 8}, CodecPt{Codec::G722, 9}));
  EXPECT_EQ(audio.comfort_noise, 13);
  EXPECT_THAT(audio.events, IsEmpty());
}

TEST(SdpParse, KeepsThePeersNumbersWhereTheyClashWithOurs) {
  const auto audio = audio_of(with_media(
      "m=audio 40000 RTP/AVP 101 96 97 102\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:96 telephone-event/48000\r\n"
      "a=rtpmap:97 telephone-event/8000\r\na=rtpmap:102 PCMU/8000\r\n"));
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::Opus, 101}, CodecPt{Codec::Pcmu, 102}));
  EXPECT_THAT(audio.events, ElementsAre(EventPt{96, 48000}, EventPt{97, 8000}));
}

TEST(SdpParse, AnRtpmapOverrulesTheStaticTable) {
  EXPECT_THAT(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 SPEEX/8000\r\n")).codecs, IsEmpty());
}

TEST(SdpParse, RefusesCodecsAtAnotherClockOrInStereo) {
  EXPECT_THAT(
      audio_of(with_media("m=audio 40000 RTP/AVP 96 97 98\r\na=rtpmap:96 PCMU/16000\r\na=rtpmap:97 PCMA/8000/2\r\n"
                          "a=rtpmap:98 opus/16000/2\r\n"))
          .codecs,
      IsEmpty());
  EXPECT_THAT(audio_of(with_media("m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000\r\n")).codecs,
              ElementsAre(CodecPt{Codec::Opus, 96}));
}

TEST(SdpParse, EachTypeCountsOnceAndItsFirstRtpmapHolds) {
  const auto audio =
      audio_of(with_media("m=audio 40000 RTP/AVP 96 96 200 x\r\na=rtpmap:96 PCMU/8000\r\na=rtpmap:96 PCMA/8000\r\n"
                          "a=rtpmap:99 G722/8000\r\n"));
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::Pcmu, 96}));
}

TEST(SdpParse, ReadsIpv6) {
  const auto audio = audio_of(with_media("m=audio 40000 RTP/AVP 0\r\n", "c=IN IP6 2001:db8::7\r\n"));
  EXPECT_EQ(audio.rtp, *Endpoint::parse("[2001:db8::7]:40000"));
  EXPECT_EQ(audio.rtcp.port, 40001);
}

TEST(SdpParse, TheSectionsAddressAndDirectionOverruleTheSessions) {
  const std::string session = "c=IN IP4 192.0.2.10\r\na=sendonly\r\n";
  const auto inherited = audio_of(with_media("m=audio 40000 RTP/AVP 0\r\n", session));
  EXPECT_EQ(inherited.direction, Direction::SendOnly);
  const auto own = audio_of(with_media("m=audio 40000 RTP/AVP 0\r\nc=IN IP4 192.0.2.20\r\na=recvonly\r\n", session));
  EXPECT_EQ(own.direction, Direction::RecvOnly);
  EXPECT_EQ(own.rtp.ip, IpAddress::v4(192, 0, 2, 20));
}

TEST(SdpParse, ReadsHoldOfTheNewStyleAndOfTheOld) {
  EXPECT_EQ(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=inactive\r\n")).direction, Direction::Inactive);
  const std::string zero = "c=IN IP4 0.0.0.0\r\n";
  const auto held = audio_of(with_media("m=audio 40000 RTP/AVP 0\r\n", zero));
  EXPECT_EQ(held.direction, Direction::SendOnly);
  EXPECT_TRUE(held.rtp.ip.unspecified());
  EXPECT_EQ(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=recvonly\r\n", zero)).direction, Direction::Inactive);
  EXPECT_EQ(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=sendonly\r\n", "c=IN IP6 ::\r\n")).direction,
            Direction::SendOnly);
}

TEST(SdpParse, ReadsRtcp) {
  const auto audio =
      audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=rtcp:53020 IN IP4 192.0.2.33\r\na=rtcp-mux\r\n"));
  EXPECT_EQ(audio.rtcp, *Endpoint::parse("192.0.2.33:53020"));
  EXPECT_TRUE(audio.rtcp_mux);
  EXPECT_EQ(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=rtcp:53020\r\n")).rtcp,
            *Endpoint::parse("192.0.2.10:53020"));
  EXPECT_EQ(audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=rtcp:0\r\n")).rtcp.port, 40001);
  EXPECT_EQ(audio_of(with_media("m=audio 65535 RTP/AVP 0\r\n")).rtcp.port, 0);
}

TEST(SdpParse, ClampsPtime) {
  const auto ptime = [](const std::string& value) {
    return audio_of(with_media("m=audio 40000 RTP/AVP 0\r\na=ptime:" + value + "\r\n")).ptime_ms;
  };
  EXPECT_EQ(ptime("10"), 10U);
  EXPECT_EQ(ptime("9"), 10U);
  EXPECT_EQ(ptime("60"), 60U);
  EXPECT_EQ(ptime("61"), 60U);
  EXPECT_EQ(ptime("20.0"), 20U);
  EXPECT_EQ(ptime("soon"), 20U);
  EXPECT_EQ(ptime("99999999999"), 20U);
}

TEST(SdpParse, TakesTheFirstUsableAudioOfSeveralSections) {
  const auto description = parse(with_media(
      "m=video 5000 RTP/AVP 97\r\nm=audio 0 RTP/AVP 0\r\nm=audio 5002 RTP/SAVP 0\r\nm=audio 5004 RTP/AVP 8\r\n"
      "m=audio 5006 RTP/AVP 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  ASSERT_TRUE(description) << description.error().text;
  EXPECT_EQ(description->sections.size(), 6U);
  EXPECT_EQ(description->sections[5].first_format, "webrtc-datachannel");
  ASSERT_TRUE(description->audio);
  EXPECT_EQ(description->audio->section, 3U);
  EXPECT_EQ(description->audio->rtp.port, 5004);
}

TEST(SdpParse, AudioThatWeCannotUseIsNoError) {
  const auto unusable = [](const std::string& text) {
    const auto description = parse(text);
    return description && !description->audio;
  };
  for (const auto* protocol : {"RTP/SAVP", "RTP/SAVPF", "RTP/AVPF", "UDP/TLS/RTP/SAVPF", "udp"}) {
    EXPECT_TRUE(unusable(with_media("m=audio 40000 " + std::string(protocol) + " 0\r\n"))) << protocol;
  }
  EXPECT_TRUE(unusable(with_media("")));
  EXPECT_TRUE(unusable(with_media("m=audio 40000 RTP/AVP 0\r\n", "")));  // no c= at all
  for (const auto* c :
       {"IN IP4 phone.example.com", "IN IP4 224.2.1.1/127/3", "IN IP4 255.255.255.255", "IN IP6 ff15::101"}) {
    EXPECT_TRUE(unusable(with_media("m=audio 40000 RTP/AVP 0\r\n", "c=" + std::string(c) + "\r\n"))) << c;
  }
}

TEST(SdpParse, BearsSloppyLines) {
  const auto audio =
      audio_of("v=0\no=- 1 1 IN IP4 x\nc=IN  IP4   192.0.2.10 \nm=audio  40000/2  rtp/avp  0 \nz=\nq=unknown\n\n\n");
  EXPECT_EQ(audio.rtp.port, 40000);
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::Pcmu, 0}));
}

TEST(SdpParse, BrokenAttributesAreAsIfAbsent) {
  const auto audio = audio_of(
      with_media("m=audio 40000 RTP/AVP 96 97 98 99 0\r\na=rtpmap\r\na=rtpmap:\r\na=rtpmap:96\r\na=rtpmap:97 PCMU\r\n"
                 "a=rtpmap:98 PCMU/0\r\na=rtpmap:999 PCMU/8000\r\na=rtpmap:99 "
                 "PCMU/8000/x\r\na=rtcp:x\r\na=ptime\r\na=\r\na=:\r\n"));
  EXPECT_THAT(audio.codecs, ElementsAre(CodecPt{Codec::Pcmu, 0}));
  EXPECT_EQ(audio.rtcp.port, 40001);
}

TEST(SdpParse, NamesTheBrokenLine) {
  EXPECT_THAT(error_of(""), HasSubstr("line 1"));
  EXPECT_THAT(error_of("hello"), HasSubstr("line 1"));
  EXPECT_THAT(error_of("v=1\r\n"), HasSubstr("line 1"));
  EXPECT_THAT(error_of("v=0\r\nnonsense\r\n"), HasSubstr("line 2"));
  for (const auto* m :
       {"", "audio", "audio 40000", "audio 40000 RTP/AVP", "audio x RTP/AVP 0", "audio -1 RTP/AVP 0",
        "audio 65536 RTP/AVP 0", "audio 4000\x01 RTP/AVP 0", "au\rdio 40000 RTP/AVP 0", "video 0 RTP/AVP \x7f"}) {
    EXPECT_THAT(error_of(with_media("m=" + std::string(m) + "\r\n")), HasSubstr("line 6")) << m;
  }
  for (const auto* c :
       {"", "IN", "IN IP4", "IN IP5 192.0.2.1", "ATM IP4 192.0.2.1", "IN IP6 192.0.2.1", "IN IP4 2001:db8::1"}) {
    EXPECT_THAT(error_of(with_media("", "c=" + std::string(c) + "\r\n")), HasSubstr("line 4")) << c;
  }
}

TEST(SdpParse, HoldsItsBounds) {
  std::string text = with_media("");
  text += "a=" + std::string(kMaxSdpBytes - text.size() - 2, 'x');
  EXPECT_TRUE(parse(text));
  EXPECT_THAT(error_of(text + "x"), HasSubstr("16384"));

  std::string sections;
  for (std::size_t i = 0; i < kMaxMediaSections; ++i) sections += "m=audio 40000 RTP/AVP 0\r\n";
  EXPECT_TRUE(parse(with_media(sections)));
  EXPECT_THAT(error_of(with_media(sections + "m=audio 40000 RTP/AVP 0\r\n")), HasSubstr("16 m= lines"));

  std::string formats = "m=audio 40000 RTP/AVP";
  for (std::size_t i = 0; i < kMaxFormats; ++i) formats += " " + std::to_string(i);
  EXPECT_TRUE(parse(with_media(formats)));
  EXPECT_THAT(error_of(with_media(formats + " 64")), HasSubstr("64 formats"));
}

TEST(SdpCodecs, NamesGoBothWays) {
  for (const auto codec : {Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus})
    EXPECT_EQ(codec_by_name(codec_name(codec)), codec);
  EXPECT_EQ(codec_by_name("OPUS"), Codec::Opus);
  EXPECT_EQ(codec_by_name("pcmu"), Codec::Pcmu);
  EXPECT_FALSE(codec_by_name("PCM"));
  EXPECT_FALSE(codec_by_name(""));
}

}  // namespace
}  // namespace segue::sdp
