// RTP and RTCP port pairs (even, odd above it: RFC 3550 section 11) out of a configured range on one local address. A
// pair is bound when it is taken, so what others hold is found at once and skipped. First freed, first reused: a stray
// packet of an old call meets a port that rests, as long as the range allows. Signalling thread only. Bounded by the
// range.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_set>

#include "base/address.h"
#include "base/result.h"
#include "net/fd.h"

namespace segue::net {

/// Two bound, non-blocking sockets with kernel receive times switched on. They close when they are destroyed.
struct MediaSockets {
  Fd rtp, rtcp;
  std::uint16_t port = 0;  ///< of RTP; RTCP has the next one
};

class PortPool {
 public:
  /// InvalidInput if no even port with its odd neighbour lies in [first, last], or below 1,024.
  [[nodiscard]] static Result<PortPool> create(const IpAddress& bind, std::uint16_t first, std::uint16_t last);

  /// Exhausted: every pair is taken by us or by others, or the process has no files left. Other errors name the
  /// address.
  [[nodiscard]] Result<MediaSockets> allocate();
  /// After the sockets were closed (LegClosed). A port that is not out is ignored.
  void release(std::uint16_t rtp_port);

  [[nodiscard]] std::size_t used() const { return out_.size(); }
  [[nodiscard]] std::size_t total() const { return out_.size() + free_.size(); }

 private:
  PortPool() = default;
  IpAddress bind_;
  std::deque<std::uint16_t> free_;  // front: rested longest
  std::unordered_set<std::uint16_t> out_;
};

}  // namespace segue::net
