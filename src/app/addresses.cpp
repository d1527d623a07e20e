#include "app/addresses.h"

#include <fmt/core.h>

#include <algorithm>

namespace segue::app {
namespace {

/// What peers are told of a listener: the configured public address of its family, else its own, else this machine's.
Result<IpAddress> advertised(const Config& config, const IpAddress& bind) {
  for (const auto& ip : config.public_ips) {
    if (ip.v6 == bind.v6) return ip;
  }
  if (!bind.unspecified()) return bind;
  if (const auto own = net::first_address(bind.v6)) return *own;
  if (!bind.v6) return IpAddress::v4(127, 0, 0, 1);  // a machine without a network still serves itself
  return fail(ErrorKind::Unavailable,
              "sip: this machine has no IPv6 address that phones can reach; set sip.public_ip "
              "to one, or leave \"[::]\" out");
}

Result<void> add(const Config& config, const std::vector<Endpoint>& from, std::vector<net::SipListener>& to) {
  for (const auto& bind : from) {
    auto ip = advertised(config, bind.ip);
    if (!ip) return tl::unexpected(ip.error());
    to.push_back({bind, *ip});
  }
  return {};
}

}  // namespace

Result<Addresses> find_addresses(const Config& config) {
  Addresses found;
  if (auto done = add(config, config.sip_udp, found.udp); !done) return tl::unexpected(done.error());
  if (auto done = add(config, config.sip_tcp, found.tcp); !done) return tl::unexpected(done.error());
  for (const auto* listeners : {&found.udp, &found.tcp}) {
    for (const auto& l : *listeners) {
      const bool known = std::any_of(found.media.begin(), found.media.end(),
                                     [&](const MediaAddress& m) { return m.bind.v6 == l.bind.ip.v6; });
      if (!known) found.media.push_back({l.bind.ip, *l.advertise});
    }
  }
  return found;
}

}  // namespace segue::app
