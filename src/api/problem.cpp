#include "api/problem.h"

#include <nlohmann/json.hpp>

namespace segue::api {
namespace {

using nlohmann::json;

Response problem_response(unsigned status, std::string_view slug, std::string_view title, std::string_view detail,
                          json more) {
  more["type"] = "urn:segue:problem:" + std::string(slug);
  more["title"] = title;
  more["status"] = status;
  more["detail"] = detail;
  Response response{status, "application/problem+json", {}, json_text(more)};
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"segue\"");
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace

Response problem(unsigned status, std::string_view slug, std::string_view title, std::string_view detail) {
  return problem_response(status, slug, title, detail, json::object());
}

Response problem(const Error& error) {
  switch (error.kind) {
    case ErrorKind::InvalidInput:
      return problem(422, "invalid", "Invalid input", error.text);
    case ErrorKind::NotFound:
      return problem(404, "not-found", "Not found", error.text);
    case ErrorKind::Conflict:
      return problem(409, "conflict", "Conflict", error.text);
    case ErrorKind::Unauthorized:
      return problem(401, "unauthorized", "A token is needed", error.text);
    case ErrorKind::Forbidden:
      return problem(403, "forbidden", "Not allowed", error.text);
    case ErrorKind::Exhausted:
      return problem(503, "exhausted", "A limit is reached", error.text);
    case ErrorKind::Unavailable:
      return problem(503, "unavailable", "Not available now", error.text);
    case ErrorKind::Internal:
      break;
  }
  return problem(500, "internal", "Internal error", error.text);
}

Response validation_problem(const std::vector<FieldError>& errors) {
  json list = json::array();
  for (const auto& error : errors) list.push_back({{"pointer", error.pointer}, {"detail", error.detail}});
  return problem_response(422, "invalid", "Invalid input", "The body is not as it must be; see errors.",
                          {{"errors", std::move(list)}});
}

std::string problem_line(const Response& response) {
  const json problem = json::parse(response.body, nullptr, false);
  std::string line = std::to_string(response.status);
  if (!problem.is_object()) return line;
  line += " " + problem.value("title", "") + ": " + problem.value("detail", "");
  for (const auto& error : problem.value("errors", json::array())) {
    line += " " + error.value("pointer", "") + " " + error.value("detail", "") + ";";
  }
  return line;
}

std::string json_text(const json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

Response json_response(unsigned status, const json& json) { return {status, "application/json", {}, json_text(json)}; }

}  // namespace segue::api
