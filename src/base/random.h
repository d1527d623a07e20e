// Entropy as a value: a ChaCha20 generator (RFC 8439) seeded by an edge. The cores draw tags, branches, nonces and
// SSRCs from it, so the same seed gives the same run in the simulator, and an operating system's seed gives unguessable
// ones.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace segue {

class Random {
 public:
  using Seed = std::array<std::uint32_t, 8>;
  explicit Random(const Seed& seed);
  explicit Random(std::uint64_t small_seed);  ///< for tests and the simulator

  [[nodiscard]] std::uint32_t u32();
  [[nodiscard]] std::uint64_t u64();
  /// Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  [[nodiscard]] bool chance(double probability);
  /// `length` characters of [a-z2-7] (5 bits each), a SIP token.
  [[nodiscard]] std::string token(std::size_t length);

 private:
  void refill();
  std::array<std::uint32_t, 16> state_{};
  std::array<std::uint32_t, 16> block_{};
  std::size_t used_ = 16;
};

}  // namespace segue
