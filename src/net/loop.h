// The signalling loop: one Boost.Asio io_context, run by one thread. Whatever owns calls (SIP agent, engine, REST)
// lives on it, so none of that needs locks. post() and stop() may be called from any thread; all else on the loop's
// thread or before run().
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>

#include "base/time.h"
#include "net/fd.h"

namespace boost::asio {
class io_context;
}

namespace segue::net {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(), also while there is nothing to do. May be run again after a stop.
  void run();
  /// Any thread. What was posted before may stay undone until the next run(), or is destroyed with the loop.
  void stop();
  /// Any thread. Functions run in order, on the loop, never from within post().
  void post(std::function<void()> fn);
  /// Calls `handler` on the loop for each of these signals, from now on.
  void on_signals(std::initializer_list<int> signals, std::function<void(int)> handler);

  /// Who reads a socket of many peers says how many messages a turn brought. From kBusyAbove of them a second on the
  /// loop pauses for kGather after each turn, as a network card moderates its interrupts: what comes meanwhile shares
  /// one wake, one read and one write. Each message then waits for at most kGather more; below, none waits at all.
  void note_messages(std::size_t count);
  static constexpr Duration kGather = 2ms;       ///< a tenth of a frame; no audio passes here
  static constexpr double kBusyAbove = 1000;     ///< a second: 110 calls of 9 messages each, two messages in a pause
  static constexpr Duration kLoadWindow = 20ms;  ///< over which they are counted
  [[nodiscard]] std::uint64_t pauses() const;
  /// For those who bring their own Asio objects (HTTP, WebSocket).
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Readiness of one descriptor on the loop, so that sockets can be drained and filled in batches. Owns the descriptor.
/// No call after destruction. Must not outlive its loop.
class FdWatch {
 public:
  FdWatch(Loop& loop, Fd fd);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  [[nodiscard]] int fd() const;
  /// Calls `fn` once when there is something to read (or an error, or the end). Ask again for the next time.
  void when_readable(std::function<void()> fn);
  void when_writable(std::function<void()> fn);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared: Asio's handlers may outlive the watch by one turn of the loop
};

/// A one-shot deadline on the loop. Moving a deadline later is free, so it may be set anew after every event. Never
/// fires early, and not after it was destroyed. Must not outlive its loop.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void wake_at(Instant deadline);                 ///< replaces the deadline before
  void wake_at(std::optional<Instant> deadline);  ///< nullopt: cancel
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared: Asio's handler may outlive the Timer by one turn of the loop
};

}  // namespace segue::net
