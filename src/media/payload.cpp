#include "media/payload.h"

#include <array>

namespace segue::media {

namespace {

/// Ticks at 48 kHz of one frame by the configuration number of the TOC byte (RFC 6716 table 2).
std::uint32_t opus_frame_ticks(unsigned configuration) {
  constexpr std::array<std::uint32_t, 4> kSilk{480, 960, 1920, 2880};
  constexpr std::array<std::uint32_t, 2> kHybrid{480, 960};
  constexpr std::array<std::uint32_t, 4> kCelt{120, 240, 480, 960};
  if (configuration < 12) return kSilk[configuration & 3];
  if (configuration < 16) return kHybrid[configuration & 1];
  return kCelt[configuration & 3];
}

std::uint32_t opus_ticks(ByteView payload) {
  const unsigned toc = payload[0];
  unsigned frames = 0;
  switch (toc & 3) {
    case 0:
      frames = 1;
      break;
    case 1:
    case 2:
      frames = 2;
      break;
    default:
      frames = payload.size() > 1 ? payload[1] & 0x3Fu : 0;
      break;
  }
  const std::uint32_t ticks = frames * opus_frame_ticks(toc >> 3);
  constexpr std::uint32_t kMaxTicks = 5760;  // 120 ms, RFC 6716 requirement R5
  return ticks <= kMaxTicks ? ticks : 0;
}

}  // namespace

std::uint32_t duration_ticks(Codec codec, ByteView payload) {
  if (payload.empty()) return 0;
  return codec == Codec::Opus ? opus_ticks(payload) : static_cast<std::uint32_t>(payload.size());
}

}  // namespace segue::media
