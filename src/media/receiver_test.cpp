#include "media/receiver.h"

#include <gtest/gtest.h>

namespace segue::media {
namespace {

struct ReceiverTest : testing::Test {
  Receiver receiver;
  Instant now{50s};
  rtp::PacketView view;
  /// One packet each 20 ms; `ticks` is how far the timestamp goes on.
  void packet(std::uint32_t ticks, bool sampled = true) {
    ++view.sequence;
    view.timestamp += ticks;
    now += 20ms;
    receiver.packet(view, now, 8000, sampled);
  }
};

TEST_F(ReceiverTest, AnEvenStreamHasNoJitterAndALatePacketSome) {
  for (int i = 0; i < 50; ++i) packet(160);
  EXPECT_EQ(receiver.report(now).jitter, 0U);
  now += 10ms;
  packet(160);
  EXPECT_EQ(receiver.report(now).jitter, 80U / 16);  // RFC 3550 appendix A.8: a sixteenth of the change
}

TEST_F(ReceiverTest, AKeyThatIsHeldIsNoJitter) {
  for (int i = 0; i < 50; ++i) packet(160);
  packet(160, false);
  for (int i = 0; i < 49; ++i) packet(0, false);  // RFC 4733: one timestamp for the whole event
  packet(160 * 50);
  for (int i = 0; i < 10; ++i) packet(160);
  EXPECT_EQ(receiver.report(now).jitter, 0U);
  EXPECT_EQ(receiver.report(now).cumulative_lost, 0);
}

TEST_F(ReceiverTest, AStreamThatBeginsWithAKeyIsMeasuredFromItsFirstSound) {
  packet(160, false);
  packet(0, false);
  packet(320);
  packet(160);
  EXPECT_EQ(receiver.report(now).jitter, 0U);
  EXPECT_EQ(receiver.report(now).highest_sequence, 4U);
}

}  // namespace
}  // namespace segue::media
