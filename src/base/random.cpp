#include "base/random.h"

#include <bit>

#include "base/assert.h"

namespace segue {
namespace {

void quarter_round(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c, std::uint32_t& d) {
  a += b, d = std::rotl(d ^ a, 16);
  c += d, b = std::rotl(b ^ c, 12);
  a += b, d = std::rotl(d ^ a, 8);
  c += d, b = std::rotl(b ^ c, 7);
}

}  // namespace

Random::Random(const Seed& seed) {
  state_ = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < 8; ++i) state_[4 + i] = seed[i];
}

Random::Random(std::uint64_t small_seed)
    : Random(Seed{static_cast<std::uint32_t>(small_seed), static_cast<std::uint32_t>(small_seed >> 32), 1, 2, 3, 4, 5,
                  6}) {}

void Random::refill() {
  block_ = state_;
  auto& x = block_;
  for (int round = 0; round < 10; ++round) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
  }
  for (std::size_t i = 0; i < 16; ++i) block_[i] += state_[i];
  if (++state_[12] == 0) ++state_[13];
  used_ = 0;
}

std::uint32_t Random::u32() {
  if (used_ == block_.size()) refill();
  return block_[used_++];
}

std::uint64_t Random::u64() { return (static_cast<std::uint64_t>(u32()) << 32) | u32(); }

std::uint64_t Random::below(std::uint64_t bound) {
  SEGUE_ASSERT(bound > 0);
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = u64();
  while (value >= limit) value = u64();
  return value % bound;
}

bool Random::chance(double probability) { return static_cast<double>(u32()) < probability * 4294967296.0; }

std::string Random::token(std::size_t length) {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text(length, 'a');
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < length; ++i, bits >>= 5) {
    if (i % 6 == 0) bits = u32();  // six times five bits of its 32
    text[i] = kAlphabet[bits & 31];
  }
  return text;
}

}  // namespace segue
