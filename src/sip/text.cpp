// Text helpers that are part of message.h: comparison, quoting, comma lists.
#include "sip/chars.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace segue::sip {

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    // A quoted pair cannot hold CR or LF (section 25.1), so they cannot be said at all.
    if (c == '\r' || c == '\n') {
      out += ' ';
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || (byte < 0x20 && c != '\t') || byte == 0x7f) out += '\\';
    out += c;
  }
  out += '"';
}

std::string quote(std::string_view text) {
  if (all_of_class(text, kToken)) return std::string(text);
  std::string out;
  append_quoted(out, text);
  return out;
}

std::vector<std::string_view> split_list(std::string_view value) {
  std::vector<std::string_view> list;
  ListCursor cursor{value};
  std::string_view piece;
  while (cursor.next(piece)) {
    if (!piece.empty()) list.push_back(piece);
  }
  return list;
}

std::vector<std::string_view> list_values(const Message& m, std::string_view name) {
  std::vector<std::string_view> list;
  for (const auto& header : m.headers) {
    if (!iequals(header.name, name)) continue;
    const auto values = split_list(header.value);
    list.insert(list.end(), values.begin(), values.end());
  }
  return list;
}

}  // namespace segue::sip
