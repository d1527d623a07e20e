#include "media/flip_meter.h"

#include <algorithm>

#include "media/payload.h"
#include "rtp/telephone_event.h"

namespace segue::media {

namespace {

constexpr Duration kTrace = 400ms;  // on each side of the splice
constexpr int kActiveFrames = 5;    // a source that was silent for longer was silent by choice

}  // namespace

FlipMeter::FlipMeter(Setup setup) : setup_(std::move(setup)), frame_(std::max(setup_.frame_ticks, 1u)) {
  m_.flip = setup_.flip;
  m_.line = setup_.line;
  highest_ = setup_.last_sequence.value_or(0);
  end_ = heard_end_ = setup_.end;
  m_.frame_ms = ticks_ms(setup_.longest_frame_ticks > 0 ? setup_.longest_frame_ticks : frame_);
  m_.waveform_known = is_g711(setup_.codec);
  if (m_.waveform_known) steps_.emplace(setup_.codec == Codec::Pcmu ? g711::Law::Mu : g711::Law::A);
  before_.reserve(kMaxTrace / 2);
  after_.reserve(kMaxTrace / 2);
}

void FlipMeter::arrived(const Arrival& arrival) {
  if (pending_) ++undelivered_;
  pending_.reset();
  Source& s = sources_[static_cast<std::size_t>(arrival.who)];
  const bool same = s.any && s.ssrc == arrival.ssrc;
  Step step{arrival, !same, 1, 0, sources_[0].last_used, sources_[0].unused};
  if (same) {
    step.sequence = rtp::sequence_distance(arrival.sequence, s.highest);
    const auto lost = std::max(0, step.sequence - 1) * static_cast<std::int32_t>(arrival.ticks);
    step.pause = rtp::timestamp_distance(arrival.timestamp, s.end) - lost;
  }
  if (arrival.who == Who::B && !first_of_b_) first_of_b_ = arrival.at;
  if (arrival.who == Who::B && !same && !b_heard_) {
    b_first_timestamp_.reset();
    if (arrival.at == first_of_b_) b_first_timestamp_ = arrival.timestamp;
  }
  if (!same || step.sequence > 0) {
    s.any = true;
    s.ssrc = arrival.ssrc;
    s.highest = arrival.sequence;
    if (!arrival.event) s.end = arrival.timestamp + arrival.ticks;
  }
  s.last = arrival.at;
  s.unused = arrival.used ? 0 : s.unused + 1;
  if (arrival.used) s.last_used = arrival.at;
  if (arrival.used) pending_ = step;
  const auto kind = arrival.who == Who::A ? TracePoint::Kind::FromA : TracePoint::Kind::FromB;
  Point point{kind, arrival.at, arrival.sequence, arrival.timestamp};
  point.used = arrival.used;
  add(point);
}

void FlipMeter::departed(ByteView bytes, const Endpoint& to, std::optional<Made> made, Instant now) {
  const auto packet = rtp::parse_packet(bytes);
  ++m_.packets_watched;
  if (!packet) {
    ++m_.sequence_breaks;
    return;
  }
  identity(*packet, to);
  if (!any_) {
    any_ = true;
    if (!setup_.last_sequence) {
      highest_ = static_cast<std::uint16_t>(packet->sequence - 1);
      end_ = heard_end_ = packet->timestamp;
    }
    if (!setup_.slots.anchored()) setup_.slots.anchor(now, packet->timestamp, rtp_clock(setup_.codec));
  }
  Point point{TracePoint::Kind::ToFar, now, packet->sequence, packet->timestamp};
  if (pending_) {
    point.wait = pending_->arrival.seen - pending_->arrival.at;
    point.held = now - pending_->arrival.seen;
    if (audio(*packet)) point.cadence = pending_->arrival.who;
  } else if (made) {
    point.wait = std::max(Duration::zero(), now - made->due);
  }
  const std::int32_t ahead = rtp::sequence_distance(packet->sequence, highest_);
  const std::int32_t hole = rtp::timestamp_distance(packet->timestamp, end_);
  const bool switched = pending_ && pending_->arrival.who == Who::B && spliced_at_ && !b_heard_;
  order(*packet, ahead, hole, switched, point, now);
  if (audio(*packet)) {
    if (ahead > 0) sound(*packet, ahead, hole, switched);
    lateness(*packet, point, switched, now);
    if (switched) heard(ahead, hole, point, now);
    frame_ = std::max(duration(*packet), 1u);
    if (switched || !spliced_at_) m_.frame_ms = std::max(m_.frame_ms, ticks_ms(frame_));
  } else {
    silent_ticks_ += std::max(0, rtp::timestamp_distance(packet->timestamp + duration(*packet), end_));
  }
  if (rtp::timestamp_distance(packet->timestamp + duration(*packet), end_) > 0)
    end_ = packet->timestamp + duration(*packet);
  if (pending_ || (made && made->for_key)) heard_end_ = end_;
  if (ahead > 0) highest_ = packet->sequence;
  if (switched) b_heard_ = true;
  pending_.reset();
  add(point);
}

/// What must not change: the first value seen, and the last or, if there was one, the first that differs.
void FlipMeter::identity(const rtp::PacketView& packet, const Endpoint& to) {
  if (!any_) {
    m_.ssrc_before = m_.ssrc_after = packet.ssrc;
    m_.payload_type_before = m_.payload_type_after = setup_.payload_type;
    m_.address_before = m_.address_after = to;
  }
  if (m_.ssrc_after == m_.ssrc_before) m_.ssrc_after = packet.ssrc;
  if (m_.address_after == m_.address_before) m_.address_after = to;
  const bool expected = audio(packet) || packet.payload_type == setup_.event_payload_type ||
                        packet.payload_type == setup_.noise_payload_type;
  if (!expected && m_.payload_type_after == m_.payload_type_before) m_.payload_type_after = packet.payload_type;
}

/// Holds the packet's place in the series against its source's. At the splice itself the series goes on by one.
void FlipMeter::order(const rtp::PacketView& packet, std::int32_t ahead, std::int32_t hole, bool switched, Point& point,
                      Instant now) {
  if (ahead <= 0) {
    const bool reordered = pending_ && !switched && (pending_->first || pending_->sequence < 0);
    const bool own = reordered && !(b_heard_ && pending_->arrival.who == Who::A);
    ++(own ? m_.source_losses : m_.sequence_breaks);
    return;
  }
  // A number that was left out stands for a packet that the source itself left out; at the splice that can be B's only.
  const auto longer = std::max(frame(), static_cast<std::int32_t>(duration(packet)));
  const std::int32_t skipped = ahead - 1;
  std::int32_t own = 0;
  if (pending_ && undelivered_ == 0) own = pending_->first && !switched ? skipped : pending_->sequence - 1;
  own = std::clamp(own, 0, skipped);
  const std::int32_t unexplained = skipped - own;
  m_.source_losses += static_cast<std::uint32_t>(own);
  if (unexplained > 0) ++m_.sequence_breaks;
  undelivered_ = 0;
  point.lost = setup_.slots.length(std::int64_t{own} * longer);
  const bool event = !audio(packet);
  const std::int32_t extra = (hole - skipped * (hole > 0 ? longer : 0) + frame() / 2) / frame();
  if (hole < 0 && !event && !(pending_ && pending_->pause < 0)) ++m_.sequence_breaks;  // timestamps went back
  m_.slots_missing += static_cast<std::uint32_t>(unexplained);
  if (!event && extra > 0) holes(extra, switched, point, now);
  held_ = {};
}

/// Slots without a packet: by choice of the source, late or lost with it, or missing.
void FlipMeter::holes(std::int32_t extra, bool switched, Point& point, Instant now) {
  const auto pause = setup_.slots.length(std::int64_t{extra} * frame_);
  // Before and after it up to a frame each: a hold begins and ends between two packets.
  const bool by_far = held_ > Duration::zero() && pause <= held_ + 2 * setup_.slots.length(frame_);
  // At the splice itself the pause is A's; B's own counts if B fell silent after it, before it was heard. What went
  // before the watch is not known.
  const bool own = pending_ && (!switched || now > *spliced_at_) &&
                   (pending_->first || pending_->pause + frame() / 2 >= extra * frame());
  const Instant last_of_a = pending_ ? pending_->last_of_a : sources_[0].last_used;
  const int unused = pending_ ? pending_->unused_of_a : sources_[0].unused;
  const bool silent = now - last_of_a > setup_.slots.length(kActiveFrames * std::int64_t{frame_});
  const bool source_paused = (switched || !pending_) && silent && unused < extra;
  if (own || source_paused || by_far) {
    silent_ticks_ += std::int64_t{extra} * frame_;
    point.pause = pause;
    return;
  }
  // What A had not sent by half a frame after its slot, the splice did not have.
  const std::int32_t overdue = switched && unused == 0 ? slots_overdue(now) : 0;
  const std::int32_t late = std::min(extra, overdue);
  m_.source_losses += static_cast<std::uint32_t>(late);
  point.lost += setup_.slots.length(std::int64_t{late} * frame_);
  m_.slots_missing += static_cast<std::uint32_t>(extra - late);
}

/// Slots after the last packet that are over by more than half a frame.
std::int32_t FlipMeter::slots_overdue(Instant now) const {
  const std::int32_t behind = rtp::timestamp_distance(setup_.slots.ideal(now), end_) - frame() / 2;
  return behind < 0 ? 0 : behind / frame() + 1;
}

void FlipMeter::sound(const rtp::PacketView& packet, std::int32_t ahead, std::int32_t hole, bool switched) {
  if (!steps_) return;
  const auto joint = hole == 0                ? StepMeter::Joint::Contiguous
                     : ahead == 1 && hole > 0 ? StepMeter::Joint::AfterPause
                                              : StepMeter::Joint::AfterLoss;
  steps_->packet(packet.payload, joint, switched);
}

/// A relayed packet is late by its source's mean phase on the line's slots and by its time in this machine; the
/// source's own jitter is shown elsewhere. A packet that the line made is late by the clock alone.
void FlipMeter::lateness(const rtp::PacketView& packet, const Point& point, bool switched, Instant now) {
  const auto against_slot = [&](Instant t) {
    return setup_.slots.length(rtp::timestamp_distance(setup_.slots.ideal(t), packet.timestamp));
  };
  if (!pending_) {
    made_late_max_ = std::max(made_late_max_.value_or(Duration::min()), against_slot(now));
    made_own_max_ = std::max(made_own_max_.value_or(Duration::min()), against_slot(now - point.wait));
    return;
  }
  Source& s = sources_[static_cast<std::size_t>(pending_->arrival.who)];
  const Duration phase = against_slot(pending_->arrival.at);
  s.phase_sum += phase;
  ++s.phase_count;
  if (switched) b_phase_ = phase;
  if (!spliced_at_) return;
  wait_max_ = std::max(wait_max_, point.wait);
  held_max_ = std::max(held_max_, point.held);
}

/// B is heard for the first time.
void FlipMeter::heard(std::int32_t ahead, std::int32_t hole, const Point& point, Instant now) {
  if (first_of_b_) m_.first_packet_to_heard_ms = to_ms(now - *first_of_b_);
  if (b_first_timestamp_) {
    const auto since = rtp::timestamp_distance(pending_->arrival.timestamp, *b_first_timestamp_);
    m_.own_first_packet_to_heard_ms = to_ms(setup_.slots.length(since) + point.held);
  }
  if (answered_at_) m_.answer_to_heard_ms = to_ms(now - *answered_at_);
  // A had left or was silent by its own choice: the splice cut nobody off, so there is nothing to measure. How long B
  // took to be heard is the figure above.
  if (!a_was_active_) return;
  // From the end of what was heard to B's first sample; what A itself has lost or is late with is A's.
  const std::int32_t silent = rtp::timestamp_distance(end_, heard_end_) + std::max(0, hole - (ahead - 1) * frame());
  m_.nobody_heard_ms = to_ms(setup_.slots.length(std::max(0, silent)));
}

void FlipMeter::held(bool on, Instant now) {
  if (on == held_since_.has_value()) return;
  if (!on) held_ += now - *held_since_;
  held_since_ = on ? std::optional(now) : std::nullopt;
}

void FlipMeter::rtcp_departed(ByteView bytes) {
  const auto compound = rtp::parse_compound(bytes);
  if (!compound) return;
  m_.rtcp_bye = m_.rtcp_bye || compound->bye;
  if (!spliced_at_ && m_.cname_before.empty()) m_.cname_before = std::string(compound->cname);
  if (m_.cname_after.empty() || m_.cname_after == m_.cname_before) m_.cname_after = std::string(compound->cname);
  if (!compound->sender) return;
  ++m_.rtcp_seen;
  const auto& report = *compound->sender;
  if (last_report_) {
    const auto fell = [](std::uint32_t now, std::uint32_t before) {
      return static_cast<std::int32_t>(now - before) < 0;
    };
    m_.rtcp_counts_fell =
        m_.rtcp_counts_fell || fell(report.packets, last_report_->packets) || fell(report.octets, last_report_->octets);
    const double ntp_ms =
        static_cast<double>(static_cast<std::int64_t>(report.ntp - last_report_->ntp)) / 4294967296.0 * 1000;
    const double rtp_ms = to_ms(setup_.slots.length(rtp::timestamp_distance(report.rtp, last_report_->rtp)));
    m_.rtcp_line_error_ms = std::max(m_.rtcp_line_error_ms.value_or(0), std::abs(ntp_ms - rtp_ms));
  }
  last_report_ = report;
}

void FlipMeter::spliced(const Splice& splice) {
  m_.spliced = true;
  m_.first_on_line = splice.first_on_line;
  setup_.slots = splice.slots;
  const Instant at = splice.at;
  spliced_at_ = at;
  if (splice.answered_at != Instant{}) answered_at_ = splice.answered_at;
  if (splice.first_packet_of_b) first_of_b_ = splice.first_packet_of_b;
  const Source& a = sources_[0];
  a_was_active_ = a.any && at - a.last <= setup_.slots.length(kActiveFrames * std::int64_t{frame_});
}

double FlipMeter::ticks_ms(std::uint32_t ticks) const { return ticks * 1000.0 / rtp_clock(setup_.codec); }

std::uint32_t FlipMeter::duration(const rtp::PacketView& packet) const {
  if (audio(packet)) return duration_ticks(setup_.codec, packet.payload);
  if (packet.payload_type == setup_.event_payload_type) {
    const auto event = rtp::parse_telephone_event(packet.payload);
    const std::uint64_t ticks = event ? std::uint64_t{event->duration} * rtp_clock(setup_.codec) : 0;
    return static_cast<std::uint32_t>(ticks / std::max(setup_.event_clock, 1u));
  }
  return frame_;
}

void FlipMeter::add(const Point& point) {
  if (spliced_at_) {
    if (point.at - *spliced_at_ <= kTrace && after_.size() < kMaxTrace / 2) after_.push_back(point);
  } else if (before_.size() < kMaxTrace / 2) {
    before_.push_back(point);
  } else {
    before_[before_next_] = point;
    before_next_ = (before_next_ + 1) % before_.size();
  }
}

}  // namespace segue::media
