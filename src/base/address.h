// A transport address: IPv4 or IPv6 and a port. A plain value, comparable and hashable; no name resolution.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace segue {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< IPv4 uses the first four
  bool v6 = false;

  [[nodiscard]] bool unspecified() const { return bytes == std::array<std::uint8_t, 16>{}; }
  [[nodiscard]] bool loopback() const;
  [[nodiscard]] std::string to_string() const;  ///< no brackets
  /// Accepts dotted IPv4 and RFC 4291 IPv6, with or without brackets; nullopt for anything else (names too).
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct Endpoint {
  IpAddress ip{};
  std::uint16_t port = 0;

  [[nodiscard]] bool valid() const { return port != 0; }
  [[nodiscard]] std::string to_string() const;  ///< "192.0.2.1:5060", "[2001:db8::1]:5060"
  /// "host:port" or "[v6]:port"; nullopt without a port or with a name.
  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace segue

template <>
struct std::hash<segue::Endpoint> {
  std::size_t operator()(const segue::Endpoint& e) const noexcept {
    std::size_t h = 1469598103934665603ULL ^ e.port;
    for (auto b : e.ip.bytes) h = (h ^ b) * 1099511628211ULL;
    return h;
  }
};
