// Prints our one profile. Nothing of the other side's description is repeated but the words of sections that we refuse.
#include <fmt/format.h>

#include <iterator>

#include "sdp/sdp.h"

namespace segue::sdp {
namespace {

std::string_view direction_name(Direction d) {
  switch (d) {
    case Direction::SendRecv:
      return "sendrecv";
    case Direction::SendOnly:
      return "sendonly";
    case Direction::RecvOnly:
      return "recvonly";
    case Direction::Inactive:
      return "inactive";
  }
  return "inactive";
}

void print_audio(const LocalAudio& local, std::string& out) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "m=audio {} RTP/AVP", local.rtp.port);
  for (const auto& c : local.codecs) fmt::format_to(to, " {}", c.payload_type);
  for (const auto& e : local.events) fmt::format_to(to, " {}", e.payload_type);
  out += "\r\n";
  for (const auto& c : local.codecs) {
    const auto channels = c.codec == Codec::Opus ? "/2" : "";
    fmt::format_to(to, "a=rtpmap:{} {}/{}{}\r\n", c.payload_type, codec_name(c.codec), rtp_clock(c.codec), channels);
    // Mono with in-band FEC and without DTX: what every splice and every transcoder here can count on (RFC 7587
    // section 6.1).
    if (c.codec == Codec::Opus) {
      fmt::format_to(to, "a=fmtp:{} stereo=0; sprop-stereo=0; useinbandfec=1; usedtx=0\r\n", c.payload_type);
    }
  }
  for (const auto& e : local.events) {
    fmt::format_to(to, "a=rtpmap:{} telephone-event/{}\r\na=fmtp:{} 0-15\r\n", e.payload_type, e.clock, e.payload_type);
  }
  if (local.rtcp_mux) out += "a=rtcp-mux\r\n";
  fmt::format_to(to, "a=ptime:20\r\na=maxptime:20\r\na={}\r\n", direction_name(local.direction));
}

}  // namespace

std::string print(const LocalAudio& local, const Description* offer) {
  const auto family = local.rtp.ip.v6 ? "IP6" : "IP4";
  const auto ip = local.rtp.ip.to_string();
  auto out = fmt::format("v=0\r\no=- {} {} IN {} {}\r\ns=-\r\nc=IN {} {}\r\nt=0 0\r\n", local.session_id, local.version,
                         family, ip, family, ip);
  if (!offer) {
    print_audio(local, out);
    return out;
  }
  for (std::size_t i = 0; i < offer->sections.size(); ++i) {
    const auto& section = offer->sections[i];
    if (offer->audio && offer->audio->section == i) {
      print_audio(local, out);
    } else {
      out += fmt::format("m={} 0 {} {}\r\n", section.media, section.protocol, section.first_format);
    }
  }
  return out;
}

}  // namespace segue::sdp
