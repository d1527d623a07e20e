#include "net/media_worker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "net/media_loop.h"

namespace segue::net {
namespace {

constexpr int kRealtimePriority = 10;  // above everything ordinary, below the kernel's own threads

/// What the worker's thread and the signalling loop share for messages. Shared ownership: a delivery may still stand in
/// the loop's queue when the worker is gone.
struct Outbox {
  Mailbox<media::Message> box;
  MediaWorker::OnMessages on_messages;
  bool closed = false;  // loop thread only

  Outbox(std::size_t capacity, MediaWorker::OnMessages fn) : box(capacity), on_messages(std::move(fn)) {}
  void hand_over() {
    std::vector<media::Message> messages;
    box.take(messages);
    if (!closed && !messages.empty()) on_messages(std::move(messages));
  }
};

Error system_error(const char* what, int error_number) {
  const bool full =
      error_number == EMFILE || error_number == ENFILE || error_number == EAGAIN || error_number == ENOMEM;
  return {full ? ErrorKind::Exhausted : ErrorKind::Unavailable,
          fmt::format("media worker: {}: {} (errno {})", what, std::strerror(error_number), error_number)};
}

}  // namespace

struct MediaWorker::Impl {
  MediaWorkerConfig config;
  Mailbox<MediaOrder> orders;
  MediaCounters counters;
  std::shared_ptr<Outbox> outbox;
  int wake = -1;  // the loop's eventfd; open as long as the thread runs
  Loop& signalling;
  std::unique_ptr<MediaLoop> loop;
  std::atomic<bool> stop{false};
  std::atomic<bool> realtime{false};
  std::thread thread;

  Impl(MediaWorkerConfig c, Loop& l) : config(c), orders(c.max_commands), signalling(l) {}
  Result<void> start(std::shared_ptr<const media::ClipLibrary> clips, OnMessages on_messages);
  Result<void> put(MediaOrder order);
  void ring() const {
    const std::uint64_t one = 1;
    (void)!::write(wake, &one, sizeof one);  // fails only if it already rings
  }
  void thread_main();
};

Result<void> MediaWorker::Impl::start(std::shared_ptr<const media::ClipLibrary> clips, OnMessages on_messages) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return tl::unexpected<Error>(system_error("epoll", errno));
  epoll_event none{};
  const timespec no_time{};
  if (::epoll_pwait2(epoll.get(), &none, 1, &no_time, nullptr) < 0) {  // would otherwise fail, and spin, in the thread
    return tl::unexpected<Error>(system_error("epoll_pwait2, which needs Linux 5.11", errno));
  }
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return tl::unexpected<Error>(system_error("eventfd", errno));
  wake = event.get();
  outbox = std::make_shared<Outbox>(config.max_messages, std::move(on_messages));
  auto deliver = [this](std::vector<media::Message>& messages) {
    std::size_t dropped = 0;
    const auto put = outbox->box.put_all(messages, dropped);
    MediaCounters::add(counters.messages_dropped, dropped);
    if (put == Mailbox<media::Message>::Put::First) signalling.post([box = outbox] { box->hand_over(); });
  };
  loop = std::make_unique<MediaLoop>(
      config, std::move(clips),
      MediaLoop::Parts{std::move(epoll), std::move(event), orders, counters, std::move(deliver)});
  try {
    thread = std::thread([this] { thread_main(); });
  } catch (const std::system_error& error) {
    return tl::unexpected<Error>(system_error("thread", error.code().value()));
  }
  return {};
}

void MediaWorker::Impl::thread_main() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the signalling loop's
  ::pthread_setname_np(::pthread_self(), "segue-media");
  if (config.realtime) {
    sched_param priority{};
    priority.sched_priority = kRealtimePriority;
    realtime = ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority) == 0;
  }
  loop->run(stop);
}

Result<void> MediaWorker::Impl::put(MediaOrder order) {
  const bool always = std::holds_alternative<media::CloseLeg>(order.command);
  switch (orders.put(std::move(order), always)) {
    case Mailbox<MediaOrder>::Put::First:
      signalling.post([this, box = outbox] {
        if (!box->closed) ring();
      });
      break;
    case Mailbox<MediaOrder>::Put::Behind:
      break;
    case Mailbox<MediaOrder>::Put::Full:
      return fail(ErrorKind::Exhausted, "the media worker's mailbox is full");
  }
  return {};
}

Result<std::unique_ptr<MediaWorker>> MediaWorker::start(MediaWorkerConfig config,
                                                        std::shared_ptr<const media::ClipLibrary> clips, Loop& loop,
                                                        OnMessages on_messages) {
  auto impl = std::make_unique<Impl>(config, loop);
  if (auto ok = impl->start(std::move(clips), std::move(on_messages)); !ok)
    return tl::unexpected<Error>(std::move(ok.error()));
  return std::unique_ptr<MediaWorker>(new MediaWorker(std::move(impl)));
}

MediaWorker::MediaWorker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

MediaWorker::~MediaWorker() {
  impl_->outbox->closed = true;
  impl_->stop.store(true, std::memory_order_release);
  impl_->ring();
  impl_->thread.join();
}

Result<void> MediaWorker::open(media::OpenLeg leg, const MediaSockets& sockets) {
  if (sockets.rtp < 0 || sockets.rtcp < 0) return fail(ErrorKind::InvalidInput, "a leg needs two open sockets");
  return impl_->put({std::move(leg), sockets});
}

Result<void> MediaWorker::post(media::Command command) {
  if (std::holds_alternative<media::OpenLeg>(command))
    return fail(ErrorKind::InvalidInput, "a leg is opened with its sockets: open()");
  return impl_->put({std::move(command), {}});
}

MediaWorker::Counters MediaWorker::counters() const {
  const auto get = [](const MediaCounters::Count& count) { return count.load(std::memory_order_relaxed); };
  const auto& from = impl_->counters;
  Counters c;
  c.packets_in = get(from.packets_in);
  c.packets_out = get(from.packets_out);
  c.bytes_in = get(from.bytes_in);
  c.bytes_out = get(from.bytes_out);
  c.oversized = get(from.oversized);
  c.send_failed = get(from.send_failed);
  c.wakes = get(from.wakes);
  c.pauses = get(from.pauses);
  c.commands = get(from.commands);
  c.messages_dropped = get(from.messages_dropped);
  c.legs = get(from.legs);
  clockid_t clock{};
  timespec time{};
  if (::pthread_getcpuclockid(impl_->thread.native_handle(), &clock) == 0 && ::clock_gettime(clock, &time) == 0) {
    c.cpu_s = static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }
  return c;
}

bool MediaWorker::realtime() const { return impl_->realtime.load(); }

}  // namespace segue::net
