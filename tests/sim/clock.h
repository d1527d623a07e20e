// The virtual clock: what happens when. Events at the same instant keep their order. Owned by one World.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "base/time.h"

namespace segue::sim {

class Clock {
 public:
  void at(Instant when, std::function<void()> what) { queue_.push({std::max(when, now_), ++last_, std::move(what)}); }
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  [[nodiscard]] std::optional<Instant> next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.top().at);
  }
  void run_next() {
    auto what = std::move(const_cast<Event&>(queue_.top()).what);  // the order does not depend on it
    now_ = queue_.top().at;
    queue_.pop();
    what();
  }
  void set(Instant now) { now_ = now; }
  [[nodiscard]] Now now() const {
    return {now_, WallTime{now_.time_since_epoch()} + std::chrono::hours(24 * 365 * 50)};
  }

 private:
  struct Event {
    Instant at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  std::priority_queue<Event> queue_;
  std::uint64_t last_ = 0;
  Instant now_{1000s};
};

}  // namespace segue::sim
