#include "phone/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace segue::phone {
namespace {

constexpr std::size_t kLargestDatagram = 65535;
constexpr int kReceiveBuffer =
    1 << 20;  // a second of a stalled reader at 50 packets a second is 10 kB; room for SIP bursts

Duration read_raw(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

socklen_t to_sockaddr(const Endpoint& e, sockaddr_storage& out) {
  out = {};
  if (e.ip.v6) {
    auto& a = reinterpret_cast<sockaddr_in6&>(out);
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(e.port);
    std::memcpy(&a.sin6_addr, e.ip.bytes.data(), 16);
    return sizeof(sockaddr_in6);
  }
  auto& a = reinterpret_cast<sockaddr_in&>(out);
  a.sin_family = AF_INET;
  a.sin_port = htons(e.port);
  std::memcpy(&a.sin_addr, e.ip.bytes.data(), 4);
  return sizeof(sockaddr_in);
}

Endpoint from_sockaddr(const sockaddr_storage& in) {
  Endpoint e;
  if (in.ss_family == AF_INET6) {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(in);
    e.ip.v6 = true;
    e.port = ntohs(a.sin6_port);
    std::memcpy(e.ip.bytes.data(), &a.sin6_addr, 16);
    return e;
  }
  const auto& a = reinterpret_cast<const sockaddr_in&>(in);
  e.port = ntohs(a.sin_port);
  std::memcpy(e.ip.bytes.data(), &a.sin_addr, 4);
  return e;
}

/// The kernel stamps with the wall clock; only the distance from "now" is kept, so that a step of that clock cannot
/// matter for long.
Instant stamp_of(msghdr& message, const Now& now) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec t{};
    std::memcpy(&t, CMSG_DATA(c), sizeof t);
    const Duration stamp = std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
    return now.mono - (now.wall.time_since_epoch() - stamp);
  }
  return now.mono;
}

}  // namespace

Now read_clock() { return {Instant(read_raw(CLOCK_MONOTONIC)), WallTime(read_raw(CLOCK_REALTIME))}; }

Result<UdpSocket> UdpSocket::bind(const Endpoint& local) {
  const int fd = ::socket(local.ip.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorKind::Unavailable, fmt::format("cannot open a UDP socket: {}", std::strerror(errno)));
  UdpSocket made(fd, local);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(local, address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    return fail(ErrorKind::Unavailable, fmt::format("cannot bind UDP {}: {}", local.to_string(), std::strerror(errno)));
  }
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  made.local_ = from_sockaddr(address);
  return made;
}

Result<std::pair<UdpSocket, UdpSocket>> UdpSocket::bind_pair(const IpAddress& ip) {
  constexpr int kTries = 64;  // half of the free ports are even, and nearly all of their neighbours are free
  for (int i = 0; i < kTries; ++i) {
    auto rtp = bind({ip, 0});
    if (!rtp) return tl::unexpected(rtp.error());
    const std::uint16_t port = rtp->local().port;
    if (port % 2 != 0 || port == 65534) continue;
    auto rtcp = bind({ip, static_cast<std::uint16_t>(port + 1)});
    if (rtcp) return std::pair(std::move(*rtp), std::move(*rtcp));
  }
  return fail(ErrorKind::Exhausted, "no free pair of UDP ports for RTP and RTCP");
}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    local_ = other.local_;
  }
  return *this;
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

bool UdpSocket::send(const Endpoint& to, ByteView bytes) const {
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(to, address);
  return ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address), length) ==
         static_cast<ssize_t>(bytes.size());
}

std::optional<Datagram> UdpSocket::receive() const {
  static thread_local std::array<std::uint8_t, kLargestDatagram> buffer;
  sockaddr_storage address{};
  alignas(cmsghdr) std::array<std::uint8_t, 128> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_, &message, 0);
  if (size < 0) return std::nullopt;  // nothing waits, or an ICMP error of an earlier send, which poll reports again
  const Now now = read_clock();
  return Datagram{stamp_of(message, now), from_sockaddr(address),
                  Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size))};
}

}  // namespace segue::phone
