// Strong ids: a LegId cannot be passed where a CallId is wanted. Value 0 means "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace segue {

template <typename Tag>
struct Id {
  std::uint64_t value = 0;
  [[nodiscard]] constexpr bool valid() const { return value != 0; }
  [[nodiscard]] constexpr explicit operator bool() const { return valid(); }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

using CallId = Id<struct CallTag>;
using LegId = Id<struct LegTag>;  ///< one SIP dialog and its media; the same id in call, engine and media
using FlipId = Id<struct FlipTag>;
using AccountId = Id<struct AccountTag>;
using DeviceId = Id<struct DeviceTag>;
using NumberId = Id<struct NumberTag>;
using SessionId = Id<struct SessionTag>;          ///< an INVITE session of sip::Agent
using TransactionId = Id<struct TransactionTag>;  ///< a server transaction waiting for our response
using ConnectionId = Id<struct ConnectionTag>;    ///< a TCP/TLS/WebSocket connection; 0 for UDP

}  // namespace segue

template <typename Tag>
struct std::hash<segue::Id<Tag>> {
  std::size_t operator()(const segue::Id<Tag>& id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
