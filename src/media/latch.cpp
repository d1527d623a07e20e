#include "media/latch.h"

namespace segue::media {

void Latch::set_remote(const LegAddress& address, Instant now) {
  if (address.rtp != address_.rtp) latched_.reset();
  may_move_ = latched_ ? std::optional(now) : std::nullopt;
  address_ = address;
}

bool Latch::allowed(const IpAddress& ip) const {
  return ip == address_.rtp.ip || (address_.signalling_ip && ip == *address_.signalling_ip);
}

std::optional<Endpoint> Latch::send_to() const {
  if (latched_) return latched_;
  if (address_.rtp.valid() && !address_.rtp.ip.unspecified()) return address_.rtp;
  return std::nullopt;
}

bool Latch::admit_other(const Endpoint& from, const rtp::PacketView& packet, Instant now, Duration relatch_after) {
  if (!allowed(from.ip)) return false;
  if (latched_ && from != *latched_) {
    const Duration silent = now - last_;
    const int ahead = rtp::sequence_distance(packet.sequence, sequence_);
    const bool same_stream = packet.ssrc == ssrc_ && ahead > 0 && ahead < kMaxDropout;
    // Who has gone on sending from the old address long after the answer has not moved with it.
    const bool moved = may_move_ && silent >= kMoveSilence && last_ < *may_move_ + relatch_after;
    if (!moved && (silent < relatch_after || !same_stream)) return false;
    may_move_.reset();
  }
  latched_ = from;
  note(packet, now);
  return true;
}

}  // namespace segue::media
