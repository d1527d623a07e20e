#include "media/flip_meter.h"

namespace segue::media {

FlipMeter::FlipMeter(Setup setup) : setup_(std::move(setup)) {
  m_.flip = setup_.flip;
  m_.line = setup_.line;
}

void FlipMeter::arrived(const Arrival&) {}

void FlipMeter::departed(ByteView packet, const Endpoint& to, std::optional<Instant>, Instant) {
  const auto view = rtp::parse_packet(packet);
  if (!view) return;
  if (m_.packets_watched++ == 0) {
    m_.ssrc_before = view->ssrc;
    m_.address_before = to;
  }
  m_.ssrc_after = view->ssrc;
  m_.address_after = to;
}

void FlipMeter::rtcp_departed(ByteView) {}

void FlipMeter::spliced(Instant at, Instant, std::optional<Instant>) {
  m_.spliced = true;
  spliced_at_ = at;
}

std::shared_ptr<const SpliceMeasurement> FlipMeter::finish(Instant) {
  return std::make_shared<const SpliceMeasurement>(m_);
}

}  // namespace segue::media
