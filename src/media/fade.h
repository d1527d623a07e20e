// The click-free joint of two G.711 sources: what was heard is continued by linear prediction and cross-faded into what
// comes. Burg's method is used rather than pitch repetition (spandsp's plc): a repeated period begins with a
// time-reversed overlap whose slope can exceed the signal's own, and the promise here is about exactly that slope. Runs
// at splices only; pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "media/g711.h"

namespace segue::media {

inline constexpr std::size_t kHistorySamples = 480;  // 60 ms: three frames of 20 ms
inline constexpr std::size_t kFadeSamples = 64;      // 8 ms

/// The last payload bytes that a G.711 line sent, in the line's law. Owned by the line.
class SentHistory {
 public:
  void append(ByteView payload);
  void clear() { used_ = 0; }
  [[nodiscard]] ByteView bytes() const { return {ring_.data(), used_}; }

 private:
  std::array<std::uint8_t, kHistorySamples> ring_{};  // oldest first; moved down as it fills, which is cheaper to read
  std::size_t used_ = 0;
};

/// Continues `past` (oldest first). Silence if there is too little of it or nothing in it.
void extrapolate(std::span<const std::int16_t> past, std::span<std::int16_t> future);

/// Fades the front of `payload` (in `law`) in from the continuation of `history`, or from silence if `history` is
/// empty.
void fade_in(g711::Law law, ByteView history, MutableBytes payload);

}  // namespace segue::media
