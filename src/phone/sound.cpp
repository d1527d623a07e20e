#include "phone/sound.h"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <numeric>

namespace segue::phone {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr double kPassHz = 3000;  // speech stays below the markers; the filter's slope ends under 3,200
constexpr double kPeak = 9000;
constexpr double kMarkerAmplitude = 120;  // -49 dB: under speech one hardly hears it, and it survives both laws' steps
constexpr std::int64_t kMaxWavFrames = 60LL * 48000 * 10;  // ten minutes at 48 kHz

struct CloseSndfile {
  void operator()(SNDFILE* f) const { sf_close(f); }
};
using Sndfile = std::unique_ptr<SNDFILE, CloseSndfile>;

std::int16_t clip(double v) { return static_cast<std::int16_t>(std::clamp(std::lround(v), -32767L, 32767L)); }

/// Value of the band-limited signal at position `at` (in input samples): a windowed sinc of `half` input samples to
/// each side.
double sinc_at(const std::vector<double>& in, double at, double cutoff, int half) {
  const auto centre = static_cast<std::ptrdiff_t>(std::floor(at));
  double sum = 0;
  for (std::ptrdiff_t i = centre - half + 1; i <= centre + half; ++i) {
    if (i < 0 || i >= static_cast<std::ptrdiff_t>(in.size())) continue;
    const double x = at - static_cast<double>(i);
    const double sinc = x == 0 ? cutoff : std::sin(kTwoPi / 2 * cutoff * x) / (kTwoPi / 2 * x);
    const double window = 0.5 + 0.5 * std::cos(kTwoPi / 2 * x / half);
    sum += in[static_cast<std::size_t>(i)] * sinc * window;
  }
  return sum;
}

std::vector<double> to_phone_band(const std::vector<double>& in, double rate) {
  constexpr double kFilterSeconds = 0.012;  // gives a slope of about 150 Hz
  const int half = static_cast<int>(rate * kFilterSeconds);
  const double cutoff = 2 * std::min(kPassHz, rate / 2 * 0.95) / rate;
  const auto count = static_cast<std::size_t>(static_cast<double>(in.size()) * kSampleRate / rate);
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = sinc_at(in, static_cast<double>(i) * rate / kSampleRate, cutoff, half);
  }
  return out;
}

Sound levelled(const std::vector<double>& in) {
  double peak = 1e-9;
  for (const double v : in) peak = std::max(peak, std::abs(v));
  Sound sound;
  sound.samples.reserve(in.size());
  for (const double v : in) sound.samples.push_back(clip(v * kPeak / peak));
  return sound;
}

}  // namespace

double marker_hz(std::size_t index) { return 3300.0 + 100.0 * static_cast<double>(index % kMarkers); }

Result<Sound> load_wav(const std::string& path) {
  SF_INFO info{};
  const Sndfile file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) return fail(ErrorKind::Unavailable, fmt::format("cannot read {}: {}", path, sf_strerror(nullptr)));
  if (info.frames <= 0 || info.frames > kMaxWavFrames || info.channels < 1 || info.channels > 8) {
    return fail(ErrorKind::InvalidInput,
                fmt::format("{}: empty, longer than ten minutes, or more than 8 channels", path));
  }
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<double> all(static_cast<std::size_t>(info.frames) * channels);
  const auto frames =
      static_cast<std::size_t>(std::max<sf_count_t>(sf_readf_double(file.get(), all.data(), info.frames), 0));
  std::vector<double> mono(frames);
  for (std::size_t i = 0; i < frames; ++i) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(i * channels);
    mono[i] = std::accumulate(first, first + info.channels, 0.0) / info.channels;
  }
  return levelled(to_phone_band(mono, info.samplerate));
}

Result<void> save_wav(const std::string& path, std::span<const std::int16_t> samples) {
  SF_INFO info{};
  info.samplerate = kSampleRate;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  const Sndfile file(sf_open(path.c_str(), SFM_WRITE, &info));
  if (!file) return fail(ErrorKind::Unavailable, fmt::format("cannot write {}: {}", path, sf_strerror(nullptr)));
  const auto count = static_cast<sf_count_t>(samples.size());
  if (sf_write_short(file.get(), samples.data(), count) != count) {
    return fail(ErrorKind::Unavailable, fmt::format("cannot write all of {}: {}", path, sf_strerror(file.get())));
  }
  return {};
}

Sound tone(double hz, double amplitude, double seconds) {
  Sound sound;
  const auto count = static_cast<std::size_t>(seconds * kSampleRate);
  sound.samples.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    sound.samples.push_back(clip(amplitude * std::sin(kTwoPi * hz * static_cast<double>(i) / kSampleRate)));
  }
  return sound;
}

Sound voice_like(double pitch_hz, double seconds) {
  const auto count = static_cast<std::size_t>(seconds * kSampleRate);
  std::vector<double> out(count);
  double phase = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / kSampleRate;
    const double pitch = pitch_hz * (1 + 0.08 * std::sin(kTwoPi * 0.7 * t));
    phase += pitch / kSampleRate;
    const double syllable = std::pow(0.5 + 0.5 * std::sin(kTwoPi * 2.3 * t), 0.7);
    const double first = 550 + 250 * std::sin(kTwoPi * 1.1 * t);
    const double second = 1600 + 500 * std::sin(kTwoPi * 0.6 * t + 1);
    double sum = 0;
    for (int k = 1; k * pitch < kPassHz; ++k) {
      const double f = k * pitch;
      const double weight = 1 / (1 + std::pow((f - first) / 120, 2)) + 0.4 / (1 + std::pow((f - second) / 180, 2));
      sum += weight * std::sin(kTwoPi * k * phase);
    }
    out[i] = sum * syllable;
  }
  return levelled(out);
}

Sound with_marker(Sound sound, std::size_t index) {
  constexpr std::size_t kWhole = kSampleRate / 10;
  const std::size_t length = std::max<std::size_t>(sound.samples.size() / kWhole, 1) * kWhole;
  sound.samples.resize(length, 0);
  for (std::size_t i = 0; i < length; ++i) {
    const double angle = kTwoPi * marker_hz(index) * static_cast<double>(i) / kSampleRate;
    sound.samples[i] = clip(sound.samples[i] + kMarkerAmplitude * std::sin(angle));
  }
  return sound;
}

double amplitude_at(std::span<const std::int16_t> samples, double hz) {
  if (samples.empty()) return 0;
  const double coefficient = 2 * std::cos(kTwoPi * hz / kSampleRate);
  const double turn = kTwoPi / static_cast<double>(samples.size());
  double s1 = 0;
  double s2 = 0;
  double weight = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double hann = 0.5 - 0.5 * std::cos(turn * (static_cast<double>(i) + 0.5));
    const double s0 = samples[i] * hann + coefficient * s1 - s2;
    s2 = s1;
    s1 = s0;
    weight += hann;
  }
  const double power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
  return 2 * std::sqrt(std::max(power, 0.0)) / weight;
}

}  // namespace segue::phone
