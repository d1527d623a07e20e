#include "sip/scan.h"

#include <algorithm>
#include <cstring>

#include "base/address.h"
#include "sip/chars.h"
#include "sip/message.h"

namespace segue::sip {
namespace {

bool escapes_valid(std::string_view text) {
  for (std::size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    if (i + 2 >= text.size() || !is_class(text[i + 1], kHex) || !is_class(text[i + 2], kHex)) return false;
  }
  return true;
}

ScanError scan_user(std::string_view userinfo, UriScan& out) {
  const auto colon = userinfo.find(':');
  out.user = userinfo.substr(0, colon);
  if (colon != std::string_view::npos) out.password = userinfo.substr(colon + 1);
  if (!all_of_class(out.user, kUserSent)) return "URI: the user part is empty or has characters that must be escaped";
  if (!out.password.empty() && !all_of_class(out.password, kUserSent)) return "URI: malformed password";
  if (!escapes_valid(userinfo)) return "URI: % without two hexadecimal digits in the user part";
  return nullptr;
}

ScanError check_uri_params(std::string_view params) {
  while (true) {
    const auto semicolon = params.find(';');
    const auto one = params.substr(0, semicolon);
    if (!all_of_class(one, kUriSent) || one.front() == '=') return "URI: malformed parameter";
    if (one.find('@') != std::string_view::npos) return "URI: a second @";
    if (semicolon == std::string_view::npos) return nullptr;
    params.remove_prefix(semicolon + 1);
  }
}

ScanError scan_sip_uri(std::string_view rest, UriScan& out) {
  // '@' stands unescaped nowhere before the headers but at the end of the user part, which may itself hold ';' and '?'.
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (const auto error = scan_user(rest.substr(0, at), out)) return error;
    rest.remove_prefix(at + 1);
  }
  if (const auto question = rest.find('?'); question != std::string_view::npos) {
    out.headers = rest.substr(question + 1);
    rest = rest.substr(0, question);
    if (!all_of_class(out.headers, kUriSent)) return "URI: malformed headers";
  }
  if (const auto semicolon = rest.find(';'); semicolon != std::string_view::npos) {
    out.params = rest.substr(semicolon + 1);
    out.has_params = true;
    rest = rest.substr(0, semicolon);
    if (const auto error = check_uri_params(out.params)) return error;
  }
  if (!rest.empty() && (is_class(rest.front(), kSpace) || is_class(rest.back(), kSpace))) return "URI: space";
  return scan_host_port(rest, out.host, out.port);
}

/// The end of an address without brackets is the first ';', and it must not hold what would be ambiguous
/// (section 20.10).
ScanError scan_bare_address(std::string_view text, NameAddrScan& out) {
  const auto semicolon = text.find(';');
  out.uri = trim(text.substr(0, semicolon));
  out.params = semicolon == std::string_view::npos ? std::string_view{} : text.substr(semicolon);
  if (out.uri == "*") {
    out.wildcard = true;
    return out.params.empty() ? nullptr : "address: * has no parameters";
  }
  if (out.uri.find_first_of(",?") != std::string_view::npos) return "address: a URI with , or ? needs < and >";
  return check_params(out.params);
}

}  // namespace

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_class(c, kDigit)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > max) return std::nullopt;
  }
  return static_cast<std::uint32_t>(value);
}

ScanError scan_host_port(std::string_view text, std::string_view& host, std::uint16_t& port) {
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return "host: [ without ]";
    host = text.substr(0, close + 1);
    const auto ip = IpAddress::parse(host);
    if (!ip || !ip->v6) return "host: no IPv6 address in the brackets";
    text = trim_left(text.substr(close + 1));
  } else {
    const auto colon = text.find(':');
    host = trim(text.substr(0, colon));
    if (!all_of_class(host, kHost)) return "host: empty or with characters that no host name has";
    text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (text.empty()) return nullptr;
  if (text.front() != ':') return "host: unexpected text after it";
  const auto number = parse_number(trim(text.substr(1)), 65535);
  if (!number || *number == 0) return "port: not a number from 1 to 65535";
  port = static_cast<std::uint16_t>(*number);
  return nullptr;
}

ScanError scan_uri(std::string_view text, UriScan& out) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return "URI: no scheme";
  out.scheme = text.substr(0, colon);
  if (!is_class(out.scheme.front(), kAlpha)) return "URI: malformed scheme";
  for (const char c : out.scheme) {
    if (!is_class(c, kAlpha) && !is_class(c, kDigit) && c != '+' && c != '-' && c != '.')
      return "URI: malformed scheme";
  }
  const auto rest = text.substr(colon + 1);
  if (iequals(out.scheme, "sip") || iequals(out.scheme, "sips")) return scan_sip_uri(rest, out);
  out.opaque = rest;
  return all_of_class(rest, kUriSent) ? nullptr : "URI: empty or with space, quote or bracket";
}

