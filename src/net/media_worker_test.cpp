#include "net/media_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <utility>

#include "net/clock.h"
#include "net/media_loop.h"
#include "net/test_turns.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace segue::net {
namespace {

const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);
const IpAddress kLoopback6 = *IpAddress::parse("::1");

std::shared_ptr<const media::ClipLibrary> clips() {
  static const auto library = std::make_shared<const media::ClipLibrary>();
  return library;
}

/// A pair of sockets that nothing else uses, open until the process ends.
MediaSockets any_sockets(const IpAddress& ip = kLoopback) {
  static std::map<bool, PortPool> pools;
  const auto pool = pools.try_emplace(ip.v6, *PortPool::create(ip, 40000, 59999)).first;
  const auto sockets = pool->second.allocate(read_clock().mono);
  EXPECT_TRUE(sockets) << "no free port";
  return sockets.value_or(MediaSockets{});
}

/// A device: RTP and RTCP sockets, and what it sends.
struct Phone {
  LegId leg;
  Fd rtp = *bind_udp({kLoopback, 0});
  Fd rtcp = *bind_udp({kLoopback, 0});
  Endpoint server;
  std::uint16_t sequence = 100;

  void send(std::size_t payload = 160) {
    Bytes packet(rtp::kHeaderBytes + payload, 0xd5);
    rtp::write_header(packet, {false, 0, sequence, static_cast<std::uint32_t>(sequence) * 160, 77});
    ++sequence;
    send_bytes(packet);
  }
  void send_bytes(ByteView packet) {
    const SockAddr to(server);
    EXPECT_EQ(::sendto(rtp.get(), packet.data(), packet.size(), 0, &to.any, to.length),
              static_cast<ssize_t>(packet.size()));
  }
  /// Sequence numbers of all that has come since.
  std::vector<std::uint16_t> heard() {
    std::vector<std::uint16_t> sequences;
    Bytes packet(2000);
    ssize_t got = 0;
    while ((got = ::recv(rtp.get(), packet.data(), packet.size(), MSG_DONTWAIT)) > 0) {
      const auto view = rtp::parse_packet(ByteView(packet.data(), static_cast<std::size_t>(got)));
      if (view) sequences.push_back(view->sequence);
    }
    return sequences;
  }
};

class MediaWorkerTest : public testing::Test {
 protected:
  void start(MediaWorkerConfig config = {}) {
    auto started = MediaWorker::start(config, clips(), loop_, [this](std::vector<media::Message> messages) {
      for (auto& message : messages) messages_.push_back(std::move(message));
    });
    ASSERT_TRUE(started) << started.error().text;
    worker_ = std::move(*started);
  }

  Phone open(std::uint64_t id, const IpAddress& ip = kLoopback) { return open(id, any_sockets(ip), ip); }
  Phone open(std::uint64_t id, const MediaSockets& sockets, const IpAddress& ip = kLoopback) {
    Phone phone;
    phone.leg = LegId{id};
    if (ip.v6) phone.rtp = *bind_udp({ip, 0}), phone.rtcp = *bind_udp({ip, 0});
    sockets_of_[id] = sockets;
    phone.server = {ip, sockets.port};
    EXPECT_TRUE(
        worker_->open({phone.leg, "segue-" + std::to_string(id), static_cast<std::uint32_t>(id), 1000, 0}, sockets));
    media::SetRemote remote;
    remote.leg = phone.leg;
    remote.address = {local_endpoint(phone.rtp.get()), local_endpoint(phone.rtcp.get()), false, {}};
    EXPECT_TRUE(worker_->post(remote));
    return phone;
  }

  void connect(const Phone& a, const Phone& b) {
    EXPECT_TRUE(worker_->post(media::SetSource{a.leg, media::FromLeg{b.leg}}));
    EXPECT_TRUE(worker_->post(media::SetSource{b.leg, media::FromLeg{a.leg}}));
  }

  template <typename M>
  [[nodiscard]] const M* told(LegId leg) const {
    for (const auto& message : messages_) {
      const auto* found = std::get_if<M>(&message);
      if (found && found->leg == leg) return found;
    }
    return nullptr;
  }

  /// All orders given so far have been carried out.
  [[nodiscard]] bool caught_up(std::uint64_t orders) {
    return turn_until(loop_, [&] { return worker_->counters().commands >= orders; });
  }

  std::map<std::uint64_t, MediaSockets> sockets_of_;
  Loop loop_;
  std::vector<media::Message> messages_;
  std::unique_ptr<MediaWorker> worker_;
};

