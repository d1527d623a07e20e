// The far party's audio as a picture: its waveform in the colour of who is heard, with a marker at every splice. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace segue::app {

struct WaveMark {
  double at_s = 0;
  std::string label;  ///< "1"
};
struct WaveStretch {
  double from_s = 0, to_s = 0;
  std::size_t speaker = 0;  ///< colour: 0, 1, 2
};
/// An inline SVG (uses the page's colour variables --c0, --c1, --c2, --ink, --faint), 1,000 units wide.
[[nodiscard]] std::string wave_picture(std::span<const std::int16_t> samples, const std::vector<WaveStretch>& stretches,
                                       const std::vector<WaveMark>& marks);

}  // namespace segue::app
