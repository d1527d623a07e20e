// Where a message came from and where one goes: values only. Edges own the sockets behind them.
#pragma once

#include <string>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"

namespace segue::sip {

enum class TransportKind { Udp, Tcp, Tls, Ws, Wss };
[[nodiscard]] constexpr bool reliable(TransportKind k) { return k != TransportKind::Udp; }
[[nodiscard]] std::string_view via_name(TransportKind k);  ///< "UDP", "TCP", ...

/// One way to a peer: the 5-tuple. For streams `connection` names the open connection; a message to a closed one makes
/// the edge open a new one to `remote` (or report failure if the peer cannot be reached).
struct Flow {
  TransportKind transport = TransportKind::Udp;
  Endpoint local;  ///< our listening address for UDP; the address we advertise in Via and Contact
  Endpoint remote;
  ConnectionId connection;
  friend bool operator==(const Flow&, const Flow&) = default;
};

}  // namespace segue::sip
