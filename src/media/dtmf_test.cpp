// Keys as sound on legs without telephone-event: what left is decoded by the codecs' own libraries and heard by
// spandsp's detector.
#include "media/dtmf.h"

#include <gtest/gtest.h>
#include <opus/opus.h>
#include <spandsp.h>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Rig;

using Pcm = std::vector<std::int16_t>;

/// Samples at 8 kHz of payloads as they left, one after the other.
Pcm decode(Codec codec, const std::vector<Bytes>& payloads) {
  Pcm pcm;
  int error = 0;
  const std::unique_ptr<OpusDecoder, void (*)(OpusDecoder*)> opus(opus_decoder_create(8000, 1, &error),
                                                                  &opus_decoder_destroy);
  const std::unique_ptr<g722_decode_state_t, int (*)(g722_decode_state_t*)> g722(
      g722_decode_init(nullptr, 64000, G722_SAMPLE_RATE_8000), &g722_decode_free);
  for (const auto& payload : payloads) {
    Pcm frame(960);
    int n = 0;
    if (codec == Codec::Opus) {
      n = opus_decode(opus.get(), payload.data(), static_cast<int>(payload.size()), frame.data(), 960, 0);
      EXPECT_GT(n, 0);
    } else if (codec == Codec::G722) {
      n = g722_decode(g722.get(), frame.data(), payload.data(), static_cast<int>(payload.size()));
    } else {
      const auto law = codec == Codec::Pcmu ? g711::Law::Mu : g711::Law::A;
      for (const auto byte : payload) frame[static_cast<std::size_t>(n++)] = g711::decode(law, byte);
    }
    pcm.insert(pcm.end(), frame.begin(), frame.begin() + n);
  }
  return pcm;
}

std::string keys_heard(const Pcm& pcm) {
  const std::unique_ptr<dtmf_rx_state_t, int (*)(dtmf_rx_state_t*)> ear(dtmf_rx_init(nullptr, nullptr, nullptr),
                                                                        &dtmf_rx_free);
  dtmf_rx(ear.get(), pcm.data(), static_cast<int>(pcm.size()));
  std::array<char, 128> keys{};
  dtmf_rx_get(ear.get(), keys.data(), static_cast<int>(keys.size()) - 1);
  return keys.data();
}

/// Power of one frequency over a stretch, as the amplitude of a sine.
double level(const Pcm& pcm, std::size_t first, std::size_t count, double hertz) {
  double re = 0, im = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double angle = 2 * std::numbers::pi * hertz * static_cast<double>(i) / 8000;
    re += pcm[first + i] * std::cos(angle);
    im += pcm[first + i] * std::sin(angle);
  }
  return 2 * std::hypot(re, im) / static_cast<double>(count);
}

