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
  const bool excused = disturbed && *disturbed >= last_at_ - 2 * terms.frame - 2 * terms.jitter - 20ms;
  ++(excused ? lenient : strict);
  if (!any_) {
    any_ = true;
    sequence_ = p->sequence;
    ssrc_ = p->ssrc;
    to_ = to;
    first_timestamp_ = p->timestamp;
    first_at_ = at;
    end_ = p->timestamp;
  } else {
    if (p->ssrc != ssrc_) complain("the SSRC changed");
    if (to != to_) complain("the address changed");
    const int step = rtp::sequence_distance(p->sequence, sequence_);
    // A released phone stops in the middle of its jitter: its last packet may never leave.
    check_sequence(step, at, excused || terms.losses || terms.jitter > Duration::zero(), complain);
    const double gap = to_ms(at - last_at_);
    if (!excused) {
      worst_gap_ms = std::max(worst_gap_ms, gap);
      if (gap > to_ms(2 * terms.frame + terms.jitter) + 0.01) complain(fmt::format("a gap of {:.1f} ms", gap));
    }
    if (audio && step > 0) {
      const int missing = rtp::timestamp_distance(p->timestamp, end_);
      const int lap = any_event_ ? static_cast<int>(8 * to_ms(2 * terms.frame + 2 * terms.jitter)) : 0;
      // How long an event lasts is rounded; else the time of what is sent never goes back.
      if (missing < -lap && !terms.losses) complain(fmt::format("the timestamp went back by {} ticks", -missing));
      if (missing >= terms.frame.count() / 125'000 && !excused && owed_ == 0) {
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
    // Where the source has just stopped, its slot is kept half a frame longer before noise fills it.
    const double limit = to_ms(terms.frame) / (excused ? 1 : 2) + 2 * to_ms(terms.jitter) + 0.2;
    if (!excused) worst_late_ms = std::max(worst_late_ms, late);
    if (late > limit) complain(fmt::format("{:.1f} ms after its slot", late));
    if (p->sequence == sequence_ || rtp::timestamp_distance(p->timestamp + ticks, end_) > 0)
      end_ = p->timestamp + ticks;
  } else {  // an event fills the slots of its time
    if (!any_event_ || p->timestamp != event_) event_ = p->timestamp, event_at_ = at, any_event_ = true;
    const auto lasted = static_cast<std::uint32_t>((at - event_at_ + terms.frame) / std::chrono::microseconds(125));
    if (rtp::timestamp_distance(event_ + lasted, end_) > 0) end_ = event_ + lasted;
  }
  last_at_ = at;
}

/// One unbroken series. The numbers of slots that the old source still owes at a splice stay its own: they come within
/// its jitter, or it has stopped.
void LineCheck::check_sequence(int step, Instant at, bool excused, const Complain& complain) {
  if (owed_ > 0 && at > owed_until_) {
    if (!excused && !owed_excused_) complain(fmt::format("{} numbers were left out", owed_));
    owed_ = 0;
  }
  if (step > 0) {
    owed_ += step - 1;
    if (step > 1) owed_until_ = at + 60ms, owed_excused_ = excused;
    if (step > 12 && !excused) complain(fmt::format("the sequence went by {}", step));
    sequence_ = static_cast<std::uint16_t>(sequence_ + step);
  } else if (step == 0 || (owed_ == 0 && !excused)) {
    complain(fmt::format("the sequence went by {}", step));
  } else if (owed_ > 0) {
    --owed_;
    ++overtaken;
  }
}

}  // namespace segue::sim
