// The tables, as a list of steps: step n brings a database of version n to version n + 1 (PRAGMA user_version). A step
// that was published is never changed; a new one is added. Each runs in a transaction of its own, so a crash leaves the
// version before or after it.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "store/database.h"

namespace segue::store {

[[nodiscard]] std::span<const char* const> schema_steps();
/// Makes the tables of an empty database or brings an older one up to date. InvalidInput: not a database of Segue's, or
/// of a newer Segue.
[[nodiscard]] Result<void> migrate(Database& database, std::span<const char* const> steps);
/// Reads all of the tables that the server cannot do without (not the call records: those may be large, and one damaged
/// record harms no other).
[[nodiscard]] Result<void> check_integrity(Database& database);

}  // namespace segue::store
