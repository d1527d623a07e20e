#include "media/g711.h"

#include <algorithm>

namespace segue::media::g711 {

namespace {

constexpr std::int16_t decode_mu(std::uint8_t code) {
  const unsigned u = static_cast<std::uint8_t>(~code);
  const int magnitude = static_cast<int>((((u & 0x0F) << 3) + 0x84) << ((u >> 4) & 7)) - 0x84;
  return static_cast<std::int16_t>((u & 0x80) != 0 ? -magnitude : magnitude);
}

constexpr std::int16_t decode_a(std::uint8_t code) {
  const unsigned a = code ^ 0x55u;
  const unsigned segment = (a >> 4) & 7;
  int magnitude = static_cast<int>((a & 0x0F) << 4) + 8;
  if (segment > 0) magnitude = (magnitude + 0x100) << (segment - 1);
  return static_cast<std::int16_t>((a & 0x80) != 0 ? magnitude : -magnitude);
}

/// Position of the highest set bit among bits 7 to 14 of a biased magnitude: the segment number.
constexpr unsigned segment_of(unsigned magnitude) {
  unsigned segment = 0;
  for (unsigned limit = 0x100; segment < 7 && magnitude >= limit; limit <<= 1) ++segment;
  return segment;
}

constexpr std::uint8_t encode_mu(int sample) {
  const unsigned sign = sample < 0 ? 0x80 : 0;
  const unsigned magnitude = static_cast<unsigned>(std::min(sample < 0 ? -sample : sample, 32635)) + 0x84;
  const unsigned segment = segment_of(magnitude);
  return static_cast<std::uint8_t>(~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0F)));
}

constexpr std::uint8_t encode_a(int sample) {
  const unsigned sign = sample < 0 ? 0 : 0x80;
  const unsigned magnitude = static_cast<unsigned>(sample < 0 ? -sample - 1 : sample);
  const unsigned segment = segment_of(magnitude);
  const unsigned mantissa = (magnitude >> (segment == 0 ? 4 : segment + 3)) & 0x0F;
  return static_cast<std::uint8_t>((sign | (segment << 4) | mantissa) ^ 0x55);
}

struct Tables {
  std::array<std::int16_t, 256> mu{}, a{};
  std::array<std::uint8_t, 256> mu_to_a{}, a_to_mu{};
  constexpr Tables() {
    for (unsigned i = 0; i < 256; ++i) {
      const auto code = static_cast<std::uint8_t>(i);
      mu[i] = decode_mu(code);
      a[i] = decode_a(code);
      mu_to_a[i] = encode_a(mu[i]);
      a_to_mu[i] = encode_mu(a[i]);
    }
  }
};
constexpr Tables kTables;

}  // namespace

std::int16_t decode(Law law, std::uint8_t code) { return law == Law::Mu ? kTables.mu[code] : kTables.a[code]; }
std::uint8_t encode(Law law, std::int16_t sample) { return law == Law::Mu ? encode_mu(sample) : encode_a(sample); }
const std::array<std::uint8_t, 256>& transcode_table(Law from) {
  return from == Law::Mu ? kTables.mu_to_a : kTables.a_to_mu;
}
std::uint8_t transcode(Law from, std::uint8_t code) { return transcode_table(from)[code]; }

}  // namespace segue::media::g711
