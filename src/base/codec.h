// The audio codecs that every layer names. What a codec *does* is known in media (samples) and sdp (lines) only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace segue {

enum class Codec : std::uint8_t { Pcmu, Pcma, G722, Opus };

/// Rate of the RTP timestamp in Hz. G.722 counts 8,000 though it samples 16,000 (RFC 3551 section 4.5.2).
[[nodiscard]] constexpr std::uint32_t rtp_clock(Codec c) { return c == Codec::Opus ? 48000 : 8000; }

/// The two laws of G.711 are one codec for us: the media plane converts them by table. nullopt for the others.
[[nodiscard]] constexpr std::optional<Codec> other_law(Codec c) {
  if (c == Codec::Pcmu) return Codec::Pcma;
  if (c == Codec::Pcma) return Codec::Pcmu;
  return std::nullopt;
}

/// What a leg may be offered or answered where `c` is wanted: `c` first, and the other law where there is one.
[[nodiscard]] inline std::vector<Codec> with_other_law(Codec c) {
  if (const auto law = other_law(c)) return {c, *law};
  return {c};
}

}  // namespace segue
