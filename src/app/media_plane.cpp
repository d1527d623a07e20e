#include "app/media_plane.h"

namespace segue::app {

Result<std::unique_ptr<MediaPlane>> MediaPlane::start(const Config& config, const Addresses& addresses, net::Loop& loop,
                                                      net::MediaWorker::OnMessages on_messages) {
  std::unique_ptr<MediaPlane> plane(new MediaPlane);
  plane->advertise_ = addresses.advertise;
  auto pool = net::PortPool::create(addresses.bind, config.rtp_first, config.rtp_last);
  if (!pool) return tl::unexpected(pool.error());
  plane->pool_ = std::move(*pool);
  net::MediaWorkerConfig worker_config;
  worker_config.exchange.dead_after = config.media_silence;
  auto worker =
      net::MediaWorker::start(worker_config, std::make_shared<media::ClipLibrary>(), loop, std::move(on_messages));
  if (!worker) return tl::unexpected(worker.error());
  plane->worker_ = std::move(*worker);
  return plane;
}

Result<Endpoint> MediaPlane::allocate(LegId leg, bool v6) {
  if (v6 != advertise_.v6) return fail(ErrorKind::Unavailable, "the server has no media address of that family");
  auto sockets = pool_->allocate();
  if (!sockets) return tl::unexpected(sockets.error());
  const Endpoint endpoint{advertise_, sockets->port};
  ports_[leg] = sockets->port;
  waiting_[leg] = std::move(*sockets);
  return endpoint;
}

void MediaPlane::release(LegId leg) {
  waiting_.erase(leg);
  const auto port = ports_.find(leg);
  if (port == ports_.end()) return;
  pool_->release(port->second);
  ports_.erase(port);
}

Result<void> MediaPlane::post(media::Command command) {
  const auto* open = std::get_if<media::OpenLeg>(&command);
  if (open == nullptr) return worker_->post(std::move(command));
  const auto sockets = waiting_.find(open->leg);
  if (sockets == waiting_.end()) return fail(ErrorKind::Internal, "a leg without a port");
  auto opened = worker_->open(*open, std::move(sockets->second));
  waiting_.erase(sockets);
  return opened;
}

}  // namespace segue::app
