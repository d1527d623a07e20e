#include "phone/wire.h"

#include <algorithm>
#include <string_view>

namespace segue::phone {
namespace {

constexpr std::size_t kRtpHeader = 12;
constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kSdes = 202;
constexpr std::uint8_t kBye = 203;

void put_u16(Bytes& out, std::uint32_t v) {
  out.push_back(static_cast<std::uint8_t>(v >> 8));
  out.push_back(static_cast<std::uint8_t>(v));
}
void put_u32(Bytes& out, std::uint32_t v) {
  put_u16(out, v >> 16);
  put_u16(out, v);
}

std::optional<SenderReport> read_sender_report(ByteView block) {
  if (block.size() < 28) return std::nullopt;
  const std::uint8_t* p = block.data();
  SenderReport report;
  report.ssrc = read_u32(p + 4);
  report.ntp = (static_cast<std::uint64_t>(read_u32(p + 8)) << 32) | read_u32(p + 12);
  report.rtp = read_u32(p + 16);
  report.packets = read_u32(p + 20);
  report.octets = read_u32(p + 24);
  return report;
}

/// CNAME items of all chunks (RFC 3550 section 6.5); stops at what does not fit.
void read_cnames(ByteView block, std::size_t chunks, std::vector<std::string>& out) {
  std::size_t at = 4;
  for (std::size_t i = 0; i < chunks && at + 4 <= block.size(); ++i) {
    at += 4;
    while (at + 2 <= block.size() && block[at] != 0) {
      const std::size_t length = block[at + 1];
      if (at + 2 + length > block.size()) return;
      if (block[at] == 1) out.emplace_back(as_text(block.subspan(at + 2, length)));
      at += 2 + length;
    }
    at = (at / 4 + 1) * 4;  // the null item and padding up to the next 32-bit boundary
  }
}

}  // namespace

std::optional<RtpView> read_rtp(ByteView packet) {
  if (packet.size() < kRtpHeader || (packet[0] >> 6) != 2) return std::nullopt;
  std::size_t header = kRtpHeader + 4 * static_cast<std::size_t>(packet[0] & 0x0F);
  if ((packet[0] & 0x10) != 0) {
    if (packet.size() < header + 4) return std::nullopt;
    header += 4 + 4 * static_cast<std::size_t>(read_u16(packet.data() + header + 2));
  }
  const std::size_t padding = (packet[0] & 0x20) != 0 ? packet.back() : 0;
  if (header + padding > packet.size()) return std::nullopt;
  RtpView view;
  view.marker = (packet[1] & 0x80) != 0;
  view.payload_type = packet[1] & 0x7F;
  view.sequence = read_u16(packet.data() + 2);
  view.timestamp = read_u32(packet.data() + 4);
  view.ssrc = read_u32(packet.data() + 8);
  view.payload = packet.subspan(header, packet.size() - header - padding);
  return view;
}

Bytes write_rtp(const RtpView& packet) {
  Bytes out;
  out.reserve(kRtpHeader + packet.payload.size());
  out.push_back(0x80);
  out.push_back(static_cast<std::uint8_t>((packet.marker ? 0x80 : 0) | packet.payload_type));
  put_u16(out, packet.sequence);
  put_u32(out, packet.timestamp);
  put_u32(out, packet.ssrc);
  out.insert(out.end(), packet.payload.begin(), packet.payload.end());
  return out;
}

std::optional<RtcpView> read_rtcp(ByteView packet) {
  RtcpView view;
  std::size_t at = 0;
  while (at + 4 <= packet.size()) {
    const std::size_t length = 4 + 4 * static_cast<std::size_t>(read_u16(packet.data() + at + 2));
    if ((packet[at] >> 6) != 2 || at + length > packet.size()) return std::nullopt;
    const ByteView block = packet.subspan(at, length);
    if (block[1] == kSenderReport) {
      const auto report = read_sender_report(block);
      if (!report) return std::nullopt;
      view.reports.push_back(*report);
    }
    if (block[1] == kSdes) read_cnames(block, block[0] & 0x1F, view.cnames);
    if (block[1] == kBye) view.bye = true;
    at += length;
  }
  if (at != packet.size() || at == 0) return std::nullopt;
  return view;
}

Bytes write_rtcp(const SenderReport& report, const std::string& cname, bool bye) {
  Bytes out = {0x80, kSenderReport, 0, 6};
  put_u32(out, report.ssrc);
  put_u32(out, static_cast<std::uint32_t>(report.ntp >> 32));
  put_u32(out, static_cast<std::uint32_t>(report.ntp));
  put_u32(out, report.rtp);
  put_u32(out, report.packets);
  put_u32(out, report.octets);

  Bytes chunk;
  put_u32(chunk, report.ssrc);
  chunk.push_back(1);
  const std::string name = cname.substr(0, 255);
  chunk.push_back(static_cast<std::uint8_t>(name.size()));
  chunk.insert(chunk.end(), name.begin(), name.end());
  do chunk.push_back(0);
  while (chunk.size() % 4 != 0);
  out.insert(out.end(), {0x81, kSdes});
  put_u16(out, static_cast<std::uint32_t>(chunk.size() / 4));
  out.insert(out.end(), chunk.begin(), chunk.end());

  if (bye) {
    out.insert(out.end(), {0x81, kBye, 0, 1});
    put_u32(out, report.ssrc);
  }
  return out;
}

std::uint64_t ntp_time(WallTime t) {
  constexpr std::uint64_t kFrom1900 = 2208988800ULL;
  const auto ns = static_cast<std::uint64_t>(t.time_since_epoch().count());
  const std::uint64_t seconds = ns / 1'000'000'000ULL;
  const std::uint64_t rest = ns % 1'000'000'000ULL;
  return ((seconds + kFrom1900) << 32) | ((rest << 32) / 1'000'000'000ULL);
}

std::optional<std::uint8_t> event_code(char digit) {
  constexpr std::string_view kDigits = "0123456789*#ABCD";
  const auto at = kDigits.find(digit);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

std::vector<std::uint8_t> write_event(std::uint8_t code, bool end, std::uint16_t duration) {
  constexpr std::uint8_t kVolume = 10;  // -10 dBm0, what phones send
  return {code, static_cast<std::uint8_t>((end ? 0x80 : 0) | kVolume), static_cast<std::uint8_t>(duration >> 8),
          static_cast<std::uint8_t>(duration)};
}

}  // namespace segue::phone
