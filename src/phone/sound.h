// What a test phone says: 8 kHz mono sound in a loop, from a WAV file, a tone or a synthesised voice, and the marker
// that tells who is heard: a weak tone of its own for each speaker, above the speech band, so that 10 ms of the far
// party's audio name their speaker. Pure but for load_wav and save_wav.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace segue::phone {

inline constexpr int kSampleRate = 8000;

struct Sound {
  std::vector<std::int16_t> samples;  ///< played in a loop; a whole number of 20 ms frames
};

/// Markers are 100 Hz apart: over a frame of 20 ms under a Hann window, each stands in the nulls of all others.
inline constexpr std::size_t kMarkers = 5;
[[nodiscard]] double marker_hz(std::size_t index);  ///< 3300, 3400 ... for index 0 .. kMarkers - 1

/// Any rate and channel count that libsndfile reads, brought to 8 kHz mono without what lies above 3.1 kHz, and
/// levelled to a peak of 9,000 (about -11 dB: speech as phones send it). Errors: InvalidInput or Unavailable with the
/// file's name.
[[nodiscard]] Result<Sound> load_wav(const std::string& path);
[[nodiscard]] Result<void> save_wav(const std::string& path, std::span<const std::int16_t> samples);

[[nodiscard]] Sound tone(double hz, double amplitude, double seconds);
/// Where no speech synthesiser is installed: a buzz at `pitch_hz` through two wandering formants, in syllables.
[[nodiscard]] Sound voice_like(double pitch_hz, double seconds);
/// The same sound with the speaker's marker in it, cut to a whole number of 100 ms, so that marker and frames close in
/// the loop.
[[nodiscard]] Sound with_marker(Sound sound, std::size_t index);

/// Amplitude of one frequency in these samples (Goertzel under a Hann window, which
/// keeps loud speech 300 Hz away out), in 16-bit units.
[[nodiscard]] double amplitude_at(std::span<const std::int16_t> samples, double hz);

}  // namespace segue::phone
