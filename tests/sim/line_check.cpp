#include "sim/line_check.h"

#include <fmt/core.h>

#include <algorithm>

#include "rtp/packet.h"

namespace segue::sim {

void LineCheck::packet(ByteView bytes, const Endpoint& to, Instant at, const Terms& terms,
                       std::optional<Instant> disturbed, const Complain& complain) {
  const auto p = rtp::parse_packet(bytes);
  if (!p) return complain("a packet that is no RTP left");
  const bool audio = p->payload_type == 0 || p->payload_type == 8;
  const auto ticks = audio ? static_cast<std::uint32_t>(p->payload.size()) : 0;
  if (!any_) {
    any_ = true;
    ssrc_ = p->ssrc;
    to_ = to;
    first_timestamp_ = p->timestamp;
    first_at_ = at;
  } else {
    if (p->ssrc != ssrc_) complain("the SSRC changed");
    if (to != to_) complain("the address changed");
    const int step = rtp::sequence_distance(p->sequence, sequence_);
    if (step != 1 && !terms.losses) complain(fmt::format("the sequence went by {}", step));
    const bool excused = disturbed && *disturbed >= last_at_ - 2 * terms.frame - 2 * terms.jitter - 50ms;
    const double gap = to_ms(at - last_at_);
    if (!excused) {
      worst_gap_ms = std::max(worst_gap_ms, gap);
      if (gap > to_ms(2 * terms.frame + terms.jitter) + 0.01) complain(fmt::format("a gap of {:.1f} ms", gap));
    }
    if (audio && ticks > 0) {
      const int missing = rtp::timestamp_distance(p->timestamp, end_);
      if (missing < 0 && !terms.losses) complain(fmt::format("the timestamp went back by {} ticks", -missing));
      if (missing >= terms.frame.count() / 125'000 && !excused) {
        complain(fmt::format("{} ticks without a packet", missing));
      }
    }
    if (audio && audio_type_ != 0xFF && p->payload_type != audio_type_) complain("the payload type changed");
  }
  if (audio) {
    audio_type_ = p->payload_type;
    // Where this packet's slot is by the first packet's clock; half a frame of shift over all splices, and the jitter.
    const auto slot =
        first_at_ + std::chrono::microseconds(125) * rtp::timestamp_distance(p->timestamp, first_timestamp_);
    const double late = to_ms(at - slot);
    worst_late_ms = std::max(worst_late_ms, late);
    const double limit = to_ms(terms.frame) / 2 + 2 * to_ms(terms.jitter) + 0.2;
    if (late > limit) complain(fmt::format("{:.1f} ms after its slot", late));
    end_ = p->timestamp + ticks;
  }
  sequence_ = p->sequence;
  last_at_ = at;
}

}  // namespace segue::sim
