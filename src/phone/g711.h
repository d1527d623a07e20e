// G.711 for the test phones and for the far party's own check, written from ITU-T G.711 and sharing no line with
// src/media: a fault in the server's codec must not be able to hide itself in the check of its output. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace segue::phone {

enum class Law : std::uint8_t { Mu, A };

/// One sample, 16-bit linear in and out (the codec's 14 or 13 bits are scaled up).
[[nodiscard]] std::uint8_t encode_sample(Law law, std::int16_t sample);
[[nodiscard]] std::int16_t decode_sample(Law law, std::uint8_t code);
void decode(Law law, ByteView codes, std::vector<std::int16_t>& out);  ///< appends

}  // namespace segue::phone
