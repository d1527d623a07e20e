// The subcommands of `segue` but for the demo. Each returns the process's exit code: 0 done, 1 a verdict is red, 2
// could not run.
#pragma once

#include <string>

namespace segue::app {

struct ServeOptions {
  std::string config_file, data_dir;
};
int run_serve(const ServeOptions& options);

int run_check(const std::string& file);

/// How the commands that ask a running server reach it.
struct ClientOptions {
  std::string server = "127.0.0.1:8080";
  std::string token;
};
int run_report(const ClientOptions& options, const std::string& flip_id);
int run_calls(const ClientOptions& options);

}  // namespace segue::app
