#include "phone/g711.h"

#include <algorithm>
#include <array>

namespace segue::phone {
namespace {

std::int16_t mu_to_linear(std::uint8_t code) {
  const int inverted = ~code & 0xFF;
  const int exponent = (inverted >> 4) & 7;
  const int magnitude = ((((inverted & 0x0F) << 3) + 0x84) << exponent) - 0x84;
  return static_cast<std::int16_t>((inverted & 0x80) != 0 ? -magnitude : magnitude);
}

std::int16_t a_to_linear(std::uint8_t code) {
  const int toggled = code ^ 0x55;
  const int exponent = (toggled >> 4) & 7;
  const int mantissa = ((toggled & 0x0F) << 4) + 8;
  const int magnitude = exponent == 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return static_cast<std::int16_t>((toggled & 0x80) != 0 ? magnitude : -magnitude);
}

std::uint8_t linear_to_mu(int sample) {
  const int sign = sample < 0 ? 0x80 : 0;
  const int magnitude = std::min(sample < 0 ? -sample : sample, 32635) + 0x84;
  int exponent = 7;
  while (exponent > 0 && (magnitude & (0x80 << exponent)) == 0) --exponent;
  const int mantissa = (magnitude >> (exponent + 3)) & 0x0F;
  return static_cast<std::uint8_t>(~(sign | (exponent << 4) | mantissa));
}

std::uint8_t linear_to_a(int sample) {
  const int sign = sample >= 0 ? 0x80 : 0;
  const int magnitude = std::min(sample < 0 ? -sample - 1 : sample, 32767);
  int exponent = 7;
  while (exponent > 0 && (magnitude & (0x80 << exponent)) == 0) --exponent;
  const int mantissa = (magnitude >> (exponent == 0 ? 4 : exponent + 3)) & 0x0F;
  return static_cast<std::uint8_t>((sign | (exponent << 4) | mantissa) ^ 0x55);
}

using Table = std::array<std::int16_t, 256>;

template <typename Decode>
Table make_table(Decode decode_one) {
  Table table{};
  for (std::size_t code = 0; code < table.size(); ++code) table[code] = decode_one(static_cast<std::uint8_t>(code));
  return table;
}

const Table& table_of(Law law) {
  static const Table mu = make_table(mu_to_linear);
  static const Table a = make_table(a_to_linear);
  return law == Law::Mu ? mu : a;
}

}  // namespace

std::uint8_t encode_sample(Law law, std::int16_t sample) {
  return law == Law::Mu ? linear_to_mu(sample) : linear_to_a(sample);
}

std::int16_t decode_sample(Law law, std::uint8_t code) { return table_of(law)[code]; }

void decode(Law law, ByteView codes, std::vector<std::int16_t>& out) {
  const Table& table = table_of(law);
  out.reserve(out.size() + codes.size());
  for (const std::uint8_t code : codes) out.push_back(table[code]);
}

}  // namespace segue::phone
