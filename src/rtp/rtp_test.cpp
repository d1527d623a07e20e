#include <gtest/gtest.h>

#include "base/random.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/telephone_event.h"

namespace segue::rtp {
namespace {

TEST(RtpPacket, WritesAndReadsItsHeader) {
  Bytes bytes(kHeaderBytes + 3, 7);
  write_header(bytes, {true, 101, 65535, 0xFFFFFFFF, 0x01020304});
  const auto view = parse_packet(bytes);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->payload_type, 101);
  EXPECT_EQ(view->sequence, 65535);
  EXPECT_EQ(view->timestamp, 0xFFFFFFFFu);
  EXPECT_EQ(view->ssrc, 0x01020304u);
  EXPECT_EQ(view->payload.size(), 3u);
}

TEST(RtpPacket, SkipsSourcesExtensionAndPadding) {
  Bytes bytes{0xB2, 0x00, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,  // version 2, padding, extension, two sources
              0,    0,    0, 9, 0, 0, 0, 8,              // sources
              0xBE, 0xDE, 0, 1, 1, 2, 3, 4,              // extension of one word
              42,   43,   0, 0, 3};                      // payload and three bytes of padding
  const auto view = parse_packet(bytes);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->payload.size(), 2u);
  EXPECT_EQ(view->payload[0], 42);
}

TEST(RtpPacket, RefusesWhatIsMalformed) {
  EXPECT_EQ(parse_packet(Bytes(11, 0x80)).error(), ParseError::TooShort);
  EXPECT_TRUE(parse_packet(Bytes(kMaxPacketBytes, 0x80)));
  EXPECT_EQ(parse_packet(Bytes(kMaxPacketBytes + 1, 0x80)).error(), ParseError::TooLong);
  Bytes bytes(12, 0);
  bytes[0] = 0x40;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::BadVersion);
  bytes[0] = 0x81;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::TooShort);
  bytes[0] = 0x90;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::BadExtension);
  bytes.resize(16, 0);
  bytes[15] = 1;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::BadExtension);
  bytes[0] = 0xA0;
  bytes[15] = 0;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::BadPadding);
  bytes[15] = 5;
  EXPECT_EQ(parse_packet(bytes).error(), ParseError::BadPadding);
}

TEST(RtpPacket, DistancesAreModular) {
  EXPECT_EQ(sequence_distance(2, 65534), 4);
  EXPECT_EQ(sequence_distance(65534, 2), -4);
  EXPECT_EQ(timestamp_distance(100, 0xFFFFFF9C), 200);
}

TEST(TelephoneEvent, RoundTripAndKeys) {
  const TelephoneEvent event{11, true, 10, 800};
  Bytes bytes(4);
  write_telephone_event(bytes, event);
  EXPECT_EQ(bytes, (Bytes{11, 0x8A, 0x03, 0x20}));
  EXPECT_EQ(parse_telephone_event(bytes), event);
  EXPECT_FALSE(parse_telephone_event(ByteView(bytes).first(3)));
  for (const char key : std::string_view("0123456789*#ABCD")) EXPECT_EQ(event_digit(event_code(key).value()), key);
  EXPECT_EQ(event_code('a'), 12);
  EXPECT_FALSE(event_code('E'));
  EXPECT_FALSE(event_digit(16));
}

TEST(Rtcp, SenderReportRoundTrip) {
  ReportBlock block{7, 64, -5, 0x00010002, 33, 44, 55};
  CompoundOut out;
  out.ssrc = 0xAABBCCDD;
  out.sender = SenderInfo{0x1122334455667788, 99, 100, 16000};
  out.blocks = {&block, 1};
  out.cname = "leg@host";
  out.bye = true;
  Bytes bytes(500);
  bytes.resize(build_compound(bytes, out));
  ASSERT_EQ(bytes.size() % 4, 0u);
  const auto in = parse_compound(bytes);
  ASSERT_TRUE(in);
  EXPECT_EQ(in->ssrc, 0xAABBCCDDu);
  EXPECT_EQ(in->sender, out.sender);
  ASSERT_EQ(in->block_count, 1u);
  EXPECT_EQ(in->blocks[0], block);
  EXPECT_EQ(in->cname, "leg@host");
  EXPECT_TRUE(in->bye);
}

TEST(Rtcp, CnamesOfEveryLengthFitTheirWords) {
  for (std::size_t n = 0; n <= kMaxCnameBytes + 1; ++n) {
    const std::string cname(n, 'x');
    CompoundOut out;
    out.cname = cname;
    Bytes bytes(500);
    const auto size = build_compound(bytes, out);
    bytes.resize(size);
    const auto in = parse_compound(bytes);
    ASSERT_TRUE(in) << n;
    EXPECT_EQ(in->cname.size(), std::min(n, kMaxCnameBytes));
    EXPECT_FALSE(in->sender);
    Bytes small(size - 1);
    EXPECT_EQ(build_compound(small, out), 0u) << "a buffer that is too small is left alone";
  }
}

TEST(Rtcp, RefusesWhatIsMalformed) {
  CompoundOut out;
  out.cname = "abc";
  Bytes good(100);
  good.resize(build_compound(good, out));
  ASSERT_TRUE(parse_compound(good));
  EXPECT_EQ(parse_compound(ByteView(good).first(4)).error(), RtcpError::TooShort);
  EXPECT_EQ(parse_compound(ByteView(good).first(good.size() - 4)).error(), RtcpError::BadLength);
  auto bytes = good;
  bytes[0] = 0x01;
  EXPECT_EQ(parse_compound(bytes).error(), RtcpError::BadVersion);
  bytes = good;
  bytes[1] = 202;
  EXPECT_EQ(parse_compound(bytes).error(), RtcpError::NoReportFirst);
  bytes = good;
  bytes[0] |= 3;  // claims three blocks
  EXPECT_EQ(parse_compound(bytes).error(), RtcpError::BadLength);
  bytes = good;
  bytes[17] = 200;  // the CNAME is longer than its packet
  EXPECT_EQ(parse_compound(bytes).error(), RtcpError::BadSdes);
}

TEST(Rtcp, RandomBytesNeverBreakTheParsers) {
  Random random(11);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(random.below(80));
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random.u32());
    if (bytes.size() > 4 && random.chance(0.7)) {
      bytes[0] = static_cast<std::uint8_t>(0x80 | (bytes[0] & 0x3F));
      bytes[1] = static_cast<std::uint8_t>(200 + (bytes[1] & 3));
      write_u16(&bytes[2], static_cast<std::uint16_t>(random.below(20)));
    }
    (void)parse_compound(bytes);
    (void)parse_packet(bytes);
  }
}

TEST(Rtcp, NtpTimeCountsFrom1900) {
  EXPECT_EQ(ntp_time(WallTime{}), 2208988800ull << 32);
  EXPECT_EQ(ntp_time(WallTime{500ms}), (2208988800ull << 32) | 0x80000000u);
  EXPECT_EQ(ntp_middle(0x1122334455667788), 0x33445566u);
}

}  // namespace
}  // namespace segue::rtp
