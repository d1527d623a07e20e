// `segue demo --stay`: the server for a person's own phones, with Ada's three devices and Grace under random passwords.
#pragma once

#include <string>

namespace segue::app {

struct StayOptions {
  std::string listen;  ///< IP address, or 0.0.0.0 for all interfaces
  std::string data_dir;
};
/// Returns at Ctrl-C or SIGTERM: 0, or 2 if it could not run. Both signals must be blocked in all threads.
int stay_up(const StayOptions& options);

}  // namespace segue::app
