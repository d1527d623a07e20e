// The far party's own check: every line of the promise (docs/architecture.md, "the promise") judged from what the far
// party's phone received, outside of the server and with none of its measuring code. Pure: captures in,
// call::FlipReport out.
//
// Who is heard is told by content: each speaker's sound carries a marker tone (sound.h). Times are the kernel's receive
// times. Machine noise is measured in a flip-free stretch of the same call and by the phones' own clocks at the very
// moment, shown beside each timing line, and allowed for: a line is red where the promise is broken by more than the
// noise. Where the noise itself is longer than a frame, timing cannot be judged, and the line says so (kept is absent).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "call/record.h"
#include "phone/capture.h"
#include "phone/g711.h"
#include "phone/wire.h"

namespace segue::phone {

/// What the far party expects of its own stream.
struct FarSetup {
  Law law = Law::Mu;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> event_payload_type = 101;
  std::vector<std::size_t> markers;  ///< indices of all speakers that may be heard
};

/// The stream as it was before the first flip: what "unchanged" is measured against. Learnt from a flip-free stretch.
struct FarBaseline {
  std::uint32_t ssrc = 0;
  Endpoint address;
  Instant anchor{};  ///< when timestamp `anchor_timestamp` was due
  std::uint32_t anchor_timestamp = 0;
  double noise_ms = 0;    ///< the latest that a packet of the stretch came after its slot
  double gap_ms_max = 0;  ///< the longest time between two packets in the stretch
};
/// nullopt if there are fewer than kMinStretch packets.
inline constexpr std::size_t kMinStretch = 25;  // half a second: medians need some packets
[[nodiscard]] std::optional<FarBaseline> learn(const Capture& capture, const FarSetup& setup, Instant from, Instant to);

/// A packet that a phone sent later than its clock said: the machine's scheduler at work, and what a source caused.
struct Lateness {
  Instant at{};
  double ms = 0;
};

/// One flip as the test that made it knows it.
struct FarFlip {
  std::string label;
  Instant asked{};
  Instant ended{};             ///< done, declined, cancelled: the window that is judged ends a second later
  bool moved = false;          ///< B took the call
  bool first_on_line = false;  ///< the line's first splice: the limit of the gap is 1.5 frames, else 2
  std::size_t speaker_a = 0, speaker_b = 0;  ///< marker indices; equal where nothing moves
  std::optional<Instant> b_answered;         ///< B's 200
  std::optional<Instant> b_first_packet;     ///< B's first RTP packet over a usable path: after the ACK to its 200
  std::vector<Pause> a_pauses;               ///< A withheld its audio: it sent digits
  std::optional<Instant> a_left;             ///< A hung up before B answered: nobody can be heard until then
  std::vector<Lateness> witnesses;           ///< the phones' own late sends while it went on, in order of time
};

/// The judgement. Lines in the order of the promise; `packets` holds what the far party got, relative to the splice.
[[nodiscard]] call::FlipReport check_flip(const Capture& capture, const FarSetup& setup, const FarBaseline& baseline,
                                          const FarFlip& flip);

/// When the far party first heard marker `speaker` at or after `from`; nullopt: never.
[[nodiscard]] std::optional<Instant> first_heard(const Capture& capture, const FarSetup& setup, std::size_t speaker,
                                                 Instant from);

/// Exactly what the far party heard, put together by timestamps: missing frames are silence. `began`: the time of
/// sample 0.
struct Heard {
  std::vector<std::int16_t> samples;
  Instant began{};
};
[[nodiscard]] Heard reconstruct(const Capture& capture, const FarSetup& setup);

}  // namespace segue::phone
