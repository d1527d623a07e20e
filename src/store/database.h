// SQLite behind RAII: a connection and a prepared statement, with errors as values. The only file of the server that
// sees sqlite3.h. A Database belongs to one thread at a time (it is opened without SQLite's own mutex).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace segue::store {

class Statement {
 public:
  /// Parameters are numbered from 1.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, std::string_view value);
  Statement& bind_null(int index);

  /// True: there is a row to read. Errors carry SQLite's code in the text and ours as kind (see Database).
  [[nodiscard]] Result<bool> step();
  /// For statements without rows.
  [[nodiscard]] Result<void> run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t id(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  /// Compiled statements that nobody uses now, by their text. Compiling one costs more than running it.
  struct Kept;
  struct GiveBack {
    Kept* kept;
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
  std::string error_;  ///< of prepare() or bind(); step() reports it
};

/// Kinds of errors: Conflict (a UNIQUE constraint), NotFound (a foreign key), InvalidInput (a CHECK, too long),
/// Exhausted (disk or page limit full), Unavailable (I/O, locked, read-only, cannot open), Internal (not a database,
/// damaged, and all else).
class Database {
 public:
  struct Settings {
    bool full_sync = false;                  ///< synchronous=FULL: on disk when a transaction returns; else NORMAL
    std::optional<std::uint32_t> pages_max;  ///< PRAGMA max_page_count
  };
  [[nodiscard]] static Result<Database> open(const std::string& path, const Settings& settings);

  /// Must be gone before the Database is.
  [[nodiscard]] Statement prepare(std::string_view sql);
  /// One or more statements without parameters.
  [[nodiscard]] Result<void> run(const std::string& sql);
  /// The first column of the first row.
  [[nodiscard]] Result<std::int64_t> integer(std::string_view sql);
  [[nodiscard]] Result<std::string> text(std::string_view sql);
  /// Runs `work` between BEGIN IMMEDIATE and COMMIT; any error rolls back.
  [[nodiscard]] Result<void> transaction(const std::function<Result<void>()>& work);

  [[nodiscard]] std::uint64_t last_id() const;
  [[nodiscard]] std::uint64_t changes() const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct ForgetKept {
    void operator()(Statement::Kept* kept) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::unique_ptr<Statement::Kept, ForgetKept> kept_;  // on the heap: statements point to it, and a Database moves
};

}  // namespace segue::store
