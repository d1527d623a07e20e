// RTP and RTCP port pairs (even, odd above it: RFC 3550 section 11) out of a configured range on one local address. A
// pair is bound when it is taken, so what others hold is found at once and skipped. A freed pair stays bound, rests and
// is emptied before it serves again: late packets of the old call do not reach the new one, and a call costs no
// sockets. Signalling thread only. Bounded by the range.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "net/fd.h"

namespace segue::net {

/// Two bound, non-blocking sockets with kernel receive times switched on, lent by the pool that owns them.
struct MediaSockets {
  int rtp = -1, rtcp = -1;
  std::uint16_t port = 0;  ///< of RTP; RTCP has the next one
};

class PortPool {
 public:
  /// InvalidInput if no even port with its odd neighbour lies in [first, last], or below 1,024.
  [[nodiscard]] static Result<PortPool> create(const IpAddress& bind, std::uint16_t first, std::uint16_t last);

  /// How long a freed pair rests at least while the range has others: far longer than a packet is under way.
  static constexpr Duration kRest = 500ms;
  /// Pairs that rest bound; past it the longest rested is closed. Two legs a call: at 2,000 calls a second that is what
  /// is freed within kRest. 4,096 files and some 10 MB.
  static constexpr std::size_t kRestingMax = 2048;

  /// Exhausted: every pair is taken by us or by others, or the process has no files left. Other errors name the
  /// address.
  [[nodiscard]] Result<MediaSockets> allocate(Instant now);
  /// When nobody reads the sockets any more (LegClosed). A port that is not out is ignored.
  void release(std::uint16_t rtp_port, Instant now);

  [[nodiscard]] std::size_t used() const { return bound_.size() - resting_.size(); }
  [[nodiscard]] std::size_t total() const { return bound_.size() + free_.size(); }

 private:
  struct Pair {
    Fd rtp, rtcp;
    bool rests = false;
    Instant freed{};
  };
  PortPool() = default;
  [[nodiscard]] Result<MediaSockets> bind_another();
  [[nodiscard]] std::optional<MediaSockets> take_rested();
  void close_longest_rested();

  IpAddress bind_;
  std::unordered_map<std::uint16_t, Pair> bound_;  // by RTP port: lent, or resting
  std::deque<std::uint16_t> resting_;              // front: longest
  std::deque<std::uint16_t> free_;                 // not bound; front: longest
};

}  // namespace segue::net