TEST_F(MediaWorkerTest, RelaysBothWaysAndTellsOfTheFirstPacket) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  std::vector<std::uint16_t> at_a, at_b;
  a.send();
  b.send();
  ASSERT_TRUE(turn_until(loop_, [&] {
    for (const auto s : a.heard()) at_a.push_back(s);
    for (const auto s : b.heard()) at_b.push_back(s);
    return !at_a.empty() && !at_b.empty();
  }));
  EXPECT_THAT(at_a, testing::ElementsAre(1000));
  EXPECT_THAT(at_b, testing::ElementsAre(1000));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::MediaAlive>(a.leg) && told<media::MediaAlive>(b.leg); }));
  EXPECT_EQ(worker_->counters().packets_in, 2U);
  EXPECT_EQ(worker_->counters().packets_out, 2U);
  EXPECT_EQ(worker_->counters().legs, 2U);
}

TEST_F(MediaWorkerTest, ABurstOfOneSocketLeavesInOrder) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  for (int i = 0; i < 40; ++i) a.send();
  std::vector<std::uint16_t> heard;
  ASSERT_TRUE(turn_until(loop_, [&] {
    for (const auto s : b.heard()) heard.push_back(s);
    return heard.size() == 40;
  }));
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i], 1000 + i);
}

TEST_F(MediaWorkerTest, PlaysAClipOnTimeWithoutAnyPacketComingIn) {
  start();
  auto a = open(1);
  EXPECT_TRUE(worker_->post(media::SetSource{a.leg, media::FromClip{media::Clip::Music, true}}));
  const auto begun = read_clock().mono;
  std::size_t heard = 0;
  ASSERT_TRUE(turn_until(loop_, [&] { return (heard += a.heard().size()) >= 10; }));
  EXPECT_GE(read_clock().mono - begun, 170ms);  // ten packets span nine frames of 20 ms, give or take half a frame
}

TEST_F(MediaWorkerTest, LetsTheSocketsGoAfterTheLastPacketAndBeforeItTells) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  b.send();
  ASSERT_TRUE(turn_until(loop_, [&] { return !a.heard().empty(); }));
  EXPECT_TRUE(worker_->post(media::CloseLeg{a.leg}));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::LegClosed>(a.leg) != nullptr; }));
  EXPECT_EQ(told<media::LegClosed>(a.leg)->packets_out, 1U);
  a.send();
  Bytes ours(2000);
  ASSERT_GT(::recv(sockets_of_[1].rtp, ours.data(), ours.size(), MSG_DONTWAIT), 0) << "nobody else reads it";
  EXPECT_EQ(worker_->counters().legs, 1U);
  Bytes last(2000);
  const auto got = ::recv(a.rtcp.get(), last.data(), last.size(), MSG_DONTWAIT);  // the final compound with its BYE
  ASSERT_GT(got, 0);
  last.resize(static_cast<std::size_t>(got));
  EXPECT_NE(std::find(last.begin(), last.end(), 203), last.end());
}

TEST_F(MediaWorkerTest, RelaysBetweenIpv4AndIpv6) {
  start();
  auto a = open(1), b = open(2, kLoopback6);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  std::size_t at_a = 0, at_b = 0;
  ASSERT_TRUE(turn_until(loop_, [&] {
    a.send();
    b.send();
    at_a += a.heard().size();
    at_b += b.heard().size();
    return at_a > 3 && at_b > 3;
  }));
  EXPECT_EQ(worker_->counters().send_failed, 0U);
}

TEST_F(MediaWorkerTest, MuxedReportsComeAndGoByTheRtpPort) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  media::SetRemote remote;
  remote.leg = a.leg;
  remote.address = {local_endpoint(a.rtp.get()), local_endpoint(a.rtp.get()), true, {}};
  EXPECT_TRUE(worker_->post(remote));
  ASSERT_TRUE(caught_up(7));
  b.send();
  ASSERT_TRUE(turn_until(loop_, [&] { return !a.heard().empty(); }));
  rtp::ReportBlock block;
  block.ssrc = 1;
  block.fraction_lost = 128;
  const std::array<rtp::ReportBlock, 1> blocks{block};
  rtp::CompoundOut report;
  report.ssrc = 77;
  report.cname = "a";
  report.blocks = blocks;
  Bytes bytes(200);
  bytes.resize(rtp::build_compound(bytes, report));
  a.send_bytes(bytes);
  ASSERT_TRUE(turn_until(loop_, [&] { return worker_->counters().packets_in == 2; }));
  EXPECT_TRUE(worker_->post(media::CloseLeg{a.leg}));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::LegClosed>(a.leg) != nullptr; }));
  EXPECT_EQ(told<media::LegClosed>(a.leg)->remote_loss_fraction, 0.5);
  Bytes last(2000);
  SockAddr from;
  from.length = sizeof from.v6;
  const auto got =
      ::recvfrom(a.rtp.get(), last.data(), last.size(), MSG_DONTWAIT, &from.any, &from.length);  // the final compound
  ASSERT_GT(got, 0);
  EXPECT_TRUE(rtp::looks_like_rtcp(ByteView(last.data(), static_cast<std::size_t>(got))));
  EXPECT_EQ(to_endpoint(from), a.server);
  EXPECT_LT(::recv(a.rtcp.get(), last.data(), last.size(), MSG_DONTWAIT), 0) << "nothing at the RTCP port";
}

