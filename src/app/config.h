// The configuration of `segue serve`: defaults that work, one TOML file over them, checked key by key. Read once at
// start-up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace segue::app {

struct Config {
  std::string domain = "segue.local";      ///< realm and host of our URIs
  std::vector<Endpoint> sip_udp, sip_tcp;  ///< listeners; port 0: any free one. Default 0.0.0.0:5060 both
  std::optional<IpAddress>
      public_ip;  ///< what SDP and Contact advertise; default: the listener's, or the first non-loopback
  std::uint16_t rtp_port_first = 20000, rtp_port_last = 29999;
  Endpoint http;                        ///< REST; default 127.0.0.1:8080
  std::string data_dir = "segue-data";  ///< SQLite database, admin token file
  std::string log_level = "info";
  unsigned media_workers = 1;
  Duration ring_time = 30s, proof_time = 3s, grace_time = 30s, media_timeout = 30s;
  Duration session_expires = 1800s;
  Duration min_register_expires = 60s, max_register_expires = 3600s;
  std::string pull_code = "*11", flip_all_code = "*0";
  std::size_t max_calls = 2000;
};

[[nodiscard]] Config default_config();
/// Errors name the line, the key and what would be right.
[[nodiscard]] Result<Config> load_config(const std::string& path);
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view name);

}  // namespace segue::app
