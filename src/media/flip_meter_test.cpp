#include "media/flip_meter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "media/fade.h"

namespace segue::media {
namespace {

/// One packet on its way out, for a doctor to spoil.
struct Outgoing {
  int index = 0;  // the splice is at kSplice
  rtp::Header header;
  Bytes payload;
  Endpoint to{IpAddress::v4(10, 0, 0, 1), 4000};
  Instant at{};
  bool dropped = false;
};
using Doctor = std::function<void(Outgoing&)>;

constexpr int kSplice = 60;
constexpr int kPackets = 110;

/// A clean flip as a meter sees it: A's 60 packets, then B's 50, B 8 ms later in phase, faded; spoilt by `doctor` where
/// asked.
class Flip {
 public:
  SpliceMeasurement watch(const Doctor& doctor = {}) {
    FlipMeter::Setup setup;
    setup.flip = FlipId{7};
    setup.line = LegId{1};
    setup.event_payload_type = 101;
    slots_.anchor(Instant{10s}, 1000, 8000);
    setup.slots = slots_;
    FlipMeter meter(setup);
    report(meter, 10s, 1000, 0, "far", false);
    for (int i = 0; i < kPackets; ++i) packet(meter, i, doctor);
    report(meter, 10s + kPackets * 20ms, 1000 + 160 * kPackets, 110, cname_after, bye);
    return *meter.finish(Instant{10s} + kPackets * 20ms);
  }
  bool fade = true;
  bool bye = false;
  std::string cname_after = "far";
  std::uint32_t fewer_packets = 0;
  Duration report_ahead{};
  Duration b_began = 20ms;              ///< before the packet that proves it
  std::function<Duration(int)> wait;    ///< of a packet in this machine before it is read
  std::function<Duration(int)> jitter;  ///< of a packet's arrival

