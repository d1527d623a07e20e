// Where a line's timestamps stand in time. The anchor is made once, by the line's first packet, and stays for the leg's
// whole life; only the drift of the sources' clocks moves it, slowly. Owned by one line; pure. All arithmetic in whole
// nanoseconds.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace segue::media {

class Timeline {
 public:
  [[nodiscard]] bool anchored() const { return anchored_; }
  /// The source that made the anchor is still the one that sends.
  [[nodiscard]] bool settling() const { return settling_; }
  void anchor(Instant at, std::uint32_t timestamp, std::uint32_t clock);

  /// The timestamp that belongs to this moment.
  [[nodiscard]] std::uint32_t ideal(Instant t) const;
  /// The moment at which `timestamp` is due; taken as the one nearest to `near`, since timestamps wrap.
  [[nodiscard]] Instant time_of(std::uint32_t timestamp, Instant near) const;
  [[nodiscard]] std::uint32_t clock() const { return clock_; }
  [[nodiscard]] Duration length(std::int64_t ticks) const;

  /// A new source begins: its phase is learnt before its drift is followed. The source that anchored the line has phase
  /// 0 by definition, and its first packets settle the anchor on its mean arrival, so that one late first packet does
  /// no harm.
  void new_source();
  /// A packet of the source left with `timestamp` and arrived at `arrived`.
  void observe(std::uint32_t timestamp, Instant arrived);
  /// Mean lateness of the present source against the timeline.
  [[nodiscard]] Duration phase() const { return phase_; }

 private:
  static constexpr int kLearn = 256;  // packets to learn a phase from; also the drift's gain

  bool anchored_ = false;
  bool settling_ = false;  // the source that made the anchor is still talking
  Instant anchor_time_{};
  std::uint32_t anchor_timestamp_ = 0;
  std::uint32_t clock_ = 8000;
  Duration drift_{};  // how much later than the anchor says the timeline runs
  Duration phase_{};
  int learned_ = 0;
};

}  // namespace segue::media
