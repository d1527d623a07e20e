#ifdef __SANITIZE_THREAD__
// Asio has fences, which ThreadSanitizer does not see. They order what Asio's own mutexes order already.
#pragma GCC diagnostic ignored "-Wtsan"
#endif
#include "net/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>

#include "net/clock.h"

namespace segue::net {

namespace asio = boost::asio;
using boost::system::error_code;

// ---- Loop

struct Loop::Impl {
  asio::io_context context{1};  // one thread runs it: Asio may skip waking others
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
  asio::signal_set signals{context};
  std::function<void(int)> on_signal;
  // how many messages come, counted in windows of some milliseconds
  Instant window_begun{};
  std::size_t window_messages = 0;
  bool busy = false;
  std::uint64_t pauses = 0;

  void pause_if_busy();
  void wait_for_signal() {
    signals.async_wait([this](const error_code& error, int number) {
      if (error) return;
      on_signal(number);
      wait_for_signal();
    });
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  impl_->context.restart();
  while (impl_->context.run_one() > 0) {
    if (impl_->busy) impl_->context.poll();  // what this turn's messages have posted is part of the turn
    impl_->pause_if_busy();
  }
}

void Loop::Impl::pause_if_busy() {
  if (window_messages == 0 && !busy) return;
  const auto now = read_clock().mono;
  if (const auto passed = now - window_begun; passed >= kLoadWindow) {
    busy = static_cast<double>(window_messages) > kBusyAbove * to_s(passed);
    window_begun = now;
    window_messages = 0;
  }
  if (!busy) return;
  const timespec time{0, kGather.count()};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
  ++pauses;
}

std::uint64_t Loop::pauses() const { return impl_->pauses; }

void Loop::note_messages(std::size_t count) { impl_->window_messages += count; }

void Loop::stop() { impl_->context.stop(); }

void Loop::post(std::function<void()> fn) { asio::post(impl_->context, std::move(fn)); }

void Loop::on_signals(std::initializer_list<int> signals, std::function<void(int)> handler) {
  impl_->on_signal = std::move(handler);
  impl_->signals.cancel();
  impl_->signals.clear();
  for (const int number : signals) impl_->signals.add(number);
  impl_->wait_for_signal();
}

boost::asio::io_context& Loop::context() { return impl_->context; }

// ---- FdWatch

struct FdWatch::Impl : std::enable_shared_from_this<FdWatch::Impl> {
  asio::posix::stream_descriptor descriptor;
  Impl(Loop& loop, Fd fd) : descriptor(loop.context(), fd.release()) {}

  void wait(asio::posix::descriptor_base::wait_type what, std::function<void()> fn) {
    descriptor.async_wait(what, [self = shared_from_this(), fn = std::move(fn)](const error_code& error) {
      // A closed watch makes no call, even if the readiness was already queued when it was closed.
      if (!error && self->descriptor.is_open()) fn();
    });
  }
};

FdWatch::FdWatch(Loop& loop, Fd fd) : impl_(std::make_shared<Impl>(loop, std::move(fd))) {}

FdWatch::~FdWatch() {
  error_code ignored;
  impl_->descriptor.close(ignored);
}

int FdWatch::fd() const { return impl_->descriptor.native_handle(); }

void FdWatch::when_readable(std::function<void()> fn) {
  impl_->wait(asio::posix::descriptor_base::wait_read, std::move(fn));
}

void FdWatch::when_writable(std::function<void()> fn) {
  impl_->wait(asio::posix::descriptor_base::wait_write, std::move(fn));
}

// ---- Timer

struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  using SteadyTime = std::chrono::steady_clock::time_point;  // CLOCK_MONOTONIC, as Instant is
  asio::steady_timer timer;
  std::function<void()> on_due;
  std::optional<Instant> deadline;  // what was asked for last
  std::optional<Instant> armed;     // what Asio waits for; never later than `deadline`

  Impl(Loop& loop, std::function<void()> fn) : timer(loop.context()), on_due(std::move(fn)) {}

  void arm() {
    armed = deadline;
    timer.expires_at(SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(deadline->time_since_epoch())));
    timer.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->fire();
    });
  }

  void fire() {
    if (!armed || *armed > read()) return;  // an older wait that was replaced while its handler stood in the queue
    armed.reset();
    if (!deadline) return;
    if (*deadline > read()) return arm();  // it was moved later meanwhile
    deadline.reset();
    on_due();
  }

  static Instant read() { return Instant(std::chrono::steady_clock::now().time_since_epoch()); }
};

Timer::Timer(Loop& loop, std::function<void()> on_due) : impl_(std::make_shared<Impl>(loop, std::move(on_due))) {}

Timer::~Timer() { cancel(); }

void Timer::wake_at(Instant deadline) {
  impl_->deadline = deadline;
  if (!impl_->armed || *impl_->armed > deadline) impl_->arm();
}

void Timer::wake_at(std::optional<Instant> deadline) { deadline ? wake_at(*deadline) : cancel(); }

void Timer::cancel() {
  impl_->deadline.reset();
  impl_->armed.reset();
  impl_->timer.cancel();
}

}  // namespace segue::net
