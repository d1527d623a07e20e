// Tokens, health, and the contract itself.
#include "api/body.h"
#include "api/handlers.h"
#include "api/show.h"
#include "record/json.h"

namespace segue::api {

using nlohmann::json;

Result<Response> list_tokens(const Context& c) {
  json list = json::array();
  for (auto& token : c.service.tokens()) {
    token.secret.clear();  // shown once only, when it is made
    list.push_back(show(token));
  }
  return items(std::move(list));
}

Result<Response> create_token(const Context& c) {
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  NewToken token;
  token.name = fields.text("name", kNameRule).value_or("");
  // To be named even if it is null: nobody should make an administrator by leaving something out.
  for (const char* key : {"name", "account"}) fields.require(key);
  if (const auto account = fields.id("account", "acc", true)) token.account = AccountId{*account};
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.create_token(token).map(
      [](const auto& made) { return created("/v1/tokens/" + made.id, show(made)); });
}

Result<Response> delete_token(const Context& c) { return c.service.delete_token(c.arguments.at(0)).map(no_content); }

Result<Response> get_health(const Context& c) {
  const Health health = c.service.health();
  if (c.principal.admin) return json_response(200, show(health));
  return json_response(200, {{"status", health.store_ok ? "ok" : "degraded"}});
}

Result<Response> get_openapi(const Context& c) {
  if (c.openapi.empty()) return not_found("document in this build");
  return Response{200, "application/yaml", {}, c.openapi};
}

}  // namespace segue::api
