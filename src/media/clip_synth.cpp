#include "media/clip_synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace segue::media {

namespace {

constexpr double kTau = 2 * std::numbers::pi;
// 0 dBm0 lies 3.14 dB under a full-scale sine (ITU-T G.711).
constexpr double kZeroDbm0Rms = 32768 / std::numbers::sqrt2 * 0.6966;

using Samples = std::vector<double>;

/// Adds a plucked note that fades by itself; what lasts beyond the end of the loop is heard at its beginning.
void add_note(Samples& loop, unsigned rate, double start_s, double hertz, double level) {
  constexpr std::array<double, 3> kHarmonics{1.0, 0.35, 0.12};
  const auto begin = static_cast<std::size_t>(start_s * rate);
  const auto length = static_cast<std::size_t>(1.6 * rate);
  for (std::size_t i = 0; i < length; ++i) {
    const double t = static_cast<double>(i) / rate;
    const double attack = std::min(1.0, t / 0.012);
    const double release = std::min(1.0, (1.6 - t) / 0.1);
    double sample = 0;
    for (std::size_t h = 0; h < kHarmonics.size(); ++h) {
      const double n = static_cast<double>(h + 1);
      sample += kHarmonics[h] * std::exp(-t * (2.2 + n)) * std::sin(kTau * hertz * n * t);
    }
    loop[(begin + i) % loop.size()] += level * attack * release * sample;
  }
}

/// Adds a soft held tone under one chord, swelling and sinking over its length plus a little on both sides.
void add_pad(Samples& loop, unsigned rate, double start_s, double length_s, double hertz, double level) {
  const auto length = static_cast<std::size_t>(length_s * rate);
  const auto begin = static_cast<std::size_t>(start_s * rate);
  for (std::size_t i = 0; i < length; ++i) {
    const double t = static_cast<double>(i) / rate;
    const double swell = std::sin(std::numbers::pi * t / length_s);
    loop[(begin + i) % loop.size()] += level * swell * swell * std::sin(kTau * hertz * t);
  }
}

/// Four bars of arpeggio over D, B minor, G and A, eight notes each: eight seconds.
Samples music(unsigned rate) {
  struct Chord {
    double root;
    std::array<double, 8> notes;
  };
  constexpr double kD = 293.66, kE = 329.63, kFis = 369.99, kG = 392.0, kA = 440.0, kB = 493.88, kCis = 554.37,
                   kD2 = 587.33, kE2 = 659.26, kFis2 = 739.99;
  constexpr std::array<Chord, 4> kChords{{
      {kD / 2, {kD, kA, kFis2, kD2, kE2, kD2, kA, kFis}},
      {kB / 4, {kB / 2, kFis, kD2, kB, kFis2, kD2, kB, kFis}},
      {kG / 2, {kG, kB, kD2, kFis2, kE2, kD2, kB, kA}},
      {kA / 4, {kA / 2, kE, kCis, kA, kE2, kCis, kB, kA}},
  }};
  Samples loop(static_cast<std::size_t>(8) * rate);
  for (std::size_t bar = 0; bar < kChords.size(); ++bar) {
    const double start = 2.0 * static_cast<double>(bar);
    const auto& chord = kChords[bar];
    add_pad(loop, rate, start, 2.6, chord.root, 1500);
    add_pad(loop, rate, start, 2.6, chord.root * 1.5, 800);
    for (std::size_t i = 0; i < chord.notes.size(); ++i) {
      add_note(loop, rate, start + 0.25 * static_cast<double>(i), chord.notes[i], i == 0 ? 3600 : 2600);
    }
  }
  return loop;
}

/// Noise like a quiet room's, -60 dBm0: falls with frequency. The filter runs over the loop twice, so its ends meet.
Samples comfort_noise(unsigned rate) {
  Samples loop(static_cast<std::size_t>(2) * rate);
  std::uint32_t state = 0x53454755;
  Samples white(loop.size());
  for (auto& sample : white) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    sample = static_cast<double>(state) / 2147483648.0 - 1.0;
  }
  const double keep = std::exp(-kTau * 900 / rate);  // one pole at 900 Hz
  double low = 0, power = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < loop.size(); ++i) loop[i] = low = keep * low + (1 - keep) * white[i];
  }
  for (const double sample : loop) power += sample * sample;
  const double gain = kZeroDbm0Rms * 0.001 / std::sqrt(power / static_cast<double>(loop.size()));
  for (auto& sample : loop) sample *= gain;
  return loop;
}

/// A tone for `on_s` of every `period_s`, with ramps of 8 ms.
Samples cadence(unsigned rate, double hertz, double level, double on_s, double period_s) {
  Samples loop(static_cast<std::size_t>(std::lround(period_s * rate)));
  const auto on = static_cast<std::size_t>(std::lround(on_s * rate));
  for (std::size_t i = 0; i < on; ++i) {
    const double t = static_cast<double>(i) / rate;
    const double edge = std::min({1.0, t / 0.008, (on_s - t) / 0.008});
    loop[i] = level * edge * std::sin(kTau * hertz * t);
  }
  return loop;
}

Samples sound(Clip clip, unsigned rate) {
  constexpr double kTone = 425, kToneLevel = 4200;  // the European call progress tone, about -14 dBm0
  switch (clip) {
    case Clip::Silence:
      return Samples(rate / 50);
    case Clip::ComfortNoise:
      return comfort_noise(rate);
    case Clip::Music:
      return music(rate);
    case Clip::Ringback:
      return cadence(rate, kTone, kToneLevel, 1.0, 5.0);
    case Clip::Busy:
      return cadence(rate, kTone, kToneLevel, 0.48, 0.96);
    case Clip::Congestion:
      return cadence(rate, kTone, kToneLevel, 0.24, 0.48);
    case Clip::Beep:
      return cadence(rate, 950, 2600, 0.16, 0.2);
  }
  return Samples(rate / 50);
}

}  // namespace

std::vector<std::int16_t> synthesise(Clip clip, unsigned rate) {
  const auto samples = sound(clip, rate);
  std::vector<std::int16_t> out(samples.size());
  std::transform(samples.begin(), samples.end(), out.begin(), [](double sample) {
    return static_cast<std::int16_t>(std::lround(std::clamp(sample, -30000.0, 30000.0)));
  });
  return out;
}

}  // namespace segue::media
