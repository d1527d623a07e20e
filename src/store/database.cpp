#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <unordered_map>

namespace segue::store {
namespace {

/// How long a connection waits for the other one's transaction; a batch of the writer takes some milliseconds.
constexpr int kBusyMs = 2000;

ErrorKind kind_of(int code) {
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) return ErrorKind::Conflict;
  if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return ErrorKind::NotFound;
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
      return ErrorKind::InvalidInput;
    case SQLITE_FULL:
      return ErrorKind::Exhausted;
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return ErrorKind::Unavailable;
    default:
      return ErrorKind::Internal;
  }
}

tl::unexpected<Error> failure(sqlite3* handle) {
  const int code = sqlite3_extended_errcode(handle);
  return fail(kind_of(code), fmt::format("database: {} (SQLite {})", sqlite3_errmsg(handle), code));
}

}  // namespace

/// More than there are texts in the store; a text beyond it is compiled each time.
constexpr std::size_t kKeptMax = 64;

struct Statement::Kept {
  std::unordered_map<std::string, sqlite3_stmt*> idle;

  Kept() = default;
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    for (const auto& [text, statement] : idle) sqlite3_finalize(statement);
  }
};

void Statement::GiveBack::operator()(sqlite3_stmt* statement) const {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (kept->idle.size() >= kKeptMax || !kept->idle.emplace(sqlite3_sql(statement), statement).second)
    sqlite3_finalize(statement);
}

void Database::ForgetKept::operator()(Statement::Kept* kept) const { delete kept; }
void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Statement& Statement::bind(int index, std::int64_t value) {
  if (statement_ && sqlite3_bind_int64(statement_.get(), index, value) != SQLITE_OK) error_ = "cannot bind an integer";
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  if (statement_ && sqlite3_bind_text64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                                        value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    error_ = "cannot bind a text";
  return *this;
}

Statement& Statement::bind_null(int index) {
  if (statement_ && sqlite3_bind_null(statement_.get(), index) != SQLITE_OK) error_ = "cannot bind null";
  return *this;
}

Result<bool> Statement::step() {
  if (!error_.empty()) return fail(ErrorKind::Internal, "database: " + error_);
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default: {
      auto error = failure(sqlite3_db_handle(statement_.get()));
      sqlite3_reset(statement_.get());
      return error;
    }
  }
}

Result<void> Statement::run() {
  const auto stepped = step();
  if (!stepped) return tl::unexpected(stepped.error());
  sqlite3_reset(statement_.get());
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_.get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

Result<Database> Database::open(const std::string& path, const Settings& settings) {
  Database database;
  sqlite3* handle = nullptr;
  // NOMUTEX: one thread at a time uses a connection, see the header.
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database.handle_.reset(handle);
  database.kept_.reset(new Statement::Kept);
  if (handle == nullptr) return fail(ErrorKind::Unavailable, "database: out of memory");
  if (code != SQLITE_OK) return failure(handle);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMs);
  auto set = database.run(fmt::format("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous={};",
                                      settings.full_sync ? "FULL" : "NORMAL"));
  if (!set) return tl::unexpected(set.error());
  if (settings.pages_max) {
    auto limited = database.integer(fmt::format("PRAGMA max_page_count={}", *settings.pages_max));
    if (!limited) return tl::unexpected(limited.error());
  }
  return database;
}

Statement Database::prepare(std::string_view sql) {
  Statement statement;
  sqlite3_stmt* raw = nullptr;
  if (const auto idle = kept_->idle.find(std::string(sql)); idle != kept_->idle.end()) {
    raw = idle->second;
    kept_->idle.erase(idle);
  } else if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &raw, nullptr) != SQLITE_OK) {
    statement.error_ = sqlite3_errmsg(handle_.get());
  } else if (raw == nullptr) {
    statement.error_ = "empty statement";
  }
  statement.statement_ = decltype(statement.statement_)(raw, Statement::GiveBack{kept_.get()});
  return statement;
}

Result<void> Database::run(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure(handle_.get());
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  const auto row = statement.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorKind::NotFound, "database: no row");
  return statement.integer(0);
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = prepare(sql);
  const auto row = statement.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorKind::NotFound, "database: no row");
  return statement.text(0);
}

Result<void> Database::transaction(const std::function<Result<void>()>& work) {
  if (auto begun = run("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = work();
  if (done) done = run("COMMIT");
  // SQLite may have rolled back by itself (full disk, I/O); a second ROLLBACK is refused then, and nothing is lost by
  // that.
  if (!done && sqlite3_get_autocommit(handle_.get()) == 0) static_cast<void>(run("ROLLBACK"));
  return done;
}

std::uint64_t Database::last_id() const { return static_cast<std::uint64_t>(sqlite3_last_insert_rowid(handle_.get())); }
std::uint64_t Database::changes() const { return static_cast<std::uint64_t>(sqlite3_changes(handle_.get())); }

}  // namespace segue::store
