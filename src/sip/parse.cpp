// parse_message: one pass over the head into start line and header strings, then the checks that decide whether the
// message may be acted on. A refusal does not stop the pass: the headers that its response needs may still come.
#include <algorithm>
#include <array>
#include <cstring>

#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

/// Headers that a message has at most once and that the checks look at. The order is that of the array below.
enum Single : std::size_t {
  kFrom,
  kTo,
  kCallId,
  kCSeq,
  kMaxForwards,
  kExpires,
  kContentType,
  kContentLength,
  kSingles
};
constexpr std::array<std::string_view, kSingles> kSingleNames = {
    "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Expires", "Content-Type", "Content-Length"};

class Parser {
 public:
  explicit Parser(std::string_view bytes) : lines_{bytes} {}

  tl::expected<Message, ParseError> run();

 private:
  /// The first thing wrong decides the response; what is wrong after it may only be a consequence.
  void refuse(int status, std::string_view text) {
    if (status_ != 0) return;
    status_ = status;
    text_ = text;
  }
  void refuse_if(ScanError error) {
    if (error != nullptr) refuse(400, error);
  }
  void start_line(std::string_view line);
  void request_line(std::string_view line);
  void status_line(std::string_view line);
  void header_line(std::string_view line);
  void store(std::string_view name, std::string_view value);
  void keep(std::string_view name, std::string_view value);
  void remember_single(std::string_view name, std::string_view value);
  void check_zeros(std::string_view head);
  void check_addresses();
  void check_call_id_and_cseq();
  void check_numbers();
  void cut_body();
  std::optional<Message> partial();
  const std::string* value_of(std::string_view name) const { return message_.find(name); }

  LineCursor lines_;
  Message message_;
  std::array<unsigned, kSingles> count_{};
  std::string content_length_;
  int status_ = 0;
  std::string_view text_;
};

void Parser::request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  message_.method = line.substr(0, first);
  if (!all_of_class(message_.method, kToken)) refuse(400, "request line: the method is no token");
  if (first == last) return refuse(400, "request line: not three parts");
  const auto version = line.substr(last + 1);
  if (!iequals(version, "SIP/2.0")) {
    const bool other = version.size() > 4 && iequals(version.substr(0, 4), "SIP/");
    refuse(other ? 505 : 400, other ? "SIP version is not 2.0" : "request line: no SIP version at its end");
  }
  const auto target = line.substr(first + 1, last - first - 1);
  auto uri = Uri::parse(target);
  if (!uri) return refuse(400, "request line: malformed Request-URI");
  // Headers in a Request-URI are not allowed (section 19.1.1), and obeying them would let a link forge any header.
  if (!uri->headers.empty()) refuse(400, "request line: headers in the Request-URI");
  message_.request_uri = std::move(*uri);
}

void Parser::status_line(std::string_view line) {
  message_.is_request = false;
  if (line.size() < 8 || !iequals(line.substr(0, 8), "SIP/2.0 ")) return refuse(400, "status line: not SIP/2.0");
  line.remove_prefix(8);
  const auto space = line.find(' ');
  const auto code = parse_number(line.substr(0, space), 699);
  if (!code || *code < 100 || line.substr(0, space).size() != 3)
    return refuse(400, "status line: no status of three digits");
  message_.status = static_cast<int>(*code);
  if (space != std::string_view::npos) message_.reason = line.substr(space + 1);
}

void Parser::start_line(std::string_view line) {
  if (line.size() > kMaxHeaderBytes) {
    refuse(414, "the start line is too long");
    message_.method = line.substr(0, std::min<std::size_t>(line.find(' '), 64));
    return;
  }
  if (line.find('\r') != std::string_view::npos || line.find('\n') != std::string_view::npos) {
    refuse(400, "the start line is folded or has a lone CR");
  }
  // No method has a slash. Whatever begins so is meant as a response, and to a response nobody ever responds.
  if (line.size() >= 4 && iequals(line.substr(0, 4), "SIP/")) return status_line(line);
  request_line(line);
}

void Parser::keep(std::string_view name, std::string_view value) {
  if (message_.headers.size() == kMaxHeaders) return refuse(400, "too many headers");
  message_.headers.push_back({std::string(name), std::string(value)});
}

void Parser::remember_single(std::string_view name, std::string_view value) {
  for (std::size_t i = 0; i < kSingles; ++i) {
    if (name.size() != kSingleNames[i].size() || name != kSingleNames[i]) continue;
    if (++count_[i] == 2) refuse(400, "a header that may stand once stands twice");
    if (i == kContentLength) content_length_ = value;
  }
}

void Parser::store(std::string_view name, std::string_view value) {
  remember_single(name, value);
  if (name == "Content-Length") return;
  const bool list = name == "Via" || name == "Route" || name == "Record-Route" || name == "Contact";
  if (!list || value.find(',') == std::string_view::npos) return keep(name, value);
  ListCursor cursor{value};
  std::string_view piece;
  while (cursor.next(piece)) {
    if (piece.empty()) refuse(400, "an empty element in a list");
    if (!piece.empty()) keep(name, piece);
  }
}