std::size_t quoted_length(std::string_view text) {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

std::string unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

bool next_param(std::string_view& rest, ParamScan& out, ScanError& error) {
  rest = trim_left(rest);
  if (rest.empty()) return false;
  error = "parameters: malformed";
  if (rest.front() != ';') return false;
  rest = trim_left(rest.substr(1));
  std::size_t length = 0;
  while (length < rest.size() && is_class(rest[length], kToken)) ++length;
  if (length == 0) return false;
  out = {rest.substr(0, length), {}, false};
  rest = trim_left(rest.substr(length));
  error = nullptr;
  if (rest.empty() || rest.front() != '=') return true;
  rest = trim_left(rest.substr(1));
  length = quoted_length(rest);
  if (length == 0 && !rest.empty() && rest.front() == '"') {
    error = "parameters: a quoted string without an end";
    return false;
  }
  if (length == 0) {
    while (length < rest.size() && is_class(rest[length], kParamSent)) ++length;
  }
  out.value = rest.substr(0, length);
  out.has_value = length > 0;  // "rport=" of some phones means the same as "rport"
  rest = rest.substr(length);
  return true;
}

ScanError check_params(std::string_view params) {
  ParamScan one;
  ScanError error = nullptr;
  while (next_param(params, one, error)) {
  }
  return error;
}

std::string_view good_params(std::string_view params) {
  ParamScan one;
  ScanError error = nullptr;
  auto rest = params;
  auto good = params.size() - rest.size();
  while (next_param(rest, one, error)) good = params.size() - rest.size();
  return params.substr(0, good);
}

ScanError fill_params(std::string_view params, Params& out) {
  ParamScan one;
  ScanError error = nullptr;
  while (next_param(params, one, error)) {
    out.list.push_back(
        {std::string(one.name), one.has_value ? std::optional<std::string>(unquote(one.value)) : std::nullopt});
  }
  return error;
}

ScanError scan_name_addr(std::string_view text, NameAddrScan& out) {
  text = trim(text);
  auto after_display = text;
  if (!text.empty() && text.front() == '"') {
    const auto length = quoted_length(text);
    if (length == 0) return "address: the display name's quote never ends";
    out.display = text.substr(0, length);
    after_display = trim_left(text.substr(length));
    if (after_display.empty() || after_display.front() != '<') return "address: no < after the display name";
  } else {
    const auto open = text.find('<');
    const auto semicolon = text.find(';');
    if (open == std::string_view::npos || semicolon < open) return scan_bare_address(text, out);
    out.display = trim(text.substr(0, open));
    if (!out.display.empty() && !all_of_class(out.display, kDisplay)) return "address: the display name needs quotes";
    after_display = text.substr(open);
  }
  const auto close = after_display.find('>');
  if (close == std::string_view::npos) return "address: < without >";
  out.uri = after_display.substr(1, close - 1);
  out.params = trim_left(after_display.substr(close + 1));
  return check_params(out.params);
}

ScanError scan_via(std::string_view text, ViaScan& out) {
  std::string_view parts[2];
  for (auto& part : parts) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return "Via: no SIP/2.0/transport";
    part = trim(text.substr(0, slash));
    text.remove_prefix(slash + 1);
  }
  if (!iequals(parts[0], "SIP") || !all_of_class(parts[1], kToken)) return "Via: not SIP";
  out.version = parts[1];
  text = trim_left(text);
  std::size_t length = 0;
  while (length < text.size() && is_class(text[length], kToken)) ++length;
  out.transport = text.substr(0, length);
  if (length == 0 || length == text.size() || !is_class(text[length], kSpace)) return "Via: malformed transport";
  text = trim_left(text.substr(length));
  const auto semicolon = text.find(';');
  out.params = semicolon == std::string_view::npos ? std::string_view{} : text.substr(semicolon);
  return scan_host_port(trim(text.substr(0, semicolon)), out.host, out.port);
}

ScanError scan_cseq(std::string_view text, CSeqScan& out) {
  text = trim(text);
  std::size_t length = 0;
  while (length < text.size() && is_class(text[length], kDigit)) ++length;
  const auto number = parse_number(text.substr(0, length), 0x7fffffffU);  // below 2^31: section 8.1.1.5
  if (!number) return "CSeq: the number is missing or not below 2^31";
  out.number = *number;
  if (length == text.size() || !is_class(text[length], kSpace)) return "CSeq: no method";
  out.method = trim_left(text.substr(length));
  return all_of_class(out.method, kToken) ? nullptr : "CSeq: the method is no token";
}

bool ListCursor::next(std::string_view& piece) {
  if (done) return false;
  bool bracket = false;
  std::size_t i = 0;
  while (i < rest.size()) {
    const char c = rest[i];
    if (c == '"' && !bracket) {
      const auto length = quoted_length(rest.substr(i));
      i += length == 0 ? rest.size() - i : length;
      continue;
    }
    if (c == '<') bracket = true;
    if (c == '>') bracket = false;
    if (c == ',' && !bracket) break;
    ++i;
  }
  i = std::min(i, rest.size());
  piece = trim(rest.substr(0, i));
  done = i >= rest.size();
  rest.remove_prefix(done ? i : i + 1);
  return true;
}

bool LineCursor::next(std::string_view& line) {
  if (ended || rest.empty()) return false;
  std::size_t end = 0;
  while (true) {
    const auto* found = static_cast<const char*>(std::memchr(rest.data() + end, '\n', rest.size() - end));
    if (found == nullptr) {
      line = rest;
      rest = {};
      return true;
    }
    const auto lf = static_cast<std::size_t>(found - rest.data());
    const bool crlf = lf > 0 && rest[lf - 1] == '\r';
    bare_lf |= !crlf;
    const auto text_end = lf - (crlf ? 1 : 0);
    if (text_end == 0) {
      rest.remove_prefix(lf + 1);
      ended = true;
      return false;
    }
    end = lf + 1;
    if (end < rest.size() && is_class(rest[end], kSpace)) continue;  // a fold: the line goes on
    line = rest.substr(0, text_end);
    rest.remove_prefix(end);
    return true;
  }
}

}  // namespace segue::sip
