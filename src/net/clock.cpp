#include "net/clock.h"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.h"

namespace segue::net {
namespace {

Duration since_epoch(const timespec& t) { return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec); }

Duration read(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return since_epoch(t);
}

}  // namespace

Now read_clock() { return {Instant(read(CLOCK_MONOTONIC)), WallTime(read(CLOCK_REALTIME))}; }

Random::Seed os_seed() {
  Random::Seed seed{};
  auto* bytes = reinterpret_cast<unsigned char*>(seed.data());
  for (std::size_t have = 0; have < sizeof seed;) {
    const auto got = ::getrandom(bytes + have, sizeof seed - have, 0);
    SEGUE_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return seed;
}

Instant arrival(const timespec& realtime, Now now) {
  const auto age = now.wall.time_since_epoch() - since_epoch(realtime);
  return age < Duration{0} || age > 1s ? now.mono : now.mono - age;
}

}  // namespace segue::net
