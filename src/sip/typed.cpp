// The typed headers of message.h: each is parsed on demand from the string that the message keeps.
#include <algorithm>

#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

void append_params(std::string& out, const Params& params) {
  for (const auto& param : params.list) append_param(out, param);
}

Result<NameAddr> build(std::string_view text) {
  NameAddrScan scan;
  if (const auto error = scan_name_addr(text, scan)) return fail(ErrorKind::InvalidInput, error);
  NameAddr address;
  address.wildcard = scan.wildcard;
  if (scan.wildcard) return address;
  auto uri = Uri::parse(scan.uri);
  if (!uri) return tl::unexpected(std::move(uri.error()));
  address.uri = std::move(*uri);
  address.display = unquote(scan.display);
  if (const auto error = fill_params(scan.params, address.params)) return fail(ErrorKind::InvalidInput, error);
  return address;
}

}  // namespace

void append_param(std::string& out, const Param& param) {
  out.append(";").append(param.name);
  if (!param.value) return;
  out += '=';
  // A host may be a value, too ("received"), and its brackets and colons need no quotes.
  const bool plain = std::all_of(param.value->begin(), param.value->end(),
                                 [](char c) { return is_class(c, kToken) || c == '[' || c == ']' || c == ':'; });
  out += plain && !param.value->empty() ? *param.value : quote(*param.value);
}

std::string NameAddr::to_string() const {
  if (wildcard) return "*";
  std::string out;
  if (!display.empty()) {
    append_quoted(out, display);
    out += ' ';
  }
  out.append("<").append(uri.to_string()).append(">");
  append_params(out, params);
  return out;
}

Result<NameAddr> NameAddr::parse(std::string_view text) { return build(text); }

Result<std::vector<NameAddr>> NameAddr::parse_list(std::string_view text) {
  std::vector<NameAddr> list;
  ListCursor cursor{text};
  std::string_view piece;
  while (cursor.next(piece)) {
    auto one = build(piece);
    if (!one) return tl::unexpected(std::move(one.error()));
    list.push_back(std::move(*one));
  }
  if (list.size() > 1 && std::any_of(list.begin(), list.end(), [](const NameAddr& a) { return a.wildcard; })) {
    return fail(ErrorKind::InvalidInput, "address: * must stand alone");
  }
  return list;
}

std::string Via::to_string() const {
  std::string out = "SIP/2.0/" + transport + " " + host;
  if (port != 0) out.append(":").append(std::to_string(port));
  append_params(out, params);
  return out;
}

Result<Via> Via::parse(std::string_view text) {
  ViaScan scan;
  if (const auto error = scan_via(trim(text), scan)) return fail(ErrorKind::InvalidInput, error);
  Via via;
  via.transport = scan.transport;
  std::transform(via.transport.begin(), via.transport.end(), via.transport.begin(), upper);
  via.host = scan.host;
  via.port = scan.port;
  if (const auto error = fill_params(scan.params, via.params)) return fail(ErrorKind::InvalidInput, error);
  return via;
}

std::string CSeq::to_string() const { return std::to_string(number) + " " + method; }

Result<CSeq> CSeq::parse(std::string_view text) {
  CSeqScan scan;
  if (const auto error = scan_cseq(text, scan)) return fail(ErrorKind::InvalidInput, error);
  return CSeq{scan.number, std::string(scan.method)};
}

std::string ValueParams::to_string() const {
  std::string out = value;
  append_params(out, params);
  return out;
}

Result<ValueParams> ValueParams::parse(std::string_view text) {
  const auto semicolon = text.find(';');
  ValueParams parsed;
  parsed.value = trim(text.substr(0, semicolon));
  if (parsed.value.empty()) return fail(ErrorKind::InvalidInput, "no value before the parameters");
  if (semicolon == std::string_view::npos) return parsed;
  if (const auto error = fill_params(text.substr(semicolon), parsed.params))
    return fail(ErrorKind::InvalidInput, error);
  return parsed;
}

}  // namespace segue::sip
