#include "media/latch.h"

namespace segue::media {

void Latch::set_remote(const LegAddress& address) {
  if (address.rtp != address_.rtp) latched_.reset();
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
    const int ahead = rtp::sequence_distance(packet.sequence, sequence_);
    const bool same_stream = packet.ssrc == ssrc_ && ahead > 0 && ahead < kMaxDropout;
    if (now - last_ < relatch_after || !same_stream) return false;
  }
  latched_ = from;
  note(packet, now);
  return true;
}

}  // namespace segue::media
