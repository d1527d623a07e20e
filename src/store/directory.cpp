// Accounts, devices and numbers of the Store.
#include <fmt/format.h>

#include "store/codec_list.h"
#include "store/parts.h"

namespace segue::store {
namespace {

constexpr const char* kDeviceColumns =
    "id, account, username, name, kind, flip_digit, auto_answer, proof_by_answer, sha256, codecs, ha1_md5, ha1_sha256";

call::Device device_of(const Statement& row) {
  call::Device device;
  device.id = {row.id(0)};
  device.account = {row.id(1)};
  device.username = row.text(2);
  device.name = row.text(3);
  device.kind = static_cast<call::DeviceKind>(row.integer(4));  // the schema's CHECK keeps it in range
  device.flip_digit = row.is_null(5) ? char{0} : static_cast<char>('0' + row.integer(5));
  device.auto_answer = row.integer(6) != 0;
  device.proof_by_answer = row.integer(7) != 0;
  device.sha256 = row.integer(8) != 0;
  device.codecs = parse_codec_list(row.text(9));
  device.ha1_md5 = row.text(10);
  device.ha1_sha256 = row.text(11);
  return device;
}

/// Parameters 2 to 11, in the order of the columns.
void bind_device(Statement& statement, const call::Device& device) {
  statement.bind(2, device.username).bind(3, device.name).bind(4, static_cast<std::int64_t>(device.kind));
  if (device.flip_digit == 0) {
    statement.bind_null(5);
  } else {
    statement.bind(5, static_cast<std::int64_t>(device.flip_digit - '0'));
  }
  statement.bind(6, std::int64_t{device.auto_answer}).bind(7, std::int64_t{device.proof_by_answer});
  statement.bind(8, std::int64_t{device.sha256}).bind(9, codec_list(device.codecs));
  statement.bind(10, device.ha1_md5).bind(11, device.ha1_sha256);
}

/// SQLite's words for a person.
Error device_error(const Error& error, const call::Device& device) {
  const bool digit = error.text.find("flip_digit") != std::string::npos;
  if (error.kind == ErrorKind::Conflict)
    return {error.kind, digit
                            ? fmt::format("flip digit {} is taken by another device of the account", device.flip_digit)
                            : fmt::format("username {} is taken", device.username)};
  if (error.kind == ErrorKind::NotFound) return {error.kind, "no such account"};
  if (error.kind == ErrorKind::InvalidInput)
    return {error.kind, digit ? "a flip digit is 1 to 9" : "a device's HA1 is lower-case hex, of the digest's length"};
  return error;
}

template <typename T, typename Make>
Result<std::vector<T>> all(Database& database, std::string_view sql, Make make) {
  auto select = database.prepare(sql);
  std::vector<T> items;
  while (true) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return items;
    items.push_back(make(select));
  }
}

/// Runs a statement that must touch one row.
Result<void> touch(Database& database, Statement& statement, const char* missing) {
  if (auto done = statement.run(); !done) return done;
  if (database.changes() == 0) return fail(ErrorKind::NotFound, missing);
  return {};
}

Result<void> erase(Database& database, std::string_view sql, std::uint64_t id, const char* missing) {
  auto statement = database.prepare(sql);
  statement.bind(1, id);
  return touch(database, statement, missing);
}

}  // namespace

Result<std::vector<call::Account>> Store::accounts() {
  return all<call::Account>(parts_->database, "SELECT id, name FROM accounts ORDER BY id", [](const Statement& row) {
    return call::Account{{row.id(0)}, row.text(1)};
  });
}

Result<call::Account> Store::add_account(std::string name) {
  auto insert = parts_->database.prepare("INSERT INTO accounts (name) VALUES (?1)");
  if (auto done = insert.bind(1, name).run(); !done) return tl::unexpected(done.error());
  return call::Account{{parts_->database.last_id()}, std::move(name)};
}

Result<void> Store::rename_account(AccountId id, const std::string& name) {
  auto update = parts_->database.prepare("UPDATE accounts SET name=?2 WHERE id=?1");
  update.bind(1, id.value).bind(2, name);
  return touch(parts_->database, update, "no such account");
}

Result<void> Store::delete_account(AccountId id) {
  return erase(parts_->database, "DELETE FROM accounts WHERE id=?1", id.value, "no such account");
}

Result<std::vector<call::Device>> Store::devices() {
  return all<call::Device>(parts_->database, fmt::format("SELECT {} FROM devices ORDER BY id", kDeviceColumns),
                           device_of);
}

Result<call::Device> Store::add_device(call::Device device) {
  auto insert = parts_->database.prepare(
      "INSERT INTO devices (account, username, name, kind, flip_digit, auto_answer, proof_by_answer, sha256, codecs, "
      "ha1_md5, "
      "ha1_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  bind_device(insert, device);
  if (auto done = insert.bind(1, device.account.value).run(); !done)
    return tl::unexpected(device_error(done.error(), device));
  device.id = {parts_->database.last_id()};
  return device;
}

Result<void> Store::update_device(const call::Device& device) {
  auto update = parts_->database.prepare(
      "UPDATE devices SET username=?2, name=?3, kind=?4, flip_digit=?5, auto_answer=?6, proof_by_answer=?7, sha256=?8, "
      "codecs=?9, "
      "ha1_md5=?10, ha1_sha256=?11 WHERE id=?1");
  bind_device(update, device);
  update.bind(1, device.id.value);
  if (auto done = update.run(); !done) return tl::unexpected(device_error(done.error(), device));
  if (parts_->database.changes() == 0) return fail(ErrorKind::NotFound, "no such device");
  return {};
}

Result<void> Store::delete_device(DeviceId id) {
  return erase(parts_->database, "DELETE FROM devices WHERE id=?1", id.value, "no such device");
}

Result<std::vector<call::Number>> Store::numbers() {
  return all<call::Number>(parts_->database, "SELECT id, account, digits FROM numbers ORDER BY id",
                           [](const Statement& row) {
                             return call::Number{{row.id(0)}, {row.id(1)}, row.text(2)};
                           });
}

Result<call::Number> Store::add_number(AccountId account, const std::string& digits) {
  auto insert = parts_->database.prepare("INSERT INTO numbers (account, digits) VALUES (?1, ?2)");
  const auto done = insert.bind(1, account.value).bind(2, digits).run();
  if (done) return call::Number{{parts_->database.last_id()}, account, digits};
  if (done.error().kind == ErrorKind::Conflict)
    return fail(ErrorKind::Conflict, fmt::format("number {} is taken", digits));
  if (done.error().kind == ErrorKind::NotFound) return fail(ErrorKind::NotFound, "no such account");
  return tl::unexpected(done.error());
}

Result<void> Store::delete_number(NumberId id) {
  return erase(parts_->database, "DELETE FROM numbers WHERE id=?1", id.value, "no such number");
}

}  // namespace segue::store
