// A whole Segue server in one object: store, signalling loop (SIP, REST) in one thread of its own, media workers.
// `segue serve` and `segue demo` both run it; tests too. All public members may be called from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"

namespace segue::app {

class Server {
 public:
  /// Opens the store, binds everything and starts the threads. Errors: what could not be opened or bound, in words.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const Config& config);
  ~Server();    ///< stop()
  void stop();  ///< hangs up all calls with a Reason, writes all records, joins all threads

  /// As bound (port 0 resolved), in the configuration's order.
  [[nodiscard]] const std::vector<Endpoint>& sip_udp() const;
  [[nodiscard]] const std::vector<Endpoint>& sip_tcp() const;
  [[nodiscard]] Endpoint http() const;
  [[nodiscard]] const std::string& admin_token()
      const;  ///< from <data_dir>/admin.token, made at first start (mode 0600)
  /// What must return to where it was after calls end.
  struct Residue {
    std::size_t calls = 0, legs = 0, sessions = 0, transactions = 0, timers = 0, ports = 0;
  };
  [[nodiscard]] Residue residue() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::app
