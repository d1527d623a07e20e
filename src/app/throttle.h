// Bounds the log lines that others can cause: a burst, then so many a second; what is left out is counted and told with
// the next line. A value; the time is an argument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace segue::app {

class Throttle {
 public:
  static constexpr double kBurst = 20, kPerSecond = 2;  ///< a person can read that; a day of it is 20 MB

  /// The line to write, if one may be written now.
  [[nodiscard]] std::optional<std::string> admit(std::string line, Instant now) {
    if (last_) left_ = std::min(kBurst, left_ + to_s(now - *last_) * kPerSecond);
    last_ = now;
    if (left_ < 1) {
      ++silent_;
      return std::nullopt;
    }
    left_ -= 1;
    if (silent_ > 0) line += " (" + std::to_string(silent_) + " lines like this were left out)";
    silent_ = 0;
    return line;
  }

 private:
  double left_ = kBurst;
  std::optional<Instant> last_;
  std::uint64_t silent_ = 0;
};

}  // namespace segue::app