void Parser::header_line(std::string_view line) {
  if (line.size() > kMaxHeaderBytes) return refuse(400, "a header is too long");
  std::size_t length = 0;
  while (length < line.size() && is_class(line[length], kToken)) ++length;
  const auto after = trim_left(line.substr(length));
  if (length == 0 || after.empty() || after.front() != ':') return refuse(400, "a header line without name or colon");
  const auto name = canonical_name(line.substr(0, length));
  auto value = trim(after.substr(1));
  if (value.find('\r') == std::string_view::npos && value.find('\n') == std::string_view::npos)
    return store(name, value);
  // Each fold, with the space around it, means one space (section 7.3.1).
  std::string unfolded;
  unfolded.reserve(value.size());
  for (std::size_t end = value.find("\r\n"); end != std::string_view::npos; end = value.find("\r\n")) {
    const auto piece = trim(value.substr(0, end));
    unfolded.append(piece).append(unfolded.empty() && piece.empty() ? "" : " ");
    value = trim_left(value.substr(end + 2));
  }
  unfolded.append(value);
  if (unfolded.find('\r') != std::string::npos) refuse(400, "a lone CR");
  store(name, trim(unfolded));
}

/// Only a quoted pair may hold one (section 25.1); whoever reads C strings would see another message than we do.
void Parser::check_zeros(std::string_view head) {
  for (auto at = head.find('\0'); at != std::string_view::npos; at = head.find('\0', at + 1)) {
    if (at == 0 || head[at - 1] != '\\') return refuse(400, "a zero byte");
  }
}

void Parser::check_addresses() {
  const auto* top = value_of("Via");
  ViaScan via;
  if (top == nullptr) return refuse(400, "no Via");
  refuse_if(scan_via(*top, via));
  if (via.version != "2.0") refuse(400, "Via: not SIP/2.0");
  refuse_if(check_params(via.params));
  for (const auto& header : message_.headers) {
    const bool contact = header.name == "Contact";
    if (!contact && header.name != "From" && header.name != "To") continue;
    NameAddrScan scan;
    UriScan uri;
    refuse_if(scan_name_addr(header.value, scan));
    if (!scan.wildcard) refuse_if(scan_uri(scan.uri, uri));
    if (scan.wildcard && !contact) refuse(400, "* is no address");
  }
}

void Parser::check_call_id_and_cseq() {
  for (const auto single : {kFrom, kTo, kCallId, kCSeq}) {
    if (count_[single] == 0) refuse(400, "From, To, Call-ID or CSeq is missing");
  }
  const auto* call_id = value_of("Call-ID");
  if (call_id != nullptr && (call_id->empty() || call_id->find_first_of(" \t") != std::string::npos)) {
    refuse(400, "Call-ID: empty or with a space");
  }
  const auto* cseq = value_of("CSeq");
  CSeqScan scan;
  if (cseq == nullptr) return;
  refuse_if(scan_cseq(*cseq, scan));
  if (!message_.is_request) message_.method = scan.method;
  if (scan.method != message_.method) refuse(400, "CSeq: not the method of the request line");
}

void Parser::check_numbers() {
  const auto* hops = value_of("Max-Forwards");
  if (hops != nullptr && !parse_number(*hops, 255)) refuse(400, "Max-Forwards: not a number from 0 to 255");
}

void Parser::cut_body() {
  auto rest = lines_.rest;
  if (count_[kContentLength] > 0) {
    const auto length = parse_number(content_length_, 0x7fffffffU);
    if (!length) {
      refuse(400, "Content-Length: not a number");
    } else if (*length > rest.size()) {
      refuse(400, "Content-Length: the body is shorter");
    } else {
      rest = rest.substr(0, *length);
    }
  }
  if (status_ == 0) message_.body = rest;
}

/// What make_response() needs of a refused request. The top Via must say where the response goes, so its readable part
/// is kept.
std::optional<Message> Parser::partial() {
  if (!message_.is_request || !all_of_class(message_.method, kToken) || message_.method == "ACK") return std::nullopt;
  Message usable;
  usable.method = message_.method;
  usable.request_uri = message_.request_uri;
  for (auto& header : message_.headers) {
    const bool wanted = header.name == "Via" || header.name == "From" || header.name == "To" ||
                        header.name == "Call-ID" || header.name == "CSeq";
    if (!wanted || (header.name != "Via" && usable.find(header.name) != nullptr)) continue;
    usable.headers.push_back(std::move(header));
  }
  for (const auto* name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    if (usable.get(name).empty()) return std::nullopt;
  }
  const auto top = std::find_if(usable.headers.begin(), usable.headers.end(), [](auto& h) { return h.name == "Via"; });
  ViaScan via;
  if (scan_via(top->value, via) != nullptr) return std::nullopt;
  const auto good = good_params(via.params);
  top->value.resize(top->value.size() - via.params.size() + good.size());
  return usable;
}

tl::expected<Message, ParseError> Parser::run() {
  while (lines_.rest.starts_with("\r\n")) lines_.rest.remove_prefix(2);  // section 7.5
  const std::string_view all = lines_.rest;
  std::string_view line;
  if (!lines_.next(line)) return tl::unexpected(ParseError{400, "no start line", std::nullopt});
  message_.headers.reserve(24);
  start_line(line);
  while (lines_.next(line)) header_line(line);
  if (lines_.bare_lf) refuse(400, "a line that ends without CR");
  if (!lines_.ended) refuse(400, "no empty line after the headers");
  check_zeros(all.substr(0, all.size() - lines_.rest.size()));
  check_addresses();
  check_call_id_and_cseq();
  check_numbers();
  cut_body();
  if (status_ == 0) return std::move(message_);
  return tl::unexpected(ParseError{status_, std::string(text_), partial()});
}

}  // namespace

tl::expected<Message, ParseError> parse_message(std::string_view bytes) {
  if (bytes.size() > kMaxMessageBytes) return tl::unexpected(ParseError{513, "the message is too large", std::nullopt});
  return Parser(bytes).run();
}

}  // namespace segue::sip
