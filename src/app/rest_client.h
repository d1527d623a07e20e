// A small blocking client of our own REST API, for the commands that ask a running server and for the demo. One
// connection a request, a deadline on each, answers bounded; problem details (RFC 9457) become an Error whose text a
// person can act on. Owner: any one thread. Never throws.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace segue::app {

inline constexpr std::size_t kMaxRestAnswer = 64U << 20;  // a call record with 1,000 flip reports is 30 MB

class RestClient {
 public:
  /// `server`: "host:port", "[v6]:port" or "host" (port 8080).
  RestClient(std::string server, std::string token, Duration timeout = 10s);

  [[nodiscard]] Result<nlohmann::json> get(std::string_view path) const;
  [[nodiscard]] Result<nlohmann::json> post(std::string_view path, const nlohmann::json& body) const;
  [[nodiscard]] Result<nlohmann::json> patch(std::string_view path, const nlohmann::json& body) const;
  /// The answer's JSON, null where there is none (204).
  [[nodiscard]] Result<nlohmann::json> remove(std::string_view path) const;
  [[nodiscard]] Result<std::string> get_text(std::string_view path) const;

 private:
  [[nodiscard]] Result<std::string> ask(std::string_view method, std::string_view path, std::string_view body) const;
  [[nodiscard]] Result<nlohmann::json> ask_json(std::string_view method, std::string_view path,
                                                std::string_view body) const;
  std::string host_, port_, token_;
  Duration timeout_;
};

}  // namespace segue::app