/// A far leg without telephone-event, and a leg of the same codec whose quiet room it hears.
class KeyScene {
 public:
  explicit KeyScene(Codec codec, unsigned ptime_ms = 20) : codec_(codec), ptime_ms_(ptime_ms) {
    rig.add(1, codec, ptime_ms);
    from_ = rig.add(2, codec, ptime_ms);
    for (const std::uint64_t id : {1u, 2u}) {
      auto remote = Rig::remote_of(id, codec, ptime_ms);
      remote.format.send_event_pt = remote.format.receive_event_pt = std::nullopt;
      rig.command(remote);
    }
    rig.command(SetSource{LegId{1}, FromLeg{LegId{2}}});
    run(400ms);
  }
  void run(Duration d) {
    const auto& frames = test::clips()->get(Clip::ComfortNoise, codec_).frames;
    for (const auto end = rig.now + d; rig.now < end;) {
      Bytes packet(rtp::kHeaderBytes);
      rtp::write_header(packet, {false, from_.payload_type, from_.sequence, from_.timestamp, from_.ssrc});
      for (unsigned ms = 0; ms < ptime_ms_; ms += 20, ++frame_)
        packet.insert(packet.end(), frames[frame_ % frames.size()].begin(), frames[frame_ % frames.size()].end());
      if (codec_ != Codec::Opus) packet.resize(rtp::kHeaderBytes + 8 * ptime_ms_);
      rig.receive(from_, packet);
      ++from_.sequence;
      from_.timestamp += rtp_clock(codec_) / 1000 * ptime_ms_;
      rig.idle_until(rig.now + ptime_ms_ * 1ms);
    }
  }
  void press(char key, unsigned ms) { rig.command(InjectDigit{LegId{2}, key, ms}); }
  /// What the far party hears; the line must be whole.
  Pcm heard() {
    std::vector<Bytes> payloads;
    const auto out = rig.to(LegId{1});
    for (std::size_t i = 0; i < out.size(); ++i) {
      payloads.emplace_back(out[i]->view.payload.begin(), out[i]->view.payload.end());
      if (i == 0) continue;
      EXPECT_EQ(rtp::sequence_distance(out[i]->view.sequence, out[i - 1]->view.sequence), 1);
      EXPECT_EQ(rtp::timestamp_distance(out[i]->view.timestamp, out[i - 1]->view.timestamp),
                static_cast<std::int32_t>(duration_ticks(codec_, payloads[i - 1])));
    }
    return decode(codec_, payloads);
  }

  Rig rig;

 private:
  Codec codec_;
  unsigned ptime_ms_;
  test::Phone from_;
  std::size_t frame_ = 0;
};

constexpr std::array kCodecs{Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus};

TEST(Dtmf, EveryKeyIsHeardOnALegWithoutTelephoneEvents) {
  for (const auto codec : kCodecs) {
    KeyScene s(codec);
    for (const char key : kDtmfKeys) s.press(key, 100);
    s.run(6s);
    EXPECT_EQ(keys_heard(s.heard()), kDtmfKeys) << static_cast<int>(codec);
  }
}

TEST(Dtmf, SlotsOfAnyLengthCarryIt) {
  for (const auto codec : {Codec::Pcma, Codec::G722}) {
    for (const unsigned ptime : {10u, 30u, 40u, 60u}) {
      KeyScene s(codec, ptime);
      for (const char key : std::string_view("7*1")) s.press(key, 100);
      s.run(2s);
      EXPECT_EQ(keys_heard(s.heard()), "7*1") << static_cast<int>(codec) << " at " << ptime << " ms";
    }
  }
}

TEST(Dtmf, ALongToneIsOneToneOfItsLevel) {
  for (const auto codec : kCodecs) {
    KeyScene s(codec);
    s.press('5', 1000);
    s.run(2s);
    const auto pcm = s.heard();
    EXPECT_EQ(keys_heard(pcm), "5");
    std::size_t loud = 0;
    double lowest = 1e9, highest = 0;
    for (std::size_t at = 0; at + 160 <= pcm.size(); at += 40) {
      const double now = level(pcm, at, 160, 1336);
      if (now < 1000) continue;
      ++loud;
      if (level(pcm, at >= 320 ? at - 320 : 0, 160, 1336) < 1000 ||
          (at + 480 <= pcm.size() && level(pcm, at + 320, 160, 1336) < 1000))
        continue;  // its two ends
      lowest = std::min(lowest, now);
      highest = std::max(highest, now);
    }
    EXPECT_NEAR(static_cast<double>(loud) * 5, 1000, 30) << "ms";
    EXPECT_GT(lowest, 0.8 * highest) << static_cast<int>(codec);
    EXPECT_NEAR(highest, 6300, 700) << static_cast<int>(codec);
  }
}

TEST(Dtmf, NothingIsHeardOfALetterThatIsNoKey) {
  KeyScene s(Codec::Opus);
  s.press('x', 100);
  s.run(400ms);
  EXPECT_EQ(keys_heard(s.heard()), "");
}

}  // namespace
}  // namespace segue::media
