#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace segue {

bool IpAddress::loopback() const {
  if (!v6) return bytes[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  return bytes == one;
}

std::string IpAddress::to_string() const {
  if (!v6) {  // inet_ntop prints through sprintf, and this is in every message
    std::string text = std::to_string(bytes[0]);
    for (std::size_t i = 1; i < 4; ++i) text.append(1, '.').append(std::to_string(bytes[i]));
    return text;
  }
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  char buffer[INET6_ADDRSTRLEN] = {};
  std::memcpy(buffer, text.data(), text.size());
  IpAddress ip;
  if (::inet_pton(AF_INET, buffer, ip.bytes.data()) == 1) return ip;
  if (::inet_pton(AF_INET6, buffer, ip.bytes.data()) != 1) return std::nullopt;
  ip.v6 = true;
  return ip;
}

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  IpAddress ip;
  ip.bytes[0] = a;
  ip.bytes[1] = b;
  ip.bytes[2] = c;
  ip.bytes[3] = d;
  return ip;
}

std::string Endpoint::to_string() const {
  return (ip.v6 ? "[" + ip.to_string() + "]" : ip.to_string()) + ":" + std::to_string(port);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos && (host.empty() || host.front() != '[')) return std::nullopt;
  const auto ip = IpAddress::parse(host);
  unsigned port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (!ip || error != std::errc{} || stop != end || port == 0 || port > 65535) return std::nullopt;
  return Endpoint{*ip, static_cast<std::uint16_t>(port)};
}

}  // namespace segue
