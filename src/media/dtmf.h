// DTMF as sound (ITU-T Q.23), for a leg that has no telephone-event: made whole for each key, codec and length at
// start-up, since frames of different runs of G.722 cannot be joined without a flaw in the tone. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace segue::media {

inline constexpr std::string_view kDtmfKeys = "123A456B789C*0#D";  // rows of the keypad

/// One key's sound in frames of 20 ms, for five lengths of press. Each begins with 40 ms of a quiet room: G.722's
/// decoder comes from any sound, and needs that time to be where the tone's encoder is.
struct DtmfTone {
  static constexpr unsigned kLeadIn = 2;                                         // frames
  static constexpr std::array<unsigned, 5> kLengths{100, 200, 500, 1000, 2000};  // ms
  std::array<std::vector<Bytes>, kLengths.size()> frames;

  /// The shortest that lasts as long as the press; the longest there is for a longer one.
  [[nodiscard]] const std::vector<Bytes>& lasting(unsigned ms) const;
};

/// Encodes linear samples, a whole number of frames, from a fresh state; one payload a frame.
using FrameEncoder = std::function<std::vector<Bytes>(const std::vector<std::int16_t>& pcm)>;

/// `key` is one of kDtmfKeys; `quiet` the sound before it at `rate` samples a second, what the encoder wants.
[[nodiscard]] DtmfTone make_dtmf_tone(char key, unsigned rate, const std::vector<std::int16_t>& quiet,
                                      const FrameEncoder& encode);

}  // namespace segue::media
