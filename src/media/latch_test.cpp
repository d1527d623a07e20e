#include "media/latch.h"

#include <gtest/gtest.h>

namespace segue::media {
namespace {

constexpr Duration kRelatch = 2s;
const IpAddress kAnswered = IpAddress::v4(192, 0, 2, 1), kSignalling = IpAddress::v4(198, 51, 100, 7),
                kStranger = IpAddress::v4(203, 0, 113, 9);

rtp::PacketView packet(std::uint16_t sequence, std::uint32_t ssrc = 5) {
  rtp::PacketView view;
  view.sequence = sequence;
  view.ssrc = ssrc;
  return view;
}

class LatchTest : public testing::Test {
 protected:
  LatchTest() {
    address.rtp = {kAnswered, 4000};
    address.signalling_ip = kSignalling;
    latch.set_remote(address, now);
  }
  bool admit(const Endpoint& from, std::uint16_t sequence, Instant at, std::uint32_t ssrc = 5) {
    return latch.admit(from, packet(sequence, ssrc), at, kRelatch);
  }
  LegAddress address;
  Latch latch;
  Instant now{50s};
};

TEST_F(LatchTest, SendsToTheAnsweredAddressUntilSomethingComes) {
  EXPECT_EQ(latch.send_to(), (Endpoint{kAnswered, 4000}));
  EXPECT_TRUE(admit({kSignalling, 61234}, 1, now));
  EXPECT_EQ(latch.send_to(), (Endpoint{kSignalling, 61234}));
}

TEST_F(LatchTest, StrangersNeverLatch) {
  EXPECT_FALSE(admit({kStranger, 4000}, 1, now));
  EXPECT_EQ(latch.send_to(), (Endpoint{kAnswered, 4000}));
}

TEST_F(LatchTest, SecondPortIsRefusedOnceLatched) {
  EXPECT_TRUE(admit({kAnswered, 4000}, 1, now));
  EXPECT_FALSE(admit({kAnswered, 4002}, 2, now + 20ms));
  EXPECT_FALSE(admit({kSignalling, 4000}, 2, now + 20ms));
  EXPECT_TRUE(admit({kAnswered, 4000}, 2, now + 20ms));
}

TEST_F(LatchTest, MovesAfterSilenceWithTheSameStreamOnly) {
  EXPECT_TRUE(admit({kAnswered, 4000}, 100, now));
  EXPECT_FALSE(admit({kAnswered, 4002}, 101, now + 1999ms));
  EXPECT_FALSE(admit({kAnswered, 4002}, 101, now + 2s, 6)) << "another SSRC";
  EXPECT_FALSE(admit({kAnswered, 4002}, 100, now + 2s)) << "nothing new";
  EXPECT_FALSE(admit({kAnswered, 4002}, 3100, now + 2s)) << "out of range";
  EXPECT_TRUE(admit({kAnswered, 4002}, 201, now + 2s));
  EXPECT_EQ(latch.send_to()->port, 4002);
}

TEST_F(LatchTest, NewAnswerWithANewAddressAllowsOneNewLatchAtOnce) {
  EXPECT_TRUE(admit({kAnswered, 4000}, 1, now));
  address.rtp.port = 6000;
  latch.set_remote(address, now);
  EXPECT_EQ(latch.send_to()->port, 6000);
  EXPECT_TRUE(admit({kAnswered, 5000}, 3, now + 40ms));
  EXPECT_FALSE(admit({kAnswered, 6000}, 4, now + 60ms));
}

TEST_F(LatchTest, PhoneBehindNatMovesWithANewAnswerThatNamesTheSameAddress) {
  EXPECT_TRUE(admit({kSignalling, 61234}, 1, now));
  const auto elsewhere = IpAddress::v4(198, 51, 100, 99);
  EXPECT_FALSE(admit({elsewhere, 50000}, 900, now + 500ms, 6)) << "before the answer it is a stranger";
  address.signalling_ip = elsewhere;
  latch.set_remote(address, now + 600ms);
  EXPECT_EQ(latch.send_to(), (Endpoint{kSignalling, 61234})) << "nothing is sent astray while it is silent";
  EXPECT_TRUE(admit({elsewhere, 50000}, 900, now + 700ms, 6)) << "a new stream, too";
  EXPECT_EQ(latch.send_to(), (Endpoint{elsewhere, 50000}));
  EXPECT_FALSE(admit({elsewhere, 50002}, 901, now + 1s, 6)) << "once";
  EXPECT_FALSE(admit({kSignalling, 61234}, 2, now + 1s)) << "what was left on the way";
}

TEST_F(LatchTest, NewAnswerWithTheSameAddressMovesNoStreamThatGoesOn) {
  EXPECT_TRUE(admit({kAnswered, 4000}, 1, now));
  latch.set_remote(address, now);
  EXPECT_FALSE(admit({kAnswered, 5000}, 900, now + 199ms, 6));
  std::uint16_t sequence = 2;
  for (Duration t = 20ms; t <= 2s; t += 20ms) EXPECT_TRUE(admit({kAnswered, 4000}, sequence++, now + t));
  EXPECT_FALSE(admit({kAnswered, 5000}, 900, now + 3s, 6)) << "it has not moved with the answer";
  latch.set_remote(address, now + 4s);
  EXPECT_TRUE(admit({kAnswered, 5000}, 900, now + 4s, 6)) << "the next answer allows it again";
}

TEST_F(LatchTest, DeviceThatStartsAgainKeepsItsAddress) {
  EXPECT_TRUE(admit({kAnswered, 4000}, 100, now));
  EXPECT_TRUE(admit({kAnswered, 4000}, 7, now + 20ms, 99));
}

TEST_F(LatchTest, OldStyleHoldLeavesNowhereToSend) {
  address.rtp = {IpAddress{}, 4000};
  latch.set_remote(address, now);
  EXPECT_FALSE(latch.send_to());
}

}  // namespace
}  // namespace segue::media
