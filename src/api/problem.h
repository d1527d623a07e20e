// Errors on the wire: application/problem+json (RFC 9457). The type is a URN of ours, so that programs need not read
// the text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "base/result.h"

namespace segue::api {

/// One member of a body that is not as it must be; `pointer` is a JSON pointer as a URI fragment: "#/flip_digit".
struct FieldError {
  std::string pointer, detail;
};

/// `slug` names the type: "not-found" gives urn:segue:problem:not-found.
[[nodiscard]] Response problem(unsigned status, std::string_view slug, std::string_view title, std::string_view detail);
[[nodiscard]] Response problem(const Error& error);
[[nodiscard]] Response validation_problem(const std::vector<FieldError>& errors);
/// A problem for a log line: "404 Not found: There is no such call."; of a validation problem each member, too.
[[nodiscard]] std::string problem_line(const Response& response);
/// Text of our JSON: what is not UTF-8 (SIP lets it through) is replaced.
[[nodiscard]] std::string json_text(const nlohmann::json& json);
[[nodiscard]] Response json_response(unsigned status, const nlohmann::json& json);

}  // namespace segue::api
