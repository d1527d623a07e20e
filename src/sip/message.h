// A SIP message as a value: start line, headers in order with canonical long names, body. Unknown headers and methods
// are kept. Parsed strictly enough to be safe, leniently enough for what is really sent (RFC 3261 section 7 and 25, RFC
// 4475). Bounds: kMaxMessageBytes, kMaxHeaders, kMaxHeaderBytes; past them the parse fails with a reason for a 4xx.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sip/uri.h"

namespace segue::sip {

inline constexpr std::size_t kMaxMessageBytes = 65535;  // one UDP datagram; the same limit on streams
inline constexpr std::size_t kMaxHeaders = 256;         // Kamailio's and browsers' largest stay under 80
inline constexpr std::size_t kMaxHeaderBytes = 8192;    // one header with its folds

struct Header {
  std::string name;   ///< canonical ("Via", "Call-ID"); unknown names as sent
  std::string value;  ///< unfolded, trimmed
  friend bool operator==(const Header&, const Header&) = default;
};

struct Message {
  bool is_request = true;
  std::string method;  ///< of the request line, or of CSeq in a response
  Uri request_uri;
  int status = 0;  ///< responses: 100 to 699
  std::string reason;
  /// As received, but lists of Via, Route, Record-Route and Contact become one line each (section 7.3.1 says that this
  /// means the same), and Content-Length is not kept: `body` knows its size.
  std::vector<Header> headers;
  std::string body;

  /// First value of that header (canonical name), nullptr if absent.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name) const;  ///< "" if absent
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  void add(std::string_view name, std::string value);
  void add_first(std::string_view name, std::string value);
  void set(std::string_view name, std::string value);  ///< replaces all
  void remove(std::string_view name);

  [[nodiscard]] bool is(std::string_view m) const { return method == m; }
  /// Bytes for the wire; Content-Length is computed here and nowhere else.
  /// CR and LF inside of names and values, which no valid message has, are written as spaces.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Message&, const Message&) = default;
};

/// Why a message was refused. If it could be read well enough to be answered (Via, From, To, Call-ID, CSeq present)
/// then `partial` holds what is needed for a response of `status`; otherwise it is dropped in silence (RFC 4475
/// section 3.1.2).
struct ParseError {
  int status = 400;
  std::string text;
  std::optional<Message> partial;
};

/// One whole message (a datagram, or what StreamFramer cut). A body shorter than Content-Length is 400 on datagrams;
/// bytes beyond it are dropped (section 18.3).
[[nodiscard]] tl::expected<Message, ParseError> parse_message(std::string_view bytes);

// ---- typed headers -------------------------------------------------------------------------------------------------

/// Name-addr or addr-spec with header parameters: From, To, Contact, Route, Record-Route, Refer-To,
/// P-Asserted-Identity.
struct NameAddr {
  std::string display;  ///< unquoted
  Uri uri;
  Params params;
  bool wildcard = false;  ///< Contact: *
  [[nodiscard]] std::string_view tag() const { return params.get("tag"); }
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static Result<NameAddr> parse(std::string_view text);
  /// Comma-separated list.
  [[nodiscard]] static Result<std::vector<NameAddr>> parse_list(std::string_view text);
};

struct Via {
  std::string transport;  ///< upper case: "UDP", "TCP", "TLS", "WS", "WSS"
  std::string host;
  std::uint16_t port = 0;
  Params params;
  [[nodiscard]] std::string_view branch() const { return params.get("branch"); }
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static Result<Via> parse(std::string_view text);  ///< one value, not a list
};

struct CSeq {
  std::uint32_t number = 0;
  std::string method;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static Result<CSeq> parse(std::string_view text);  ///< number below 2^31
};

/// `value;params` without a URI: Session-Expires, Replaces, Event, Content-Type, Min-SE, Retry-After.
struct ValueParams {
  std::string value;
  Params params;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static Result<ValueParams> parse(std::string_view text);
};

/// Splits a comma-separated header value, respecting quotes and angle brackets.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view value);
/// All values of a list header over all its lines, split.
[[nodiscard]] std::vector<std::string_view> list_values(const Message& m, std::string_view name);
/// The canonical long form of a header name: compact forms expanded, known names in their usual case, others as they
/// are.
[[nodiscard]] std::string_view canonical_name(std::string_view name);
/// ASCII comparison without case.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
/// Standard reason phrase of a status ("Busy Here"); "Unknown" where the RFCs have none.
[[nodiscard]] std::string_view reason_phrase(int status);
/// Quotes a display name or parameter where the grammar needs it.
[[nodiscard]] std::string quote(std::string_view text);

/// A response to `request` with Via, From, To, Call-ID, CSeq copied (section 8.2.6.2); To gets `to_tag` if it has none.
[[nodiscard]] Message make_response(const Message& request, int status, std::string_view to_tag = {},
                                    std::string_view reason = {});

/// Body parts of multipart/mixed and multipart/alternative, or the body itself as the one part (RFC 5621).
/// Nested parts are flattened. Bounded: kMaxBodyParts, kMaxBodyDepth; what is past them is left out.
inline constexpr std::size_t kMaxBodyParts = 16;  // SDP, location, ISUP, picture: four at most are seen
inline constexpr std::size_t kMaxBodyDepth = 3;
struct BodyPart {
  std::string content_type;  ///< lower case, without parameters
  std::string_view body;     ///< into the message's body
};
[[nodiscard]] std::vector<BodyPart> body_parts(const Message& m);
/// The application/sdp part; "" if there is none.
[[nodiscard]] std::string_view sdp_of(const Message& m);

}  // namespace segue::sip
