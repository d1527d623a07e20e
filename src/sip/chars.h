// Character classes of the SIP grammar (RFC 3261 section 25.1) as one table, and the small text helpers of the parsers.
// Where really sent messages go beyond the grammar the class is wider, and says so.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace segue::sip {

enum CharClass : std::uint16_t {
  kToken = 1,  ///< token
  kSpace = 2,  ///< SP and HTAB; folds were undone before
  kDigit = 4,
  kAlpha = 8,
  kHex = 16,
  kUser = 32,        ///< unescaped in the user part when printed: unreserved and user-unreserved
  kUserSent = 64,    ///< accepted there: also '#', which phones send in feature codes, and UTF-8
  kHost = 128,       ///< names and IPv4; '_' is no host name, but is what private DNS has
  kParamSent = 256,  ///< accepted in a header parameter's value: printable, without separators that end it
  kUriSent = 512,    ///< accepted in URI parameters, headers and unknown schemes: printable, no space, quote or bracket
  kDisplay = 1024,   ///< unquoted display name: beyond tokens, all that cannot be taken for something else is sent
};

namespace detail {
constexpr bool in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

constexpr std::uint16_t classify(unsigned char byte) {
  const char c = static_cast<char>(byte);
  const bool digit = c >= '0' && c <= '9';
  const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool printable = byte > 0x20 && byte != 0x7f;
  unsigned mask = 0;
  if (digit) mask |= kDigit;
  if (alpha) mask |= kAlpha;
  if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) mask |= kHex;
  if (c == ' ' || c == '\t') mask |= kSpace;
  if (digit || alpha || in("-.!%*_+`'~", c)) mask |= kToken;
  if (digit || alpha || in("-_.!~*'()&=+$,;?/", c)) mask |= kUser;
  if ((mask & kUser) != 0 || c == '#' || c == '%' || byte >= 0x80) mask |= kUserSent;
  if (digit || alpha || in("-._", c)) mask |= kHost;
  if (printable && !in(";,\"<>", c)) mask |= kParamSent;
  if (printable && !in("\"<>", c)) mask |= kUriSent;
  if ((mask & kSpace) != 0 || (printable && !in("\",;<>\\", c))) mask |= kDisplay;
  return static_cast<std::uint16_t>(mask);
}

constexpr std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) table[i] = classify(static_cast<unsigned char>(i));
  return table;
}
inline constexpr auto kTable = make_table();
}  // namespace detail

[[nodiscard]] constexpr bool is_class(char c, CharClass wanted) {
  return (detail::kTable[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// True if `text` has at least one character and all are of the class.
[[nodiscard]] constexpr bool all_of_class(std::string_view text, CharClass wanted) {
  for (const char c : text) {
    if (!is_class(c, wanted)) return false;
  }
  return !text.empty();
}

[[nodiscard]] constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

[[nodiscard]] constexpr std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_class(text.front(), kSpace)) text.remove_prefix(1);
  return text;
}
[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty() && is_class(text.back(), kSpace)) text.remove_suffix(1);
  return text;
}

[[nodiscard]] constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace segue::sip
