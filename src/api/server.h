// The REST door: HTTP/1.1 over Boost.Beast on the signalling loop's io_context (this header shows none of it). Each
// request is answered by the Router on the loop's thread; there are no locks. openapi.yaml is the contract. Bounds:
// connections, header, body, idle time between requests, and the time that one request may take to arrive (408, then
// closed) or its response to leave (closed). Connections past the bound get 503 and are closed at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/service.h"
#include "base/address.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace segue::api {

struct ServerOptions {
  Endpoint listen{IpAddress::v4(127, 0, 0, 1), 8080};  ///< port 0: any free one, see Server::local()
  std::string openapi{};  ///< the text of openapi.yaml, served as /openapi.yaml; "": 404 there
  std::size_t connections_max = 256;
  std::uint32_t header_bytes_max = 8192;
  std::uint64_t body_bytes_max = 65536;
  std::chrono::milliseconds idle{30000};      ///< from a response to the first byte of the next request
  std::chrono::milliseconds transfer{10000};  ///< from the first byte of a request to its last; the same for a response
  /// Told of every answer of 400 and above, with the peer, the request and the problem in words; on the loop. A peer
  /// can cause as many as it likes.
  std::function<void(unsigned status, const std::string& what)> on_refused{};
};

class Server {
 public:
  struct Core;

  /// Starts to listen. Unavailable with a clear sentence if the address cannot be had. `loop` and `service` outlive the
  /// server.
  [[nodiscard]] static Result<std::unique_ptr<Server>> listen(boost::asio::io_context& loop, Service& service,
                                                              ServerOptions options);
  /// Closes the listener and all connections. Handlers that are still queued in the loop find this out and do nothing.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] Endpoint local() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace segue::api
