// RTP, RTCP and telephone events as the test phones send and the far party's check reads them (RFC 3550, RFC 4733).
// Deliberately a second, small reading of the RFCs beside src/rtp: the check of the server's output shares no code with
// the server. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace segue::phone {

struct RtpView {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  ByteView payload;  ///< into the packet
};

/// nullopt for anything that is not version 2 with a whole header, its extension and its padding inside of the
/// datagram.
[[nodiscard]] std::optional<RtpView> read_rtp(ByteView packet);
[[nodiscard]] Bytes write_rtp(const RtpView& packet);

struct SenderReport {
  std::uint32_t ssrc = 0;
  std::uint64_t ntp = 0;  ///< 32.32 seconds since 1900
  std::uint32_t rtp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

/// What one compound packet says.
struct RtcpView {
  std::vector<SenderReport> reports;
  std::vector<std::string> cnames;
  bool bye = false;
};
[[nodiscard]] std::optional<RtcpView> read_rtcp(ByteView packet);

/// SR, SDES with CNAME and, if asked for, BYE as one compound packet.
[[nodiscard]] Bytes write_rtcp(const SenderReport& report, const std::string& cname, bool bye);

[[nodiscard]] std::uint64_t ntp_time(WallTime t);

/// A telephone-event payload: event code of '0'..'9', '*', '#', 'A'..'D'; nullopt for other characters.
[[nodiscard]] std::optional<std::uint8_t> event_code(char digit);
[[nodiscard]] std::vector<std::uint8_t> write_event(std::uint8_t code, bool end, std::uint16_t duration);

}  // namespace segue::phone
