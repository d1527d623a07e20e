// What an Exchange says and believes in RTCP.
#include <gtest/gtest.h>

#include <algorithm>

#include "media/exchange.h"
#include "media/flip_scene.h"

namespace segue::media {
namespace {

using test::FlipScene;
using test::Phone;
using test::Rig;
using test::Sent;

TEST(ExchangeRtcp, ReportsLieOnOneLineAndByeComesOnlyAtTheEnd) {
  FlipScene s;
  s.rig.run_for(30s, s.all());
  s.flip_to(s.b);
  s.rig.run_for(30s, s.all());
  s.rig.command(CloseLeg{s.far.leg});
  std::optional<rtp::SenderInfo> last;
  int reports = 0, byes = 0;
  for (const auto& sent : s.rig.rtcp) {
    if (sent.leg != s.far.leg) continue;
    const auto compound = rtp::parse_compound(sent.bytes);
    ASSERT_TRUE(compound);
    EXPECT_EQ(compound->cname, "leg1");
    EXPECT_EQ(sent.to, (Endpoint{IpAddress::v4(10, 0, 0, 1), 4001}));
    byes += compound->bye ? 1 : 0;
    ASSERT_TRUE(compound->sender);
    if (last) {
      EXPECT_GE(compound->sender->packets, last->packets);
      const double ntp_ms = static_cast<double>(compound->sender->ntp - last->ntp) / 4294967296.0 * 1000;
      EXPECT_NEAR(ntp_ms, (compound->sender->rtp - last->rtp) / 8.0, 2.0);
    }
    last = compound->sender;
    ++reports;
  }
  EXPECT_GE(reports, 12);
  EXPECT_EQ(byes, 1);
  EXPECT_TRUE(rtp::parse_compound(s.rig.rtcp.back().bytes)->bye);
}

TEST(ExchangeRtcp, MuxedReportsLeaveByTheRtpSocketForTheRtpAddress) {
  FlipScene s;
  auto remote = Rig::remote_of(s.far.leg.value);
  remote.address.rtcp_mux = true;
  s.rig.command(remote);
  s.rig.run_for(12s, s.all());
  s.rig.command(CloseLeg{s.far.leg});
  ASSERT_GE(s.rig.muxed_rtcp.size(), 3u);
  for (const auto& sent : s.rig.muxed_rtcp) {
    EXPECT_EQ(sent.leg, s.far.leg);
    EXPECT_EQ(sent.to, s.far.address);
  }
  EXPECT_TRUE(rtp::parse_compound(s.rig.muxed_rtcp.back().bytes)->bye);
  for (const auto& sent : s.rig.rtcp) EXPECT_NE(sent.leg, s.far.leg);
}

TEST(ExchangeRtcp, PeersReportsAreReadForTheFinalCounters) {
  FlipScene s;
  rtp::ReportBlock block;
  block.ssrc = 0xA0000001;
  block.fraction_lost = 64;
  block.jitter = 80;
  const std::array<rtp::ReportBlock, 1> blocks{block};
  rtp::CompoundOut out;
  out.ssrc = 5;
  out.blocks = blocks;
  Bytes bytes(200);
  bytes.resize(rtp::build_compound(bytes, out));
  s.rig.exchange.receive_rtcp(s.far.leg, {s.far.address.ip, 4001}, bytes, s.rig.clock(), s.rig);
  bytes[0] = 0;
  s.rig.receive(s.far.leg, s.far.address, bytes);  // multiplexed, and malformed
  s.rig.command(CloseLeg{s.far.leg});
  const auto closed = s.rig.heard<LegClosed>().at(0);
  EXPECT_DOUBLE_EQ(closed.remote_loss_fraction.value(), 0.25);
  EXPECT_DOUBLE_EQ(closed.remote_jitter_ms.value(), 10);
  EXPECT_EQ(closed.malformed, 1u);
  EXPECT_GT(closed.packets_out, 90u);
}

TEST(ExchangeRtcp, ReportsAreSpreadAndStrangersCannotTurnThemAway) {
  FlipScene s;
  const auto report_from = [&](std::uint16_t port, std::uint32_t ssrc) {
    rtp::CompoundOut out;
    out.ssrc = ssrc;
    Bytes bytes(100);
    bytes.resize(rtp::build_compound(bytes, out));
    s.rig.exchange.receive_rtcp(s.far.leg, {s.far.address.ip, port}, bytes, s.rig.clock(), s.rig);
  };
  const auto reports = [&] {
    std::vector<const Sent*> all;
    for (const auto& sent : s.rig.rtcp) {
      if (sent.leg == s.far.leg) all.push_back(&sent);
    }
    return all;
  };
  report_from(4011, 5);
  report_from(4666, 6);  // another program at the same address
  s.rig.run_for(100s, s.all());
  const auto spread = reports();
  ASSERT_GE(spread.size(), 16u);
  Duration least = 100s, most{};
  for (std::size_t i = 1; i < spread.size(); ++i) {
    least = std::min(least, spread[i]->at - spread[i - 1]->at);
    most = std::max(most, spread[i]->at - spread[i - 1]->at);
  }
  EXPECT_GE(least, 2500ms);
  EXPECT_LT(least, 4s);
  EXPECT_GT(most, 6s);
  EXPECT_LE(most, 7500ms);
  for (const auto* sent : spread) EXPECT_EQ(sent->to.port, 4011);
  report_from(4666, 6);
  report_from(4012, 5);  // the same party, long after
  s.rig.run_for(10s, s.all());
  EXPECT_EQ(reports().back()->to.port, 4012);
  report_from(4011, 5);
  s.rig.run_for(10s, s.all());
  EXPECT_EQ(reports().back()->to.port, 4012) << "not without silence";
}

TEST(ExchangeRtcp, MuxedReportsOfStrangersAreNotBelieved) {
  FlipScene s;
  auto remote = Rig::remote_of(s.far.leg.value);
  remote.address.rtcp_mux = true;
  s.rig.command(remote);
  s.rig.run_for(1s, s.all());
  rtp::ReportBlock block;
  block.ssrc = 0xA0000001;
  block.fraction_lost = 255;
  const std::array<rtp::ReportBlock, 1> blocks{block};
  rtp::CompoundOut out;
  out.blocks = blocks;
  Bytes bytes(200);
  bytes.resize(rtp::build_compound(bytes, out));
  s.rig.receive(s.far.leg, {s.far.address.ip, 4666}, bytes);
  s.rig.command(CloseLeg{s.far.leg});
  EXPECT_FALSE(s.rig.heard<LegClosed>().at(0).remote_loss_fraction);
  EXPECT_EQ(s.rig.heard<LegClosed>().at(0).refused_source, 1u);
}

}  // namespace
}  // namespace segue::media
