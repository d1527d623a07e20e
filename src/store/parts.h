// What a Store is made of; shared by store.cpp, directory.cpp and records.cpp only.
#pragma once

#include <memory>

#include "store/database.h"
#include "store/store.h"
#include "store/writer.h"

namespace segue::store {

/// An advisory lock (flock) on `<path>.lock`: two servers with one database would each take the other's registrations
/// for stale. Not on the database itself: closing any descriptor of that would drop SQLite's own locks.
class FileLock {
 public:
  [[nodiscard]] static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

struct Store::Parts {
  FileLock lock;
  Database database;
  ReservedIds first;
  std::unique_ptr<Writer> writer;
};

}  // namespace segue::store
