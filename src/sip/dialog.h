// A SIP dialog (RFC 3261 section 12): identity, route set, remote target, sequence numbers, and the requests made in
// it. Plain value, owned by a session. The flow is symmetric: a request in the dialog goes to where the peer's last
// message in it came from (phones sit behind NAT, and names are not resolved here), while the request-URI and Route
// follow the RFC. Bounded: kMaxRoutes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message.h"
#include "sip/transport.h"

namespace segue::sip {

inline constexpr std::size_t kMaxRoutes = 32;  // no path on earth has more proxies; Max-Forwards ends at 70

/// The tag parameter of a From or To value, "" if there is none. Reads no further than it must: it runs for every
/// message.
[[nodiscard]] std::string_view tag_of(std::string_view from_or_to);
/// `flow` with the address at which its peer takes connections for this request: the next hop that Route or the
/// Request-URI names (RFC 3261 section 8.1.2), if it is on the flow's own host. A private address that a NAT hides is
/// somebody else here, so what is on another host is not tried. UDP flows stay as they are.
[[nodiscard]] Flow with_reopen(Flow flow, const Message& request);
/// First value of a comma-separated header.
[[nodiscard]] std::string_view first_value(std::string_view header);
/// `SIP/2.0/UDP host:port;branch=...;rport` (RFC 3581 asks for the rport of UDP).
[[nodiscard]] std::string via_value(const Flow& flow, std::string_view branch);
/// Number of the CSeq header; nullopt if it is malformed or 2^31 and more (section 8.1.1.5).
[[nodiscard]] std::optional<std::uint32_t> cseq_number(const Message& m);

struct Dialog {
  std::string call_id, local_tag, remote_tag;
  std::string local;                ///< our From value with its tag
  std::string remote;               ///< our To value; with the peer's tag as soon as there is one
  std::vector<std::string> routes;  ///< values for Route, in the order in which they are sent
  Uri remote_target;
  std::optional<std::uint32_t> remote_cseq;
  Flow flow;
  bool confirmed = false;

  /// From a response with a To tag to our INVITE (12.1.2). `base` is the dialog without a peer that sent the INVITE.
  [[nodiscard]] static Dialog as_caller(const Dialog& base, const Message& response, const Flow& from);
  /// From an INVITE to us (12.1.1).
  [[nodiscard]] static Dialog as_callee(const Message& invite, std::string_view local_tag, const Flow& from);

  /// A request of this dialog, Via first; strict routers get their kind of request-URI (12.2.1.1).
  [[nodiscard]] Message make_request(std::string_view method, std::uint32_t cseq, std::string via) const;
  /// The Contact of a target refresh request or its 2xx becomes the remote target; a missing or useless one changes
  /// nothing.
  void refresh_target(const Message& m);
  /// Section 12.2.2: false if this request is out of order and must get 500.
  [[nodiscard]] bool accept_cseq(std::uint32_t number);
};

}  // namespace segue::sip
