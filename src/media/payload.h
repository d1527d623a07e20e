// How long a payload lasts, in ticks of its codec's RTP clock, and how it may be cut. Pure.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "media/types.h"

namespace segue::media {

[[nodiscard]] constexpr bool is_g711(Codec c) { return c == Codec::Pcmu || c == Codec::Pcma; }

/// 64 kbit/s at an 8 kHz RTP clock: one byte is one tick (G.711, and G.722 by RFC 3551's counting).
[[nodiscard]] constexpr bool byte_per_tick(Codec c) { return c != Codec::Opus; }

/// 0 for an empty payload or one that breaks the codec's rules (Opus: RFC 6716 section 3, more than 120 ms).
[[nodiscard]] std::uint32_t duration_ticks(Codec codec, ByteView payload);

}  // namespace segue::media
