// Accounts, devices, numbers. Accounts see their own; administrators see and change all.
#include "api/handlers.h"
#include "record/json.h"

namespace segue::api {
namespace {

using record::id_text;

/// The account in the path, if the asker may see it.
Result<AccountId> own_account(const Context& c) {
  const auto itself = [](AccountId id) { return id; };
  return own<AccountId>(
      c, "acc", "account", [](AccountId id) { return Result<AccountId>(id); }, itself);
}

/// 200 with what was found or changed.
const auto shown = [](const auto& what) { return json_response(200, show(what)); };

Response device_created(const DeviceStatus& status) {
  return created("/v1/devices/" + id_text(status.device.id), show(status));
}

/// The only member of an account that anybody may choose.
tl::expected<std::string, Response> wanted_name(const Context& c) {
  return read_body(c, [](Fields& fields) {
    auto name = fields.text("name", kNameRule);
    fields.require("name");
    return name.value_or("");
  });
}

NewDevice new_device(Fields& fields) {
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
  return device;
}

DeviceChange device_change(Fields& fields) {
  DeviceChange change;
  change.name = fields.text("name", kNameRule);
  change.password = fields.text("password", kPasswordRule);
  change.kind = fields.choice("kind", kind_words());
  change.flip_digit = fields.flip_digit("flip_digit");
  change.auto_answer = fields.flag("auto_answer");
  change.proof_by_answer = fields.flag("proof_by_answer");
  change.sha256 = fields.flag("sha256");
  change.codecs = fields.codecs("codecs");
  return change;
}

struct NewNumber {
  AccountId account;
  std::string digits;
};

NewNumber new_number(Fields& fields) {
  NewNumber number;
  number.account = {fields.id("account", "acc").value_or(0)};
  number.digits = fields.text("digits", kDigitsRule).value_or("");
  for (const char* key : {"account", "digits"}) fields.require(key);
  return number;
}

}  // namespace

Result<Response> list_accounts(const Context& c) {
  return own_items(c, c.service.accounts(), [](const auto& account) { return account.id; });
}

Result<Response> create_account(const Context& c) {
  const auto name = wanted_name(c);
  if (!name) return name.error();
  return c.service.create_account(*name).map(
      [](const auto& account) { return created("/v1/accounts/" + id_text(account.id), show(account)); });
}

Result<Response> get_account(const Context& c) {
  return own_account(c).and_then([&](AccountId id) { return c.service.account(id); }).map(shown);
}

Result<Response> rename_account(const Context& c) {
  const auto id = path_id<AccountId>(c, 0, "acc");
  if (!id) return tl::unexpected(id.error());
  const auto name = wanted_name(c);
  if (!name) return name.error();
  return c.service.rename_account(*id, *name).map(shown);
}

Result<Response> delete_account(const Context& c) {
  return path_id<AccountId>(c, 0, "acc")
      .and_then([&](AccountId id) { return c.service.delete_account(id); })
      .map(no_content);
}

// ---- devices

Result<Response> list_devices(const Context& c) {
  return own_account(c).and_then([&](AccountId id) { return c.service.devices(id); }).map([&](const auto& devices) {
    return own_items(c, devices, [](const auto& status) { return status.device.account; });
  });
}

Result<Response> create_device(const Context& c) {
  const auto account = path_id<AccountId>(c, 0, "acc");
  if (!account) return tl::unexpected(account.error());
  const auto device = read_body(c, new_device);
  if (!device) return device.error();
  return c.service.create_device(*account, *device).map(device_created);
}

Result<Response> get_device(const Context& c) {
  const auto find = [&](DeviceId id) { return c.service.device(id); };
  return own<DeviceId>(c, "dev", "device", find, [](const auto& status) { return status.device.account; }).map(shown);
}

Result<Response> change_device(const Context& c) {
  const auto id = path_id<DeviceId>(c, 0, "dev");
  if (!id) return tl::unexpected(id.error());
  const auto change = read_body(c, device_change);
  if (!change) return change.error();
  return c.service.change_device(*id, *change).map(shown);
}

Result<Response> delete_device(const Context& c) {
  return path_id<DeviceId>(c, 0, "dev")
      .and_then([&](DeviceId id) { return c.service.delete_device(id); })
      .map(no_content);
}

// ---- numbers

Result<Response> list_numbers(const Context& c) {
  return own_items(c, c.service.numbers(), [](const auto& number) { return number.account; });
}

Result<Response> create_number(const Context& c) {
  const auto wanted = read_body(c, new_number);
  if (!wanted) return wanted.error();
  return c.service.create_number(wanted->account, wanted->digits).map([](const auto& number) {
    return created("/v1/numbers/" + id_text(number.id), show(number));
  });
}

Result<Response> get_number(const Context& c) {
  const auto find = [&](NumberId id) { return c.service.number(id); };
  return own<NumberId>(c, "num", "number", find, [](const auto& number) { return number.account; }).map(shown);
}

Result<Response> delete_number(const Context& c) {
  return path_id<NumberId>(c, 0, "num")
      .and_then([&](NumberId id) { return c.service.delete_number(id); })
      .map(no_content);
}

}  // namespace segue::api
