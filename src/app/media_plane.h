// Ports and the media worker behind the engine's MediaPorts: a port is opened on the signalling thread when a leg needs
// one, and its sockets travel to the worker with OpenLeg. One worker: it relays more calls than Config::max_calls
// allows (bench/).
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "app/config.h"
#include "engine/engine.h"
#include "net/media_worker.h"
#include "net/port_pool.h"

namespace segue::app {

class MediaPlane final : public engine::MediaPorts {
 public:
  struct Addresses {
    IpAddress bind, advertise;
  };
  [[nodiscard]] static Result<std::unique_ptr<MediaPlane>> start(const Config& config, const Addresses& addresses,
                                                                 net::Loop& loop,
                                                                 net::MediaWorker::OnMessages on_messages);

  Result<Endpoint> allocate(LegId leg, bool v6) override;
  void release(LegId leg) override;
  /// Errors: the worker's mailbox is full.
  Result<void> post(media::Command command);
  /// Commands posted while it lives wake the worker once.
  [[nodiscard]] net::MediaWorker::Hold hold() { return net::MediaWorker::Hold(*worker_); }

  [[nodiscard]] std::size_t ports_used() const { return pool_->used(); }
  [[nodiscard]] std::size_t ports_total() const { return pool_->total(); }
  [[nodiscard]] net::MediaWorker::Counters counters() const { return worker_->counters(); }

 private:
  MediaPlane() = default;
  IpAddress advertise_;
  std::optional<net::PortPool> pool_;
  std::unique_ptr<net::MediaWorker> worker_;
  std::unordered_map<LegId, net::MediaSockets> waiting_;  // opened, not yet given to the worker
  std::unordered_map<LegId, std::uint16_t> ports_;
};

}  // namespace segue::app
