// Reads a description line by line (RFC 8866 section 5) into a few plain fields, then reduces the first usable audio
// section. Strict where a wrong reading would send media astray (addresses, ports, counts), lenient where phones are
// sloppy: line ends, double blanks, unknown lines, broken attributes of which the default is harmless.
#include <algorithm>
#include <array>

#include "sdp/sdp.h"
#include "sdp/text.h"

namespace segue::sdp {
namespace {

constexpr unsigned kMinPtime = 10;
constexpr unsigned kMaxPtime = 60;
constexpr std::uint8_t kStaticComfortNoise = 13;

struct Encoding {
  std::string_view name;
  std::uint32_t clock = 0;
  std::uint32_t channels = 1;
};

/// What a c= line said. A host name is legal but useless here: nothing in this layer resolves names.
struct Connection {
  std::optional<IpAddress> ip;
};

struct MediaLines {
  std::vector<std::uint8_t> formats;                     // payload types in the m= line's order, each once
  std::array<std::optional<Encoding>, 128> encodings{};  // a=rtpmap by payload type
  std::optional<Connection> connection;
  std::optional<Direction> direction;
  std::optional<std::uint16_t> rtcp_port;
  std::optional<IpAddress> rtcp_ip;
  bool rtcp_mux = false;
  unsigned ptime_ms = 20;
};

bool multicast_or_broadcast(const IpAddress& ip) {
  if (ip.v6) return ip.bytes[0] == 0xff;
  return ip.bytes[0] >= 224;  // 224/4 and the reserved 240/4 with the broadcast address
}

bool printable(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

tl::unexpected<Error> bad_line(std::size_t line, std::string_view what) {
  return fail(ErrorKind::InvalidInput, "SDP line " + std::to_string(line) + ": " + std::string(what));
}

std::optional<Direction> direction_by_name(std::string_view name) {
  if (name == "sendrecv") return Direction::SendRecv;
  if (name == "sendonly") return Direction::SendOnly;
  if (name == "recvonly") return Direction::RecvOnly;
  if (name == "inactive") return Direction::Inactive;
  return std::nullopt;
}

/// "IN IP4 192.0.2.1[/ttl[/count]]" as in c= and, without the slashes, in a=rtcp. nullopt where it is none.
std::optional<Connection> read_connection(std::string_view value) {
  const auto net = next_word(value);
  const auto family = next_word(value);
  auto address = next_word(value);
  if (!is_word(net, "in") || address.empty()) return std::nullopt;
  const bool v6 = is_word(family, "ip6");
  if (!v6 && !is_word(family, "ip4")) return std::nullopt;
  address = address.substr(0, address.find('/'));
  const auto ip = IpAddress::parse(address);
  if (ip && ip->v6 != v6) return std::nullopt;
  return Connection{ip};
}

void read_rtpmap(std::string_view value, MediaLines& media) {
  const auto type = number(next_word(value), 127);
  const auto encoding = next_word(value);
  if (!type || media.encodings[*type]) return;  // the first rtpmap of a type counts
  const auto slash = encoding.find('/');
  if (slash == std::string_view::npos) return;
  const auto rest = encoding.substr(slash + 1);
  const auto second = rest.find('/');
  const auto clock = number(rest.substr(0, second), 384000);
  const auto channels = second == std::string_view::npos ? 1 : number(rest.substr(second + 1), 255);
  if (!clock || *clock == 0 || !channels) return;
  media.encodings[*type] = Encoding{encoding.substr(0, slash), *clock, *channels};
}

void read_rtcp(std::string_view value, MediaLines& media) {
  const auto port = number(next_word(value), 65535);
  if (!port || *port == 0) return;
  media.rtcp_port = static_cast<std::uint16_t>(*port);
  if (const auto connection = read_connection(value)) media.rtcp_ip = connection->ip;
}

void read_media_attribute(std::string_view value, MediaLines& media) {
  const auto colon = value.find(':');
  const auto name = value.substr(0, colon);
  const auto rest = colon == std::string_view::npos ? std::string_view{} : value.substr(colon + 1);
  if (const auto direction = direction_by_name(name)) {
    media.direction = direction;
  } else if (name == "rtpmap") {
    read_rtpmap(rest, media);
  } else if (name == "rtcp") {
    read_rtcp(rest, media);
  } else if (name == "rtcp-mux") {
    media.rtcp_mux = true;
  } else if (name == "ptime") {
    const auto ms = number(rest.substr(0, rest.find_first_of(". ")), 100000);
    if (ms) media.ptime_ms = std::clamp(static_cast<unsigned>(*ms), kMinPtime, kMaxPtime);
  }
}

/// Reads lines in order and keeps what the reduction needs.
class Reader {
 public:
  Result<void> read(std::string_view text);
  Description reduce();

 private:
  Result<void> line(std::size_t number_of_line, std::string_view text);
  Result<void> media_line(std::size_t number_of_line, std::string_view value);
  void attribute(std::string_view value);
  [[nodiscard]] std::optional<RemoteAudio> usable_audio(std::size_t index) const;

  Description description_;
  std::vector<MediaLines> media_;
  std::optional<Connection> connection_;
  std::optional<Direction> direction_;
};

Result<void> Reader::read(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto current = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!current.empty() && current.back() == '\r') current.remove_suffix(1);
    ++count;
    if (current.empty()) continue;  // some phones end with an empty line
    if (count == 1 && current != "v=0") return bad_line(count, "a description begins with v=0");
    if (auto ok = line(count, current); !ok) return ok;
  }
  if (count == 0) return fail(ErrorKind::InvalidInput, "SDP line 1: a description begins with v=0");
  return {};
}

Result<void> Reader::line(std::size_t number_of_line, std::string_view text) {
  if (text.size() < 2 || text[1] != '=') return bad_line(number_of_line, "expected <letter>=<value>");
  const auto value = text.substr(2);
  switch (text[0]) {
    case 'm':
      return media_line(number_of_line, value);
    case 'a':
      attribute(value);
      return {};
    case 'c': {
      const auto connection = read_connection(value);
      if (!connection) return bad_line(number_of_line, "c= must be IN IP4 or IN IP6 and an address of that family");
      auto& place = media_.empty() ? connection_ : media_.back().connection;
      if (!place) place = connection;  // several c= of one section are layers of multicast; the first is the base
      return {};
    }
    default:
      return {};  // times, names, bandwidths, keys: nothing that an audio leg needs
  }
}

Result<void> Reader::media_line(std::size_t number_of_line, std::string_view value) {
  if (media_.size() == kMaxMediaSections) return bad_line(number_of_line, "more than 16 m= lines");
  Description::Section section;
  section.media = next_word(value);
  auto port_word = next_word(value);
  section.protocol = next_word(value);
  const auto port = number(port_word.substr(0, port_word.find('/')), 65535);
  if (!port) return bad_line(number_of_line, "the port of an m= line is 0 to 65535");
  section.port = static_cast<std::uint16_t>(*port);
  MediaLines media;
  std::size_t formats = 0;
  for (auto word = next_word(value); !word.empty(); word = next_word(value)) {
    if (++formats > kMaxFormats) return bad_line(number_of_line, "more than 64 formats in an m= line");
    if (formats == 1) section.first_format = word;
    const auto type = number(word, 127);
    if (!type) continue;  // another profile's format, or no RTP payload type at all
    const auto pt = static_cast<std::uint8_t>(*type);
    if (std::find(media.formats.begin(), media.formats.end(), pt) == media.formats.end()) media.formats.push_back(pt);
  }
  // These words are mirrored in our answer, so nothing may hide in them that another parser takes for a line's end.
  if (!printable(section.media) || !printable(section.protocol) || !printable(section.first_format)) {
    return bad_line(number_of_line, "m= needs media, port, protocol and a format, all printable");
  }
  description_.sections.push_back(std::move(section));
  media_.push_back(std::move(media));
  return {};
}

void Reader::attribute(std::string_view value) {
  if (!media_.empty()) return read_media_attribute(value, media_.back());
  if (const auto direction = direction_by_name(value)) direction_ = direction;
}

/// The encoding of a payload type: by its rtpmap, else by RFC 3551's table of static types.
Encoding encoding_of(std::uint8_t type, const MediaLines& media) {
  if (media.encodings[type]) return *media.encodings[type];
  switch (type) {
    case 0:
      return {"PCMU", 8000, 1};
    case 8:
      return {"PCMA", 8000, 1};
    case 9:
      return {"G722", 8000, 1};
    case kStaticComfortNoise:
      return {"CN", 8000, 1};
    default:
      return {};
  }
}

void add_format(std::uint8_t type, const Encoding& encoding, RemoteAudio& audio) {
  if (is_word(encoding.name, "telephone-event")) {
    audio.events.push_back({type, encoding.clock});
    return;
  }
  if (is_word(encoding.name, "cn") && encoding.clock == 8000 && !audio.comfort_noise) audio.comfort_noise = type;
  const auto codec = codec_by_name(encoding.name);
  // Opus says two channels always (RFC 7587 section 4.1), but some phones leave them out; the stream is the same.
  if (codec && encoding.clock == rtp_clock(*codec) && (encoding.channels == 1 || *codec == Codec::Opus)) {
    audio.codecs.push_back({*codec, type});
  }
}

/// RFC 3264 section 8.4: the zero address of RFC 2543's hold means "send me nothing".
Direction held(Direction d) {
  switch (d) {
    case Direction::SendRecv:
    case Direction::SendOnly:
      return Direction::SendOnly;
    case Direction::RecvOnly:
    case Direction::Inactive:
      return Direction::Inactive;
  }
  return Direction::Inactive;
}

std::optional<RemoteAudio> Reader::usable_audio(std::size_t index) const {
  const auto& section = description_.sections[index];
  const auto& media = media_[index];
  if (!is_word(section.media, "audio") || !is_word(section.protocol, "rtp/avp") || section.port == 0)
    return std::nullopt;
  const auto connection = media.connection ? media.connection : connection_;
  if (!connection || !connection->ip || multicast_or_broadcast(*connection->ip)) return std::nullopt;
  RemoteAudio audio;
  audio.section = index;
  audio.rtp = {*connection->ip, section.port};
  const auto next_port = static_cast<std::uint16_t>(section.port == 65535 ? 0 : section.port + 1);  // 0: has none
  audio.rtcp = {media.rtcp_ip && !multicast_or_broadcast(*media.rtcp_ip) ? *media.rtcp_ip : audio.rtp.ip,
                media.rtcp_port.value_or(next_port)};
  audio.rtcp_mux = media.rtcp_mux;
  audio.direction = media.direction.value_or(direction_.value_or(Direction::SendRecv));
  if (audio.rtp.ip.unspecified()) audio.direction = held(audio.direction);
  audio.ptime_ms = media.ptime_ms;
  for (const auto type : media.formats) add_format(type, encoding_of(type, media), audio);
  return audio;
}

Description Reader::reduce() {
  for (std::size_t i = 0; i < media_.size() && !description_.audio; ++i) description_.audio = usable_audio(i);
  return std::move(description_);
}

}  // namespace

Result<Description> parse(std::string_view text) {
  if (text.size() > kMaxSdpBytes) return fail(ErrorKind::InvalidInput, "SDP is longer than 16384 bytes");
  Reader reader;
  if (auto ok = reader.read(text); !ok) return tl::unexpected<Error>(ok.error());
  return reader.reduce();
}

}  // namespace segue::sdp
