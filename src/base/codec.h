// The audio codecs that every layer names. What a codec *does* is known in media (samples) and sdp (lines) only.
#pragma once

#include <cstdint>

namespace segue {

enum class Codec : std::uint8_t { Pcmu, Pcma, G722, Opus };

/// Rate of the RTP timestamp in Hz. G.722 counts 8,000 though it samples 16,000 (RFC 3551 section 4.5.2).
[[nodiscard]] constexpr std::uint32_t rtp_clock(Codec c) { return c == Codec::Opus ? 48000 : 8000; }

}  // namespace segue
