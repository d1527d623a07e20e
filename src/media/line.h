// A line: the one RTP stream that we send towards a leg. One SSRC, one sequence, one timeline for the leg's whole life,
// whatever its source: another leg, a clip, comfort noise in a withheld digit's time, digits made anew. Owned by one
// Exchange; pure; packets are built in the caller's scratch buffer, at most one for each call, without allocation.
//
// The free slot `end_` is where the last packet sent ends. A new source's packets are put into the slots nearest in
// time to the anchored timeline (join), so its phase stays within half a frame for ever, however many splices there
// are. What the old source has not sent by the cut it never sends: the new one takes the next number and, if that is
// not too late, the very slot; owes() tells a splice to wait a packet rather than to leave a slot out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "media/clips.h"
#include "media/digit_gate.h"
#include "media/fade.h"
#include "media/relay_map.h"
#include "media/timeline.h"
#include "media/types.h"
#include "rtp/packet.h"

namespace segue::media {

/// A checked packet of a source leg.
struct SourcePacket {
  enum class Kind : std::uint8_t { Audio, ComfortNoise, Event };
  LegId leg;
  Kind kind = Kind::Audio;
  Codec codec = Codec::Pcmu;
  std::uint32_t event_clock = 8000;
  std::uint32_t ticks = 160;  ///< audio's duration; for the other kinds the leg's usual frame
  rtp::PacketView packet;
  Instant arrived{};
};

using Scratch = std::array<std::uint8_t, rtp::kMaxPacketBytes>;

class Line {
 public:
  Line(const OpenLeg& opened, const ClipLibrary& clips);

  void set_format(const LegFormat& format, Instant now);
  /// Whether packets may leave at all (direction, and an address to send to). While not, sources are not followed.
  void set_sending(bool sending, Instant now);

  // ---- sources
  void play_leg(LegId leg, Instant now);
  void play_clip(Clip clip, bool loop, Instant now);
  void play_nothing();
  /// The splice: `leg` becomes the source with this very packet or, where its slot is taken, with its next one.
  ByteView splice(const SourcePacket& first, Instant now, Scratch& scratch);
  /// Splice without a packet: comfort noise until `leg` sends.
  void splice_filling(LegId leg, Instant now);
  /// If `leg` is the source, it is no longer.
  void forget_leg(LegId leg);

  // ---- packets
  /// A packet of a leg; what is to be sent for it, or nothing.
  [[nodiscard]] ByteView relay(const SourcePacket& in, Instant now, Scratch& scratch);
  /// Noise for a slot before that of the source's packet, which has come while it was still waited for; call until it
  /// returns nothing, then relay().
  [[nodiscard]] ByteView fill_before(const SourcePacket& in, Instant now, Scratch& scratch);
  /// A packet of the source that must not be heard: its sequence number is taken out of the series.
  void skip(const SourcePacket& in);
  /// The next packet that is due by itself; call until it returns nothing.
  [[nodiscard]] ByteView pace(Instant now, Scratch& scratch);
  [[nodiscard]] std::optional<Instant> deadline() const;

  // ---- digits
  /// Comfort noise in place of the source, until release(). `source_now`: the source's timestamp from which on it is
  /// withheld, by a packet that is as late as any of the source's.
  void withhold(std::uint32_t source_now, Instant now);
  /// `source_end`: the source's timestamp at which what was withheld ends; its audio is heard again from there on.
  void release(std::optional<std::uint32_t> source_end, Instant now);
  /// Makes a key press anew: RFC 4733, else as a tone in the audio. False if the queue is full.
  bool play_digit(DigitGate::Digit digit, Instant now);
  /// A digit is being made, so passing events must queue behind it.
  [[nodiscard]] bool making_digits() const { return digit_count_ > 0; }
  [[nodiscard]] bool has_events() const { return format_.send_event_pt.has_value(); }
  /// What the line makes now stands for a key of its source, which is silent in its time by its own choice.
  [[nodiscard]] bool covers_key() const {
    return digit_count_ > 0 || gap_slots_ > 0 || (for_key_ && filler_ != Filler::None);
  }
  /// A splice must wait: a telephone event is on the line.
  [[nodiscard]] bool in_event(Instant now) const;
  /// A splice with this packet would leave a slot out: the source that is heard is late with its own by more than half
  /// a frame, but has not stopped. (An event's end is said again in the slots after it.)
  [[nodiscard]] bool owes(const SourcePacket& next, Instant now) const {
    return next.leg != current_.leg && runs(now) && !event_.active && late_for_free_slot(next);
  }

  // ---- facts
  [[nodiscard]] LegId source_leg() const { return current_.leg; }
  /// The source that the timeline is anchored to is still talking.
  [[nodiscard]] bool on_first_source() const { return timeline_.settling(); }
  [[nodiscard]] bool follows(LegId leg) const { return current_.leg == leg; }
  [[nodiscard]] bool carries(Codec codec) const;
  /// How late the source was for its slot by the packet that placed it there; 0 for the one that anchored the line.
  [[nodiscard]] Duration placed_phase() const { return placed_phase_; }
  [[nodiscard]] const LegFormat& format() const { return format_; }
  [[nodiscard]] const Timeline& timeline() const { return timeline_; }
  [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }
  [[nodiscard]] std::uint32_t packets() const { return packets_; }
  [[nodiscard]] std::uint32_t octets() const { return octets_; }
  [[nodiscard]] std::uint16_t next_sequence() const { return next_sequence_; }
  [[nodiscard]] std::uint32_t end() const { return end_; }
  [[nodiscard]] std::uint32_t frame_ticks() const { return frame_; }
  [[nodiscard]] std::uint32_t longest_frame_ticks() const { return longest_frame_; }

