// The line's small parts: payload durations, G.711, the fade, the timeline, deadlines, the relay window, clips.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/random.h"
#include "media/deadlines.h"
#include "media/fade.h"
#include "media/payload.h"
#include "media/relay_map.h"
#include "media/test_rig.h"
#include "media/timeline.h"

namespace segue::media {
namespace {

TEST(Payload, OpusDurationsFollowTheTableOfContents) {
  const auto ticks = [](Bytes b) { return duration_ticks(Codec::Opus, b); };
  EXPECT_EQ(ticks({0x78, 1}), 960u);           // CELT 20 ms is configuration 15|..: hybrid 20 ms, one frame
  EXPECT_EQ(ticks({31 << 3, 1}), 960u);        // CELT 20 ms
  EXPECT_EQ(ticks({(31 << 3) | 4, 1}), 960u);  // stereo changes nothing
  EXPECT_EQ(ticks({28 << 3, 1}), 120u);        // CELT 2.5 ms
  EXPECT_EQ(ticks({3 << 3, 1}), 2880u);        // SILK 60 ms
  EXPECT_EQ(ticks({(3 << 3) | 1, 1}), 5760u);  // two of them
  EXPECT_EQ(ticks({(1 << 3) | 3, 6}), 5760u);  // six of 20 ms
  EXPECT_EQ(ticks({(3 << 3) | 3, 3}), 0u);     // 180 ms breaks R5
  EXPECT_EQ(ticks({(31 << 3) | 3}), 0u);       // no count
  EXPECT_EQ(ticks({}), 0u);
  EXPECT_EQ(duration_ticks(Codec::G722, Bytes(160)), 160u);
}

TEST(G711, TablesAgreeWithTheLaws) {
  for (const auto law : {g711::Law::Mu, g711::Law::A}) {
    for (unsigned code = 0; code < 256; ++code) {
      const auto c = static_cast<std::uint8_t>(code);
      const auto back = g711::encode(law, g711::decode(law, c));
      EXPECT_EQ(g711::decode(law, back), g711::decode(law, c)) << code;  // mu-law has two zeros
    }
    for (int sample = -32768; sample <= 32767; sample += 7) {
      const auto s = static_cast<std::int16_t>(sample);
      EXPECT_LE(std::abs(g711::decode(law, g711::encode(law, s)) - std::clamp(sample, -32124, 32256)),
                std::max(16, std::abs(sample) / 16))
          << sample;
    }
  }
  EXPECT_EQ(g711::encode(g711::Law::Mu, 0), 0xFF);
  EXPECT_EQ(g711::encode(g711::Law::A, 0), 0xD5);
  EXPECT_EQ(g711::decode(g711::Law::Mu, 0x80), 32124);
  EXPECT_EQ(g711::decode(g711::Law::A, 0xAA), 32256);
}

TEST(Fade, ContinuesTonesAndStaysSilentAfterSilence) {
  std::vector<std::int16_t> past(480), future(64);
  for (std::size_t i = 0; i < past.size(); ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / 8000;
    past[i] = static_cast<std::int16_t>(6000 * std::sin(440 * t) + 3000 * std::sin(1100 * t + 1));
  }
  extrapolate(past, future);
  for (std::size_t i = 0; i < future.size(); ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(past.size() + i) / 8000;
    EXPECT_NEAR(future[i], 6000 * std::sin(440 * t) + 3000 * std::sin(1100 * t + 1), 500) << i;
  }
  std::fill(past.begin(), past.end(), std::int16_t{0});
  extrapolate(past, future);
  EXPECT_EQ(future[63], 0);
  extrapolate({past.data(), 10}, future);  // too little to learn from
  EXPECT_EQ(future[0], 0);
}

TEST(Timeline, SettlesOnTheMeanOfItsFirstSourceAndKeepsOthersPhases) {
  Timeline timeline;
  timeline.anchor(Instant{10s} + 12ms, 0, 8000);  // the first packet was late
  for (std::uint32_t i = 1; i < 1000; ++i) timeline.observe(160 * i, Instant{10s} + i * 20ms);
  EXPECT_NEAR(to_ms(timeline.time_of(160000, Instant{30s}) - Instant{30s}), 0, 0.3);
  timeline.new_source();
  for (std::uint32_t i = 1000; i < 3000; ++i) timeline.observe(160 * i, Instant{10s} + i * 20ms + 9ms);
  EXPECT_NEAR(to_ms(timeline.phase()), 9, 0.4);
  EXPECT_NEAR(to_ms(timeline.time_of(480000, Instant{70s}) - Instant{70s}), 0, 0.5) << "a phase is no drift";
}

TEST(Timeline, FollowsASlowClock) {
  Timeline timeline;
  timeline.anchor(Instant{10s}, 0xFFFF0000, 8000);
  Instant at{10s};
  std::uint32_t timestamp = 0xFFFF0000;
  for (int i = 0; i < 50000; ++i) {
    timeline.observe(timestamp, at);
    timestamp += 160;
    at += 20ms + 2us;  // 100 ppm slow
  }
  const double error_ms = to_ms(timeline.time_of(timestamp, at) - at);
  EXPECT_NEAR(error_ms, 0, 1.0) << "100 ms of drift were followed";
}

TEST(Deadlines, GivesTheEarliestOfManyInEveryOrder) {
  Deadlines deadlines(100);
  Random random(5);
  std::vector<std::optional<Instant>> truth(100);
  for (int i = 0; i < 20000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random.below(100));
    truth[slot] = random.chance(0.2) ? std::nullopt
                                     : std::optional{Instant{Duration{static_cast<std::int64_t>(random.below(1000))}}};
    deadlines.set(slot, truth[slot]);
    std::optional<Instant> expected;
    for (const auto& t : truth) expected = earlier(expected, t);
    ASSERT_EQ(deadlines.next(), expected);
    if (expected) {
      ASSERT_EQ(truth[deadlines.first()], expected);
    }
  }
}

TEST(RelayMap, DropsDuplicatesAndPassesReorderingAcrossTheWrap) {
  RelayMap map;
  EXPECT_TRUE(map.take(65534));
  EXPECT_TRUE(map.take(1));
  EXPECT_TRUE(map.take(65535));
  EXPECT_FALSE(map.take(65535));
  EXPECT_FALSE(map.take(65534));
  EXPECT_TRUE(map.take(0));
  EXPECT_TRUE(map.take(100));
  EXPECT_FALSE(map.take(36)) << "older than the window";
  EXPECT_TRUE(map.take(37));
  EXPECT_FALSE(map.another_series(40000));
  EXPECT_FALSE(map.another_series(40002)) << "two in a row are wanted";
  EXPECT_TRUE(map.another_series(40003));
}

TEST(Clips, EachIsEncodedForEachCodecInFramesOf20Ms) {
  for (int clip = 0; clip < 7; ++clip) {
    for (const auto codec : {Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus}) {
      const auto& frames = test::clips()->get(static_cast<Clip>(clip), codec).frames;
      ASSERT_FALSE(frames.empty());
      for (const auto& frame : frames) ASSERT_EQ(duration_ticks(codec, frame), rtp_clock(codec) / 50);
    }
  }
  EXPECT_EQ(test::clips()->get(Clip::Music, Codec::Opus).frames.size(), 400u);
}

TEST(Clips, LoopsHaveNoStepAtTheirEndAndNoiseHasItsLevel) {
  for (const auto clip : {Clip::Music, Clip::ComfortNoise, Clip::Ringback, Clip::Busy, Clip::Congestion}) {
    std::vector<int> pcm;
    for (const auto& frame : test::clips()->get(clip, Codec::Pcma).frames) {
      for (const auto code : frame) pcm.push_back(g711::decode(g711::Law::A, code));
    }
    int steepest = 0;
    double power = 0;
    for (std::size_t i = 1; i < pcm.size(); ++i) {
      steepest = std::max(steepest, std::abs(pcm[i] - pcm[i - 1]));
      power += pcm[i] * pcm[i];
    }
    EXPECT_LE(std::abs(pcm.front() - pcm.back()), steepest);
    if (clip != Clip::ComfortNoise) continue;
    const double dbm0 = 20 * std::log10(std::sqrt(power / static_cast<double>(pcm.size())) / 16140);
    EXPECT_NEAR(dbm0, -60, 4);
  }
}

}  // namespace
}  // namespace segue::media
