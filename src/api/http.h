// A request and a response as the Router sees them: values, without the HTTP library. server.cpp translates.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace segue::api {

struct Request {
  std::string method;         ///< "GET"; a HEAD request comes as GET
  std::string target;         ///< "/v1/records?limit=10"
  std::string authorization;  ///< header values; "" if absent
  std::string content_type;
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  ///< others: Location, Allow, WWW-Authenticate ...
  std::string body;                                          ///< none for 204
};

struct Target {
  std::string_view path;
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
};
/// Origin form and absolute form (RFC 9112 section 3.2); nullopt for anything else, more than 16 parameters, or broken
/// percent-encoding.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

}  // namespace segue::api