TEST_F(MediaWorkerTest, DropsWhatIsNoAudioPacket) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  a.send(kMaxPacket - rtp::kHeaderBytes + 1);
  a.send_bytes({});
  a.send_bytes(as_bytes("hello"));
  a.send();
  std::vector<std::uint16_t> heard;
  ASSERT_TRUE(turn_until(loop_, [&] {
    for (const auto s : b.heard()) heard.push_back(s);
    return !heard.empty();
  }));
  EXPECT_EQ(heard.size(), 1U);
  EXPECT_EQ(worker_->counters().oversized, 1U);
  EXPECT_TRUE(worker_->post(media::CloseLeg{a.leg}));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::LegClosed>(a.leg) != nullptr; }));
  EXPECT_EQ(told<media::LegClosed>(a.leg)->malformed, 2U);
}

TEST_F(MediaWorkerTest, GathersPacketsUnderLoadAndLosesNone) {
  MediaWorkerConfig config;
  config.coalesce_above_pps = 0;  // always busy
  start(config);
  std::vector<Phone> phones;
  for (std::uint64_t id = 1; id <= 20; ++id) phones.push_back(open(id));
  for (std::size_t i = 0; i < phones.size(); i += 2) connect(phones[i], phones[i + 1]);
  ASSERT_TRUE(caught_up(60));
  std::size_t heard = 0;
  for (int round = 0; round < 50; ++round) {
    for (auto& phone : phones) phone.send();
    ASSERT_TRUE(turn_until(loop_, [&] {
      for (auto& phone : phones) heard += phone.heard().size();
      return heard == phones.size() * static_cast<std::size_t>(round + 1);
    }));
  }
  const auto counters = worker_->counters();
  EXPECT_EQ(counters.packets_out, 1000U);
  EXPECT_GT(counters.pauses, 0U);
  EXPECT_LT(counters.wakes, counters.packets_in);
}

TEST_F(MediaWorkerTest, AFullMailboxRefuses) {
  MediaWorkerConfig config;
  config.max_commands = 0;
  start(config);
  const auto refused = worker_->post(media::SetSource{LegId{1}, media::FromNothing{}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Exhausted);
  EXPECT_FALSE(worker_->open({LegId{1}, "x", 1, 1, 1}, any_sockets()));
  EXPECT_TRUE(worker_->post(media::CloseLeg{LegId{1}})) << "what is given back is always taken";
  EXPECT_TRUE(caught_up(1));
}

TEST_F(MediaWorkerTest, RefusesALegWithoutSockets) {
  start();
  EXPECT_FALSE(worker_->open({LegId{1}, "x", 1, 1, 1}, {}));
  EXPECT_FALSE(worker_->post(media::OpenLeg{LegId{1}, "x", 1, 1, 1}));
}

TEST_F(MediaWorkerTest, ALegWhoseSocketsCannotBeWatchedIsClosedAtOnce) {
  start();
  auto sockets = any_sockets();
  const Fd file(::memfd_create("no socket", MFD_CLOEXEC));  // epoll refuses plain files
  const auto rtcp = std::exchange(sockets.rtcp, file.get());
  EXPECT_TRUE(worker_->open({LegId{1}, "x", 1, 1, 1}, sockets));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::LegClosed>(LegId{1}) != nullptr; }));
  EXPECT_EQ(worker_->counters().legs, 0U);
  EXPECT_EQ(messages_.size(), 1U);
  sockets.rtcp = rtcp;
  EXPECT_TRUE(worker_->open({LegId{2}, "x", 1, 1, 1}, sockets));
  ASSERT_TRUE(caught_up(2));
  EXPECT_EQ(worker_->counters().legs, 1U) << "the RTP socket is not watched from the first time";
}

