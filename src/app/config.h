// The configuration of `segue serve`: defaults that work, one TOML file over them, checked key by key. Read once at
// start-up; every key is described in docs/configuration.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace segue::app {

struct Config {
  std::string domain = "segue.local";  ///< realm of the passwords and host of our URIs
  /// At least one; port 0 (in code, not in the file): any free one.
  std::vector<Endpoint> sip_udp{{IpAddress::v4(0, 0, 0, 0), 5060}};
  std::vector<Endpoint> sip_tcp{{IpAddress::v4(0, 0, 0, 0), 5060}};
  /// What SDP, Via and Contact say, at most one of each family; default: the listener's, or this machine's own.
  std::vector<IpAddress> public_ips;
  std::uint16_t rtp_first = 20000, rtp_last = 29999;
  Endpoint http{IpAddress::v4(127, 0, 0, 1), 8080};
  std::string data_dir = "segue-data";  ///< the database and the administrator's token
  std::string log_level = "info";       ///< debug, info, warning, error, off
  Duration ring_time = 30s, proof_time = 3s, grace_time = 30s, answer_time = 120s;
  Duration media_silence = 30s;  ///< then the device is asked whether it is still there
  Duration session_expires = 1800s;
  std::string digest = "md5";  ///< what phones are challenged with: md5, sha-256, both
  Duration register_min = 60s, register_max = 3600s;
  std::string pull_code = "*11", all_code = "*0";
  std::size_t max_calls = 2000;
};

/// Errors name the file, the line, the key and what would be right.
[[nodiscard]] Result<Config> load_config(const std::string& path);
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view name);

}  // namespace segue::app
