#include "sip/uri.h"

#include <algorithm>

#include "base/address.h"
#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && is_class(text[i + 1], kHex) && is_class(text[i + 2], kHex);
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return plain;
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_class(c, kUser)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool same_host(const std::string& a, const std::string& b) {
  if (iequals(a, b)) return true;
  if (a.empty() || b.empty() || a.front() != '[' || b.front() != '[') return false;
  const auto left = IpAddress::parse(a);  // one IPv6 address has many spellings (RFC 5954 section 4.2)
  return left && left == IpAddress::parse(b);
}

bool same_param(const Param& a, const Param& b) {
  return a.value.has_value() == b.value.has_value() && (!a.value || iequals(unescape(*a.value), unescape(*b.value)));
}

/// A parameter in only one of the URIs matters if it changes where or how a request is sent. The rules name user, ttl,
/// method and maddr; that transport counts is said by the examples below them.
bool missing_param_matters(std::string_view name) {
  static constexpr std::string_view kNames[] = {"user", "ttl", "method", "maddr", "transport"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](auto n) { return iequals(n, name); });
}

bool params_cover(const Params& a, const Params& b) {
  return std::all_of(a.list.begin(), a.list.end(), [&](const Param& mine) {
    const auto* other = b.find(mine.name);
    return other != nullptr ? same_param(mine, *other) : !missing_param_matters(mine.name);
  });
}

/// Headers of a URI: all must be in both, in any order; names without case.
std::vector<std::string> sorted_headers(std::string_view headers) {
  std::vector<std::string> list;
  while (!headers.empty()) {
    const auto ampersand = headers.find('&');
    const auto one = headers.substr(0, ampersand);
    const auto equals = std::min(one.find('='), one.size());
    list.push_back(lower_case(unescape(one.substr(0, equals))) + unescape(one.substr(equals)));
    if (ampersand == std::string_view::npos) break;
    headers.remove_prefix(ampersand + 1);
  }
  std::sort(list.begin(), list.end());
  return list;
}

/// RFC 3966 section 4: visual separators and case do not count.
std::string plain_number(std::string_view opaque) {
  auto text = lower_case(opaque);
  std::erase_if(text, [](char c) { return c == '-' || c == '.' || c == '(' || c == ')'; });
  return text;
}

void fill_uri_params(std::string_view text, Params& out) {
  while (true) {
    const auto semicolon = text.find(';');
    const auto one = text.substr(0, semicolon);
    const auto equals = one.find('=');
    std::optional<std::string> value;
    if (equals != std::string_view::npos && equals + 1 < one.size()) value = std::string(one.substr(equals + 1));
    out.list.push_back({std::string(one.substr(0, equals)), std::move(value)});
    if (semicolon == std::string_view::npos) return;
    text.remove_prefix(semicolon + 1);
  }
}

}  // namespace

const Param* Params::find(std::string_view name) const {
  for (const auto& param : list) {
    if (iequals(param.name, name)) return &param;
  }
  return nullptr;
}

std::string_view Params::get(std::string_view name) const {
  const auto* param = find(name);
  return param != nullptr && param->value ? std::string_view(*param->value) : std::string_view{};
}

void Params::set(std::string_view name, std::optional<std::string> value) {
  for (auto& param : list) {
    if (!iequals(param.name, name)) continue;
    param.value = std::move(value);
    return;
  }
  list.push_back({std::string(name), std::move(value)});
}

void Params::remove(std::string_view name) {
  std::erase_if(list, [&](const Param& param) { return iequals(param.name, name); });
}

std::string Uri::to_string() const {
  std::string out;
  out.reserve(scheme.size() + user.size() + host.size() + opaque.size() + headers.size() + 32);
  out.append(scheme).append(":");
  if (!is_sip()) return out.append(opaque);
  if (!user.empty()) {
    append_escaped(out, user);
    if (!password.empty()) {
      out += ':';
      append_escaped(out, password);
    }
    out += '@';
  }
  out += host;
  if (port != 0) out.append(":").append(std::to_string(port));
  for (const auto& param : params.list) {
    out.append(";").append(param.name);
    if (param.value) out.append("=").append(*param.value);
  }
  if (!headers.empty()) out.append("?").append(headers);
  return out;
}

bool Uri::equivalent(const Uri& other) const {
  if (scheme != other.scheme) return false;
  if (scheme == "tel") return plain_number(opaque) == plain_number(other.opaque);
  if (!is_sip()) return opaque == other.opaque;
  return user == other.user && password == other.password && port == other.port && same_host(host, other.host) &&
         params_cover(params, other.params) && params_cover(other.params, params) &&
         sorted_headers(headers) == sorted_headers(other.headers);
}

Result<Uri> Uri::parse(std::string_view text) {
  UriScan scan;
  if (const auto error = scan_uri(text, scan)) return fail(ErrorKind::InvalidInput, error);
  Uri uri;
  uri.scheme = lower_case(scan.scheme);
  if (!uri.is_sip()) {
    uri.opaque = scan.opaque;
    return uri;
  }
  uri.user = unescape(scan.user);
  uri.password = unescape(scan.password);
  uri.host = lower_case(scan.host);
  uri.port = scan.port;
  uri.headers = scan.headers;
  if (scan.has_params) fill_uri_params(scan.params, uri.params);
  return uri;
}

}  // namespace segue::sip
