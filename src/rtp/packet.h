// RTP packets (RFC 3550 section 5.1): a checked view of a received datagram and a writer into the caller's buffer. Pure
// values on the caller's thread; no allocation. A packet is at most kMaxPacketBytes: larger ones do not travel
// unfragmented and are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace segue::rtp {

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMaxPacketBytes = 1500;  // an Ethernet frame's payload
inline constexpr std::size_t kMaxPayloadBytes = kMaxPacketBytes - kHeaderBytes;

enum class ParseError : std::uint8_t { TooShort, TooLong, BadVersion, BadExtension, BadPadding };

/// What the fixed header says and where the payload lies; CSRCs, extension and padding are skipped. Valid as long as
/// the datagram.
struct PacketView {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  ByteView payload;
};
[[nodiscard]] tl::expected<PacketView, ParseError> parse_packet(ByteView datagram);

/// RFC 5761 section 4: with multiplexing, a second byte of 192 to 223 is RTCP.
[[nodiscard]] bool looks_like_rtcp(ByteView datagram);

struct Header {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};
/// Writes the twelve fixed bytes (no CSRC, extension or padding) to the front of `out`, which must hold them.
void write_header(MutableBytes out, const Header& header);

/// How far `a` is ahead of `b` modulo 2^16 or 2^32; negative when behind.
[[nodiscard]] constexpr std::int16_t sequence_distance(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(a - b));
}
[[nodiscard]] constexpr std::int32_t timestamp_distance(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}

}  // namespace segue::rtp
