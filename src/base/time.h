// Time as the pure cores see it: an argument. `Instant` is a point on a monotonic clock that only an edge can read;
// the type has no now(), so a core cannot ask for the time even by mistake. `WallTime` is for records and RTCP's NTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace segue {

using Duration = std::chrono::nanoseconds;

/// Tag of the monotonic clock; deliberately without now().
struct Monotonic {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;
};

using Instant = std::chrono::time_point<Monotonic, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Both clocks read at the same moment by an edge.
struct Now {
  Instant mono{};
  WallTime wall{};
};

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;

[[nodiscard]] constexpr double to_ms(Duration d) { return static_cast<double>(d.count()) / 1e6; }
[[nodiscard]] constexpr double to_s(Duration d) { return static_cast<double>(d.count()) / 1e9; }
[[nodiscard]] constexpr std::int64_t unix_ms(WallTime t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

/// The earlier of two optional deadlines; nullopt means "never".
[[nodiscard]] constexpr std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace segue
