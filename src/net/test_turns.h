// For the tests of this folder: turns a loop until a condition holds or five seconds are over. No sleeping: the loop
// waits.
#pragma once

#include <functional>

#include "net/clock.h"
#include "net/loop.h"

namespace segue::net {

[[nodiscard]] inline bool turn_until(Loop& loop, const std::function<bool()>& condition, Duration limit = 5s) {
  const auto deadline = read_clock().mono + limit;
  Timer check(loop, [&] { loop.stop(); });
  while (!condition()) {  // asked once a turn: it may read a socket
    if (read_clock().mono > deadline) return false;
    check.wake_at(read_clock().mono + 1ms);
    loop.run();
  }
  return true;
}

}  // namespace segue::net