 private:
  enum class Filler : std::uint8_t {
    None,
    Withheld,  // until release()
    Yielding,  // until the source's next packet, or yield_until_
  };
  struct Event {  // the telephone event that passes through
    bool active = false;
    std::uint32_t in_timestamp = 0, out_timestamp = 0;
    std::uint32_t cut = 0;  // ticks of it that were over before it could be heard
    int ends = 0;
    Instant last{};
  };
  struct Playing {  // the clip of the line or the noise of a filler
    Clip clip = Clip::ComfortNoise;
    bool active = false, loop = true;
    std::size_t frame = 0, offset = 0;
  };

  // line.cpp
  ByteView relay_current(const SourcePacket& in, Instant now, Scratch& scratch);
  void follow(LegId leg);
  void cover(Filler filler, bool pacing, Instant now);
  bool ready(const SourcePacket& in, Instant now);
  /// The current source is heard and has not fallen silent.
  [[nodiscard]] bool runs(Instant now) const;
  [[nodiscard]] bool late_for_free_slot(const SourcePacket& in) const;
  [[nodiscard]] std::int32_t latest(const SourcePacket& next) const;
  [[nodiscard]] std::int32_t past_free_slot(Instant t, std::int32_t frame) const;
  bool join(const SourcePacket& in, Instant now);
  bool take_over(const SourcePacket& in, Instant now);
  bool strayed(const SourcePacket& in) const;
  bool active(Instant now) const;
  ByteView send_audio(const SourcePacket& in, std::uint32_t timestamp, Instant now, Scratch& scratch);
  ByteView send(Scratch& scratch, std::size_t payload, std::uint8_t payload_type, bool marker, std::uint16_t sequence,
                std::uint32_t timestamp, Instant now);
  void sent_audio(Scratch& scratch, std::size_t payload, std::uint32_t timestamp, std::uint32_t ticks);
  // line_pace.cpp
  ByteView relay_event(const SourcePacket& in, Instant now, Scratch& scratch);
  bool begin_event(const SourcePacket& in, std::uint32_t so_far, Instant now);
  ByteView pace_digit(Instant now, Scratch& scratch);
  ByteView pace_tone(Instant now, Scratch& scratch, std::uint32_t slot);
  std::size_t read_tone(const std::vector<Bytes>& frames, std::uint32_t slot, MutableBytes out) const;
  ByteView pace_clip(Playing& playing, std::uint32_t ticks, Instant now, Scratch& scratch);
  std::size_t read_clip(Playing& playing, std::uint32_t ticks, MutableBytes out) const;
  void start_pacing(Instant now);
  [[nodiscard]] bool near_free_slot(std::uint32_t timestamp) const;
  void next_digit();
  [[nodiscard]] bool pacing() const {
    return digit_count_ > 0 || gap_slots_ > 0 || filler_ != Filler::None || clip_.active;
  }
  [[nodiscard]] std::uint32_t slot_ticks() const;
  void schedule(Instant now);

  static constexpr int kActiveFrames = 5;        // longer without a packet, and the source is silent by choice
  static constexpr Duration kStray = 2s;         // a timestamp farther off the timeline is a new series
  static constexpr Duration kMaxAhead = 200ms;   // a source that runs farther ahead than this is not waited for
  static constexpr Duration kYield = 200ms;      // noise goes on this long for a source that does not come back
  static constexpr std::size_t kMaxDigits = 32;  // two whole codes; more is no person's keying

  const ClipLibrary& clips_;
  const std::uint32_t ssrc_;
  LegFormat format_;
  bool has_format_ = false, sending_ = false;
  std::uint32_t packets_ = 0, octets_ = 0;

  Timeline timeline_;
  std::uint16_t next_sequence_;
  std::uint32_t end_;                // the first free slot
  std::uint32_t frame_ = 160;        // ticks of the last audio packet
  std::uint32_t longest_frame_ = 0;  // of all: a source may stand half of it off its slots, and those after it too
  std::optional<Instant> last_sent_;
  SentHistory history_;
  bool fade_next_ = false, marker_next_ = false;

  RelayMap current_;
  Duration placed_phase_{};     // of current_
  Instant paced_from_{};        // no packet of the line's own is due before it was decided upon
  bool for_key_ = false;        // the filler is there because of a key
  std::int32_t last_late_ = 0;  // ticks that the source's last packet came after its slot
  bool cut_running_ = false;    // join is part of a splice away from a source that runs

  Event event_;
  Playing clip_, noise_;
  Filler filler_ = Filler::None;
  std::optional<Instant> yield_until_;
  std::optional<std::uint32_t> resume_at_;  // timestamp of the line before which the source is still withheld
  std::optional<Instant> due_;              // the next paced packet
  std::array<DigitGate::Digit, kMaxDigits> digits_{};
  std::size_t digit_head_ = 0, digit_count_ = 0;
  std::uint32_t digit_slot_ = 0;  // of the digit that is being made
  std::uint32_t digit_start_ = 0;
  std::uint32_t gap_slots_ = 0;  // silence owed before the next digit
};

}  // namespace segue::media
