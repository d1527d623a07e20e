#include "record/svg.h"

#include <fmt/format.h>

#include <cstdint>

namespace segue::record {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the well-formed UTF-8 sequence at the front (RFC 3629 section 4), 0 if there is none.
std::size_t sequence_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<std::uint8_t>(s[i]) : std::uint8_t{0}; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const std::uint8_t lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && second < 0xA0, surrogate = lead == 0xED && second > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && second < 0x90, too_high = lead == 0xF4 && second > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, std::string_view character) {
  switch (character.front()) {
    case '&':
      out += "&amp;";
      return;
    case '<':
      out += "&lt;";
      return;
    case '>':
      out += "&gt;";
      return;
    case '"':
      out += "&quot;";
      return;
    case '\'':
      out += "&#39;";
      return;
    default:
      break;
  }
  const bool control = character.size() == 1 && static_cast<std::uint8_t>(character.front()) < 0x20;
  const bool not_xml = character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";  // U+FFFE, U+FFFF
  out += control || not_xml ? kReplacement : character;
}

constexpr std::string_view kStyle = R"(
svg { font-family: ui-sans-serif, "Inter", "Helvetica Neue", "Segoe UI", "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
.page { fill: #ffffff; } .lane { fill: #f3f5f8; }
text { fill: #182230; font-size: 13px; }
.headline { font-size: 25px; font-weight: 650; } .subline { font-size: 13.5px; fill: #5b6675; }
.label { font-weight: 600; font-size: 13.5px; } .title { font-size: 13.5px; }
.muted { fill: #5b6675; font-size: 12px; } .note { fill: #8a5a00; font-size: 11.5px; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.value { font-weight: 650; font-size: 13.5px; }
.good { fill: #127a43; } .bad { fill: #c22525; } .unknown { fill: #6d7785; }
.good-fill { fill: #17915a; } .bad-fill { fill: #d23434; } .unknown-fill { fill: #8b95a3; }
.glyph { fill: none; stroke: #ffffff; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.used.a { fill: #2f6fde; } .used.b { fill: #e0831a; }
.unused { fill: none; stroke-width: 1.4; } .unused.a { stroke: #2f6fde; } .unused.b { stroke: #e0831a; }
.used.own { fill: #98a2b1; } .broken { fill: #d23434; fill-opacity: 0.09; }
.gap { fill: #d23434; fill-opacity: 0.18; } .gap-label { fill: #c22525; font-weight: 650; font-size: 12px; }
.axis { stroke: #9aa5b4; stroke-width: 1; } .rule { stroke: #e3e7ee; stroke-width: 1; }
.splice { stroke: #182230; stroke-width: 1.4; stroke-dasharray: 4 3; } .pill { fill: #182230; }
.pill-text { fill: #ffffff; font-weight: 600; font-size: 12px; }
@media (prefers-color-scheme: dark) {
  .page { fill: #10151d; } .lane { fill: #1a222d; } text { fill: #e8edf4; }
  .subline, .muted { fill: #9eabbc; } .note { fill: #e2b25c; }
  .good { fill: #4cc98a; } .bad { fill: #ff7a7a; } .unknown { fill: #9eabbc; }
  .used.a { fill: #6ea3ff; } .used.b { fill: #ffae52; } .unused.a { stroke: #6ea3ff; } .unused.b { stroke: #ffae52; }
  .used.own { fill: #7d8999; } .gap-label { fill: #ff7a7a; } .rule { stroke: #27313e; } .axis { stroke: #5f6c7c; }
  .splice { stroke: #e8edf4; } .pill { fill: #e8edf4; } .pill-text { fill: #10151d; }
}
)";

}  // namespace

std::size_t code_points(std::string_view utf8) {
  std::size_t count = 0;
  for (; !utf8.empty(); ++count) utf8.remove_prefix(std::max<std::size_t>(1, sequence_length(utf8)));
  return count;
}

std::string xml_text(std::string_view text, std::size_t max) {
  const bool cut = code_points(text) > max;
  std::string out;
  for (std::size_t shown = 0; !text.empty() && shown < (cut ? max - 1 : max); ++shown) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      out += kReplacement;
    } else {
      append_escaped(out, text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return cut ? out + "…" : out;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t max, std::size_t rows) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    const bool fits = !out.empty() && code_points(out.back()) + 1 + code_points(word) <= max;
    if (!fits && out.size() == rows) {  // svg_text() cuts a row that is too long
      out.back() += ' ';
      out.back() += text;
      break;
    }
    if (fits) {
      out.back() += ' ';
      out.back() += word;
    } else {
      out.emplace_back(word);
    }
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return out;
}

std::string svg_text(Point at, std::string_view css_class, std::string_view text, std::size_t max) {
  return fmt::format("<text class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\">{}</text>\n", css_class, at.x, at.y,
                     xml_text(text, max));
}

std::string svg_document(Point size, std::string_view title, std::string_view description, std::string_view body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{2}</title>\n<desc "
      "id=\"d\">{3}</desc>\n<style>{4}</style>\n"
      "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{5}</svg>\n",
      size.x, size.y, xml_text(title, 300), xml_text(description, 300), kStyle, body);
}

}  // namespace segue::record
