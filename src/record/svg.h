// The few pieces of SVG that the flip picture is made of: escaped text, and the document with its style sheet (light
// and dark). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace segue::record {

struct Point {
  double x = 0, y = 0;
};

[[nodiscard]] std::size_t code_points(std::string_view utf8);
/// Text from outside for XML: markup escaped, what XML 1.0 forbids (controls, broken UTF-8) as U+FFFD, at most `max`
/// characters with an ellipsis.
[[nodiscard]] std::string xml_text(std::string_view text, std::size_t max);
/// `text` broken at spaces into rows of at most `max` characters; what does not fit into `rows` ends the last one with
/// an ellipsis. None for an empty text.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t max, std::size_t rows);
[[nodiscard]] std::string svg_text(Point at, std::string_view css_class, std::string_view text, std::size_t max);
/// `title` and `description` are what a screen reader says.
[[nodiscard]] std::string svg_document(Point size, std::string_view title, std::string_view description,
                                       std::string_view body);

}  // namespace segue::record
