#include "api/router.h"

#include <algorithm>
#include <array>

#include "api/handlers.h"
#include "api/problem.h"
#include "record/json.h"

namespace segue::api {
namespace {

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/v1/accounts", Access::AnyToken, list_accounts},
    {"POST", "/v1/accounts", Access::Administrators, create_account},
    {"GET", "/v1/accounts/{account}", Access::AnyToken, get_account},
    {"PATCH", "/v1/accounts/{account}", Access::Administrators, rename_account},
    {"DELETE", "/v1/accounts/{account}", Access::Administrators, delete_account},
    {"GET", "/v1/accounts/{account}/devices", Access::AnyToken, list_devices},
    {"POST", "/v1/accounts/{account}/devices", Access::Administrators, create_device},
    {"GET", "/v1/devices/{device}", Access::AnyToken, get_device},
    {"PATCH", "/v1/devices/{device}", Access::Administrators, change_device},
    {"DELETE", "/v1/devices/{device}", Access::Administrators, delete_device},
    {"GET", "/v1/numbers", Access::AnyToken, list_numbers},
    {"POST", "/v1/numbers", Access::Administrators, create_number},
    {"GET", "/v1/numbers/{number}", Access::AnyToken, get_number},
    {"DELETE", "/v1/numbers/{number}", Access::Administrators, delete_number},
    {"GET", "/v1/calls", Access::AnyToken, list_calls},
    {"GET", "/v1/calls/{call}", Access::AnyToken, get_call},
    {"DELETE", "/v1/calls/{call}", Access::AnyToken, hang_up},
    {"POST", "/v1/calls/{call}/flips", Access::AnyToken, start_flip},
    {"GET", "/v1/flips/{flip}", Access::AnyToken, get_flip},
    {"DELETE", "/v1/flips/{flip}", Access::AnyToken, cancel_flip},
    {"GET", "/v1/flips/{flip}/timeline.svg", Access::AnyToken, flip_timeline},
    {"GET", "/v1/records", Access::AnyToken, list_records},
    {"GET", "/v1/records/{call}", Access::AnyToken, get_record},
    {"GET", "/v1/tokens", Access::Administrators, list_tokens},
    {"POST", "/v1/tokens", Access::Administrators, create_token},
    {"DELETE", "/v1/tokens/{token}", Access::Administrators, delete_token},
    {"GET", "/v1/health", Access::Everybody, get_health},
    {"GET", "/openapi.yaml", Access::Everybody, get_openapi},
});

std::string_view take_segment(std::string_view& path) {
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(path.size(), segment.size() + 1));
  return segment;
}

/// The path's values for the pattern's {places}; nullopt if it does not match.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view path) {
  if (std::count(pattern.begin(), pattern.end(), '/') != std::count(path.begin(), path.end(), '/')) return std::nullopt;
  std::vector<std::string_view> arguments;
  while (!pattern.empty()) {
    const auto wanted = take_segment(pattern), given = take_segment(path);
    if (wanted.starts_with('{') && !given.empty()) {
      arguments.push_back(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  return arguments;
}

/// "Bearer" is not case-sensitive (RFC 9110 section 11.1); the token is.
Result<std::string_view> bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const bool good =
      authorization.size() > kScheme.size() &&
      std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [&](char a, char b) { return a == lower(b); });
  if (!good) return fail(ErrorKind::Unauthorized, "Send a token: \"Authorization: Bearer ...\".");
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

Result<void> admit(Context& context, Access access) {
  // A public route does not look at credentials unless some are sent; wrong ones are refused there too, not ignored.
  if (access == Access::Everybody && context.request.authorization.empty()) return {};
  const auto token = bearer(context.request.authorization);
  if (!token) return tl::unexpected(token.error());
  auto principal = context.service.authenticate(*token);
  if (!principal) return tl::unexpected(principal.error());
  context.principal = std::move(*principal);
  context.has_token = true;
  if (access == Access::Administrators && !context.principal.admin)
    return fail(ErrorKind::Forbidden, "Only administrators may do this.");
  return {};
}

Response not_allowed(const std::string& allow) {
  Response response = problem(405, "method", "Method not allowed", "This resource knows " + allow + ".");
  response.headers.emplace_back("Allow", allow);
  return response;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Response Router::handle(const Request& request) const {
  const auto target = parse_target(request.target);
  if (!target) return problem(400, "target", "Bad request target", "The path or its parameters cannot be read.");
  std::string allow;
  for (const Route& route : kRoutes) {
    auto arguments = match(route.path, target->path);
    if (!arguments) continue;
    if (route.method != request.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(route.method) + (route.method == "GET" ? ", HEAD" : "");
      continue;
    }
    Context context{service_, request, *target, openapi_, {}, false, std::move(*arguments)};
    if (auto admitted = admit(context, route.access); !admitted) return problem(admitted.error());
    auto response = route.handler(context);
    return response ? std::move(*response) : problem(response.error());
  }
  if (!allow.empty()) return not_allowed(allow);
  return problem(404, "not-found", "Not found", "There is no such resource; /openapi.yaml lists them.");
}

Result<std::uint64_t> path_number(const Context& context, std::size_t index, std::string_view prefix) {
  if (const auto id = record::parse_id(prefix, context.arguments.at(index))) return *id;
  return fail(ErrorKind::NotFound, "There is nothing with this id.");
}

bool owns(const Context& context, AccountId account) {
  return context.principal.admin || (account.valid() && account == context.principal.account);
}

tl::unexpected<Error> not_found(const char* what) {
  return fail(ErrorKind::NotFound, std::string("No such ") + what + ".");
}

Response created(const std::string& location, const nlohmann::json& json) {
  Response response = json_response(201, json);
  response.headers.emplace_back("Location", location);
  return response;
}

Response no_content() { return {204, "", {}, ""}; }

Response items(nlohmann::json list) { return json_response(200, {{"items", std::move(list)}}); }

}  // namespace segue::api
