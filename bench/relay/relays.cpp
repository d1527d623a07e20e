#include <pthread.h>
#include <sys/epoll.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "net/clock.h"
#include "net/fd.h"
#include "relay/relays.h"

namespace segue::bench {
namespace {

const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);

template <typename T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().text.c_str());
  std::exit(2);
}
void ok_or_exit(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().text.c_str());
  std::exit(2);
}

}  // namespace

BareRelay::BareRelay(Load& load) : legs_(load.phones()), epoll_(::epoll_create1(0)) {
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    legs_[i] = {value_or_exit(net::bind_udp({kLoopback, 0})), net::SockAddr(load.address(i))};
    load.set_server(i, net::local_endpoint(legs_[i].socket.get()));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, legs_[i].socket.get(), &event);
  }
  thread_ = std::thread([this] { run(); });
}

BareRelay::~BareRelay() {
  stop_ = true;
  thread_.join();
}

/// Nothing but the system calls: no checks, no identity of its own, no reports.
void BareRelay::run() {
  std::array<epoll_event, 512> events;
  std::array<std::uint8_t, 2048> packet;
  while (!stop_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) {
      const auto from = events[static_cast<std::size_t>(i)].data.u64;
      auto& to = legs_[from ^ 1];
      net::SockAddr source;
      source.length = sizeof source.v6;
      const auto got =
          ::recvfrom(legs_[from].socket.get(), packet.data(), packet.size(), MSG_DONTWAIT, &source.any, &source.length);
      if (got <= 0) continue;
      ::sendto(to.socket.get(), packet.data(), static_cast<std::size_t>(got), MSG_DONTWAIT, &to.phone.any,
               to.phone.length);
    }
  }
}

double BareRelay::cpu_s() const {
  clockid_t clock{};
  timespec time{};
  ::pthread_getcpuclockid(const_cast<std::thread&>(thread_).native_handle(), &clock);
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

SegueRelay::SegueRelay(Load& load, Duration coalesce, std::shared_ptr<const media::ClipLibrary> clips) {
  net::MediaWorkerConfig config;
  config.coalesce = coalesce;
  config.realtime = false;  // as the bare loop
  worker_ = value_or_exit(net::MediaWorker::start(config, std::move(clips), loop_, [](std::vector<media::Message>) {}));
  ports_ = value_or_exit(net::PortPool::create(kLoopback, 10000, 31999));  // below the ephemeral range of the phones
  for (std::size_t i = 0; i < load.phones(); ++i) {
    auto sockets = value_or_exit(ports_->allocate(net::read_clock().mono));
    load.set_server(i, {kLoopback, sockets.port});
    const LegId leg{i + 1};
    ok_or_exit(worker_->open({leg, "relay-bench", static_cast<std::uint32_t>(i + 1), 1, 1}, sockets));
    media::SetRemote remote;
    remote.leg = leg;
    remote.address = {load.address(i), load.rtcp(), false, {}};
    ok_or_exit(worker_->post(remote));
  }
  for (std::size_t i = 0; i < load.phones(); ++i) {
    ok_or_exit(worker_->post(media::SetSource{LegId{i + 1}, media::FromLeg{LegId{(i ^ 1) + 1}}}));
  }
  loop_.post([this] { loop_.stop(); });  // behind what wakes the worker
  loop_.run();
}

}  // namespace segue::bench
