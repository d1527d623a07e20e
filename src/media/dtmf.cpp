#include "media/dtmf.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace segue::media {

namespace {

constexpr std::string_view kKeys = "123A456B789C*0#D";  // rows of the keypad
constexpr double kRows[] = {697, 770, 852, 941};
constexpr double kColumns[] = {1209, 1336, 1477, 1633};
constexpr double kRowLevel = 5000,
                 kColumnLevel = 6300;  // about -8 and -6 dBm0: the high group 2 dB stronger (Q.23 twist)
constexpr std::uint32_t kRamp = 24;    // 3 ms

}  // namespace

void dtmf_tone(char key, g711::Law law, std::uint32_t first, std::uint32_t total, MutableBytes out) {
  const auto at = kKeys.find(key);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto n = first + static_cast<std::uint32_t>(i);
    double sample = 0;
    if (at != std::string_view::npos && n < total) {
      const double t = 2 * std::numbers::pi * n / 8000;
      const double edge = static_cast<double>(std::min({n, total - 1 - n, kRamp})) / kRamp;
      sample = edge * (kRowLevel * std::sin(kRows[at / 4] * t) + kColumnLevel * std::sin(kColumns[at % 4] * t));
    }
    out[i] = g711::encode(law, static_cast<std::int16_t>(std::lround(sample)));
  }
}

}  // namespace segue::media
