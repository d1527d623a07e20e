// Where the server listens, and what SDP, Via and Contact say of it: from the configuration and this machine's
// interfaces, once at start-up.
#pragma once

#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "net/sip_transports.h"

namespace segue::app {

/// Media of one address family.
struct MediaAddress {
  IpAddress bind;
  IpAddress advertise;  ///< what SDP says
};

struct Addresses {
  std::vector<net::SipListener> udp, tcp;  ///< in the configuration's order
  std::vector<MediaAddress> media;         ///< one for each family that SIP has, that of the first listener first
};

/// Errors: an "any" address of a family in which this machine has none to be reached at, and none is configured.
[[nodiscard]] Result<Addresses> find_addresses(const Config& config);

}  // namespace segue::app
