#include "sip/transport.h"

namespace segue::sip {

std::string_view via_name(TransportKind k) {
  switch (k) {
    case TransportKind::Udp:
      return "UDP";
    case TransportKind::Tcp:
      return "TCP";
    case TransportKind::Tls:
      return "TLS";
    case TransportKind::Ws:
      return "WS";
    case TransportKind::Wss:
      return "WSS";
  }
  return "UDP";  // no other value exists
}

}  // namespace segue::sip
