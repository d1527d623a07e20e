#include "media/dtmf.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/assert.h"

namespace segue::media {

namespace {

constexpr double kRows[] = {697, 770, 852, 941};
constexpr double kColumns[] = {1209, 1336, 1477, 1633};
constexpr double kRowLevel = 5000,
                 kColumnLevel = 6300;  // about -8 and -6 dBm0: the high group 2 dB stronger (Q.23 twist)
constexpr double kRamp = 0.003;        // s; both ends, so that the tone does not click
// A coder gives back its input some milliseconds later (Opus 2.5, G.722 1.4): the tone ends early enough to end in its
// own last frame.
constexpr double kEndBefore = 0.004;  // s

}  // namespace

const std::vector<Bytes>& DtmfTone::lasting(unsigned ms) const {
  const auto at = std::lower_bound(kLengths.begin(), kLengths.end() - 1, ms);
  return frames[static_cast<std::size_t>(at - kLengths.begin())];
}

DtmfTone make_dtmf_tone(char key, unsigned rate, const std::vector<std::int16_t>& quiet, const FrameEncoder& encode) {
  const auto at = kDtmfKeys.find(key);
  const std::size_t lead_in = DtmfTone::kLeadIn * rate / 50;
  SEGUE_ASSERT(at != std::string_view::npos && quiet.size() >= lead_in);
  DtmfTone tone;
  for (std::size_t i = 0; i < tone.frames.size(); ++i) {
    const double length = DtmfTone::kLengths[i] / 1000.0 - kEndBefore;
    std::vector<std::int16_t> pcm(quiet.begin(), quiet.begin() + static_cast<std::ptrdiff_t>(lead_in));
    for (std::size_t n = 0; n < std::size_t{rate} / 50 * DtmfTone::kLengths[i] / 20; ++n) {
      const double s = static_cast<double>(n) / rate, t = 2 * std::numbers::pi * s;
      const double edge = std::clamp(std::min(s, length - s) / kRamp, 0.0, 1.0);
      const double sample = kRowLevel * std::sin(kRows[at / 4] * t) + kColumnLevel * std::sin(kColumns[at % 4] * t);
      pcm.push_back(static_cast<std::int16_t>(std::lround(edge * sample)));
    }
    tone.frames[i] = encode(pcm);
  }
  return tone;
}

}  // namespace segue::media
