// RTCP compound packets (RFC 3550 section 6): sender and receiver reports, the CNAME and BYE. Built into the caller's
// buffer, parsed into a value with fixed bounds; other packet types inside a compound are skipped. Pure, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/time.h"

namespace segue::rtp {

inline constexpr std::size_t kMaxReportBlocks =
    31;  // the five-bit count of one report; later reports' blocks are ignored
inline constexpr std::size_t kMaxCnameBytes = 255;  // its length is one byte

enum class RtcpError : std::uint8_t { TooShort, BadVersion, BadLength, NoReportFirst, BadSdes, BadBye };

struct ReportBlock {
  std::uint32_t ssrc = 0;              ///< the stream that is reported on
  std::uint8_t fraction_lost = 0;      ///< since the last report, in 1/256
  std::int32_t cumulative_lost = 0;    ///< 24 bits, signed: duplicates count against losses
  std::uint32_t highest_sequence = 0;  ///< with the count of wraps in the upper half
  std::uint32_t jitter = 0;            ///< in ticks of the stream's clock
  std::uint32_t last_sr = 0;           ///< middle 32 bits of the last sender report's NTP time
  std::uint32_t delay_since_sr = 0;    ///< in 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

struct SenderInfo {
  std::uint64_t ntp = 0;  ///< 32.32 fixed point seconds since 1900
  std::uint32_t rtp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  friend bool operator==(const SenderInfo&, const SenderInfo&) = default;
};

/// One parsed compound. `cname` points into the datagram.
struct Compound {
  std::uint32_t ssrc = 0;
  std::optional<SenderInfo> sender;
  std::array<ReportBlock, kMaxReportBlocks> blocks{};
  std::size_t block_count = 0;
  std::string_view cname;
  bool bye = false;
  [[nodiscard]] std::span<const ReportBlock> reports() const { return {blocks.data(), block_count}; }
};
[[nodiscard]] tl::expected<Compound, RtcpError> parse_compound(ByteView datagram);

/// One compound of ours: SR (or RR without `sender`), SDES CNAME, and BYE if asked.
struct CompoundOut {
  std::uint32_t ssrc = 0;
  std::optional<SenderInfo> sender;
  std::span<const ReportBlock> blocks;  ///< at most kMaxReportBlocks
  std::string_view cname;               ///< cut to kMaxCnameBytes
  bool bye = false;
};
/// Bytes written; 0 if `out` is too small.
[[nodiscard]] std::size_t build_compound(MutableBytes out, const CompoundOut& compound);

/// Wall time as NTP's 32.32 seconds since 1900.
[[nodiscard]] std::uint64_t ntp_time(WallTime t);
/// The middle 32 bits, as LSR carries them.
[[nodiscard]] constexpr std::uint32_t ntp_middle(std::uint64_t ntp) { return static_cast<std::uint32_t>(ntp >> 16); }

}  // namespace segue::rtp
