// The far party's packets in order, with what can be said about each of them; inside of the far party's check. Pure.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "phone/far_check.h"
#include "phone/sound.h"

namespace segue::phone {

inline constexpr double kFrameMs = 20;
inline constexpr std::int32_t kFarFrameSamples = 160;
inline constexpr double kSampleMs = 0.125;

/// A packet of the stream; `view` points into the capture.
struct FarPacket {
  Instant at{};
  Endpoint from;
  RtpView view;
  bool audio = true;  ///< false: a telephone event
};

/// Packets that arrived in [from, to], in order of arrival. What is not RTP is left out.
[[nodiscard]] std::vector<FarPacket> packets_between(const Capture& capture, const FarSetup& setup, Instant from,
                                                     Instant to);

/// A packet of audio and whose marker is in it.
struct HeardFrame {
  Instant at{};  ///< arrival of the packet it came in
  std::size_t packet = 0;
  std::array<bool, kMarkers> heard{};
};
[[nodiscard]] std::vector<HeardFrame> who_is_heard(std::span<const FarPacket> packets, const FarSetup& setup);

/// Index in `frames` from which `speaker` is heard and stays; nullopt if never. One alone may be noise of the
/// codec.
[[nodiscard]] std::optional<std::size_t> onset(std::span<const HeardFrame> frames, std::size_t speaker,
                                               Instant not_before);

/// Breaks of order: steps of the sequence other than +1.
[[nodiscard]] std::size_t sequence_breaks(std::span<const FarPacket> packets);

struct SlotCount {
  std::size_t missing = 0;
  std::size_t events = 0;     ///< slots that a telephone event filled
  std::size_t irregular = 0;  ///< timestamps that do not lie on the frame's grid or go back
};
[[nodiscard]] SlotCount count_slots(std::span<const FarPacket> packets);

/// The worst of a timing figure: as it was, and beyond the noise that was there at the same moment.
struct Worst {
  double ms = 0;
  double noise_ms = 0;   ///< at that packet
  double beyond_ms = 0;  ///< furthest that any packet went beyond its own noise
};
/// The latest that a packet came after its slot.
[[nodiscard]] Worst lateness(std::span<const FarPacket> packets, const FarBaseline& baseline,
                             std::span<const Lateness> witnesses);
/// The longest time between two packets.
[[nodiscard]] Worst longest_gap(std::span<const FarPacket> packets, const FarBaseline& baseline,
                                std::span<const Lateness> witnesses);
/// The largest lateness of a witness that can explain a packet that arrived then.
[[nodiscard]] double noise_at(Instant at, std::span<const Lateness> witnesses);

/// Largest step from one sample to the next: near the boundary (the first sample of packet `boundary`) and elsewhere.
struct Steps {
  double at_splice = 0;
  double around = 0;
};
[[nodiscard]] Steps steps_around(std::span<const FarPacket> packets, const FarSetup& setup, std::size_t boundary);

}  // namespace segue::phone
