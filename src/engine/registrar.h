// The registrar (RFC 3261 section 10.3): which bindings a device has, over which flow it can be reached, until when.
// Pure; the caller has authenticated the request and knows the device. Bounds: kMaxBindings a device; past it those
// refreshed longest ago go. A request that names more is refused with 403.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "sip/message.h"
#include "sip/transport.h"

namespace segue::engine {

inline constexpr std::size_t kMaxBindings =
    8;  // Wi-Fi, cellular, and what a reinstalled app left behind until it expires

struct Binding {
  sip::Uri contact;
  sip::Flow flow;  ///< the source of the REGISTER: reaches phones behind NAT (RFC 3581, 5626)
  std::vector<std::string> path;
  std::string call_id;
  std::uint32_t cseq = 0;
  std::string instance;  ///< +sip.instance, RFC 5626; "" if none
  std::uint32_t reg_id = 0;
  Instant expires{};
  WallTime expires_wall{};
  std::string user_agent;
};

struct RegistrarLimits {
  Duration min_expires = 60s;
  Duration max_expires = 3600s;
};

class Registrar {
 public:
  explicit Registrar(RegistrarLimits limits) : limits_(limits) {}

  struct Reply {
    int status = 200;
    std::vector<sip::Header> headers;  ///< Contact list with expires and Path (RFC 3327 section 5.3), or Min-Expires
    bool changed = false;              ///< the device's bindings are to be stored
  };
  [[nodiscard]] Reply handle(DeviceId device, const sip::Message& request, const sip::Flow& from, Now now);

  [[nodiscard]] const std::vector<Binding>& bindings(DeviceId device) const;
  void restore(DeviceId device, std::vector<Binding> bindings);
  void remove(DeviceId device);
  /// A stream connection is gone: its bindings are dead (RFC 5626 section 5.3). Returns the devices that lost one.
  std::vector<DeviceId> connection_closed(ConnectionId connection);
  /// The device's binding over this flow; nullptr if there is none.
  [[nodiscard]] const Binding* find(DeviceId device, const sip::Flow& flow) const;
  /// Drops that binding if it still expires when it did (so nobody has registered it anew); true if it did.
  bool drop(DeviceId device, const sip::Flow& flow, Instant expires);
  /// Drops what has expired; returns the devices that lost one.
  std::vector<DeviceId> expire(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  [[nodiscard]] std::size_t registered_devices() const { return bindings_.size(); }

 private:
  struct Wanted;
  [[nodiscard]] std::optional<int> check(const sip::Message& request, std::vector<Wanted>& wanted,
                                         std::vector<Binding>& current);
  void note_deadlines(DeviceId device);
  RegistrarLimits limits_;
  std::unordered_map<DeviceId, std::vector<Binding>> bindings_;  // no empty lists; refreshed longest ago first
  std::set<std::pair<Instant, DeviceId>> deadlines_;             // one entry a device: its earliest
  std::unordered_map<DeviceId, Instant> deadline_of_;
};

}  // namespace segue::engine
