// The sound of each clip as linear samples at any rate. Everything is computed here from formulas of our own, so
// nothing has to be licensed; each clip's last sample leads into its first. Deterministic; pure.
#pragma once

#include <cstdint>
#include <vector>

#include "media/types.h"

namespace segue::media {

/// A whole number of 20 ms frames at `rate` (a multiple of 50) samples a second.
[[nodiscard]] std::vector<std::int16_t> synthesise(Clip clip, unsigned rate);

}  // namespace segue::media
