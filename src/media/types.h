// The words of the media plane: what signalling tells a worker about a leg, what a worker tells back. Values that cross
// the mailbox between the two threads; nothing here points into either side. `call` and `media` do not know each other:
// the engine translates.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/codec.h"
#include "base/ids.h"
#include "base/time.h"

namespace segue::media {

using segue::Codec;
using segue::rtp_clock;

/// What a leg has agreed on. Receive numbers are what the peer sends to us with; send numbers what we send to it with.
struct LegFormat {
  Codec codec = Codec::Pcmu;
  std::uint8_t send_pt = 0;
  std::uint8_t receive_pt = 0;
  std::optional<std::uint8_t> receive_other_law_pt;  ///< of G.711's other law, where the peer may send both
  std::optional<std::uint8_t> send_event_pt;         ///< telephone-event towards the leg
  std::optional<std::uint8_t> receive_event_pt;
  std::uint32_t event_clock = 8000;
  std::optional<std::uint8_t> receive_cn_pt;  ///< RFC 3389 comfort noise the leg may send
  unsigned ptime_ms = 20;
};

/// Where a leg's packets go and come from.
struct LegAddress {
  Endpoint rtp;  ///< answered (SDP)
  Endpoint rtcp;
  bool rtcp_mux = false;
  std::optional<IpAddress> signalling_ip;  ///< behind NAT the packets come from here: also allowed to latch
};

/// Pre-encoded audio that the server plays itself.
enum class Clip : std::uint8_t { Silence, ComfortNoise, Music, Ringback, Busy, Congestion, Beep };

/// Source of a line.
struct FromLeg {
  LegId leg;
};
struct FromClip {
  Clip clip = Clip::ComfortNoise;
  bool loop = true;
};
struct FromNothing {};
using Source = std::variant<FromNothing, FromLeg, FromClip>;

// ---- commands: signalling -> media ---------------------------------------------------------------------------------

/// A new leg with its two sockets (the edge maps `leg` to them). Nothing is sent before SetRemote.
struct OpenLeg {
  LegId leg;
  std::string cname;       ///< RTCP SDES; the same for the leg's whole life
  std::uint32_t ssrc = 0;  ///< drawn by signalling, so that a worker needs no randomness
  std::uint16_t first_sequence = 0;
  std::uint32_t first_timestamp = 0;
};
/// Format and address, after the first answer and after each re-INVITE or UPDATE. A changed address allows one new
/// latch.
struct SetRemote {
  LegId leg;
  LegFormat format;
  LegAddress address;
  bool send = true;     ///< false: direction on our side is recvonly or inactive: the line is silent
  bool receive = true;  ///< false: what arrives is dropped (the peer holds us)
};
/// Changes a line's source at once (no proof): call set-up, hold music, ringback, comfort noise.
struct SetSource {
  LegId line;
  Source source;
};
/// Reads digits of this leg through the gate (feature codes). Codes begin with '*'; digits that cannot begin a code
/// pass at once.
struct SetDigitGate {
  LegId leg;
  bool active = false;
  std::vector<std::string> codes;  ///< complete codes, e.g. "*1", "*0", "*11"
};
/// A digit that came by SIP INFO: goes through the same gate, then out as RFC 4733 to the lines that listen to this
/// leg.
struct InjectDigit {
  LegId leg;
  char digit = '0';
  unsigned duration_ms = 100;
};
/// From here on the line's packets are measured for a flip report (a few seconds before the splice give the audio to
/// compare with).
struct WatchLine {
  LegId line;
  FlipId flip;
};
/// B has answered: splice `line` to `to` as soon as `to` has proven itself by its own audio (two consecutive packets of
/// one SSRC and an answered payload type received after this command, from an allowed address; comfort noise counts).
/// `proof = Answer` skips the proof: the splice is made on B's first packet or at once.
struct ArmSplice {
  LegId line;
  LegId to;
  FlipId flip;
  bool proof_by_answer = false;
  Instant answered_at{};  ///< B's 200, for the report
};
/// Withdraws an armed splice. Always answered by SpliceDisarmed; if Spliced was sent before it, that came first and
/// stands.
struct DisarmSplice {
  LegId line;
  FlipId flip;
};
/// Ends the measurement without a splice (the flip ended otherwise): a SpliceMeasured with what there is.
struct UnwatchLine {
  LegId line;
  FlipId flip;
};
struct CloseLeg {
  LegId leg;
};
using Command = std::variant<OpenLeg, SetRemote, SetSource, SetDigitGate, InjectDigit, WatchLine, ArmSplice,
                             DisarmSplice, UnwatchLine, CloseLeg>;

/// The leg, or the line of the leg, that a command is about.
[[nodiscard]] inline LegId subject(const Command& command) {
  return std::visit(
      [](const auto& c) {
        if constexpr (requires { c.leg; }) {
          return c.leg;
        } else {
          return c.line;
        }
      },
      command);
}

// ---- messages: media -> signalling ---------------------------------------------------------------------------------

/// One packet as the flip's picture shows it. Times relative to the moment of the splice (or of the end of the watch),
/// ms.
struct TracePoint {
  enum class Kind : std::uint8_t { FromA, FromB, ToFar } kind = Kind::ToFar;
  float at_ms = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool used = true;  ///< FromA/FromB: relayed to the far party; false: heard by nobody
};

/// What the worker measured on the far party's line, by watching the packets that leave (design.md section 1). A figure
/// that could not be measured is nullopt, never invented.
struct SpliceMeasurement {
  FlipId flip;
  LegId line;
  bool spliced = false;
  std::uint32_t packets_watched = 0;
  // identity, before -> after
  std::uint32_t ssrc_before = 0, ssrc_after = 0;
  std::uint8_t payload_type_before = 0, payload_type_after = 0;
  Endpoint address_before, address_after;
  std::string cname_before, cname_after;
  // continuity
  std::uint32_t sequence_breaks = 0;  ///< skips, repeats, steps back that no source's own loss explains
  std::uint32_t source_losses = 0;    ///< gaps and reorderings that the sources brought with them
  std::uint32_t slots_missing = 0;
  std::uint32_t slots_silent_by_choice = 0;  ///< DTX, comfort noise pauses, telephone events
  double frame_ms = 20;
  std::optional<double> lateness_ms_max;  ///< departure after its slot
  std::optional<double> gap_ms_max;       ///< longest time between two packets around the splice
  std::optional<double>
      source_gap_ms_max;  ///< the longest that the sources themselves left between packets (receive times)
  std::optional<double> scheduler_ms_max;  ///< the longest that a packet waited in this machine until it was read
  /// What of the three times is the splice's own doing: the same figures with each packet of a source put where that
  /// source's even cadence has it, its losses left out, and without the wait in this machine.
  std::optional<double> own_lateness_ms, own_gap_ms, own_first_packet_to_heard_ms;
  bool first_on_line = false;  ///< A was the source that the line's timeline is anchored to: the gap's limit is 1.5
  // RTCP
  unsigned rtcp_seen = 0;  ///< sender reports that left
  bool rtcp_bye = false;
  bool rtcp_counts_fell = false;
  std::optional<double> rtcp_line_error_ms;  ///< distance of successive (NTP, RTP) pairs from one line
  // speed
  std::optional<double> first_packet_to_heard_ms;  ///< B's first packet over a usable path -> B heard by the far party
  std::optional<double> answer_to_heard_ms;        ///< B's 200 -> B heard
  std::optional<double> nobody_heard_ms;           ///< time in which neither A nor B was heard
  // waveform (G.711)
  std::optional<double> step_at_splice;  ///< largest sample step within 5 ms, 16-bit units
  std::optional<double> step_around;     ///< largest in the flip-free audio around it
  bool waveform_known = false;           ///< the codec is one whose samples are looked at
  std::vector<TracePoint> trace;
};

struct SpliceProven {  ///< B's audio is proven; the splice follows with this or a later packet
  FlipId flip;
  Instant at{};
};
struct Spliced {  ///< the commit: from here on the line's source is B
  FlipId flip;
  LegId line, from, to;
  Instant at{};
};
struct SpliceDisarmed {
  FlipId flip;
  LegId line;
};
struct SpliceMeasured {                                  ///< a second after the splice, or at UnwatchLine/CloseLeg
  std::shared_ptr<const SpliceMeasurement> measurement;  // shared: large, immutable, crosses a thread once
};
struct CodeDialled {  ///< a complete feature code was keyed on this leg; its digits reached nobody
  LegId leg;
  std::string code;
};
struct MediaDead {  ///< no packet from a leg that should be sending, for `silent_for`
  LegId leg;
  Duration silent_for{};
};
struct MediaAlive {  ///< first packet of the leg was accepted
  LegId leg;
};
struct LegClosed {  ///< final counters; the edge has closed the sockets
  LegId leg;
  std::uint64_t packets_in = 0, packets_out = 0, bytes_in = 0, bytes_out = 0, refused_source = 0, malformed = 0;
  std::optional<double> remote_loss_fraction, remote_jitter_ms;  ///< last receiver report of the peer
  std::uint64_t unplayable = 0;  ///< packets and keys meant for this leg that its format cannot carry
};
/// The first packet of a leg that is not passed on because of where it comes from, or because it is no RTP or RTCP of
/// the agreed kind. Each is told once; LegClosed has the counts.
struct PacketsRefused {
  LegId leg;
  Endpoint from;
  bool stranger = false;  ///< else malformed, or of a payload type that was not agreed
};
using Message = std::variant<SpliceProven, Spliced, SpliceDisarmed, SpliceMeasured, CodeDialled, MediaDead, MediaAlive,
                             PacketsRefused, LegClosed>;

}  // namespace segue::media
