// G.711 by tables: decode, encode, and from one law to the other. The tables are built at compile time from the laws'
// definitions (ITU-T G.711); linear samples are 16 bits wide, left-justified as usual. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace segue::media::g711 {

enum class Law : std::uint8_t { Mu, A };

[[nodiscard]] std::int16_t decode(Law law, std::uint8_t code);
[[nodiscard]] std::uint8_t encode(Law law, std::int16_t sample);
/// The code of the other law that is nearest in value: `from` is the law that `code` is in.
[[nodiscard]] std::uint8_t transcode(Law from, std::uint8_t code);
/// The whole table of transcode(), for loops over payloads.
[[nodiscard]] const std::array<std::uint8_t, 256>& transcode_table(Law from);

}  // namespace segue::media::g711
