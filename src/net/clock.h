// The only readers of clocks and of the system's entropy. Everything below layer 4 gets the time and its randomness as
// values. Any thread; no state.
#pragma once

#include <ctime>

#include "base/random.h"
#include "base/time.h"

namespace segue::net {

/// CLOCK_MONOTONIC and CLOCK_REALTIME, read one after the other.
[[nodiscard]] Now read_clock();
/// 256 bits from getrandom(2). Aborts if the system has none: nothing that follows would be safe.
[[nodiscard]] Random::Seed os_seed();
/// A kernel receive time (SO_TIMESTAMPNS, CLOCK_REALTIME) on the monotonic clock. A time in the future or more than a
/// second old (the wall clock was stepped) gives `now.mono`: a wrong arrival time is worse than a late one.
[[nodiscard]] Instant arrival(const timespec& realtime, Now now);

}  // namespace segue::net
