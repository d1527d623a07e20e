// How one stream of a source leg is carried on a line: constant offsets of sequence and timestamp, so that the source's
// own loss and order pass unchanged, and a window that drops exact duplicates. A value; owned by a line.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "rtp/packet.h"

namespace segue::media {

struct RelayMap {
  LegId leg;             ///< 0: nobody
  bool mapped = false;   ///< the offsets below are set
  bool opening = false;  ///< no packet of it has found its slot free yet
  std::uint32_t ssrc = 0;
  std::uint16_t sequence_offset = 0;
  std::uint32_t timestamp_offset = 0;
  std::uint32_t floor = 0;  ///< timestamps of the line before this belong to an older source

  /// Notes a sequence number; false for one seen already or older than the window.
  bool take(std::uint16_t sequence) {
    if (!any_) {
      any_ = true;
      highest_ = sequence;
      window_ = 1;
      return true;
    }
    const int ahead = rtp::sequence_distance(sequence, highest_);
    if (ahead > 0) {
      if (barred_ && rtp::sequence_distance(sequence, bar_) >= 64) barred_ = false;
      window_ = ahead < 64 ? (window_ << ahead) | 1 : 1;
      highest_ = sequence;
      return true;
    }
    if (barred_ && rtp::sequence_distance(sequence, bar_) < 0) return false;
    if (ahead <= -64 || ((window_ >> -ahead) & 1) != 0) return false;
    window_ |= std::uint64_t{1} << -ahead;
    return true;
  }
  /// From here on the sequence offset is another one: older packets, should they still come, have no number any more.
  void bar(std::uint16_t sequence) {
    barred_ = true;
    bar_ = sequence;
  }
  /// Far from all that was seen: another series (RFC 3550 appendix A.1), believed when its next number follows.
  [[nodiscard]] bool another_series(std::uint16_t sequence) {
    const int ahead = rtp::sequence_distance(sequence, highest_);
    if (!any_ || (ahead > -64 && ahead < 3000)) return false;
    const bool again = has_strange_ && sequence == strange_;
    strange_ = static_cast<std::uint16_t>(sequence + 1);
    has_strange_ = true;
    return again;
  }
  [[nodiscard]] int ahead(std::uint16_t sequence) const {
    return any_ ? rtp::sequence_distance(sequence, highest_) : 1;
  }

 private:
  bool any_ = false, has_strange_ = false;
  bool barred_ = false;
  std::uint16_t highest_ = 0, strange_ = 0, bar_ = 0;
  std::uint64_t window_ = 0;
};

}  // namespace segue::media