 private:
  void report(FlipMeter& meter, Duration at, std::uint32_t timestamp, std::uint32_t packets, const std::string& cname,
              bool ends) {
    rtp::CompoundOut out;
    out.ssrc = 0xCAFE;
    out.cname = cname;
    out.bye = ends;
    const Duration ahead = packets > 0 ? report_ahead : Duration{};
    out.sender = rtp::SenderInfo{rtp::ntp_time(WallTime{1700000000s} + at + ahead), timestamp,
                                 500 + packets - (packets > 0 ? fewer_packets : 0), 1000 + packets};
    Bytes bytes(200);
    bytes.resize(rtp::build_compound(bytes, out));
    meter.rtcp_departed(bytes);
  }
  void packet(FlipMeter& meter, int i, const Doctor& doctor) {
    const bool of_b = i >= kSplice;
    Outgoing out;
    out.index = i;
    out.header = {false, 0, static_cast<std::uint16_t>(65500 + i), 1000 + 160 * static_cast<std::uint32_t>(i), 0xCAFE};
    out.payload = sound(i, of_b);
    const Instant arrived = Instant{10s} + i * 20ms + (of_b ? 8ms : 0ms) + (jitter ? jitter(i) : 0ms);
    const Instant seen = arrived + 50us + (wait ? wait(i) : 0ms);
    out.at = seen;
    if (i == kSplice) {
      if (fade) fade_in(g711::Law::Mu, history_.bytes(), out.payload);
      before_it(meter, arrived);
      meter.spliced({out.at, arrived - 60ms, arrived - b_began, true, slots_});
    }
    history_.append(out.payload);
    FlipMeter::Arrival arrival;
    arrival.who = of_b ? FlipMeter::Who::B : FlipMeter::Who::A;
    arrival.sequence = static_cast<std::uint16_t>(i + (of_b ? 777 : 0));
    arrival.timestamp = 160 * static_cast<std::uint32_t>(i) + (of_b ? 99999 : 0);
    arrival.ssrc = of_b ? 2 : 1;
    arrival.at = arrived;
    arrival.seen = seen;
    arrival.used = true;
    meter.arrived(arrival);
    if (doctor) doctor(out);
    if (out.dropped) return;
    Bytes bytes(rtp::kHeaderBytes);
    rtp::write_header(bytes, out.header);
    bytes.insert(bytes.end(), out.payload.begin(), out.payload.end());
    meter.departed(bytes, out.to, out.at);
  }
  /// B's first packet, the one before that which proves it.
  void before_it(FlipMeter& meter, Instant proving) const {
    FlipMeter::Arrival first;
    first.who = FlipMeter::Who::B;
    first.sequence = static_cast<std::uint16_t>(kSplice - 1 + 777);
    first.timestamp = 160 * static_cast<std::uint32_t>(kSplice - 1) + 99999;
    first.ssrc = 2;
    first.at = first.seen = proving - b_began;
    meter.arrived(first);
  }
  static Bytes sound(int i, bool of_b) {
    Bytes payload(160);
    for (int k = 0; k < 160; ++k) {
      // B begins in the middle of its wave, where A's goes the other way: the worst hard cut.
      const double phase = 2 * std::numbers::pi * (i * 160 + k) * 300 / 8000 + (of_b ? 1.0 : 0);
      payload[static_cast<std::size_t>(k)] = g711::encode(
          g711::Law::Mu, static_cast<std::int16_t>(std::lround((of_b ? -7000 : 8000) * std::sin(phase + 0.6))));
    }
    return payload;
  }
  SentHistory history_;
  Timeline slots_;
};

TEST(FlipMeter, CleanFlipIsAllGreen) {
  const auto m = Flip().watch();
  EXPECT_TRUE(m.spliced);
  EXPECT_EQ(m.packets_watched, 110u);
  EXPECT_EQ(m.ssrc_before, m.ssrc_after);
  EXPECT_EQ(m.payload_type_before, m.payload_type_after);
  EXPECT_EQ(m.address_before, m.address_after);
  EXPECT_EQ(m.cname_before, "far");
  EXPECT_EQ(m.cname_after, "far");
  EXPECT_EQ(m.sequence_breaks, 0u);
  EXPECT_EQ(m.source_losses, 0u);
  EXPECT_EQ(m.slots_missing, 0u);
  EXPECT_EQ(m.slots_silent_by_choice, 0u);
  EXPECT_NEAR(m.lateness_ms_max.value(), 8.05, 0.2);
  EXPECT_NEAR(m.gap_ms_max.value(), 28, 0.1);
  EXPECT_NEAR(m.source_gap_ms_max.value(), 20, 0.1);
  EXPECT_NEAR(m.scheduler_ms_max.value(), 0.05, 0.001);
  EXPECT_FALSE(m.rtcp_bye);
  EXPECT_FALSE(m.rtcp_counts_fell);
  EXPECT_LT(m.rtcp_line_error_ms.value(), 0.01);
  EXPECT_NEAR(m.first_packet_to_heard_ms.value(), 20.05, 0.01);
  EXPECT_NEAR(m.answer_to_heard_ms.value(), 60.05, 0.01);
  EXPECT_EQ(m.nobody_heard_ms.value(), 0);
  EXPECT_LE(m.step_at_splice.value(), 1.1 * m.step_around.value());
  EXPECT_GT(m.trace.size(), 70u);
  EXPECT_LE(m.trace.size(), kMaxTrace);
}

TEST(FlipMeter, DroppedFrameShows) {
  for (const int at : {30, kSplice - 1, kSplice, kSplice + 1}) {
    const auto m = Flip().watch([at](Outgoing& out) { out.dropped = out.index == at; });
    EXPECT_EQ(m.sequence_breaks, 1u) << at;
    EXPECT_EQ(m.slots_missing, 1u) << at;
  }
}

TEST(FlipMeter, TimestampJumpShows) {
  for (const std::uint32_t jump : {160u, 16000u, 0u - 160u, 0x40000000u}) {
    const auto m = Flip().watch([jump](Outgoing& out) {
      if (out.index >= kSplice) out.header.timestamp += jump;
    });
    EXPECT_GT(m.sequence_breaks + m.slots_missing, 0u) << jump;
  }
}

TEST(FlipMeter, SequenceSkipRepeatAndStepBackShow) {
  for (const int jump : {1, -1, -2, 300}) {
    const auto m = Flip().watch([jump](Outgoing& out) {
      if (out.index > kSplice) out.header.sequence = static_cast<std::uint16_t>(out.header.sequence + jump);
    });
    EXPECT_GT(m.sequence_breaks, 0u) << jump;
  }
}

TEST(FlipMeter, NewSsrcPayloadTypeAndAddressShow) {
  auto m = Flip().watch([](Outgoing& out) { out.header.ssrc += out.index >= kSplice ? 1 : 0; });
  EXPECT_NE(m.ssrc_before, m.ssrc_after);
  m = Flip().watch([](Outgoing& out) { out.header.ssrc += out.index == kSplice ? 1 : 0; });
  EXPECT_NE(m.ssrc_before, m.ssrc_after) << "even if it comes back";
  m = Flip().watch([](Outgoing& out) { out.header.payload_type = out.index == kSplice + 3 ? 8 : 0; });
  EXPECT_EQ(m.payload_type_after, 8);
  m = Flip().watch([](Outgoing& out) { out.to.port = out.index >= kSplice ? 4002 : 4000; });
  EXPECT_NE(m.address_before, m.address_after);
}

TEST(FlipMeter, HardStepShows) {
  Flip hard;
  hard.fade = false;
  const auto m = hard.watch();
  EXPECT_GT(m.step_at_splice.value(), 1.1 * m.step_around.value());
}

TEST(FlipMeter, LatePacketShows) {
  const auto m = Flip().watch([](Outgoing& out) {
    if (out.index == kSplice + 2) out.at += 15ms;
  });
  EXPECT_GT(m.lateness_ms_max.value(), 20);
  EXPECT_GT(m.own_lateness_ms.value(), 20) << "it was held after it was read: that is not the machine's";
  EXPECT_GT(m.gap_ms_max.value(), 34);
  EXPECT_GT(m.own_gap_ms.value(), 34);
}

TEST(FlipMeter, WhatTheMachineAndTheDevicesAddIsKnownApart) {
  Flip flip;
  flip.wait = [](int i) { return i == kSplice + 2 ? 15ms : 0ms; };
  auto m = flip.watch();
  EXPECT_NEAR(m.scheduler_ms_max.value(), 15.05, 0.01);
  EXPECT_GT(m.lateness_ms_max.value(), 20);
  EXPECT_NEAR(m.own_lateness_ms.value(), 8, 0.2);
  EXPECT_GT(m.gap_ms_max.value(), 34);
  EXPECT_NEAR(m.own_gap_ms.value(), 28, 0.2);
  flip = Flip{};
  flip.jitter = [](int i) { return i == kSplice - 1 ? -5ms : i == kSplice ? 3ms : 0ms; };  // A early, then B late
  m = flip.watch();
  EXPECT_NEAR(m.gap_ms_max.value(), 36, 0.2);
  EXPECT_NEAR(m.own_gap_ms.value(), 31, 0.2)
      << "B's slot was chosen by B's first packet, so that shift is the splice's";
}

TEST(FlipMeter, BsOwnCadenceIsNotTheSplicesTime) {
  Flip flip;
  flip.b_began = 21ms;  // its first two packets 21 ms apart
  const auto m = flip.watch();
  EXPECT_NEAR(m.first_packet_to_heard_ms.value(), 21.05, 0.01);
  EXPECT_NEAR(m.own_first_packet_to_heard_ms.value(), 20, 0.01);
}

TEST(FlipMeter, RtcpFaultsShow) {
  Flip flip;
  flip.bye = true;
  EXPECT_TRUE(flip.watch().rtcp_bye);
  flip = Flip{};
  flip.fewer_packets = 200;
  EXPECT_TRUE(flip.watch().rtcp_counts_fell);
  flip = Flip{};
  flip.report_ahead = 30ms;
  EXPECT_NEAR(flip.watch().rtcp_line_error_ms.value(), 30, 0.1);
  flip = Flip{};
  flip.cname_after = "another";
  EXPECT_NE(flip.watch().cname_after, flip.watch().cname_before);
}

TEST(FlipMeter, WithoutASpliceThereIsNoSpliceFigure) {
  FlipMeter meter(FlipMeter::Setup{});
  const auto m = meter.finish(Instant{1s});
  EXPECT_FALSE(m->spliced);
  EXPECT_FALSE(m->gap_ms_max || m->lateness_ms_max || m->step_at_splice || m->rtcp_line_error_ms || m->nobody_heard_ms);
}

}  // namespace
}  // namespace segue::media
