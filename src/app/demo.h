// `segue demo`: a real call over real sockets is flipped by every trigger; the server and the far party judge each
// flip; a folder keeps what was heard, the reports, the pictures, and one page with the verdict. Parts: demo_stage and
// demo_acts (set-up and flips), demo_voice (speech), demo_progress (what is shown while it runs), demo_page and
// demo_wave (the page), demo_stay (`--stay`).
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace segue::app {

struct DemoOptions {
  std::string out = "demo-out";
  bool stay = false;
  std::string listen = "0.0.0.0";  ///< for --stay: the address that phones reach
};

void add_demo_options(CLI::App& command, DemoOptions& options);

/// Exit code: 0 every line kept, 1 a line is red, 2 it could not run.
int run_demo(const DemoOptions& options);

}  // namespace segue::app
