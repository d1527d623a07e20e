#include "media/line.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "media/payload.h"

namespace segue::media {

namespace {

g711::Law law_of(Codec codec) { return codec == Codec::Pcmu ? g711::Law::Mu : g711::Law::A; }

std::int32_t rounded_quotient(std::int32_t value, std::int32_t unit) {
  return value >= 0 ? (value + unit / 2) / unit : -((-value + unit / 2) / unit);
}

}  // namespace

Line::Line(const OpenLeg& opened, const ClipLibrary& clips)
    : clips_(clips), ssrc_(opened.ssrc), next_sequence_(opened.first_sequence), end_(opened.first_timestamp) {}

void Line::set_format(const LegFormat& format, Instant now) {
  const std::uint32_t clock = rtp_clock(format.codec);
  const bool same = has_format_ && format.codec == format_.codec;
  format_ = format;
  has_format_ = true;
  if (same) return;
  // A new codec counts time anew, from where the old one stood: RFC 3550 has no better answer on one SSRC.
  if (timeline_.anchored()) timeline_.anchor(now, end_, clock);
  frame_ = clock / 1000 * std::clamp(format.ptime_ms, 10u, 120u);
  longest_frame_ = 0;
  history_.clear();
  current_.mapped = false;
  schedule(now);
}

void Line::set_sending(bool sending, Instant now) {
  sending = sending && has_format_;
  if (sending == sending_) return;
  sending_ = sending;
  current_.mapped = false;  // after the pause the source is placed anew
  filler_ = Filler::None;
  digit_count_ = 0;
  digit_slot_ = gap_slots_ = 0;
  if (sending && pacing()) start_pacing(now);
  schedule(now);
}

void Line::play_leg(LegId leg, Instant now) {
  if (current_.leg == leg && !clip_.active) return;
  const bool playing = pacing(), heard = playing || active(now);
  follow(leg);
  if (heard && sending_) {
    cover(Filler::Yielding, playing, now);  // until its first packet
    yield_until_ = now + kYield;
  }
  schedule(now);
}

void Line::follow(LegId leg) {
  current_ = RelayMap{};
  current_.leg = leg;
  clip_.active = false;
  filler_ = Filler::None;
  for_key_ = false;
  fade_next_ = true;
}

/// Comfort noise from the free slot on. `pacing`: the line has been making its own packets already.
void Line::cover(Filler filler, bool pacing, Instant now) {
  filler_ = filler;
  yield_until_.reset();
  noise_ = Playing{.clip = Clip::ComfortNoise, .active = true, .loop = true, .frame = 0, .offset = 0};
  if (!pacing) start_pacing(now);
}

void Line::play_clip(Clip clip, bool loop, Instant now) {
  current_ = RelayMap{};
  filler_ = Filler::None;
  const bool was_pacing = pacing();
  clip_ = Playing{.clip = clip, .active = true, .loop = loop, .frame = 0, .offset = 0};
  fade_next_ = true;
  if (timeline_.anchored()) timeline_.new_source();
  if (!was_pacing && sending_) start_pacing(now);
  schedule(now);
}

void Line::play_nothing() {
  current_ = RelayMap{};
  clip_.active = false;
  filler_ = Filler::None;
  if (digit_count_ == 0) due_.reset();
}

ByteView Line::splice(const SourcePacket& first, Instant now, Scratch& scratch) {
  if (current_.leg != first.leg) {
    const bool playing = pacing();
    cut_running_ = runs(now);
    follow(first.leg);
    if (playing) {  // the slots that noise or a clip would fill are filled until `leg` has found its own
      cover(Filler::Yielding, playing, now);
      yield_until_ = now + kYield;
    }
    schedule(now);
  }
  const auto out = relay_current(first, now, scratch);
  cut_running_ = false;
  return out;
}

void Line::splice_filling(LegId leg, Instant now) {
  if (current_.leg == leg && !clip_.active) return;
  const bool playing = pacing();
  follow(leg);
  if (sending_) cover(Filler::Yielding, playing, now);
  schedule(now);
}

void Line::forget_leg(LegId leg) {
  if (current_.leg == leg) play_nothing();
}

bool Line::carries(Codec codec) const {
  return has_format_ && (codec == format_.codec || (is_g711(codec) && is_g711(format_.codec)));
}

bool Line::active(Instant now) const {
  return last_sent_ && now - *last_sent_ <= timeline_.length(kActiveFrames * static_cast<std::int64_t>(frame_));
}

bool Line::runs(Instant now) const { return current_.mapped && !current_.opening && !pacing() && active(now); }

bool Line::late_for_free_slot(const SourcePacket& in) const {
  return rtp::timestamp_distance(timeline_.ideal(in.arrived), end_) >= latest(in);
}

/// How late a source that follows a running one may be for the free slot, in ticks: half a frame, or as late as the
/// running one was with its last packet, so that its jitter costs no slot; but not so much that many flips add it up.
std::int32_t Line::latest(const SourcePacket& next) const {
  const auto frame = static_cast<std::int32_t>(std::max(longest_frame_, next.ticks));
  return std::clamp(last_late_ + 1, frame / 2, frame / 2 + frame / 5);
}

bool Line::strayed(const SourcePacket& in) const {
  const std::uint32_t out = in.packet.timestamp + current_.timestamp_offset;
  const auto off = timeline_.length(rtp::timestamp_distance(out, timeline_.ideal(in.arrived)));
  return off > kStray || off < -kStray;
}

ByteView Line::relay(const SourcePacket& in, Instant now, Scratch& scratch) {
  return in.leg == current_.leg ? relay_current(in, now, scratch) : ByteView{};
}

/// Whether the current source's packet may be heard now; places the source on the line where needed.
bool Line::ready(const SourcePacket& in, Instant now) {
  if (digit_count_ > 0 || gap_slots_ > 0 || filler_ == Filler::Withheld) {
    (void)current_.take(in.packet.sequence);
    return false;
  }
  const bool new_series =
      current_.mapped && (in.packet.ssrc != current_.ssrc || current_.another_series(in.packet.sequence));
  if (!current_.mapped || new_series || strayed(in)) return join(in, now);
  return (filler_ == Filler::None && !current_.opening) || take_over(in, now);
}

ByteView Line::relay_current(const SourcePacket& in, Instant now, Scratch& scratch) {
  if (!sending_ || !carries(in.codec)) return {};
  if (in.kind == SourcePacket::Kind::Event) return relay_event(in, now, scratch);
  if (in.kind == SourcePacket::Kind::ComfortNoise && !(format_.receive_cn_pt && format_.codec != Codec::Opus)) {
    skip(in);
    return {};
  }
  if (!ready(in, now) || !current_.take(in.packet.sequence)) return {};
  const std::uint32_t timestamp = in.packet.timestamp + current_.timestamp_offset;
  if (rtp::timestamp_distance(timestamp, current_.floor) < 0) return {};
  return send_audio(in, timestamp, now, scratch);
}

void Line::skip(const SourcePacket& in) {
  if (in.leg != current_.leg || !current_.mapped || in.packet.ssrc != current_.ssrc) return;
  if (current_.ahead(in.packet.sequence) > 0) {
    --current_.sequence_offset;
    current_.bar(in.packet.sequence);
  }
  (void)current_.take(in.packet.sequence);
}

/// Ticks from the free slot to `t`; half a frame or more means that a later slot is nearer. A tenth of a frame is added
/// in the later slot's favour: a source that then is a little less even than its first packet, or waits in this
/// machine, is still not later than half a frame, and being early harms nobody.
std::int32_t Line::past_free_slot(Instant t, std::int32_t frame) const {
  return rtp::timestamp_distance(timeline_.ideal(t), end_) + frame / 10;
}

/// Puts a new source on the timeline. False if its first packet's slot is taken: it is dropped, and the next one is the
/// first.
bool Line::join(const SourcePacket& in, Instant now) {
  RelayMap map;
  map.leg = in.leg;
  map.mapped = true;
  map.ssrc = in.packet.ssrc;
  std::int32_t slots_taken = 0;  // packets of the new source until the free slot
  std::uint32_t start = end_;
  if (!timeline_.anchored()) {
    timeline_.anchor(in.arrived, end_, rtp_clock(format_.codec));
    marker_next_ = true;
  } else {
    timeline_.new_source();
    const auto ticks = static_cast<std::int32_t>(in.ticks);
    const auto frame = std::max(static_cast<std::int32_t>(longest_frame_), ticks);
    std::int32_t behind = past_free_slot(in.arrived, frame);
    // Rather up to half a frame late than past a slot that the old source was about to fill.
    if (cut_running_ && behind > 0) behind -= frame / 10;
    if (cut_running_ && behind > 0 && behind < latest(in)) behind = 0;
    if (behind < -(ticks / 2) && timeline_.length(behind) > -kMaxAhead) {
      slots_taken = (-behind - ticks / 2 + ticks - 1) / ticks;
      // Not longer than a frame, for jitter's or an early source's sake: being early harms nobody.
      if (-behind <= 2 * frame) slots_taken = std::min(slots_taken, (frame + ticks - 1) / ticks);
    } else if (const auto pause = std::max(0, rounded_quotient(behind, frame)) * frame; pause > 0) {
      if (filler_ != Filler::None && active(now)) {
        if (due_ && now > *due_) {  // overdue noise is about to fill this slot: let it, and begin after it
          schedule(now);
          return false;
        }
        // The noise is not due yet, so the free slot's time is not over: it is the source's. Were the packet dropped
        // because a later slot is nearer, the next one would meet the same, for ever.
      } else {
        start += static_cast<std::uint32_t>(pause);
        marker_next_ = !active(now);
      }
    }
  }
  resume_at_.reset();
  map.floor = start;
  map.opening = slots_taken > 0;
  map.timestamp_offset = start - static_cast<std::uint32_t>(slots_taken) * in.ticks - in.packet.timestamp;
  map.sequence_offset = static_cast<std::uint16_t>(next_sequence_ - in.packet.sequence);
  current_ = map;
  placed_phase_ = timeline_.length(
      rtp::timestamp_distance(timeline_.ideal(in.arrived), in.packet.timestamp + map.timestamp_offset));
  fade_next_ = packets_ > 0;
  filler_ = Filler::None;
  schedule(now);
  if (map.opening) (void)current_.take(in.packet.sequence);
  return slots_taken == 0;
}

ByteView Line::fill_before(const SourcePacket& in, Instant now, Scratch& scratch) {
  const bool comes_back = filler_ == Filler::Yielding && digit_count_ == 0 && gap_slots_ == 0 && active(now) &&
                          in.leg == current_.leg && current_.mapped && in.packet.ssrc == current_.ssrc;
  if (!comes_back || in.kind != SourcePacket::Kind::Audio || current_.ahead(in.packet.sequence) != 1) return {};
  const std::int32_t hole = rtp::timestamp_distance(in.packet.timestamp + current_.timestamp_offset, end_);
  const auto slot = static_cast<std::int32_t>(slot_ticks());
  if (hole < slot || hole > kActiveFrames * slot) return {};
  const auto out = pace_clip(noise_, slot_ticks(), now, scratch);
  schedule(now);
  return out;
}

/// The source comes back after noise or digits: its timestamps go on unbroken, its sequence follows what was sent
/// meanwhile.
bool Line::take_over(const SourcePacket& in, Instant now) {
  const std::uint32_t timestamp = in.packet.timestamp + current_.timestamp_offset;
  const std::int32_t hole = rtp::timestamp_distance(timestamp, end_);
  const bool withheld = resume_at_ && rtp::timestamp_distance(timestamp, *resume_at_) < 0;
  const auto ticks = static_cast<std::int32_t>(in.ticks);
  const auto frame = std::max(ticks, static_cast<std::int32_t>(slot_ticks()));
  // Noise has the packet's slot, but the free one is as near: were it dropped, the next one would meet the same, for
  // ever, where the source is late on its slots or its frames are of another length.
  const bool near =
      filler_ != Filler::None && hole < 0 && hole > -frame && past_free_slot(in.arrived, frame) >= -(frame / 2);
  if ((hole < 0 && !near) || (withheld && filler_ == Filler::Yielding)) {
    (void)current_.take(in.packet.sequence);
    return false;
  }
  const std::int32_t lost = std::clamp(current_.ahead(in.packet.sequence) - 1, 0, std::max(0, hole / ticks));
  // The noise's slots may be longer than the source's: a part of one that is left over is not left empty.
  if (hole != 0 && hole < frame && lost == 0) {
    current_.timestamp_offset -= static_cast<std::uint32_t>(hole);
    timeline_.new_source();  // its phase is another from here on, and that is no drift
  }
  current_.sequence_offset = static_cast<std::uint16_t>(next_sequence_ + lost - in.packet.sequence);
  current_.floor = end_;
  current_.opening = false;
  resume_at_.reset();
  filler_ = Filler::None;
  fade_next_ = true;
  schedule(now);
  return true;
}

ByteView Line::send_audio(const SourcePacket& in, std::uint32_t timestamp, Instant now, Scratch& scratch) {
  const auto payload = in.packet.payload;
  std::uint8_t* out = scratch.data() + rtp::kHeaderBytes;
  const bool audio = in.kind == SourcePacket::Kind::Audio;
  if (audio && in.codec != format_.codec) {
    const auto& table = g711::transcode_table(law_of(in.codec));
    for (std::size_t i = 0; i < payload.size(); ++i) out[i] = table[payload[i]];
  } else {
    std::memcpy(out, payload.data(), payload.size());
  }
  const std::int32_t hole = rtp::timestamp_distance(timestamp, end_);
  // Receivers flush their jitter buffers on the marker, so it is kept from running audio even where the source sets it.
  const bool marker = (in.packet.marker || marker_next_) && (hole > 0 || packets_ == 0);
  marker_next_ = false;
  if (event_.ends > 0) event_.active = false;
  if (audio) {
    sent_audio(scratch, payload.size(), timestamp, in.ticks);
    if (hole >= 0) timeline_.observe(timestamp, in.arrived);
    last_late_ = rtp::timestamp_distance(timeline_.ideal(in.arrived), timestamp);
  } else {
    if (hole + static_cast<std::int32_t>(in.ticks) > 0) end_ = timestamp + in.ticks;
    history_.clear();
  }
  const std::uint8_t payload_type = audio ? format_.send_pt : *format_.receive_cn_pt;
  const auto sequence = static_cast<std::uint16_t>(in.packet.sequence + current_.sequence_offset);
  return send(scratch, payload.size(), payload_type, marker, sequence, timestamp, now);
}

/// Book-keeping of audio that is about to leave, and the fade if a new source begins with it.
void Line::sent_audio(Scratch& scratch, std::size_t payload, std::uint32_t timestamp, std::uint32_t ticks) {
  const MutableBytes bytes{scratch.data() + rtp::kHeaderBytes, payload};
  const std::int32_t hole = rtp::timestamp_distance(timestamp, end_);
  if (is_g711(format_.codec)) {
    const bool pause = hole > static_cast<std::int32_t>(frame_);
    if (fade_next_) fade_in(law_of(format_.codec), pause ? ByteView{} : history_.bytes(), bytes);
    if (hole >= 0) history_.append(bytes);
  }
  fade_next_ = false;
  frame_ = ticks;
  longest_frame_ = std::max(longest_frame_, ticks);
  if (hole + static_cast<std::int32_t>(ticks) > 0) end_ = timestamp + ticks;
}

ByteView Line::send(Scratch& scratch, std::size_t payload, std::uint8_t payload_type, bool marker,
                    std::uint16_t sequence, std::uint32_t timestamp, Instant now) {
  rtp::write_header(scratch, {marker, payload_type, sequence, timestamp, ssrc_});
  if (rtp::sequence_distance(sequence, next_sequence_) >= 0) next_sequence_ = static_cast<std::uint16_t>(sequence + 1);
  ++packets_;
  octets_ += static_cast<std::uint32_t>(payload);
  last_sent_ = now;
  return ByteView{scratch.data(), rtp::kHeaderBytes + payload};
}

}  // namespace segue::media
