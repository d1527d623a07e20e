#include "net/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "net/clock.h"
#include "net/port_pool.h"

namespace segue::net {
namespace {

TEST(Loop, RunsWhatOtherThreadsPostInOrder) {
  Loop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  poster.join();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Loop, GathersMessagesWhileTheyAreMany) {
  Loop loop;
  std::optional<Timer> message;
  const auto next = [&] { message->wake_at(read_clock().mono + 100us); };  // ten times kBusyAbove
  message.emplace(loop, [&] {
    loop.note_messages(1);
    loop.pauses() < 3 ? next() : loop.stop();
  });
  next();
  loop.run();
  EXPECT_GE(loop.pauses(), 3U);
  // When they have gone it is quiet within two windows.
  const auto turn_for = [&](Duration time) {
    Timer stop(loop, [&] { loop.stop(); });
    stop.wake_at(read_clock().mono + time);
    std::optional<Timer> other;
    other.emplace(loop, [&] { other->wake_at(read_clock().mono + 100us); });
    other->wake_at(read_clock().mono);
    loop.run();
  };
  turn_for(3 * Loop::kLoadWindow);
  const auto pauses = loop.pauses();
  turn_for(3 * Loop::kLoadWindow);
  EXPECT_EQ(loop.pauses(), pauses);
}

TEST(Loop, HandlesSignalsAgainAndAgain) {
  Loop loop;
  int count = 0;
  loop.on_signals({SIGUSR1}, [&](int number) {
    EXPECT_EQ(number, SIGUSR1);
    if (++count == 2) return loop.stop();
    ::raise(SIGUSR1);
  });
  ::raise(SIGUSR1);
  loop.run();
  EXPECT_EQ(count, 2);
}

TEST(Timer, FiresOnceAndNotEarly) {
  Loop loop;
  const auto due = read_clock().mono + 5ms;
  int fired = 0;
  Timer timer(loop, [&] {
    ++fired;
    EXPECT_GE(read_clock().mono, due);
    loop.stop();
  });
  timer.wake_at(due);
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(Timer, MovesBothWays) {
  Loop loop;
  const auto start = read_clock().mono;
  std::vector<int> order;
  Timer later(loop, [&] {
    order.push_back(2);
    loop.stop();
  });
  Timer earlier(loop, [&] { order.push_back(1); });
  later.wake_at(start + 1ms);
  later.wake_at(start + 20ms);  // fires for the last one only
  earlier.wake_at(start + 1h);
  earlier.wake_at(start + 10ms);
  loop.run();
  EXPECT_THAT(order, testing::ElementsAre(1, 2));
  EXPECT_GE(read_clock().mono - start, 20ms);
}

TEST(Timer, MayBeSetAgainFromItsOwnCallAndCancelled) {
  Loop loop;
  int fired = 0;
  Timer never(loop, [&] { ADD_FAILURE() << "was cancelled"; });
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired < 3) return timer->wake_at(read_clock().mono);
    timer.reset();  // also from within its own call
    loop.stop();
  });
  never.wake_at(read_clock().mono);
  never.wake_at(std::nullopt);
  timer->wake_at(read_clock().mono);
  loop.run();
  EXPECT_EQ(fired, 3);
}

TEST(FdWatch, CallsOncePerQuestionAndNotAfterDestruction) {
  Loop loop;
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const Fd write_end(ends[1]);
  auto watch = std::make_unique<FdWatch>(loop, Fd(ends[0]));
  int called = 0;
  watch->when_readable([&] {
    ++called;
    watch->when_readable([&] {  // still unread: ready at once
      ++called;
      watch->when_readable([&] { ++called; });
      watch.reset();
      loop.post([&] { loop.stop(); });
    });
  });
  ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
  loop.run();
  EXPECT_EQ(called, 2);
}

TEST(Clock, TurnsKernelTimesIntoInstants) {
  const Now now{Instant(100s), WallTime(5000s)};
  EXPECT_EQ(arrival(timespec{4999, 999000000}, now), Instant(100s - 1ms));
  EXPECT_EQ(arrival(timespec{5000, 1}, now), now.mono);  // in the future
  EXPECT_EQ(arrival(timespec{4999, 0}, now), Instant(99s));
  EXPECT_EQ(arrival(timespec{4998, 0}, now), now.mono);  // the wall clock was stepped
  EXPECT_NE(os_seed(), os_seed());
}

TEST(Fd, FirstAddressIsNoLoopback) {
  const auto ip = first_address(false);
  EXPECT_FALSE(ip && (ip->loopback() || ip->unspecified()));
}

/// A range of `pairs` pairs that were free a moment ago.
std::pair<std::uint16_t, std::uint16_t> free_range(std::size_t pairs) {
  for (std::uint32_t base = 34000; base < 60000; base += 100) {
    std::vector<Fd> held;
    for (std::size_t i = 0; i < 2 * pairs; ++i) {
      auto fd = bind_udp({IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(base + i)});
      if (!fd) break;
      held.push_back(std::move(*fd));
    }
    if (held.size() == 2 * pairs)
      return {static_cast<std::uint16_t>(base), static_cast<std::uint16_t>(base + 2 * pairs - 1)};
  }
  return {0, 0};
}

