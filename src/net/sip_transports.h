// All SIP sockets of the server on the signalling loop: UDP (recvmmsg and sendmmsg in batches) and TCP (accepted and
// connected on demand, RFC 3261 section 18, RFC 5626 keep-alives). Other transports join by their TransportKind.
//
// Loop thread only. Callbacks are made from the loop, never from within send(), and not after destruction. Bounded by
// SipTransportsConfig: past a bound a connection is refused or closed, a datagram dropped, and both are counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "net/loop.h"
#include "sip/transport.h"

namespace segue::net {

struct SipListener {
  Endpoint bind;                       ///< port 0: any free one
  std::optional<IpAddress> advertise;  ///< what Flow::local says (Via, Contact); default: the bound address
};

struct SipTransportsConfig {
  std::vector<SipListener> udp, tcp;
  std::size_t max_connections = 8192;            ///< one file each; half of the usual hard limit stays for media
  std::size_t max_connections_per_source = 256;  ///< an office behind one NAT
  std::size_t max_queued_bytes = 1 << 20;        ///< of one connection: 16 of the largest messages
  std::size_t max_queued_datagrams = 4096;       ///< of one UDP listener while its socket is full
  /// A phone that registered for an hour and does not ping must stay reachable; dead peers are found by TCP
  /// keep-alives.
  Duration idle_timeout = 3660s;
  Duration first_message_timeout = 30s;  ///< an accepted connection that says nothing
  Duration message_timeout = 15s;        ///< a message begun but not finished
  Duration write_timeout = 15s;          ///< a peer that does not read
  Duration connect_timeout = 5s;         ///< well inside of timer B (32 s), so that a next target can be tried
};

/// All must be set.
struct SipTransportsEvents {
  /// One datagram or one message cut from a stream. `Flow::local` is the listener's advertised address.
  std::function<void(std::string_view bytes, const sip::Flow& from)> on_message;
  /// A stream that can no longer be cut into messages, with what stood there. What is sent to its flow from within this
  /// callback is still written; then it closes.
  std::function<void(std::string_view bytes, const Error& why, const sip::Flow& from)> on_stream_broken;
  /// A connection was refused or closed for a reason that is the peer's, or none can be accepted because no files are
  /// left: in words. A peer can cause as many as it likes.
  std::function<void(const std::string& what)> on_trouble;
  /// What was given to send() for this flow could not be sent (the flow as it was given).
  std::function<void(const sip::Flow& flow)> on_flow_failed;
  /// A connection (accepted or our own) is gone, with what was written to it or not. Its flow can still be sent to:
  /// that opens a new one.
  std::function<void(const sip::Flow& connection)> on_connection_closed;
};

class SipTransports {
 public:
  /// Binds everything. Errors: which address and port, and the system's reason.
  [[nodiscard]] static Result<std::unique_ptr<SipTransports>> open(Loop& loop, SipTransportsConfig config,
                                                                   SipTransportsEvents events);
  ~SipTransports();
  SipTransports(const SipTransports&) = delete;
  SipTransports& operator=(const SipTransports&) = delete;

  /// As bound (port 0 resolved), in the configuration's order; the addresses are the advertised ones.
  [[nodiscard]] std::vector<Endpoint> udp() const;
  [[nodiscard]] std::vector<Endpoint> tcp() const;

  /// Queues; the bytes leave in this turn of the loop. UDP: from the listener whose advertised address is `flow.local`,
  /// else the first of the remote's family. Streams: on `flow.connection`, else on an open connection to `flow.remote`
  /// or `flow.reopen`, else on a new one to `flow.reopen` (`flow.remote` if there is none).
  void send(const sip::Flow& flow, std::string bytes);
  /// Closes after what is queued has been written.
  void close(ConnectionId connection);

  struct Counters {
    std::uint64_t received = 0, sent = 0, keep_alives = 0;
    std::uint64_t accepted = 0, connected = 0, closed = 0;
    std::uint64_t refused_full = 0;      ///< connections past a maximum
    std::uint64_t closed_slow = 0;       ///< by a timeout or a full queue
    std::uint64_t closed_malformed = 0;  ///< streams that can no longer be cut into messages
    std::uint64_t dropped_full = 0;      ///< datagrams
    std::uint64_t failed = 0;            ///< sends reported by on_flow_failed
  };
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  explicit SipTransports(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared: Asio's handlers hold it for one more turn
};

}  // namespace segue::net
