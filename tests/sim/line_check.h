// The promise, checked on every packet that leaves on a line, knowing nothing of flips: one SSRC, one address, agreed
// payload types, an unbroken sequence, timestamps on slots, lateness and gaps in bounds (design.md section 1). What a
// source lost or did not send is known to the world (`disturbed`), and only that excuses a gap.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "base/time.h"

namespace segue::sim {

class LineCheck {
 public:
  struct Terms {
    Duration frame{20ms};  ///< the longest packet time in this world
    Duration jitter{};     ///< the largest of any source
    bool losses = false;   ///< sources lose packets
  };
  using Complain = std::function<void(const std::string&)>;

  void packet(ByteView bytes, const Endpoint& to, Instant at, const Terms& terms, std::optional<Instant> disturbed,
              const Complain& complain);

  double worst_late_ms = 0, worst_gap_ms = 0;
  std::uint64_t strict = 0, lenient = 0;  ///< packets checked with and without an excuse at hand
  std::uint64_t overtaken = 0;            ///< packets of an old source that came after the new source's first one

 private:
  void check_sequence(int step, Instant at, bool excused, const Complain& complain);

  int owed_ = 0;
  Instant owed_until_{};
  bool owed_excused_ = false;
  bool any_ = false;
  std::uint32_t ssrc_ = 0, first_timestamp_ = 0, end_ = 0;
  std::uint16_t sequence_ = 0;
  Endpoint to_;
  Instant first_at_{}, last_at_{};
  std::uint8_t audio_type_ = 0xFF;
  bool any_event_ = false;
  std::uint32_t event_ = 0;
  Instant event_at_{};
};

}  // namespace segue::sim
