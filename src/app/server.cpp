#include "app/server.h"

#include <spdlog/spdlog.h>

#include <future>
#include <thread>

#include "app/node.h"
#include "net/clock.h"

namespace segue::app {

struct Server::Impl {
  net::Loop loop;
  std::unique_ptr<Node> node;
  std::thread thread;
  std::vector<Endpoint> udp, tcp;
  Endpoint http;
  std::string token;
  bool stopped = false;

  template <typename Fn>
  auto on_loop(Fn fn) -> decltype(fn()) {
    std::promise<decltype(fn())> promise;
    auto future = promise.get_future();
    loop.post([&] { promise.set_value(fn()); });
    return future.get();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  auto impl = std::make_unique<Impl>();
  auto node = Node::open(config, impl->loop);  // before the thread starts: errors come back to the caller
  if (!node) return tl::unexpected(node.error());
  impl->node = std::move(*node);
  impl->udp = impl->node->sip_udp();
  impl->tcp = impl->node->sip_tcp();
  impl->http = impl->node->http();
  impl->token = impl->node->admin_token();
  impl->thread = std::thread([raw = impl.get()] { raw->loop.run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->on_loop([this] { return impl_->node->begin_stop(), true; });
  // Phones answer our BYEs within a round trip; the last flip reports take a second. Whoever does not answer is not
  // waited for.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < deadline && !impl_->on_loop([this] { return impl_->node->idle(); })) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  impl_->on_loop([this] { return impl_->node->finish_writing(), true; });
  impl_->loop.stop();
  impl_->thread.join();
  impl_->node.reset();
}

const std::vector<Endpoint>& Server::sip_udp() const { return impl_->udp; }
const std::vector<Endpoint>& Server::sip_tcp() const { return impl_->tcp; }
Endpoint Server::http() const { return impl_->http; }
const std::string& Server::admin_token() const { return impl_->token; }

Server::Residue Server::residue() const {
  return impl_->on_loop([this] { return impl_->node->residue(); });
}

}  // namespace segue::app
