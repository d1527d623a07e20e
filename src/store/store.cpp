// Opening and closing, tokens, settings; directory.cpp and records.cpp have the rest.
#include "store/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "store/parts.h"
#include "store/schema.h"

namespace segue::store {
namespace {

std::string system_error_text(int code) { return std::error_code(code, std::generic_category()).message(); }

/// Before SQLite opens it, so that it is never readable by others, not even for a moment: HA1 is as good as a password.
Result<void> make_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorKind::Unavailable, system_error_text(errno));
  ::close(descriptor);
  return {};
}

Result<std::uint64_t> reserve(Database& database, const char* key, const char* table) {
  auto read = database.prepare("SELECT value FROM settings WHERE key=?1");
  const auto row = read.bind(1, key).step();
  if (!row) return tl::unexpected(row.error());
  std::uint64_t first = 1;
  const std::string text = *row ? read.text(0) : "1";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(ErrorKind::Internal, fmt::format("setting {} is not a number", key));
  const auto highest = database.integer(fmt::format("SELECT coalesce(max(id), 0) FROM {}", table));
  if (!highest) return tl::unexpected(highest.error());
  first = std::max(first, static_cast<std::uint64_t>(*highest) + 1);
  auto set = database.prepare("INSERT INTO settings VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2");
  if (auto done = set.bind(1, key).bind(2, std::to_string(first + kIdsAhead)).run(); !done)
    return tl::unexpected(done.error());
  return first;
}

Result<ReservedIds> reserve_ids(Database& database) {
  ReservedIds first;
  auto done = database.transaction([&]() -> Result<void> {
    const auto calls = reserve(database, kNextCallId, "records");
    if (!calls) return tl::unexpected(calls.error());
    const auto flips = reserve(database, kNextFlipId, "flips");
    if (!flips) return tl::unexpected(flips.error());
    first = {*calls, *flips};
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return first;
}

Result<Database> open_main(const std::string& path) {
  auto database = Database::open(path, {.full_sync = true, .pages_max = std::nullopt});
  if (!database) return database;
  if (auto done = migrate(*database, schema_steps()); !done) return tl::unexpected(done.error());
  if (auto done = check_integrity(*database); !done) return tl::unexpected(done.error());
  return database;
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path) {
  const int descriptor = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorKind::Unavailable, system_error_text(errno));
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return fail(ErrorKind::Unavailable, "is open in another process");
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<Store>> Store::open(const Options& options) {
  const auto failed = [&](const Error& error) {
    return fail(error.kind, fmt::format("database {}: {}", options.path, error.text));
  };
  if (auto made = make_file(options.path); !made) return failed(made.error());
  auto lock = FileLock::take(options.path);
  if (!lock) return failed(lock.error());
  auto database = open_main(options.path);
  if (!database) return failed(database.error());
  const auto first = reserve_ids(*database);
  if (!first) return failed(first.error());
  auto second = Database::open(options.path, {.full_sync = false, .pages_max = options.pages_max});
  if (!second) return failed(second.error());
  const ReservedIds reserved{first->calls + kIdsAhead, first->flips + kIdsAhead};
  auto writer = std::make_unique<Writer>(std::move(*second), options, reserved);
  return std::unique_ptr<Store>(
      new Store(std::unique_ptr<Parts>(new Parts{std::move(*lock), std::move(*database), *first, std::move(writer)})));
}

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Store::~Store() = default;

CallId Store::first_call_id() const { return {parts_->first.calls}; }
FlipId Store::first_flip_id() const { return {parts_->first.flips}; }

// ---- tokens
// ----------------------------------------------------------------------------------------------------------

namespace {
Token token_of(const Statement& row) {
  return {row.id(0), row.text(1), row.is_null(2) ? std::nullopt : std::optional(AccountId{row.id(2)})};
}
}  // namespace

Result<Token> Store::add_token(const std::string& name, std::optional<AccountId> account, const std::string& sha256) {
  auto insert = parts_->database.prepare("INSERT INTO tokens (name, account, sha256) VALUES (?1, ?2, ?3)");
  insert.bind(1, name).bind(3, sha256);
  if (account) {
    insert.bind(2, account->value);
  } else {
    insert.bind_null(2);
  }
  const auto done = insert.run();
  if (done) return Token{parts_->database.last_id(), name, account};
  switch (done.error().kind) {
    case ErrorKind::Conflict:
      return fail(ErrorKind::Conflict, "this token exists already");
    case ErrorKind::NotFound:
      return fail(ErrorKind::NotFound, "no such account");
    case ErrorKind::InvalidInput:
      return fail(ErrorKind::InvalidInput, "a token is stored as 64 lower-case hex digits of SHA-256");
    case ErrorKind::Unauthorized:
    case ErrorKind::Forbidden:
    case ErrorKind::Exhausted:
    case ErrorKind::Unavailable:
    case ErrorKind::Internal:
      break;
  }
  return tl::unexpected(done.error());
}

Result<Token> Store::find_token(const std::string& sha256) {
  auto select = parts_->database.prepare("SELECT id, name, account FROM tokens WHERE sha256=?1");
  const auto row = select.bind(1, sha256).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorKind::NotFound, "no such token");
  return token_of(select);
}

Result<std::vector<Token>> Store::tokens() {
  auto select = parts_->database.prepare("SELECT id, name, account FROM tokens ORDER BY id");
  std::vector<Token> tokens;
  while (true) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return tokens;
    tokens.push_back(token_of(select));
  }
}

Result<void> Store::delete_token(std::uint64_t id) {
  auto erase = parts_->database.prepare("DELETE FROM tokens WHERE id=?1");
  if (auto done = erase.bind(1, id).run(); !done) return done;
  if (parts_->database.changes() == 0) return fail(ErrorKind::NotFound, "no such token");
  return {};
}

// ---- settings
// --------------------------------------------------------------------------------------------------------

Result<std::optional<std::string>> Store::setting(const std::string& key) {
  auto select = parts_->database.prepare("SELECT value FROM settings WHERE key=?1");
  const auto row = select.bind(1, key).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<std::string>{};
  return std::optional(select.text(0));
}

Result<void> Store::set_setting(const std::string& key, const std::string& value) {
  if (key.starts_with(kOwnSettings))
    return fail(ErrorKind::InvalidInput,
                fmt::format("settings that begin with \"{}\" are the store's own", kOwnSettings));
  auto set = parts_->database.prepare("INSERT INTO settings VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2");
  return set.bind(1, key).bind(2, value).run();
}

}  // namespace segue::store
