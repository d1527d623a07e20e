#include "sip/message.h"

#include <algorithm>
#include <charconv>

#include "sip/scan.h"

namespace segue::sip {
namespace {

/// CR or LF in a value would let whoever made the value write headers of his own, or a second message.
void append_line_safe(std::string& out, std::string_view text) {
  const auto start = out.size();
  out.append(text);
  if (text.find('\n') == std::string_view::npos && text.find('\r') == std::string_view::npos) return;
  for (auto i = start; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n') out[i] = ' ';
  }
}

void append_start_line(std::string& out, const Message& m) {
  if (m.is_request) {
    append_line_safe(out, m.method);
    out += ' ';
    append_line_safe(out, m.request_uri.to_string());
    out += " SIP/2.0\r\n";
    return;
  }
  out.append("SIP/2.0 ").append(std::to_string(m.status)).append(" ");
  append_line_safe(out, m.reason);
  out += "\r\n";
}

void copy_headers(const Message& from, Message& to, std::string_view name) {
  for (const auto& header : from.headers) {
    if (iequals(header.name, name)) to.headers.push_back(header);
  }
}

/// The tag goes to the end of the value as it was sent, so that the peer finds its own To unchanged before it.
std::string with_tag(const std::string& to, std::string_view tag) {
  NameAddrScan scan;
  if (tag.empty() || scan_name_addr(to, scan) != nullptr) return to;
  Params params;
  if (fill_params(scan.params, params) != nullptr || params.has("tag")) return to;
  return to + ";tag=" + std::string(tag);
}

}  // namespace

const std::string* Message::find(std::string_view name) const {
  for (const auto& header : headers) {
    if (header.name.size() == name.size() && iequals(header.name, name)) return &header.value;
  }
  return nullptr;
}

std::string_view Message::get(std::string_view name) const {
  const auto* value = find(name);
  return value != nullptr ? std::string_view(*value) : std::string_view{};
}

std::vector<std::string_view> Message::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& header : headers) {
    if (iequals(header.name, name)) values.emplace_back(header.value);
  }
  return values;
}

void Message::add(std::string_view name, std::string value) {
  headers.push_back({std::string(canonical_name(name)), std::move(value)});
}

void Message::add_first(std::string_view name, std::string value) {
  headers.insert(headers.begin(), Header{std::string(canonical_name(name)), std::move(value)});
}

void Message::set(std::string_view name, std::string value) {
  const auto same = [&](const Header& header) { return iequals(header.name, name); };
  const auto first = std::find_if(headers.begin(), headers.end(), same);
  if (first == headers.end()) {
    add(name, std::move(value));
    return;
  }
  first->value = std::move(value);
  headers.erase(std::remove_if(first + 1, headers.end(), same), headers.end());
}

void Message::remove(std::string_view name) {
  std::erase_if(headers, [&](const Header& header) { return iequals(header.name, name); });
}

std::string Message::to_string() const {
  std::size_t size = 256 + body.size();
  for (const auto& header : headers) size += header.name.size() + header.value.size() + 4;
  std::string out;
  out.reserve(size);
  append_start_line(out, *this);
  for (const auto& header : headers) {
    if (iequals(header.name, "Content-Length")) continue;
    append_line_safe(out, header.name);
    out += ": ";
    append_line_safe(out, header.value);
    out += "\r\n";
  }
  out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  out += body;
  return out;
}

Message make_response(const Message& request, int status, std::string_view to_tag, std::string_view reason) {
  Message response;
  response.is_request = false;
  response.method = request.method;
  response.status = status;
  response.reason = reason.empty() ? reason_phrase(status) : reason;
  response.headers.reserve(16);
  copy_headers(request, response, "Via");
  copy_headers(request, response, "From");
  if (const auto* to = request.find("To")) response.headers.push_back({"To", with_tag(*to, to_tag)});
  copy_headers(request, response, "Call-ID");
  copy_headers(request, response, "CSeq");
  if (status == 100) copy_headers(request, response, "Timestamp");  // section 8.2.6.1
  return response;
}

}  // namespace segue::sip
