// The line's own packets (clips, noise, digits), each at its slot's time, and telephone events that pass through.
#include <algorithm>
#include <cstring>

#include "media/line.h"
#include "media/payload.h"
#include "rtp/telephone_event.h"

namespace segue::media {

namespace {

constexpr std::uint32_t kEndPackets = 3;   // RFC 4733 section 2.5.1.4: the last packet is sent three times
constexpr std::uint32_t kMinDigitMs = 60;  // ITU-T Q.24: receivers want 40 ms; one spare slot
constexpr std::uint32_t kMaxDigitMs = 2000;

std::uint16_t scaled(std::uint64_t duration, std::uint32_t from, std::uint32_t to) {
  return static_cast<std::uint16_t>(std::min<std::uint64_t>(duration * to / std::max(from, 1u), 0xFFFF));
}

}  // namespace

bool Line::in_event(Instant now) const {
  if (digit_count_ > 0) return true;
  if (!event_.active || event_.ends >= static_cast<int>(kEndPackets)) return false;
  return now - event_.last < (event_.ends > 0 ? Duration{100ms} : Duration{1s});
}

ByteView Line::relay_event(const SourcePacket& in, Instant now, Scratch& scratch) {
  const auto event = rtp::parse_telephone_event(in.packet.payload);
  if (!event || !format_.send_event_pt || making_digits()) {
    skip(in);
    return {};
  }
  const bool fresh = !event_.active || event_.in_timestamp != in.packet.timestamp;
  if (event_.active && rtp::timestamp_distance(in.packet.timestamp, event_.in_timestamp) < 0 && current_.mapped) {
    skip(in);  // a late packet of an event that is over
    return {};
  }
  const auto so_far =
      static_cast<std::uint32_t>(std::uint64_t{event->duration} * timeline_.clock() / std::max(in.event_clock, 1u));
  if (!current_.mapped || in.packet.ssrc != current_.ssrc) {
    if (event->end) return {};  // said three times, so it does not tell the source's time
    gap_slots_ = 0;             // noise between two keys would take the numbers of this one's packets
    SourcePacket present = in;  // an event's packets all have the time at which it began
    if (so_far > in.ticks) present.packet.timestamp += so_far - in.ticks;
    if (!join(present, now)) return {};
  } else if (filler_ != Filler::None || gap_slots_ > 0 || current_.opening) {
    gap_slots_ = 0;
    current_.sequence_offset = static_cast<std::uint16_t>(next_sequence_ - in.packet.sequence);
    current_.floor = end_;
    current_.opening = false;
    filler_ = Filler::None;
    schedule(now);
  }
  if (fresh && !begin_event(in, so_far, now)) {
    skip(in);
    return {};
  }
  if (!current_.take(in.packet.sequence)) return {};
  event_.last = now;
  if (event->end) ++event_.ends;
  const std::uint32_t ticks = so_far - std::min(so_far, event_.cut);
  auto out = *event;
  out.duration = scaled(ticks, timeline_.clock(), format_.event_clock);
  rtp::write_telephone_event(MutableBytes(scratch).subspan(rtp::kHeaderBytes), out);
  if (rtp::timestamp_distance(event_.out_timestamp + ticks, end_) > 0) end_ = event_.out_timestamp + ticks;
  const auto sequence = static_cast<std::uint16_t>(in.packet.sequence + current_.sequence_offset);
  return send(scratch, rtp::kTelephoneEventBytes, *format_.send_event_pt, fresh, sequence, event_.out_timestamp, now);
}

/// Where on the line an event begins: at its own slot or, if that is taken already, at the free one and shorter. False
/// if nothing of it is left yet.
bool Line::begin_event(const SourcePacket& in, std::uint32_t so_far, Instant now) {
  std::uint32_t start = in.packet.timestamp + current_.timestamp_offset;
  std::uint32_t cut = 0;
  if (strayed(in)) {  // a device whose event clock is not the audio's stamps events on a scale of its own
    start = end_;
  } else if (const auto taken = rtp::timestamp_distance(current_.floor, start); taken > 0) {
    cut = static_cast<std::uint32_t>(std::max(taken, rtp::timestamp_distance(end_, start)));
    start += cut;
  }
  if (cut > 0 && so_far <= cut) return false;
  event_ = Event{
      .active = true, .in_timestamp = in.packet.timestamp, .out_timestamp = start, .cut = cut, .ends = 0, .last = now};
  return true;
}

void Line::withhold(std::uint32_t source_now, Instant now) {
  if (!sending_ || clip_.active || filler_ == Filler::Withheld) return;
  const bool playing = pacing();
  if (!playing && !active(now)) return;  // nothing is heard anyway: nothing has to be covered
  const std::uint32_t start = source_now + current_.timestamp_offset;
  const bool told = !playing && current_.mapped && near_free_slot(start);
  if (told) end_ = start;
  cover(Filler::Withheld, playing || told, now);
  for_key_ = true;
  schedule(now);
}

/// Whether this can be the line's next slot: not taken yet, and no farther off than what a source may have lost. An
/// event clock on a scale of its own says nothing about the line.
bool Line::near_free_slot(std::uint32_t timestamp) const {
  const std::int32_t ahead = rtp::timestamp_distance(timestamp, end_);
  return ahead >= 0 && ahead <= kActiveFrames * static_cast<std::int32_t>(frame_);
}

void Line::release(std::optional<std::uint32_t> source_end, Instant now) {
  if (filler_ != Filler::Withheld) return;
  resume_at_.reset();
  if (source_end && current_.mapped) {
    const std::uint32_t end = *source_end + current_.timestamp_offset;
    // An event clock of its own scale says nothing about the audio.
    const auto ahead = timeline_.length(rtp::timestamp_distance(end, end_));
    if (ahead > Duration::zero() && ahead < kYield / 2) resume_at_ = end;
  }
  filler_ = Filler::Yielding;
  yield_until_ = now + kYield;
  schedule(now);
}

bool Line::play_digit(DigitGate::Digit digit, Instant now) {
  if (!sending_ || !clips_.tone(digit.key, format_.codec) || digit_count_ == kMaxDigits) return false;
  if (digit_count_ == 0 && filler_ == Filler::None && !clip_.active) {
    cover(Filler::Yielding, false, now);  // after the digits the source's next packet takes over
    for_key_ = true;
    yield_until_ = now + kYield;
  }
  digit.duration_ms = std::clamp(digit.duration_ms, kMinDigitMs, kMaxDigitMs);
  digits_[(digit_head_ + digit_count_) % kMaxDigits] = digit;
  ++digit_count_;
  schedule(now);
  return true;
}

std::uint32_t Line::slot_ticks() const {
  const std::uint32_t usual = timeline_.clock() / 50;
  if (!byte_per_tick(format_.codec)) return usual;  // Opus frames are made ahead, each 20 ms
  return frame_ >= 80 && frame_ <= 480 ? frame_ : usual;
}

/// The first paced packet after relayed ones (or after none): the free slot, unless its time is over by more than half
/// a frame.
void Line::start_pacing(Instant now) {
  paced_from_ = now;
  if (!timeline_.anchored()) {
    timeline_.anchor(now, end_, rtp_clock(format_.codec));
    marker_next_ = true;
    return;
  }
  const auto slot = static_cast<std::int32_t>(slot_ticks());
  const std::int32_t behind = rtp::timestamp_distance(timeline_.ideal(now - timeline_.phase()), end_);
  if (behind <= slot / 2) return;
  // A later slot, then, and one for which this moment is not too late.
  const std::int32_t past = rtp::timestamp_distance(timeline_.ideal(now), end_) - slot / 2;
  end_ += static_cast<std::uint32_t>(std::max(1, (past + slot - 1) / slot) * slot);
  marker_next_ = !active(now);
}

void Line::schedule(Instant now) {
  if (!sending_ || !pacing()) {
    due_.reset();
    return;
  }
  Duration wait = timeline_.phase();
  // The source's own packet for this slot is given as long as the slot is the nearest to it (past_free_slot), but the
  // line's lateness keeps its bound.
  const Duration nearest = timeline_.length(slot_ticks() / 2 - slot_ticks() / 10);
  if (filler_ == Filler::Yielding && digit_count_ == 0) wait = std::min(wait + nearest, std::max(wait, nearest));
  due_ = std::max(timeline_.time_of(end_, now) + wait, paced_from_);
}

std::optional<Instant> Line::deadline() const { return due_; }

ByteView Line::pace(Instant now, Scratch& scratch) {
  if (!due_ || now < *due_) return {};
  ByteView out;
  if (digit_count_ > 0 || gap_slots_ > 0) {
    out = pace_digit(now, scratch);
  } else if (filler_ == Filler::Yielding && yield_until_ && now > *yield_until_) {
    filler_ = Filler::None;
    current_.opening = current_.mapped;  // the noise has used numbers: a source that comes back follows them
  } else if (filler_ != Filler::None) {
    out = pace_clip(noise_, slot_ticks(), now, scratch);
  } else if (clip_.active) {
    out = pace_clip(clip_, timeline_.clock() / 50, now, scratch);
  }
  schedule(now);
  return out;
}

ByteView Line::pace_digit(Instant now, Scratch& scratch) {
  const std::uint32_t slot = slot_ticks();
  if (gap_slots_ > 0) {
    --gap_slots_;
    return pace_clip(noise_, slot, now, scratch);
  }
  const auto& digit = digits_[digit_head_];
  if (!format_.send_event_pt) return pace_tone(now, scratch, slot);
  const std::uint32_t ticks = timeline_.clock() / 1000 * digit.duration_ms;
  const std::uint32_t slots = (ticks + slot - 1) / slot;
  if (digit_slot_ == 0) digit_start_ = end_;
  const bool first = digit_slot_ == 0;
  const bool end = digit_slot_ + 1 >= slots;
  const std::uint32_t so_far = std::min(digit_slot_ + 1, slots) * slot;
  rtp::TelephoneEvent event;
  event.code = rtp::event_code(digit.key).value_or(0);
  event.end = end;
  event.duration = scaled(so_far, timeline_.clock(), format_.event_clock);
  rtp::write_telephone_event(MutableBytes(scratch).subspan(rtp::kHeaderBytes), event);
  ++digit_slot_;
  end_ += slot;
  const std::uint32_t start = digit_start_;
  if (digit_slot_ == slots + kEndPackets - 1) {
    next_digit();
    gap_slots_ = 1;
  }
  return send(scratch, rtp::kTelephoneEventBytes, *format_.send_event_pt, first, next_sequence_, start, now);
}

void Line::next_digit() {
  digit_head_ = (digit_head_ + 1) % kMaxDigits;
  --digit_count_;
  digit_slot_ = 0;
  if (digit_count_ == 0 && filler_ == Filler::Yielding && due_) yield_until_ = *due_ + kYield;
}

ByteView Line::pace_tone(Instant now, Scratch& scratch, std::uint32_t slot) {
  const auto& digit = digits_[digit_head_];
  const auto& frames = clips_.tone(digit.key, format_.codec)->lasting(digit.duration_ms);
  const std::size_t size = read_tone(frames, slot, MutableBytes(scratch).subspan(rtp::kHeaderBytes));
  ++digit_slot_;
  if (digit_slot_ * slot >= frames.size() * (timeline_.clock() / 50)) {
    next_digit();
    gap_slots_ = 3;  // tones have no end packets that would keep them apart
  }
  const std::uint32_t timestamp = end_;
  sent_audio(scratch, size, timestamp, slot);
  return send(scratch, size, format_.send_pt, false, next_sequence_, timestamp, now);
}

/// This slot's part of a key's sound. Slots of 30 ms need not make whole frames: what is left over is noise.
std::size_t Line::read_tone(const std::vector<Bytes>& frames, std::uint32_t slot, MutableBytes out) const {
  if (!byte_per_tick(format_.codec)) {
    // A format that changed in the middle of a key may have counted more slots than this one has.
    const auto& bytes = frames[std::min<std::size_t>(digit_slot_, frames.size() - 1)];
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return bytes.size();
  }
  constexpr std::uint32_t kFrame = 160;
  const auto& noise = clips_.get(Clip::ComfortNoise, format_.codec).frames[0];
  for (std::uint32_t written = 0; written < slot;) {
    const std::uint32_t at = digit_slot_ * slot + written;
    const auto& bytes = at / kFrame < frames.size() ? frames[at / kFrame] : noise;
    const std::uint32_t n = std::min(kFrame - at % kFrame, slot - written);
    std::memcpy(out.data() + written, bytes.data() + at % kFrame, n);
    written += n;
  }
  return slot;
}

ByteView Line::pace_clip(Playing& playing, std::uint32_t ticks, Instant now, Scratch& scratch) {
  const std::size_t size = read_clip(playing, ticks, MutableBytes(scratch).subspan(rtp::kHeaderBytes));
  if (size == 0) {
    playing.active = false;  // a clip that is not looped has ended
    return {};
  }
  const std::uint32_t timestamp = end_;
  const bool marker = marker_next_;
  marker_next_ = false;
  sent_audio(scratch, size, timestamp, ticks);
  return send(scratch, size, format_.send_pt, marker, next_sequence_, timestamp, now);
}

/// The next `ticks` of a clip: whole frames of Opus, any number of bytes of the others.
std::size_t Line::read_clip(Playing& playing, std::uint32_t ticks, MutableBytes out) const {
  const auto& frames = clips_.get(playing.clip, format_.codec).frames;
  const std::size_t wanted = byte_per_tick(format_.codec) ? ticks : 1;
  std::size_t written = 0;
  while (written < wanted) {
    if (playing.frame >= frames.size()) {
      if (!playing.loop) break;
      playing.frame = 0;
    }
    const auto& frame = frames[playing.frame];
    const std::size_t n =
        byte_per_tick(format_.codec) ? std::min(wanted - written, frame.size() - playing.offset) : frame.size();
    if (n > out.size() - written) return 0;
    std::memcpy(out.data() + written, frame.data() + playing.offset, n);
    written += n;
    playing.offset += n;
    if (playing.offset >= frame.size()) {
      playing.offset = 0;
      ++playing.frame;
    }
  }
  if (byte_per_tick(format_.codec) && written < wanted) return 0;
  return written;
}

}  // namespace segue::media
