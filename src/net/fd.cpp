#include "net/fd.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace segue::net {
namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return ErrorKind::Conflict;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return ErrorKind::InvalidInput;
    case EACCES:
    case EPERM:
      return ErrorKind::Forbidden;
    case EMFILE:
    case ENFILE:
      return ErrorKind::Exhausted;
    default:
      return ErrorKind::Unavailable;
  }
}

std::optional<IpAddress> usable(const ifaddrs& entry, bool v6) {
  const bool up = (entry.ifa_flags & IFF_UP) != 0 && (entry.ifa_flags & IFF_LOOPBACK) == 0;
  if (!up || !entry.ifa_addr || entry.ifa_addr->sa_family != (v6 ? AF_INET6 : AF_INET)) return std::nullopt;
  SockAddr address;
  std::memcpy(&address.v6, entry.ifa_addr, v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  const auto ip = to_endpoint(address).ip;
  const bool link_local =
      v6 ? ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80 : ip.bytes[0] == 169 && ip.bytes[1] == 254;
  if (link_local || ip.loopback() || ip.unspecified()) return std::nullopt;
  return ip;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

SockAddr::SockAddr(const Endpoint& endpoint) : v6{} {
  if (endpoint.ip.v6) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.ip.bytes.data(), 16);
    length = sizeof v6;
  } else {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.ip.bytes.data(), 4);
    length = sizeof v4;
  }
}

Endpoint to_endpoint(const SockAddr& address) {
  Endpoint endpoint;
  if (address.any.sa_family == AF_INET6) {
    endpoint.ip.v6 = true;
    endpoint.port = ntohs(address.v6.sin6_port);
    std::memcpy(endpoint.ip.bytes.data(), &address.v6.sin6_addr, 16);
  } else {
    endpoint.port = ntohs(address.v4.sin_port);
    std::memcpy(endpoint.ip.bytes.data(), &address.v4.sin_addr, 4);
  }
  return endpoint;
}

Error bind_error(const char* what, const Endpoint& at, int error_number) {
  return {kind_of(error_number),
          fmt::format("{} {}: {} (errno {})", what, at.to_string(), std::strerror(error_number), error_number)};
}

Result<Fd> bind_udp(const Endpoint& at) {
  Fd fd(::socket(at.ip.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!fd.valid()) return tl::unexpected<Error>(bind_error("cannot make a UDP socket for", at, errno));
  const int on = 1;
  if (at.ip.v6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SockAddr address(at);
  if (::bind(fd.get(), &address.any, address.length) != 0) {
    return tl::unexpected<Error>(bind_error("cannot bind UDP", at, errno));
  }
  return fd;
}

Endpoint local_endpoint(int fd) {
  SockAddr address;
  address.length = sizeof address.v6;
  if (::getsockname(fd, &address.any, &address.length) != 0) return {};
  return to_endpoint(address);
}

std::size_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return static_cast<std::size_t>(before);
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::optional<IpAddress> first_address(bool v6) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const auto* entry = list; entry; entry = entry->ifa_next) {
    if (const auto ip = usable(*entry, v6)) return ip;
  }
  return std::nullopt;
}

}  // namespace segue::net
