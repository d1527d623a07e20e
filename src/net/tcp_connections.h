// The TCP connections of the SIP side: accepted ones and our own, on the loop's thread. Owned by SipTransports.
//
// Reading cuts messages (sip::StreamFramer) and answers RFC 5626 pings; writing is gathered per turn of the loop. Who
// is slow, silent, too many or sends what cannot be cut is closed. One timer looks at all connections: at most 8,192,
// so a look costs less than a timer each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/fd.h"
#include "net/loop.h"
#include "net/sip_transports.h"
#include "sip/framer.h"

namespace segue::net {

class TcpConnections {
 public:
  /// None of them is called from within queue() or close().
  struct Hooks {
    std::function<void(std::string_view bytes, const sip::Flow& from)> message;
    std::function<void(const sip::Flow& flow)> failed;  ///< may be called from within flush() and timers only
    std::function<void(const sip::Flow& connection)> closed;
    std::function<void(std::string_view bytes, const Error& why, const sip::Flow& from)> broken;
    std::function<void(const std::string& what)> trouble;
    std::function<void()> want_flush;  ///< something waits to be written: call flush() in this turn of the loop
  };
  TcpConnections(Loop& loop, const SipTransportsConfig& config, SipTransports::Counters& counters, Hooks hooks);
  ~TcpConnections();

  /// Starts to listen on a socket made by listen_tcp().
  void add_listener(Fd fd, const Endpoint& advertised);
  void queue(const sip::Flow& flow, const std::string& bytes);
  void flush();
  void close_when_written(ConnectionId id);
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Connection;
  struct Listener;
  using Ref = std::shared_ptr<Connection>;  // shared: a callback may close the connection that it was called for

  void acceptable(Listener& listener);
  void accept_one(Listener& listener, Fd fd, const Endpoint& remote);
  Ref connect(const sip::Flow& flow);
  Ref add(Fd fd, sip::Flow flow, bool accepted);
  [[nodiscard]] Ref find(const sip::Flow& flow) const;
  void when_readable(Connection& c);
  void when_writable(Connection& c);
  void writable(const Ref& c);
  void connected(const Ref& c);
  void readable(const Ref& c);
  void take_frames(const Ref& c, std::string_view bytes);
  void enqueue(const Ref& c, std::string_view bytes, const sip::Flow* flow);
  void write(const Ref& c);
  void close(const Ref& c);
  void give_up(const Ref& c, const Error& why);
  void close_slow(const Ref& c, std::string_view why);
  void look_after_all();
  [[nodiscard]] std::string_view overdue(const Connection& c, Instant now) const;
  [[nodiscard]] Endpoint local_for(const sip::Flow& flow) const;

  Loop& loop_;
  const SipTransportsConfig& config_;
  SipTransports::Counters& counters_;
  Hooks hooks_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<ConnectionId, Ref> open_;
  std::unordered_map<Endpoint, ConnectionId> by_remote_;
  std::unordered_map<Endpoint, std::size_t> per_source_;  // accepted; the endpoint's port is 0
  std::vector<Ref> to_write_;
  std::vector<Ref> doomed_;             // closed from within queue(): cleaned up in flush()
  std::vector<sip::Flow> unreachable_;  // failed at once within queue(): reported in flush()
  std::vector<char> room_;
  std::uint64_t last_id_ = 0;
  Duration tick_;
  Timer timer_;
};

/// Errors as bind_udp().
[[nodiscard]] Result<Fd> listen_tcp(const Endpoint& at);

}  // namespace segue::net
