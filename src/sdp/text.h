// Small readers of SDP text shared by the parser's files: words, numbers, words without case. Pure; no state.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace segue::sdp {

/// Cuts the next word (blanks between words may be several) off the front of `rest`; "" at the end.
[[nodiscard]] inline std::string_view next_word(std::string_view& rest) {
  const auto begin = rest.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    rest = {};
    return {};
  }
  const auto end = rest.find_first_of(" \t", begin);
  const auto word = rest.substr(begin, end == std::string_view::npos ? end : end - begin);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return word;
}

/// A whole decimal number not above `max`; nullopt for anything else (signs, blanks, an empty word).
[[nodiscard]] inline std::optional<std::uint32_t> number(std::string_view word, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || stop != end || value > max) return std::nullopt;
  return value;
}

/// Compares without ASCII case; `lower` is written in small letters.
[[nodiscard]] inline bool is_word(std::string_view word, std::string_view lower) {
  if (word.size() != lower.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i] >= 'A' && word[i] <= 'Z' ? static_cast<char>(word[i] + 32) : word[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace segue::sdp
