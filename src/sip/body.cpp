// Multipart bodies (RFC 2046 section 5.1 as RFC 5621 uses it): views into the message, nothing is copied.
#include <algorithm>

#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {
namespace {

std::string media_type(std::string_view content_type) {
  std::string type(trim(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  return type;
}

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 section 5.1.1; it also bounds what searching for it can cost

std::string boundary_of(std::string_view content_type) {
  const auto parsed = ValueParams::parse(content_type);
  if (!parsed || parsed->params.get("boundary").size() > kMaxBoundary) return {};
  return std::string(parsed->params.get("boundary"));
}

/// The next place where a line begins with the delimiter; npos if there is none.
std::size_t find_delimiter(std::string_view text, std::string_view delimiter, std::size_t from) {
  for (auto at = text.find(delimiter, from); at != std::string_view::npos; at = text.find(delimiter, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') return at;
  }
  return std::string_view::npos;
}

void collect(std::string_view content_type, std::string_view body, std::size_t depth, std::vector<BodyPart>& out);

void collect_part(std::string_view part, std::size_t depth, std::vector<BodyPart>& out) {
  LineCursor lines{part};
  std::string_view line;
  std::string_view content_type = "text/plain";  // RFC 2046 section 5.1
  while (lines.next(line)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = canonical_name(trim(line.substr(0, colon)));
    if (name == "Content-Type") content_type = trim(line.substr(colon + 1));
  }
  collect(content_type, lines.rest, depth, out);
}

void collect_multipart(std::string_view body, std::string_view boundary, std::size_t depth,
                       std::vector<BodyPart>& out) {
  const auto delimiter = "--" + std::string(boundary);
  auto at = find_delimiter(body, delimiter, 0);
  while (at != std::string_view::npos && out.size() < kMaxBodyParts) {
    const auto after = at + delimiter.size();
    if (body.substr(after, 2) == "--") return;
    const auto line_end = body.find('\n', after);
    if (line_end == std::string_view::npos) return;
    const auto next = find_delimiter(body, delimiter, line_end + 1);
    auto part = body.substr(line_end + 1, next == std::string_view::npos ? next : next - line_end - 1);
    // The line end before a delimiter belongs to the delimiter.
    if (part.ends_with('\n') && next != std::string_view::npos) part.remove_suffix(1);
    if (part.ends_with('\r') && next != std::string_view::npos) part.remove_suffix(1);
    collect_part(part, depth, out);
    at = next;
  }
}

void collect(std::string_view content_type, std::string_view body, std::size_t depth, std::vector<BodyPart>& out) {
  auto type = media_type(content_type);
  const auto boundary = type.starts_with("multipart/") ? boundary_of(content_type) : std::string{};
  if (boundary.empty()) {
    if (out.size() < kMaxBodyParts) out.push_back({std::move(type), body});
    return;
  }
  if (depth < kMaxBodyDepth) collect_multipart(body, boundary, depth + 1, out);
}

}  // namespace

std::vector<BodyPart> body_parts(const Message& m) {
  std::vector<BodyPart> parts;
  if (!m.body.empty()) collect(m.get("Content-Type"), m.body, 0, parts);
  return parts;
}

std::string_view sdp_of(const Message& m) {
  if (m.body.empty()) return {};
  // The usual case without an allocation.
  if (iequals(m.get("Content-Type"), "application/sdp")) return m.body;
  for (const auto& part : body_parts(m)) {
    if (part.content_type == "application/sdp") return part.body;
  }
  return {};
}

}  // namespace segue::sip
