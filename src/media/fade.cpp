#include "media/fade.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace segue::media {

namespace {

constexpr std::size_t kOrder = 32;  // enough for speech's formants and for several tones at once
using Coefficients = std::array<double, kOrder>;

/// Burg's recursion: the all-pole model whose forward and backward errors are least. Its poles lie inside the unit
/// circle, so the continuation cannot grow.
Coefficients burg(std::span<const double> x) {
  const std::size_t n = x.size();
  std::array<double, kHistorySamples> forward{}, backward{};
  std::copy(x.begin(), x.end(), forward.begin());
  std::copy(x.begin(), x.end(), backward.begin());
  Coefficients a{};
  for (std::size_t m = 0; m < kOrder; ++m) {
    double numerator = 0, denominator = 0;
    for (std::size_t i = m + 1; i < n; ++i) {
      numerator += forward[i] * backward[i - 1];
      denominator += forward[i] * forward[i] + backward[i - 1] * backward[i - 1];
    }
    if (denominator < 1e-3) break;  // predicted completely: more terms would divide noise by noise
    const double k = 2 * numerator / denominator;
    const Coefficients before = a;
    for (std::size_t i = 0; i < m; ++i) a[i] = before[i] - k * before[m - 1 - i];
    a[m] = k;
    for (std::size_t i = n - 1; i > m; --i) {
      const double f = forward[i], b = backward[i - 1];
      forward[i] = f - k * b;
      backward[i] = b - k * f;
    }
  }
  return a;
}

}  // namespace

void SentHistory::append(ByteView payload) {
  if (payload.size() >= ring_.size()) payload = payload.last(ring_.size());
  const std::size_t keep = std::min(used_, ring_.size() - payload.size());
  if (keep < used_) std::memmove(ring_.data(), ring_.data() + (used_ - keep), keep);
  std::copy(payload.begin(), payload.end(), ring_.begin() + static_cast<std::ptrdiff_t>(keep));
  used_ = keep + payload.size();
}

void extrapolate(std::span<const std::int16_t> past, std::span<std::int16_t> future) {
  std::fill(future.begin(), future.end(), std::int16_t{0});
  if (past.size() > kHistorySamples) past = past.last(kHistorySamples);
  if (past.size() < 4 * kOrder) return;
  std::array<double, kHistorySamples> x{};
  std::copy(past.begin(), past.end(), x.begin());
  const auto a = burg({x.data(), past.size()});
  std::array<double, kOrder> last{};  // newest first
  for (std::size_t i = 0; i < kOrder; ++i) last[i] = x[past.size() - 1 - i];
  for (auto& sample : future) {
    double next = 0;
    for (std::size_t i = 0; i < kOrder; ++i) next += a[i] * last[i];
    next = std::clamp(next, -32768.0, 32767.0);
    std::copy_backward(last.begin(), last.end() - 1, last.end());
    last[0] = next;
    sample = static_cast<std::int16_t>(std::lround(next));
  }
}

void fade_in(g711::Law law, ByteView history, MutableBytes payload) {
  std::array<std::int16_t, kHistorySamples> past{};
  for (std::size_t i = 0; i < history.size(); ++i) past[i] = g711::decode(law, history[i]);
  std::array<std::int16_t, kFadeSamples> continued{};
  extrapolate({past.data(), history.size()}, continued);
  const std::size_t length = std::min(payload.size(), kFadeSamples);
  for (std::size_t i = 0; i < length; ++i) {
    const double weight = static_cast<double>(i + 1) / static_cast<double>(length + 1);
    const double mixed = (1 - weight) * continued[i] + weight * g711::decode(law, payload[i]);
    payload[i] = g711::encode(law, static_cast<std::int16_t>(std::lround(mixed)));
  }
}

}  // namespace segue::media