TEST(PortPool, GivesEvenPairsUntilTheRangeIsFullAndRestsFreedOnes) {
  const auto [first, last] = free_range(3);
  auto pool = PortPool::create(IpAddress::v4(127, 0, 0, 1), first, last);
  ASSERT_TRUE(pool) << pool.error().text;
  EXPECT_EQ(pool->total(), 3U);
  const Instant now{};
  auto a = pool->allocate(now), b = pool->allocate(now);
  ASSERT_TRUE(a && b) << a.error().text;
  EXPECT_EQ(a->port % 2, 0);
  EXPECT_EQ(local_endpoint(a->rtp).port, a->port);
  EXPECT_EQ(local_endpoint(a->rtcp).port, a->port + 1);
  pool->release(a->port, now);
  pool->release(a->port, now);  // twice does no harm
  EXPECT_EQ(pool->used(), 1U);
  const auto c = pool->allocate(now + PortPool::kRest - 1ns);
  ASSERT_TRUE(c);
  EXPECT_NE(c->port, a->port);  // the third pair: the freed one rests
  const auto d = pool->allocate(now + PortPool::kRest - 1ns);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->port, a->port);  // there is no other
  const auto e = pool->allocate(now);
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().kind, ErrorKind::Exhausted);
  EXPECT_EQ(pool->used(), 3U);
  EXPECT_EQ(pool->total(), 3U);
}

TEST(PortPool, ARestedPairServesAgainWithoutWhatCameMeanwhile) {
  const auto [first, last] = free_range(2);
  const auto ip = IpAddress::v4(127, 0, 0, 1);
  auto pool = PortPool::create(ip, first, last);
  const auto a = pool->allocate({});
  const auto sender = bind_udp({ip, 0});
  const auto send = [&] {
    for (const int port : {0, 1}) {
      const SockAddr to(Endpoint{ip, static_cast<std::uint16_t>(a->port + port)});
      ASSERT_EQ(::sendto(sender->get(), "late", 4, 0, &to.any, to.length), 4);
    }
  };
  send();
  pool->release(a->port, {});
  for (int i = 0; i < 500; ++i) send();
  const auto again = pool->allocate(Instant{} + PortPool::kRest);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->port, a->port);
  EXPECT_EQ(again->rtp, a->rtp) << "bound anew";
  char bytes[8];
  EXPECT_LT(::recv(again->rtp, bytes, sizeof bytes, MSG_DONTWAIT), 0);
  EXPECT_LT(::recv(again->rtcp, bytes, sizeof bytes, MSG_DONTWAIT), 0);
  for (int i = 0; i < 50; ++i) send();  // it takes in a burst again
  for (int i = 0; i < 50; ++i) ASSERT_EQ(::recv(again->rtp, bytes, sizeof bytes, MSG_DONTWAIT), 4) << i;
}

TEST(PortPool, SaysWhenTheProcessMayOpenNoMoreFiles) {
  const auto [first, last] = free_range(2);
  auto pool = PortPool::create(IpAddress::v4(127, 0, 0, 1), first, last);
  const auto bound = pool->allocate({});
  ASSERT_TRUE(bound);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = pool->allocate({});
  pool->release(bound->port, {});
  const auto kept = pool->allocate({});
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("Too many open files"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(kept) << "a port that is bound already needs none";
}

TEST(PortPool, KeepsOnlySoManyBound) {
  auto pool = PortPool::create(IpAddress::v4(127, 0, 0, 1), 30000, 60000);
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i <= PortPool::kRestingMax; ++i) {
    const auto sockets = pool->allocate({});
    ASSERT_TRUE(sockets) << sockets.error().text;
    ports.push_back(sockets->port);
  }
  const auto total = pool->total();
  for (const auto port : ports) pool->release(port, {});
  EXPECT_EQ(pool->used(), 0U);
  EXPECT_EQ(pool->total(), total);
  const auto bound = [](std::uint16_t port) { return !bind_udp({IpAddress::v4(127, 0, 0, 1), port}); };
  EXPECT_FALSE(bound(ports[0])) << "the longest rested is closed";
  EXPECT_TRUE(bound(ports[1]));
}

TEST(PortPool, SkipsWhatOthersHold) {
  const auto [first, last] = free_range(2);
  auto pool = PortPool::create(IpAddress::v4(127, 0, 0, 1), first, last);
  ASSERT_TRUE(pool);
  auto foreign = bind_udp({IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(first + 1)});  // an RTCP port
  ASSERT_TRUE(foreign);
  const auto a = pool->allocate({});
  ASSERT_TRUE(a);
  EXPECT_EQ(a->port, first + 2);
  EXPECT_FALSE(pool->allocate({}));
  foreign->reset();
  EXPECT_TRUE(pool->allocate({}));
}

TEST(PortPool, BindsIpv6) {
  const auto ip = *IpAddress::parse("::1");
  auto pool = PortPool::create(ip, 20000, 29999);
  ASSERT_TRUE(pool);
  const auto sockets = pool->allocate({});
  ASSERT_TRUE(sockets) << sockets.error().text;
  EXPECT_EQ(local_endpoint(sockets->rtp), (Endpoint{ip, sockets->port}));
}

TEST(PortPool, RefusesRangesWithoutAPair) {
  const auto ip = IpAddress::v4(127, 0, 0, 1);
  EXPECT_FALSE(PortPool::create(ip, 20001, 20002));
  EXPECT_FALSE(PortPool::create(ip, 20000, 20000));
  EXPECT_FALSE(PortPool::create(ip, 30000, 20000));
  EXPECT_FALSE(PortPool::create(ip, 1000, 20000));
  EXPECT_EQ(PortPool::create(ip, 65534, 65535)->total(), 1U);
  EXPECT_EQ(PortPool::create(ip, 20001, 20003)->total(), 1U);
}

TEST(PortPool, NamesAnAddressThatIsNotOurs) {
  auto pool = PortPool::create(IpAddress::v4(192, 0, 2, 99), 20000, 20001);
  ASSERT_TRUE(pool);
  const auto sockets = pool->allocate({});
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().kind, ErrorKind::InvalidInput);
  EXPECT_THAT(sockets.error().text, testing::HasSubstr("192.0.2.99:20000"));
}

}  // namespace
}  // namespace segue::net
