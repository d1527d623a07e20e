// SDP (RFC 8866) and the audio offer/answer of RFC 3264 with Segue's one fixed profile: every leg's SDP is made by us
// from what we know of the leg, never copied from another leg. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/codec.h"
#include "base/result.h"

namespace segue::sdp {

inline constexpr std::size_t kMaxSdpBytes = 16384;  // a browser's largest audio offer is under 6 kB
inline constexpr std::size_t kMaxMediaSections = 16;
inline constexpr std::size_t kMaxFormats = 64;  // of one m= line

using segue::Codec;
using segue::rtp_clock;
enum class Direction { SendRecv, SendOnly, RecvOnly, Inactive };

[[nodiscard]] std::string_view codec_name(Codec c);                       ///< "PCMU", "PCMA", "G722", "opus"
[[nodiscard]] std::optional<Codec> codec_by_name(std::string_view name);  ///< no case

/// A codec at a payload type, as one side has numbered it.
struct CodecPt {
  Codec codec = Codec::Pcmu;
  std::uint8_t payload_type = 0;
  friend bool operator==(const CodecPt&, const CodecPt&) = default;
};

/// telephone-event (RFC 4733) at its payload type and clock.
struct EventPt {
  std::uint8_t payload_type = 101;
  std::uint32_t clock = 8000;
  friend bool operator==(const EventPt&, const EventPt&) = default;
};

/// The remote side's audio as far as we use it: the first audio section with RTP/AVP whose port is not 0.
struct RemoteAudio {
  Endpoint rtp;   ///< where the peer wants to be sent to; unspecified IP (0.0.0.0) means old-style hold
  Endpoint rtcp;  ///< a=rtcp (RFC 3605) or port + 1
  bool rtcp_mux = false;
  Direction direction =
      Direction::SendRecv;      ///< as the peer sees it; 0.0.0.0 counts as SendOnly/Inactive (RFC 3264 8.4 old style)
  std::vector<CodecPt> codecs;  ///< those we know, in the peer's order
  std::vector<EventPt> events;  ///< all telephone-event lines; choose by clock
  std::optional<std::uint8_t> comfort_noise;  ///< PT of CN/8000 (RFC 3389)
  unsigned ptime_ms = 20;                     ///< a=ptime, clamped to 10..60; 20 if absent
  std::size_t section = 0;                    ///< index of the m= line
};

/// A whole description, reduced to what an answer must mirror.
struct Description {
  struct Section {
    std::string media;  ///< "audio", "video", ...
    std::string protocol;
    std::string first_format;
    std::uint16_t port = 0;
  };
  std::vector<Section> sections;  ///< every m= line in order: an answer has the same number (RFC 3264 section 6)
  std::optional<RemoteAudio> audio;
};

/// Errors: InvalidInput, naming the line. A description without usable audio is not an error (audio is nullopt).
[[nodiscard]] Result<Description> parse(std::string_view text);

/// Our side of one leg: what we offer or answer. o= keeps one session id and its version grows only if anything else
/// changed.
struct LocalAudio {
  Endpoint rtp;  ///< the address we advertise; RTCP is port + 1
  std::uint64_t session_id = 0;
  std::uint64_t version = 1;
  Direction direction = Direction::SendRecv;
  std::vector<CodecPt> codecs;
  std::vector<EventPt> events;
  bool rtcp_mux = false;  ///< a=rtcp-mux (RFC 5761): RTCP too comes to the RTP port
};

/// The offer of our fixed profile: given codecs in order at our own static or dynamic types (0, 8, 9, Opus 96;
/// telephone-event/8000 101 and, with Opus, telephone-event/48000 102), ptime 20, maxptime 20. `o=- id version IN IP4
/// addr`, `s=-`. Who can take RTCP on the RTP port sets rtcp_mux.
[[nodiscard]] LocalAudio make_offer(const Endpoint& rtp, std::uint64_t session_id, const std::vector<Codec>& codecs);

/// What both sides agreed.
struct Agreed {
  CodecPt codec;                ///< payload type to send with, the peer's number
  std::uint8_t receive_pt = 0;  ///< payload type we expect (ours in an offer, mirrored in an answer)
  /// What we offered the other law of G.711 with, where an answer lists both: its sender may change from one to the
  /// other at any packet (RFC 3264 section 6.1).
  std::optional<std::uint8_t> receive_other_law_pt;
  std::optional<EventPt> event;  ///< to send with; clock fits the codec's where possible
  std::optional<EventPt> receive_event;
  Direction direction = Direction::SendRecv;  ///< ours
  bool rtcp_mux = false;                      ///< both sides have said so
};

/// Our answer to an offer: one codec (the first of the offer that is in `allowed`, or in the order of `allowed` if
/// `prefer_ours`), the offer's payload numbers, direction mirrored, other sections refused with port 0. RTCP is not
/// muxed unless take_mux() follows.
/// Errors: Conflict if no codec is common (488).
struct Answer {
  LocalAudio local;
  Agreed agreed;
};
[[nodiscard]] Result<Answer> make_answer(const Description& offer, const Endpoint& rtp, std::uint64_t session_id,
                                         std::uint64_t version, const std::vector<Codec>& allowed, bool prefer_ours);

/// RTCP on the RTP port where the offer asks for it (RFC 5761 section 5.1.1).
void take_mux(const Description& offer, Answer& answer);

/// Reads the peer's answer against our offer. Errors: Conflict where it accepts nothing that we offered.
[[nodiscard]] Result<Agreed> accept_answer(const LocalAudio& offer, const Description& answer);

/// Prints ours. For an answer pass the offer so that refused sections are mirrored.
[[nodiscard]] std::string print(const LocalAudio& local, const Description* offer = nullptr);

}  // namespace segue::sdp
