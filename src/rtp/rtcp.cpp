#include "rtp/rtcp.h"

#include <algorithm>

namespace segue::rtp {

namespace {

constexpr std::uint8_t kSenderReport = 200, kReceiverReport = 201, kSdes = 202, kBye = 203;
constexpr std::size_t kBlockBytes = 24, kSenderBytes = 20, kPrefixBytes = 8;  // prefix: header and SSRC

ReportBlock read_block(const std::uint8_t* p) {
  ReportBlock block;
  block.ssrc = read_u32(p);
  block.fraction_lost = p[4];
  const std::uint32_t lost = read_u32(p + 4) & 0xFFFFFF;
  block.cumulative_lost = static_cast<std::int32_t>(lost << 8) >> 8;  // sign-extends 24 bits
  block.highest_sequence = read_u32(p + 8);
  block.jitter = read_u32(p + 12);
  block.last_sr = read_u32(p + 16);
  block.delay_since_sr = read_u32(p + 20);
  return block;
}

void write_block(std::uint8_t* p, const ReportBlock& block) {
  write_u32(p, block.ssrc);
  const auto lost = std::clamp(block.cumulative_lost, -0x800000, 0x7FFFFF);
  write_u32(p + 4,
            (static_cast<std::uint32_t>(block.fraction_lost) << 24) | (static_cast<std::uint32_t>(lost) & 0xFFFFFF));
  write_u32(p + 8, block.highest_sequence);
  write_u32(p + 12, block.jitter);
  write_u32(p + 16, block.last_sr);
  write_u32(p + 20, block.delay_since_sr);
}

/// One SR or RR, its four header bytes included.
bool read_report(ByteView packet, bool sender, Compound& into) {
  const std::size_t fixed = kPrefixBytes + (sender ? kSenderBytes : 0);
  const std::size_t count = packet[0] & 0x1F;
  if (packet.size() < fixed + count * kBlockBytes) return false;
  const std::uint8_t* p = packet.data();
  into.ssrc = read_u32(p + 4);
  if (sender) {
    into.sender = SenderInfo{(static_cast<std::uint64_t>(read_u32(p + 8)) << 32) | read_u32(p + 12), read_u32(p + 16),
                             read_u32(p + 20), read_u32(p + 24)};
  }
  for (std::size_t i = 0; i < count && into.block_count < kMaxReportBlocks; ++i) {
    into.blocks[into.block_count++] = read_block(p + fixed + i * kBlockBytes);
  }
  return true;
}

/// The items of every chunk (section 6.5); the first CNAME found is kept.
bool read_sdes(ByteView packet, Compound& into) {
  std::size_t at = 4;
  for (std::size_t chunk = packet[0] & 0x1F; chunk > 0; --chunk) {
    if (at + 4 > packet.size()) return false;
    at += 4;
    while (at < packet.size() && packet[at] != 0) {
      if (at + 2 > packet.size()) return false;
      const std::size_t length = packet[at + 1];
      if (at + 2 + length > packet.size()) return false;
      if (packet[at] == 1 && into.cname.empty()) into.cname = as_text(packet.subspan(at + 2, length));
      at += 2 + length;
    }
    if (at >= packet.size()) return false;  // a chunk ends with at least one zero byte
    at = (at + 4) & ~std::size_t{3};
  }
  return true;
}

bool read_bye(ByteView packet, Compound& into) {
  const std::size_t count = packet[0] & 0x1F;
  if (packet.size() < 4 + 4 * count) return false;
  into.bye = true;
  return true;
}

}  // namespace

tl::expected<Compound, RtcpError> parse_compound(ByteView datagram) {
  if (datagram.size() < kPrefixBytes) return tl::unexpected(RtcpError::TooShort);
  Compound compound;
  bool first = true;
  while (!datagram.empty()) {
    if (datagram.size() < 4) return tl::unexpected(RtcpError::BadLength);
    if ((datagram[0] & 0xC0) != 0x80) return tl::unexpected(RtcpError::BadVersion);
    const std::size_t length = 4 * (static_cast<std::size_t>(read_u16(&datagram[2])) + 1);
    if (length > datagram.size()) return tl::unexpected(RtcpError::BadLength);
    std::size_t used = length;
    if ((datagram[0] & 0x20) != 0) {  // padding, only of the last packet; part of its length
      const std::size_t padding = datagram[length - 1];
      if (padding == 0 || padding > length - 4 || length != datagram.size())
        return tl::unexpected(RtcpError::BadLength);
      used = length - padding;
    }
    const auto packet = datagram.first(used);
    const std::uint8_t type = datagram[1];
    const bool report = type == kSenderReport || type == kReceiverReport;
    if (first && !report) return tl::unexpected(RtcpError::NoReportFirst);
    if (report && !read_report(packet, type == kSenderReport, compound)) return tl::unexpected(RtcpError::BadLength);
    if (type == kSdes && !read_sdes(packet, compound)) return tl::unexpected(RtcpError::BadSdes);
    if (type == kBye && !read_bye(packet, compound)) return tl::unexpected(RtcpError::BadBye);
    first = false;
    datagram = datagram.subspan(length);
  }
  return compound;
}

std::size_t build_compound(MutableBytes out, const CompoundOut& compound) {
  const std::size_t blocks = std::min(compound.blocks.size(), kMaxReportBlocks);
  const auto cname = compound.cname.substr(0, kMaxCnameBytes);
  const std::size_t report = kPrefixBytes + (compound.sender ? kSenderBytes : 0) + blocks * kBlockBytes;
  // SDES: header, SSRC, item (type, length, text), then one to four zero bytes up to a word.
  const std::size_t sdes = (kPrefixBytes + 2 + cname.size() + 4) & ~std::size_t{3};
  const std::size_t bye = compound.bye ? kPrefixBytes : 0;
  const std::size_t total = report + sdes + bye;
  if (out.size() < total) return 0;

  const auto header = [](std::uint8_t* p, std::size_t count, std::uint8_t type, std::size_t bytes) {
    p[0] = static_cast<std::uint8_t>(0x80 | count);
    p[1] = type;
    write_u16(p + 2, static_cast<std::uint16_t>(bytes / 4 - 1));
  };
  std::uint8_t* p = out.data();
  header(p, blocks, compound.sender ? kSenderReport : kReceiverReport, report);
  write_u32(p + 4, compound.ssrc);
  std::uint8_t* at = p + kPrefixBytes;
  if (compound.sender) {
    write_u32(at, static_cast<std::uint32_t>(compound.sender->ntp >> 32));
    write_u32(at + 4, static_cast<std::uint32_t>(compound.sender->ntp));
    write_u32(at + 8, compound.sender->rtp);
    write_u32(at + 12, compound.sender->packets);
    write_u32(at + 16, compound.sender->octets);
    at += kSenderBytes;
  }
  for (std::size_t i = 0; i < blocks; ++i, at += kBlockBytes) write_block(at, compound.blocks[i]);

  p += report;
  header(p, 1, kSdes, sdes);
  write_u32(p + 4, compound.ssrc);
  std::fill(p + kPrefixBytes, p + sdes, std::uint8_t{0});
  p[8] = 1;  // CNAME
  p[9] = static_cast<std::uint8_t>(cname.size());
  std::copy(cname.begin(), cname.end(), p + 10);
  if (compound.bye) {
    header(p + sdes, 1, kBye, bye);
    write_u32(p + sdes + 4, compound.ssrc);
  }
  return total;
}

std::uint64_t ntp_time(WallTime t) {
  constexpr std::int64_t k1900To1970 = 2208988800;
  const std::int64_t ns = t.time_since_epoch().count();
  std::int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
  if (rest < 0) {
    seconds -= 1;
    rest += 1000000000;
  }
  const auto fraction = (static_cast<std::uint64_t>(rest) << 32) / 1000000000u;
  return (static_cast<std::uint64_t>(seconds + k1900To1970) << 32) | fraction;
}

}  // namespace segue::rtp
