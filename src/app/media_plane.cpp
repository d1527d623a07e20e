#include "app/media_plane.h"

#include "net/clock.h"

namespace segue::app {

Result<std::unique_ptr<MediaPlane>> MediaPlane::start(const Config& config, const std::vector<MediaAddress>& addresses,
                                                      net::Loop& loop, net::MediaWorker::OnMessages on_messages) {
  std::unique_ptr<MediaPlane> plane(new MediaPlane);
  for (const auto& address : addresses) {
    auto pool = net::PortPool::create(address.bind, config.rtp_first, config.rtp_last);
    if (!pool) return tl::unexpected(pool.error());
    plane->families_[address.bind.v6 ? 1 : 0].emplace(Family{address.advertise, std::move(*pool)});
  }
  net::MediaWorkerConfig worker_config;
  worker_config.exchange.dead_after = config.media_silence;
  auto worker =
      net::MediaWorker::start(worker_config, std::make_shared<media::ClipLibrary>(), loop, std::move(on_messages));
  if (!worker) return tl::unexpected(worker.error());
  plane->worker_ = std::move(*worker);
  return plane;
}

Result<Endpoint> MediaPlane::allocate(LegId leg, bool v6) {
  auto& family = families_[v6 ? 1 : 0];
  if (!family) return fail(ErrorKind::Unavailable, v6 ? "No media address of IPv6" : "No media address of IPv4");
  auto sockets = family->pool.allocate(net::read_clock().mono);
  if (!sockets) return tl::unexpected(sockets.error());
  ports_[leg] = {v6, *sockets};
  return Endpoint{family->advertise, sockets->port};
}

void MediaPlane::release(LegId leg) {
  const auto port = ports_.find(leg);
  if (port == ports_.end()) return;
  families_[port->second.v6 ? 1 : 0]->pool.release(port->second.sockets.port, net::read_clock().mono);
  ports_.erase(port);
}

std::size_t MediaPlane::ports_used() const {
  std::size_t sum = 0;
  for (const auto& family : families_) sum += family ? family->pool.used() : 0;
  return sum;
}

std::size_t MediaPlane::ports_total() const {
  std::size_t sum = 0;
  for (const auto& family : families_) sum += family ? family->pool.total() : 0;
  return sum;
}

Result<void> MediaPlane::post(media::Command command) {
  const auto* open = std::get_if<media::OpenLeg>(&command);
  if (open == nullptr) return worker_->post(std::move(command));
  const auto port = ports_.find(open->leg);
  if (port == ports_.end()) return fail(ErrorKind::Internal, "a leg without a port");
  return worker_->open(*open, port->second.sockets);
}

}  // namespace segue::app
