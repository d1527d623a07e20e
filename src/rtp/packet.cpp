#include "rtp/packet.h"

#include "base/assert.h"

namespace segue::rtp {

namespace {

constexpr std::uint8_t kVersionBits = 0x80;  // version 2 in the two top bits

}  // namespace

tl::expected<PacketView, ParseError> parse_packet(ByteView datagram) {
  if (datagram.size() < kHeaderBytes) return tl::unexpected(ParseError::TooShort);
  if (datagram.size() > kMaxPacketBytes) return tl::unexpected(ParseError::TooLong);
  const std::uint8_t* p = datagram.data();
  if ((p[0] & 0xC0) != kVersionBits) return tl::unexpected(ParseError::BadVersion);
  std::size_t begin = kHeaderBytes + 4 * static_cast<std::size_t>(p[0] & 0x0F);
  std::size_t end = datagram.size();
  if (begin > end) return tl::unexpected(ParseError::TooShort);
  if ((p[0] & 0x10) != 0) {  // header extension, section 5.3.1: its length counts words after its own four bytes
    if (begin + 4 > end) return tl::unexpected(ParseError::BadExtension);
    begin += 4 + 4 * static_cast<std::size_t>(read_u16(p + begin + 2));
    if (begin > end) return tl::unexpected(ParseError::BadExtension);
  }
  if ((p[0] & 0x20) != 0) {  // padding: the last byte says how many bytes to leave out, itself included
    const std::size_t padding = p[end - 1];
    if (padding == 0 || begin + padding > end) return tl::unexpected(ParseError::BadPadding);
    end -= padding;
  }
  PacketView view;
  view.marker = (p[1] & 0x80) != 0;
  view.payload_type = p[1] & 0x7F;
  view.sequence = read_u16(p + 2);
  view.timestamp = read_u32(p + 4);
  view.ssrc = read_u32(p + 8);
  view.payload = datagram.subspan(begin, end - begin);
  return view;
}

bool looks_like_rtcp(ByteView datagram) { return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223; }

void write_header(MutableBytes out, const Header& header) {
  SEGUE_ASSERT(out.size() >= kHeaderBytes);
  out[0] = kVersionBits;
  out[1] = static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7F));
  write_u16(&out[2], header.sequence);
  write_u32(&out[4], header.timestamp);
  write_u32(&out[8], header.ssrc);
}

}  // namespace segue::rtp
