#include "media/flip_meter.h"

#include <gtest/gtest.h>

#include "media/doctored_flip.h"

namespace segue::media {
namespace {

using test::kSplice;
using test::Outgoing;
using Flip = test::DoctoredFlip;

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

TEST(FlipMeter, AKeysTimeIsSilenceByItsOwnChoice) {
  Flip flip;
  flip.withheld = 3;
  EXPECT_NEAR(flip.watch().nobody_heard_ms.value(), 60, 0.1);
  Flip keyed;
  keyed.withheld = 3;
  keyed.keyed = true;
  EXPECT_EQ(keyed.watch().nobody_heard_ms.value(), 0);
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
