// The voice of a test phone on a clock of the test's own.
#include "phone/talker.h"

#include <gtest/gtest.h>

namespace segue::phone {
namespace {

struct Bench {
  Random random{7};
  Instant start{10s};
  Talker talker{random, "desk@segue", start};
  std::vector<Talker::Output::Packet> packets;
  std::vector<Pause> pauses;
  int done = 0;

  explicit Bench(bool events = true) {
    TalkFormat format;
    format.rtp = {IpAddress::v4(127, 0, 0, 1), 4000};
    format.rtcp = {IpAddress::v4(127, 0, 0, 1), 4001};
    if (events) format.event_payload_type = 101;
    talker.set_format(format);
    talker.play(std::make_shared<Sound>(tone(500, 8000, 1)));
  }
  void run(Duration from, Duration to) {
    for (Duration t = from; t < to; t += 5ms) {
      auto out = talker.advance({start + t, WallTime(1000s) + t});
      for (auto& p : out.packets) packets.push_back(std::move(p));
      pauses.insert(pauses.end(), out.pauses.begin(), out.pauses.end());
      done += out.digits_done ? 1 : 0;
    }
  }
  [[nodiscard]] std::vector<RtpView> rtp() const {
    std::vector<RtpView> out;
    for (const auto& p : packets) {
      if (!p.rtcp) out.push_back(*read_rtp(p.bytes));
    }
    return out;
  }
};

TEST(Talker, PacesAFrameEveryTwentyMilliseconds) {
  Bench bench;
  bench.run(0ms, 1s);
  const auto rtp = bench.rtp();
  ASSERT_EQ(rtp.size(), 50U);
  EXPECT_TRUE(rtp[0].marker);
  for (std::size_t i = 1; i < rtp.size(); ++i) {
    EXPECT_EQ(rtp[i].sequence, static_cast<std::uint16_t>(rtp[i - 1].sequence + 1));
    EXPECT_EQ(rtp[i].timestamp, rtp[i - 1].timestamp + 160);
    EXPECT_FALSE(rtp[i].marker);
  }
  EXPECT_EQ(bench.packets.size(), 51U) << "and one RTCP packet";
}

TEST(Talker, DigitsReplaceAudioAndTheTimelineGoesOn) {
  Bench bench;
  bench.run(0ms, 100ms);
  ASSERT_TRUE(bench.talker.dial("*2"));
  bench.run(100ms, 1s);
  const auto rtp = bench.rtp();
  std::size_t events = 0;
  for (const auto& p : rtp) events += p.payload_type == 101 ? 1 : 0;
  EXPECT_EQ(events, 2 * 7U) << "four updates and three ends each";
  ASSERT_EQ(bench.pauses.size(), 2U);
  EXPECT_EQ(bench.pauses[0].to - bench.pauses[0].from, 100ms);
  EXPECT_EQ(bench.pauses[1].from - bench.pauses[0].to, 100ms);
  EXPECT_EQ(bench.done, 1);
  EXPECT_EQ(rtp[5].payload.front(), 10) << "the star";
  EXPECT_TRUE(rtp[5].marker);
  EXPECT_EQ(rtp.back().timestamp, rtp.front().timestamp + 49 * 160) << "one timeline through both digits";
}

TEST(Talker, QueueOfDigitsIsBounded) {
  Bench bench;
  EXPECT_TRUE(bench.talker.dial(std::string(kMaxQueuedDigits, '1')));
  EXPECT_FALSE(bench.talker.dial("1"));
  EXPECT_FALSE(bench.talker.dial("x"));
}

TEST(Talker, SkipsWhatAFrozenPhoneMissed) {
  Bench bench;
  bench.run(0ms, 100ms);
  bench.packets.clear();
  const auto out = bench.talker.advance({bench.start + 60s, WallTime(1060s)});
  EXPECT_LE(out.packets.size(), 52U);
}

TEST(Talker, SendsNothingWhileHeld) {
  Bench bench;
  TalkFormat format = bench.talker.format();
  format.send = false;
  bench.talker.set_format(format);
  bench.run(0ms, 400ms);
  EXPECT_TRUE(bench.rtp().empty());
}

}  // namespace
}  // namespace segue::phone
