// `segue serve` and `segue check`.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "app/addresses.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/server.h"

namespace segue::app {
namespace {

/// Two sockets a leg: the usual soft limit of 1,024 files is 250 calls. The hard limit is the operator's word.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string joined(const std::vector<Endpoint>& all) {
  std::string text;
  for (const auto& e : all) text += (text.empty() ? "" : ", ") + e.to_string();
  return text;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  Config config;
  if (!options.config_file.empty()) {
    auto loaded = load_config(options.config_file);
    if (!loaded) return fmt::print(stderr, "segue: {}\n", loaded.error().text), 2;
    config = *loaded;
  }
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  auto logger = spdlog::stderr_color_mt("segue");
  spdlog::set_default_logger(logger);
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  raise_file_limit();

  // Blocked before any thread starts, so that all inherit it and only sigwait() below sees them.
  sigset_t stop_signals;
  ::sigemptyset(&stop_signals);
  ::sigaddset(&stop_signals, SIGINT);
  ::sigaddset(&stop_signals, SIGTERM);
  ::sigaddset(&stop_signals, SIGHUP);  // the terminal was closed
  ::pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is an error like a full disk

  auto server = Server::start(config);
  if (!server) return fmt::print(stderr, "segue: {}\n", server.error().text), 2;
  spdlog::info("SIP on udp {} and tcp {}, domain \"{}\"", joined((*server)->sip_udp()), joined((*server)->sip_tcp()),
               config.domain);
  spdlog::info("REST on http://{}/v1, token in {}/admin.token", (*server)->http().to_string(), config.data_dir);
  int signal = 0;
  ::sigwait(&stop_signals, &signal);
  const auto calls = (*server)->residue().calls;
  spdlog::info("stopping: {} {} being ended", calls, calls == 1 ? "call is" : "calls are");
  (*server)->stop();
  spdlog::info("stopped");
  return 0;
}

int run_check(const std::string& file) {
  auto loaded = load_config(file);
  if (!loaded) return fmt::print(stderr, "segue: {}\n", loaded.error().text), 2;
  const auto addresses = find_addresses(*loaded);
  if (!addresses) return fmt::print(stderr, "segue: {}: {}\n", file, addresses.error().text), 2;
  fmt::print("{} is good.\n", file);
  for (const auto& [transport, listeners] : {std::pair{"udp", &addresses->udp}, {"tcp", &addresses->tcp}}) {
    for (const auto& l : *listeners)
      fmt::print("SIP on {} {}; phones are told {}\n", transport, l.bind.to_string(), l.advertise->to_string());
  }
  return 0;
}

}  // namespace segue::app
