// Accounts, devices, numbers. Accounts see their own; administrators see and change all.
#include "api/body.h"
#include "api/handlers.h"
#include "api/show.h"
#include "record/json.h"

namespace segue::api {
namespace {

using nlohmann::json;
using record::id_text;

/// The account in the path, if the asker may see it.
Result<AccountId> own_account(const Context& c) {
  auto id = path_id<AccountId>(c, 0, "acc");
  if (id && !owns(c, *id)) return not_found("account");
  return id;
}

Response device_created(const DeviceStatus& status) {
  return created("/v1/devices/" + id_text(status.device.id), show(status));
}

}  // namespace

Result<Response> list_accounts(const Context& c) {
  json list = json::array();
  for (const auto& account : c.service.accounts()) {
    if (owns(c, account.id)) list.push_back(show(account));
  }
  return items(std::move(list));
}

Result<Response> create_account(const Context& c) {
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  const auto name = fields.text("name", kNameRule);
  fields.require("name");
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.create_account(*name).map(
      [](const auto& account) { return created("/v1/accounts/" + id_text(account.id), show(account)); });
}

Result<Response> get_account(const Context& c) {
  return own_account(c).and_then([&](AccountId id) { return c.service.account(id); }).map([](const auto& account) {
    return json_response(200, show(account));
  });
}

Result<Response> rename_account(const Context& c) {
  const auto id = path_id<AccountId>(c, 0, "acc");
  if (!id) return tl::unexpected(id.error());
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  const auto name = fields.text("name", kNameRule);
  fields.require("name");
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.rename_account(*id, *name).map([](const auto& account) {
    return json_response(200, show(account));
  });
}

Result<Response> delete_account(const Context& c) {
  return path_id<AccountId>(c, 0, "acc")
      .and_then([&](AccountId id) { return c.service.delete_account(id); })
      .map(no_content);
}

// ---- devices
// ---------------------------------------------------------------------------------------------------------

Result<Response> list_devices(const Context& c) {
  return own_account(c).and_then([&](AccountId id) { return c.service.devices(id); }).map([](const auto& devices) {
    json list = json::array();
    for (const auto& status : devices) list.push_back(show(status));
    return items(std::move(list));
  });
}

Result<Response> create_device(const Context& c) {
  const auto account = path_id<AccountId>(c, 0, "acc");
  if (!account) return tl::unexpected(account.error());
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  NewDevice device;
  device.username = fields.text("username", kUsernameRule).value_or("");
  device.password = fields.text("password", kPasswordRule).value_or("");
  device.name = fields.text("name", kNameRule).value_or("");
  for (const char* key : {"username", "password", "name"}) fields.require(key);
  device.kind = fields.choice("kind", kind_words()).value_or(device.kind);
  device.flip_digit = fields.flip_digit("flip_digit").value_or(char{0});
  device.auto_answer = fields.flag("auto_answer").value_or(false);
  device.proof_by_answer = fields.flag("proof_by_answer").value_or(false);
  device.sha256 = fields.flag("sha256").value_or(false);
  device.codecs = fields.codecs("codecs").value_or(std::vector<Codec>{});
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.create_device(*account, device).map(device_created);
}

Result<Response> get_device(const Context& c) {
  const auto id = path_id<DeviceId>(c, 0, "dev");
  if (!id) return tl::unexpected(id.error());
  const auto status = c.service.device(*id);
  if (!status) return tl::unexpected(status.error());
  if (!owns(c, status->device.account)) return not_found("device");
  return json_response(200, show(*status));
}

Result<Response> change_device(const Context& c) {
  const auto id = path_id<DeviceId>(c, 0, "dev");
  if (!id) return tl::unexpected(id.error());
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  DeviceChange change;
  change.name = fields.text("name", kNameRule);
  change.password = fields.text("password", kPasswordRule);
  change.kind = fields.choice("kind", kind_words());
  change.flip_digit = fields.flip_digit("flip_digit");
  change.auto_answer = fields.flag("auto_answer");
  change.proof_by_answer = fields.flag("proof_by_answer");
  change.sha256 = fields.flag("sha256");
  change.codecs = fields.codecs("codecs");
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.change_device(*id, change).map([](const auto& status) { return json_response(200, show(status)); });
}

Result<Response> delete_device(const Context& c) {
  return path_id<DeviceId>(c, 0, "dev")
      .and_then([&](DeviceId id) { return c.service.delete_device(id); })
      .map(no_content);
}

// ---- numbers
// ---------------------------------------------------------------------------------------------------------

Result<Response> list_numbers(const Context& c) {
  json list = json::array();
  for (const auto& number : c.service.numbers()) {
    if (owns(c, number.account)) list.push_back(show(number));
  }
  return items(std::move(list));
}

Result<Response> create_number(const Context& c) {
  const auto body = parse_body(c.request);
  if (!body) return body.error();
  Fields fields(*body);
  const auto account = fields.id("account", "acc");
  const auto digits = fields.text("digits", kDigitsRule);
  for (const char* key : {"account", "digits"}) fields.require(key);
  if (auto wrong = fields.finish()) return *wrong;
  return c.service.create_number({*account}, *digits).map([](const auto& number) {
    return created("/v1/numbers/" + id_text(number.id), show(number));
  });
}

Result<Response> get_number(const Context& c) {
  const auto id = path_id<NumberId>(c, 0, "num");
  if (!id) return tl::unexpected(id.error());
  const auto number = c.service.number(*id);
  if (!number) return tl::unexpected(number.error());
  if (!owns(c, number->account)) return not_found("number");
  return json_response(200, show(*number));
}

Result<Response> delete_number(const Context& c) {
  return path_id<NumberId>(c, 0, "num")
      .and_then([&](NumberId id) { return c.service.delete_number(id); })
      .map(no_content);
}

}  // namespace segue::api
