#include "store/schema.h"

#include <fmt/format.h>

#include <array>

namespace segue::store {
namespace {

constexpr std::int64_t kApplicationId =
    0x53656775;  // "Segu", so that nobody opens another program's database by mistake

// AUTOINCREMENT: an id that was deleted is never given again; old call records name it.
// Only hex fits into the columns of digests: no password or token can be stored by mistake.
constexpr const char* kFirst = R"sql(
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL) STRICT;
CREATE TABLE devices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  username TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
  flip_digit INTEGER CHECK (flip_digit BETWEEN 1 AND 9),
  auto_answer INTEGER NOT NULL CHECK (auto_answer IN (0, 1)),
  proof_by_answer INTEGER NOT NULL CHECK (proof_by_answer IN (0, 1)),
  sha256 INTEGER NOT NULL CHECK (sha256 IN (0, 1)),
  codecs TEXT NOT NULL,
  ha1_md5 TEXT NOT NULL CHECK (length(ha1_md5) IN (0, 32) AND ha1_md5 NOT GLOB '*[^0-9a-f]*'),
  ha1_sha256 TEXT NOT NULL CHECK (length(ha1_sha256) IN (0, 64) AND ha1_sha256 NOT GLOB '*[^0-9a-f]*'),
  UNIQUE (account, flip_digit)
) STRICT;
CREATE TABLE numbers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  digits TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX numbers_account ON numbers(account);
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  account INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*')
) STRICT;
CREATE INDEX tokens_account ON tokens(account);
CREATE TABLE bindings (
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  contact TEXT NOT NULL, transport TEXT NOT NULL, local TEXT NOT NULL, remote TEXT NOT NULL, received_from TEXT NOT NULL,
  path TEXT NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL, instance_id TEXT NOT NULL, reg_id INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL, user_agent TEXT NOT NULL,
  PRIMARY KEY (device, position)
) WITHOUT ROWID, STRICT;
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  started_ms INTEGER NOT NULL,
  caller_account INTEGER, callee_account INTEGER,
  json TEXT NOT NULL
) STRICT;
CREATE INDEX records_started ON records(started_ms);
CREATE INDEX records_caller ON records(caller_account, id);
CREATE INDEX records_callee ON records(callee_account, id);
CREATE TABLE flips (id INTEGER PRIMARY KEY, record INTEGER NOT NULL REFERENCES records(id) ON DELETE CASCADE) STRICT;
CREATE INDEX flips_record ON flips(record);
)sql";

/// The packets of a flip's picture are most of a record; a page of records has no use for them. Records that were
/// written before keep them in their JSON.
constexpr const char* kPacketsApart = "ALTER TABLE flips ADD COLUMN packets TEXT;";

Result<void> run_step(Database& database, const char* step, std::size_t next) {
  return database.transaction([&]() -> Result<void> {
    if (auto done = database.run(step); !done) return done;
    return database.run(fmt::format("PRAGMA user_version={}; PRAGMA application_id={};", next, kApplicationId));
  });
}

}  // namespace

std::span<const char* const> schema_steps() {
  static constexpr std::array steps = {kFirst, kPacketsApart};
  return steps;
}

Result<void> migrate(Database& database, std::span<const char* const> steps) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  if (*application != kApplicationId && (*tables != 0 || *version != 0))
    return fail(ErrorKind::InvalidInput, "is a database of another program");
  if (*version < 0 || static_cast<std::size_t>(*version) > steps.size())
    return fail(
        ErrorKind::InvalidInput,
        fmt::format("was written by a newer Segue (schema {}, this one knows up to {})", *version, steps.size()));
  for (auto next = static_cast<std::size_t>(*version); next < steps.size(); ++next) {
    if (auto done = run_step(database, steps[next], next + 1); !done) return done;
  }
  return {};
}

Result<void> check_integrity(Database& database) {
  for (const char* table : {"settings", "accounts", "devices", "numbers", "tokens", "bindings"}) {
    const auto verdict = database.text(fmt::format("PRAGMA quick_check({})", table));
    if (!verdict) return tl::unexpected(verdict.error());
    if (*verdict == "ok") continue;
    const auto line = verdict->substr(0, verdict->find_last_not_of('\n') + 1);
    const auto first = line.substr(line.rfind('\n') + 1);  // above it SQLite only says where it looked
    return fail(ErrorKind::InvalidInput, fmt::format("is damaged (table {}: {})", table, first));
  }
  return {};
}

}  // namespace segue::store
