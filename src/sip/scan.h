// Allocation-free scanners under the typed parsers: they check the grammar and give views into the text. parse_message
// uses them to check what every message needs; Uri::parse, NameAddr::parse and Via::parse fill their structs from the
// same views, so what the message check lets through is what the typed parsers accept. Internal to src/sip.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/uri.h"

namespace segue::sip {

/// What a scanner says: nullptr is success, else a static text that names the offending part.
using ScanError = const char*;

struct UriScan {
  std::string_view scheme, user, password, host, params, headers, opaque;  ///< params without the first ';'
  std::uint16_t port = 0;
  bool has_params = false;
};
[[nodiscard]] ScanError scan_uri(std::string_view text, UriScan& out);

struct NameAddrScan {
  std::string_view display;  ///< with its quotes, if it has any
  std::string_view uri;
  std::string_view params;  ///< from the first ';' on, or empty
  bool wildcard = false;
};
/// Checks everything but the URI inside, which scan_uri does.
[[nodiscard]] ScanError scan_name_addr(std::string_view text, NameAddrScan& out);

struct ViaScan {
  std::string_view version, transport, host, params;
  std::uint16_t port = 0;
};
/// Everything up to the parameters, which check_params does. Any version is let through: the answer to a request of
/// another version must find its way, too. parse_message refuses them.
[[nodiscard]] ScanError scan_via(std::string_view text, ViaScan& out);

struct CSeqScan {
  std::uint32_t number = 0;
  std::string_view method;
};
[[nodiscard]] ScanError scan_cseq(std::string_view text, CSeqScan& out);

/// One header parameter; `value` with its quotes.
struct ParamScan {
  std::string_view name, value;
  bool has_value = false;
};
/// Takes one `;name[=value]` from the front of `rest`. False at the end or on an error, which sets `error`.
[[nodiscard]] bool next_param(std::string_view& rest, ParamScan& out, ScanError& error);
[[nodiscard]] ScanError check_params(std::string_view params);
/// Parameters up to the first that is malformed.
[[nodiscard]] std::string_view good_params(std::string_view params);
[[nodiscard]] ScanError fill_params(std::string_view params, Params& out);
void append_param(std::string& out, const Param& param);

/// Length of the quoted string at the front of `text` with both quotes; 0 if it does not begin with a quote or never
/// ends.
[[nodiscard]] std::size_t quoted_length(std::string_view text);
/// Undoes quotes and escapes; text without quotes is returned as it is.
[[nodiscard]] std::string unquote(std::string_view text);
/// Writes `text` as a quoted string, whether it needs quotes or not.
void append_quoted(std::string& out, std::string_view text);
/// Decimal digits only, at most `max`.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max);
/// Host name, IPv4 or bracketed IPv6, then optionally ':' and a port.
[[nodiscard]] ScanError scan_host_port(std::string_view text, std::string_view& host, std::uint16_t& port);

/// The next piece of a comma list, empty pieces too. False when nothing is left.
struct ListCursor {
  std::string_view rest;
  bool done = false;
  [[nodiscard]] bool next(std::string_view& piece);
};

/// Cuts a message's head into lines, folds left inside. A line ends with CRLF; one that ends with a lone LF is given,
/// too, and marked, so that a refusal can still be addressed.
struct LineCursor {
  std::string_view rest;
  bool bare_lf = false;  ///< of any line so far
  /// False at the end of the text or at the empty line, which is consumed and sets `ended`.
  [[nodiscard]] bool next(std::string_view& line);
  bool ended = false;
};

}  // namespace segue::sip
