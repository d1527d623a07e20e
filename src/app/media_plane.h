// Ports and the media worker behind the engine's MediaPorts: a port is taken on the signalling thread when a leg needs
// one, and its sockets are lent to the worker with OpenLeg. One worker: it relays more calls than Config::max_calls
// allows (bench/).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "app/addresses.h"
#include "app/config.h"
#include "engine/engine.h"
#include "net/media_worker.h"
#include "net/port_pool.h"

namespace segue::app {

class MediaPlane final : public engine::MediaPorts {
 public:
  /// `addresses`: at most one of each family; each has the whole port range for itself.
  [[nodiscard]] static Result<std::unique_ptr<MediaPlane>> start(const Config& config,
                                                                 const std::vector<MediaAddress>& addresses,
                                                                 net::Loop& loop,
                                                                 net::MediaWorker::OnMessages on_messages);

  Result<Endpoint> allocate(LegId leg, bool v6) override;
  void release(LegId leg) override;
  /// Errors: the worker's mailbox is full.
  Result<void> post(media::Command command);

  [[nodiscard]] std::size_t ports_used() const;
  [[nodiscard]] std::size_t ports_total() const;
  [[nodiscard]] net::MediaWorker::Counters counters() const { return worker_->counters(); }

 private:
  struct Family {
    IpAddress advertise;
    net::PortPool pool;
  };
  struct Port {
    bool v6 = false;
    net::MediaSockets sockets;
  };
  MediaPlane() = default;
  std::array<std::optional<Family>, 2> families_;  // IPv4, IPv6; outlive the worker, which uses their sockets
  std::unique_ptr<net::MediaWorker> worker_;
  std::unordered_map<LegId, Port> ports_;
};

}  // namespace segue::app
