#include "app/demo_wave.h"

#include <fmt/format.h>

#include <algorithm>

#include "phone/sound.h"

namespace segue::app {
namespace {

constexpr double kWidth = 1000;
constexpr double kMiddle = 70;
constexpr double kHalfHeight = 52;
constexpr double kFullScale = 12000;  // the voices peak at 9,000
constexpr std::size_t kColumns = 1000;

/// The outline between two columns: up along the largest samples, back along the smallest.
std::string outline(std::span<const std::int16_t> samples, std::size_t from, std::size_t to) {
  std::string top = "M";
  std::string bottom;
  for (std::size_t column = from; column < to; ++column) {
    const std::size_t first = column * samples.size() / kColumns;
    const std::size_t last = std::max((column + 1) * samples.size() / kColumns, first + 1);
    if (first >= samples.size()) break;
    const auto part = samples.subspan(first, std::min(last, samples.size()) - first);
    const auto [low, high] = std::minmax_element(part.begin(), part.end());
    const auto y = [](std::int16_t v) { return kMiddle - std::clamp(v / kFullScale, -1.0, 1.0) * kHalfHeight; };
    top += fmt::format("{} {:.1f}L", column, y(*high) - 0.4);
    bottom = fmt::format("{} {:.1f}", column, y(*low) + 0.4) + (bottom.empty() ? "" : "L" + bottom);
  }
  return bottom.empty() ? "" : top + bottom + "Z";
}

}  // namespace

std::string wave_picture(std::span<const std::int16_t> samples, const std::vector<WaveStretch>& stretches,
                         const std::vector<WaveMark>& marks) {
  const double seconds = std::max(static_cast<double>(samples.size()) / phone::kSampleRate, 0.001);
  const auto x = [&](double s) { return std::clamp(s / seconds, 0.0, 1.0) * kWidth; };
  std::string out =
      "<svg class=\"wave\" viewBox=\"0 0 1000 160\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"Waveform of what the far party heard, with a line at every splice\">\n";
  for (const WaveStretch& stretch : stretches) {
    const auto from = static_cast<std::size_t>(x(stretch.from_s));
    const auto to = static_cast<std::size_t>(x(stretch.to_s));
    out += fmt::format("<path fill=\"var(--c{})\" d=\"{}\"/>\n", stretch.speaker % 3, outline(samples, from, to));
  }
  for (const WaveMark& mark : marks) {
    out += fmt::format("<path class=\"mark\" d=\"M{0:.1f} 8V132\"/>\n", x(mark.at_s));
  }
  out += "</svg>\n<div class=\"marks\">";
  for (const WaveMark& mark : marks) {
    out += fmt::format("<span style=\"left:{:.2f}%\">{}</span>", x(mark.at_s) / kWidth * 100, mark.label);
  }
  return out + "</div>\n";
}

}  // namespace segue::app