TEST_F(MediaWorkerTest, SocketsOfAClosedLegServeTheNext) {
  start();
  const auto first = open(1);
  EXPECT_TRUE(worker_->post(media::CloseLeg{first.leg}));
  ASSERT_TRUE(turn_until(loop_, [&] { return told<media::LegClosed>(first.leg) != nullptr; }));
  auto a = open(2, sockets_of_[1]), b = open(3);
  connect(a, b);
  ASSERT_TRUE(caught_up(8));
  a.send();
  ASSERT_TRUE(turn_until(loop_, [&] { return !b.heard().empty(); }));
}

TEST_F(MediaWorkerTest, TheSameLegAgainKeepsTheFirstSockets) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  EXPECT_TRUE(worker_->open({a.leg, "x", 9, 9, 9}, any_sockets()));
  ASSERT_TRUE(caught_up(7));
  a.send();
  ASSERT_TRUE(turn_until(loop_, [&] { return !b.heard().empty(); }));
  EXPECT_EQ(worker_->counters().legs, 2U);
}

TEST_F(MediaWorkerTest, StopsWithOpenLegsAndCallsNobodyAfterwards) {
  start();
  auto a = open(1), b = open(2);
  connect(a, b);
  ASSERT_TRUE(caught_up(6));
  a.send();
  ASSERT_TRUE(turn_until(loop_, [&] { return !b.heard().empty(); }));
  worker_.reset();
  messages_.clear();
  loop_.post([&] { loop_.stop(); });
  loop_.run();
  EXPECT_TRUE(messages_.empty());
}

TEST(Mailbox, HoldsItsBoundAndSaysWhenToWake) {
  using Box = Mailbox<int>;
  Box box(3);
  std::vector<int> out;
  EXPECT_EQ(box.put(1), Box::Put::First);
  EXPECT_EQ(box.put(2), Box::Put::Behind);
  std::vector<int> more = {3, 4, 5};
  std::size_t dropped = 0;
  EXPECT_EQ(box.put_all(more, dropped), Box::Put::Behind);
  EXPECT_EQ(dropped, 2U);
  EXPECT_TRUE(more.empty());
  EXPECT_EQ(box.put(6), Box::Put::Full);
  EXPECT_EQ(box.put(7, true), Box::Put::Behind) << "past the bound";
  more = {8};
  EXPECT_EQ(box.put_all(more, dropped), Box::Put::Full);
  EXPECT_EQ(dropped, 1U);
  box.take(out);
  EXPECT_THAT(out, testing::ElementsAre(1, 2, 3, 7));
  more = {7};
  EXPECT_EQ(box.put_all(more, dropped), Box::Put::First);
  EXPECT_EQ(dropped, 0U);
}

TEST(ReceiveBatch, KnowsTheKernelsReceiveTime) {
  const auto sockets = any_sockets();
  const auto sender = bind_udp({kLoopback, 0});
  ReceiveBatch batch;
  for (int round = 0; round < 3; ++round) {  // headers are set anew after each use
    const auto before = read_clock().mono;
    const SockAddr to(Endpoint{kLoopback, sockets.port});
    for (int i = 0; i < 2; ++i) ASSERT_EQ(::sendto(sender->get(), "abc", 3, 0, &to.any, to.length), 3);
    const auto after = read_clock().mono;
    ASSERT_EQ(batch.receive(sockets.rtp), 2U);
    EXPECT_EQ(batch.receive(sockets.rtcp), 0U);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(::sendto(sender->get(), "abc", 3, 0, &to.any, to.length), 3);
    ASSERT_EQ(batch.receive(sockets.rtp), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(batch.from(i), local_endpoint(sender->get()));
      // The two clocks are read one after the other; the wall clock may be slewed meanwhile.
      EXPECT_GE(batch.arrived(i, read_clock()), before - 1ms);
      EXPECT_LE(batch.arrived(i, read_clock()), after + 20ms);
    }
    for (int i = 0; i < 2; ++i) ASSERT_EQ(::sendto(sender->get(), "abcd", 4, 0, &to.any, to.length), 4);
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(batch.receive(sockets.rtp, 1), 1U);
      EXPECT_EQ(batch.packet(0).size(), 4U);
      EXPECT_GE(batch.arrived(0, read_clock()), before - 1ms);
    }
    EXPECT_EQ(batch.receive(sockets.rtp, 1), 0U);
  }
}

}  // namespace
}  // namespace segue::net
