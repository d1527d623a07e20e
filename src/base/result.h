// Result<T>: a value or a typed Error. What comes from a peer, a disk, a configuration or a user is a value,
// never an exception or an assertion. Exceptions are for start-up only.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace segue {

/// What went wrong, in the classes that callers act on differently.
enum class ErrorKind {
  InvalidInput,  ///< malformed or out of range; the text says what would be right
  NotFound,
  Conflict,
  Unauthorized,  ///< no or wrong credentials
  Forbidden,     ///< known, but not allowed
  Exhausted,     ///< a named bound is reached (ports, calls, queue)
  Unavailable,   ///< a resource outside failed (disk, socket); trying again may help
  Internal,
};

struct Error {
  ErrorKind kind = ErrorKind::Internal;
  std::string text;  ///< one sentence for a person
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string text) {
  return tl::unexpected<Error>(Error{kind, std::move(text)});
}

}  // namespace segue
