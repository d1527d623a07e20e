// Assertions that stay on in release: for memory and ownership invariants of our own code, never for input from
// outside.
#pragma once

namespace segue {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define SEGUE_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::segue::assertion_failed(#expression, __FILE__, __LINE__))
