// Where a message came from and where one goes: values only. Edges own the sockets behind them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"

namespace segue::sip {

inline constexpr std::uint16_t kSipPort = 5060;  ///< RFC 3261 section 19.1.2, where none is named; not for TLS

enum class TransportKind { Udp, Tcp, Tls, Ws, Wss };
[[nodiscard]] constexpr bool reliable(TransportKind k) { return k != TransportKind::Udp; }
[[nodiscard]] std::string_view via_name(TransportKind k);  ///< "UDP", "TCP", ...

/// One way to a peer: the 5-tuple. For streams `connection` names the open connection; a message to a closed one makes
/// the edge open a new one to `reopen`, else to `remote` (or report failure if the peer cannot be reached).
struct Flow {
  TransportKind transport = TransportKind::Udp;
  Endpoint local;  ///< our listening address for UDP; the address we advertise in Via and Contact
  Endpoint remote;
  ConnectionId connection;
  /// Streams: where the peer listens, which is seldom the port that it had connected from. Says how to reach the peer
  /// again, not which way this is: no part of equality.
  std::optional<Endpoint> reopen = std::nullopt;
  friend bool operator==(const Flow& a, const Flow& b) {
    return a.transport == b.transport && a.local == b.local && a.remote == b.remote && a.connection == b.connection;
  }
};

}  // namespace segue::sip
