// From a request to a response: the table of routes, who may use each, and their handlers (routes_*.cpp). No sockets,
// so tests and the server use the same thing. Runs on the signalling loop; the Service's calls return at once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "api/service.h"

namespace segue::api {

/// Who may use a route. What an account may see of it is the handler's business: others' things are 404 to it.
enum class Access { Everybody, AnyToken, Administrators };

/// All that a handler needs for one request.
struct Context {
  Service& service;
  const Request& request;
  const Target& target;
  const std::string& openapi;
  Principal principal;
  bool has_token = false;
  std::vector<std::string_view> arguments{};  ///< what stands in the path's {places}
};
using Handler = Result<Response> (*)(const Context&);

struct Route {
  std::string_view method;
  std::string_view path;  ///< as in openapi.yaml: "/v1/accounts/{account}/devices"
  Access access = Access::AnyToken;
  Handler handler = nullptr;
};
/// The whole API; a test holds openapi.yaml to it.
[[nodiscard]] std::span<const Route> routes();

class Router {
 public:
  Router(Service& service, std::string openapi) : service_(service), openapi_(std::move(openapi)) {}
  [[nodiscard]] Response handle(const Request& request) const;

 private:
  Service& service_;
  std::string openapi_;
};

}  // namespace segue::api
