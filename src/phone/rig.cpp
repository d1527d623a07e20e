// The one thread of all test phones: commands, timers, sockets.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "phone/phone_impl.h"

namespace segue::phone {
namespace {

constexpr std::size_t kSocketsOfAPhone = 3;

timespec to_timespec(Duration d) {
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(d);
  return {s.count(), static_cast<long>((d - s).count())};
}

}  // namespace

struct PhoneRig::Impl {
  explicit Impl(Random random_in) : random(std::move(random_in)), wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Impl() {
    if (wake >= 0) ::close(wake);
  }

  void post(std::function<void(Now)> command) {
    {
      const std::lock_guard lock(mutex);
      commands.push_back(std::move(command));
    }
    ring_bell();
  }
  void ring_bell() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake, &one, sizeof one);  // a full counter has rung already
  }

  void run();
  void take_commands();
  void wait_and_receive();
  void receive_ready(const std::vector<pollfd>& ready, Now now);

  Random random;  // by the adding thread, under the mutex
  const int wake;
  std::mutex mutex;
  std::vector<std::function<void(Now)>> commands;
  std::vector<std::unique_ptr<Phone>> phones;
  std::atomic<bool> stopping = false;
  std::vector<Phone::Impl*> active;  // the thread's own
  std::thread thread;
};

void PhoneRig::Impl::run() {
  while (!stopping) {
    take_commands();
    const Now now = read_clock();
    for (Phone::Impl* phone : active) phone->advance(now);
    wait_and_receive();
  }
}

void PhoneRig::Impl::take_commands() {
  std::vector<std::function<void(Now)>> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(commands);
  }
  for (const auto& command : taken) command(read_clock());
}

void PhoneRig::Impl::wait_and_receive() {
  std::vector<pollfd> fds;
  fds.reserve(1 + kSocketsOfAPhone * active.size());
  fds.push_back({wake, POLLIN, 0});
  std::optional<Instant> next;
  for (const Phone::Impl* phone : active) {
    for (const UdpSocket* socket : {&phone->sip, &phone->rtp, &phone->rtcp}) fds.push_back({socket->fd(), POLLIN, 0});
    next = earlier(next, phone->next_deadline());
  }
  const timespec limit = next ? to_timespec(std::max(Duration{}, *next - read_clock().mono)) : timespec{};
  if (::ppoll(fds.data(), fds.size(), next ? &limit : nullptr, nullptr) <= 0) return;
  receive_ready(fds, read_clock());
}

void PhoneRig::Impl::receive_ready(const std::vector<pollfd>& ready, Now now) {
  if (ready[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto size = ::read(wake, &count, sizeof count);
  }
  // `active` grows in take_commands() only, so it still fits the list that was polled.
  for (std::size_t i = 0; i < active.size(); ++i) {
    const std::size_t first = 1 + kSocketsOfAPhone * i;
    if (ready[first + 1].revents != 0) active[i]->receive_rtp();
    if (ready[first + 2].revents != 0) active[i]->receive_rtcp();
    if (ready[first].revents != 0) active[i]->receive_sip(now);
  }
}

PhoneRig::PhoneRig(Random random) : impl_(std::make_unique<Impl>(std::move(random))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

PhoneRig::~PhoneRig() {
  impl_->stopping = true;
  impl_->ring_bell();
  impl_->thread.join();
}

Result<Phone*> PhoneRig::add(PhoneConfig config) {
  const bool only_g711 = std::all_of(config.codecs.begin(), config.codecs.end(),
                                     [](Codec c) { return c == Codec::Pcmu || c == Codec::Pcma; });
  if (!only_g711 || config.codecs.empty()) {
    return fail(ErrorKind::InvalidInput, fmt::format("phone {}: test phones speak G.711 only", config.name));
  }
  auto sip = UdpSocket::bind({config.local_ip, 0});
  if (!sip) return tl::unexpected(sip.error());
  auto media = UdpSocket::bind_pair(config.local_ip);
  if (!media) return tl::unexpected(media.error());

  const std::lock_guard lock(impl_->mutex);
  if (impl_->phones.size() >= kMaxPhones) {
    return fail(ErrorKind::Exhausted, fmt::format("a rig has at most {} phones", kMaxPhones));
  }
  Random::Seed seed{};
  for (auto& word : seed) word = impl_->random.u32();
  auto inside = std::make_unique<Phone::Impl>(std::move(config), std::move(*sip), std::move(media->first),
                                              std::move(media->second), Random(seed),
                                              [rig = impl_.get()](auto command) { rig->post(std::move(command)); });
  impl_->phones.push_back(std::unique_ptr<Phone>(new Phone(std::move(inside))));
  Phone* phone = impl_->phones.back().get();
  impl_->commands.push_back([rig = impl_.get(), added = phone->impl_.get()](Now) { rig->active.push_back(added); });
  impl_->ring_bell();
  return phone;
}

}  // namespace segue::phone
