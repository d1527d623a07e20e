#include "sim/line_check.h"

#include <fmt/core.h>

#include <algorithm>

#include "rtp/telephone_event.h"

namespace segue::sim {

void LineCheck::source(LegId leg, const Doings& doings) {
  if (leg == source_) return;
  source_ = leg;
  heard_ = false;
  exact_ = false;
  own_lost_ = 0;
  unsent_ = {};
  doings_.lost += doings.lost;
  doings_.silent = doings_.silent || doings.silent || !leg;
  key(doings.keys_until);
}

void LineCheck::sending(bool sending, Instant at) {
  if (sending && !sending_) resumed_ = at;
  sending_ = sending;
}

void LineCheck::lost() {
  ++doings_.lost;
  ++own_lost_;
}

/// All audio of the source leaves, at once. Not while keys are withheld or made, and not before the source has found
/// its slot: a frame of the last source's, which may lie half a frame off.
void LineCheck::unsent(const rtp::PacketView& in, Instant at) {
  exact_ = false;
  if (in.payload_type != 0 && in.payload_type != 8) return;  // a key that is withheld
  if (!sending_ || retired_ || at < doings_.keys_until) return;
  if (heard_ && last_of_ == source_) return complain_("a packet of its source was not sent");
  unsent_ += std::chrono::microseconds(125) * in.payload.size();
  const Duration most = terms_.frame * 3 / 2 + terms_.jitter;
  if (!heard_ && unsent_ > most) complain_(fmt::format("{:.0f} ms of its new source were not sent", to_ms(unsent_)));
}

void LineCheck::packet(ByteView bytes, const Endpoint& to, Instant at, LegId of, const rtp::PacketView& in,
                       const Doings& doings) {
  const auto p = rtp::parse_packet(bytes);
  if (!p) return complain_("a packet that is no RTP left");
  const bool audio = p->payload_type == 0 || p->payload_type == 8;
  const Out out{*p, at, of, in, audio, audio ? static_cast<std::uint32_t>(p->payload.size()) : 0};
  excuse_used_ = false;
  identity(out, to);
  if (any_) sequence(out);
  if (!retired_) {
    if (any_) gap(out);
    who(out);
    slot(out);
    lateness(out);
    ++(excuse_used_ ? excused : strict);
  }
  remember(out, doings);
}

void LineCheck::excuse_or(bool excuse, Excuse kind, const std::string& what) {
  if (!excuse) return complain_(what);
  excuse_used_ = true;
  excuses_ |= kind;
}

void LineCheck::identity(const Out& out, const Endpoint& to) {
  if (!any_) {
    ssrc_ = out.view.ssrc;
    to_ = to;
    first_timestamp_ = end_ = end_most_ = out.view.timestamp;
    first_at_ = out.at;
  }
  if (out.view.ssrc != ssrc_) complain_("the SSRC changed");
  if (to != to_) complain_("the address changed");
  if (!out.audio && out.view.payload_type != 101) complain_("a payload type that was not agreed");
  if (out.audio && audio_type_ != 0xFF && out.view.payload_type != audio_type_) complain_("the payload type changed");
}

/// Between two packets of one source on the line the numbers go as that source's own.
bool LineCheck::follows_own(const Out& out) const {
  return exact_ && out.of && out.of == last_of_ && out.in.ssrc == last_in_.ssrc;
}

/// One unbroken series: no number twice, none back (no network here reorders RTP), and none left out but those of
/// packets that the source has lost since it is the source: a splice itself takes the next number.
void LineCheck::sequence(const Out& out) {
  const int step = rtp::sequence_distance(out.view.sequence, sequence_);
  if (step <= 0) return complain_(fmt::format("the sequence went by {}", step));
  if (follows_own(out)) {
    const int own = rtp::sequence_distance(out.in.sequence, last_in_.sequence);
    if (step != own) complain_(fmt::format("the sequence went by {}, its source's by {}", step, own));
    if (own > 1) excuses_ |= kNumbers | kSlots | kGap;
    return;
  }
  const int left_out = step - 1;
  if (left_out == 0) return;
  excuse_or(left_out <= static_cast<int>(own_lost_), kNumbers,
            fmt::format("{} numbers were left out, its source has lost {}", left_out, own_lost_));
}

/// Slots without a packet are the sources' own too. Time never goes back, but for the rounding of an event's end.
void LineCheck::slot(const Out& out) {
  if (!any_) return;
  const bool again = !out.audio && event_last_ && out.view.timestamp == event_;
  if (again) return;
  const int back = rtp::timestamp_distance(end_, out.view.timestamp);
  if (back > 0) return complain_(fmt::format("the timestamp went back by {} ticks", back));
  const int hole = rtp::timestamp_distance(out.view.timestamp, end_most_);
  if (follows_own(out) && out.audio) {
    const int own = rtp::timestamp_distance(out.in.timestamp, last_in_end_);
    if (hole != own) complain_(fmt::format("{} ticks were left out, its source left out {}", hole, own));
    if (own > 0) excuses_ |= kSlots | kGap;
    return;
  }
  // An event's end is said three times, and jitter moves what stands for its length here.
  const int rounding = event_last_ || !out.audio ? ticks(terms_.frame + 2 * terms_.jitter) : 0;
  if (hole <= rounding) return;
  const int lost = static_cast<int>(doings_.lost) * ticks(terms_.frame);
  excuse_or(resumed_ > last_at_ || doings_.silent || hole <= rounding + lost, kSlots,
            fmt::format("{} ticks without a packet", hole));
}

/// Where this packet's slot is by the first packet's clock: at most half a frame late over all splices, and what the
/// jitter of the first packet and of this one is. More than a frame early, and the line has run ahead of time.
void LineCheck::lateness(const Out& out) {
  if (!out.audio) return;
  const auto slot =
      first_at_ + std::chrono::microseconds(125) * rtp::timestamp_distance(out.view.timestamp, first_timestamp_);
  const double late = to_ms(out.at - slot);
  const double limit = to_ms(terms_.frame) / 2 + 2 * to_ms(terms_.jitter) + 0.2;
  worst_late_ms = std::max(worst_late_ms, late);
  if (late > limit) complain_(fmt::format("{:.1f} ms after its slot", late));
  if (-late > to_ms(terms_.frame + 2 * terms_.jitter)) complain_(fmt::format("{:.1f} ms before its slot", -late));
}

void LineCheck::gap(const Out& out) {
  const double gap = to_ms(out.at - last_at_);
  const double limit = to_ms(2 * terms_.frame + terms_.jitter) + 0.01;
  if (gap <= limit) {
    worst_gap_ms = std::max(worst_gap_ms, gap);
    return;
  }
  excuse_or(resumed_ > last_at_ || doings_.silent || gap <= limit + doings_.lost * to_ms(terms_.frame), kGap,
            fmt::format("a gap of {:.1f} ms", gap));
}

/// Nobody's audio but the source's; and its own place is not taken by noise while it speaks.
void LineCheck::who(const Out& out) {
  if (!out.audio) return;
  if (out.of && out.of != source_)
    complain_(fmt::format("audio of leg {} instead of leg {}", out.of.value, source_.value));
  const bool spoken_over = !out.of && source_ && last_of_ == source_ && out.at >= doings_.keys_until;
  if (!out.of && source_) excuses_ |= kNoise;  // in a key's time, or until the source is heard
  if (spoken_over) excuse_or(doings_.silent || doings_.lost > 0, kNoise, "noise instead of its source");
}

void LineCheck::remember(const Out& out, const Doings& doings) {
  any_ = true;
  sequence_ = out.view.sequence;
  last_at_ = out.at;
  if (out.audio) {
    audio_type_ = out.view.payload_type;
    end_ = end_most_ = out.view.timestamp + out.ticks;
    event_last_ = false;
  } else {  // an event fills the slots of its time
    if (!event_last_ || out.view.timestamp != event_) event_ = out.view.timestamp, event_at_ = out.at;
    event_last_ = true;
    const auto lasted = static_cast<std::uint32_t>(ticks(out.at - event_at_ + terms_.frame));
    const auto event = rtp::parse_telephone_event(out.view.payload);
    if (event && rtp::timestamp_distance(event_ + event->duration, end_) > 0) end_ = event_ + event->duration;
    end_most_ = rtp::timestamp_distance(event_ + lasted, end_) > 0 ? event_ + lasted : end_;
  }
  exact_ = static_cast<bool>(out.of) && heard_;  // the first one may have waited while others came
  last_of_ = out.of;
  if (!out.of && !source_) doings_.silent = false;  // the server plays by itself, without a pause
  if (!out.of) return;
  heard_ = true;
  own_lost_ = doings.lost;
  unsent_ = {};
  doings_ = {doings.lost, doings.silent, std::max(doings_.keys_until, doings.keys_until)};
  last_in_ = out.in;
  last_in_end_ = out.in.timestamp + static_cast<std::uint32_t>(out.in.payload.size());
}

}  // namespace segue::sim
