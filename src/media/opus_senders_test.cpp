// Senders that ignore our profile: real Opus packets (libopus) in stereo, of 60 ms, with pauses by DTX, beside one that
// keeps to it. They pass and flip; the line's timestamps advance by what the packets contain and by the pauses.
#include <gtest/gtest.h>
#include <opus/opus.h>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Rig;

/// A phone with its own encoder. It talks for a while and is silent for a while; with `dtx` nothing is sent in silence.
class OpusPhone {
 public:
  OpusPhone(Rig& rig, std::uint64_t id, unsigned ptime_ms, int channels, bool dtx)
      : phone(rig.add(id, Codec::Opus, ptime_ms)),
        channels_(channels),
        coder_(opus_encoder_create(48000, channels, OPUS_APPLICATION_VOIP, nullptr), &opus_encoder_destroy) {
    opus_encoder_ctl(coder_.get(), OPUS_SET_DTX(dtx ? 1 : 0));
    opus_encoder_ctl(coder_.get(), OPUS_SET_FORCE_CHANNELS(channels));
  }

  /// What comes with this frame; nothing where DTX leaves it out (RFC 7587 section 3.1.3: up to two bytes are not
  /// sent).
  std::optional<Bytes> frame(Instant now) {
    const std::size_t count = 48 * std::size_t{phone.ptime_ms};
    std::vector<std::int16_t> pcm(count * static_cast<std::size_t>(channels_));
    const bool talks = (now.time_since_epoch() / 1s) % 2 == 0;
    for (std::size_t i = 0; i < pcm.size() && talks; ++i) {
      const std::size_t n = i / static_cast<unsigned>(channels_);
      pcm[i] = static_cast<std::int16_t>(6000 * std::sin(0.06 * static_cast<double>(n)));
    }
    Bytes packet(rtp::kHeaderBytes + 1000);
    const auto size = opus_encode(coder_.get(), pcm.data(), static_cast<int>(count), &packet[rtp::kHeaderBytes], 1000);
    EXPECT_GT(size, 0);
    const auto timestamp = phone.timestamp;
    phone.timestamp += static_cast<std::uint32_t>(count);
    phone.next += phone.ptime_ms * 1ms;
    if (size <= 2) return std::nullopt;
    rtp::write_header(packet, {!talking_, 96, phone.sequence++, timestamp, phone.ssrc});
    talking_ = true;
    packet.resize(rtp::kHeaderBytes + static_cast<std::size_t>(size));
    return packet;
  }
  test::Phone phone;

 private:
  int channels_;
  std::unique_ptr<OpusEncoder, void (*)(OpusEncoder*)> coder_;
  bool talking_ = false;
};

struct Call {
  Call() {
    rig.add(1, Codec::Opus);
    rig.command(SetSource{LegId{1}, FromLeg{a.phone.leg}});
    b.phone.next += 7ms;
  }
  void run(Duration d) {
    for (const auto end = rig.now + d;;) {
      auto& next = a.phone.next <= b.phone.next ? a : b;
      if (next.phone.next > end) return rig.idle_until(end);
      rig.idle_until(next.phone.next);
      const auto packet = next.frame(rig.now);
      if (packet) rig.receive(next.phone, *packet);
    }
  }
  /// The measurement of the flip.
  SpliceMeasurement flip(const OpusPhone& to, std::uint64_t id) {
    rig.command(WatchLine{LegId{1}, FlipId{id}});
    run(500ms);
    rig.command(ArmSplice{LegId{1}, to.phone.leg, FlipId{id}, false, rig.now});
    run(3s);
    const auto all = rig.heard<SpliceMeasured>();
    EXPECT_EQ(all.size(), id);
    return *all.back().measurement;
  }
  Rig rig;
  OpusPhone a{rig, 2, 20, 1, false};
  OpusPhone b{rig, 3, 60, 2, true};
};

TEST(OpusSenders, StereoOf60MsWithDtxPassesAndFlips) {
  Call call;
  call.run(500ms);
  std::uint32_t silent = 0;
  for (std::uint64_t id = 1; id <= 6; ++id) {
    const auto m = call.flip(id % 2 == 1 ? call.b : call.a, id);
    EXPECT_TRUE(m.spliced) << id;
    EXPECT_EQ(m.sequence_breaks, 0u) << id;
    EXPECT_EQ(m.slots_missing, 0u) << id;
    EXPECT_LE(m.own_lateness_ms.value_or(0), m.frame_ms / 2) << id;
    silent += m.slots_silent_by_choice;
  }
  EXPECT_GT(silent, 0u) << "DTX was never seen";
  const auto out = call.rig.to(LegId{1});
  std::size_t long_packets = 0, pauses = 0;
  for (std::size_t i = 1; i < out.size(); ++i) {
    const auto& before = out[i - 1]->view;
    const auto ticks = duration_ticks(Codec::Opus, before.payload);
    const auto step = static_cast<std::uint32_t>(rtp::timestamp_distance(out[i]->view.timestamp, before.timestamp));
    ASSERT_EQ(rtp::sequence_distance(out[i]->view.sequence, before.sequence), 1);
    ASSERT_GE(step, ticks) << "after " << i << ": two packets for one time";
    EXPECT_EQ(step % 960, 0u);
    long_packets += ticks == 2880 ? 1 : 0;
    pauses += step > ticks ? 1 : 0;
    if (step == ticks) {
      EXPECT_LE(out[i]->at - out[i - 1]->at, 80ms);
    }
  }
  EXPECT_GT(long_packets, 50u);
  EXPECT_GT(pauses, 2u);
}

}  // namespace
}  // namespace segue::media
