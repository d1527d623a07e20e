// DTMF as sound (ITU-T Q.23), for a G.711 leg that has no telephone-event. Computed from the sample's index alone, so
// no state is kept between packets; both ends are ramped so that the tone does not click. Pure.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "media/g711.h"

namespace segue::media {

/// Writes samples `first` .. `first + out.size()` of a tone of `total` samples at 8 kHz. Silence for a key that has no
/// tone.
void dtmf_tone(char key, g711::Law law, std::uint32_t first, std::uint32_t total, MutableBytes out);

}  // namespace segue::media
