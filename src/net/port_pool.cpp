#include "net/port_pool.h"

#include <netinet/ip.h>
#include <sys/socket.h>

namespace segue::net {
namespace {

// 256 KiB hold 8 s of a leg's packets: the worker may be kept from running for long before one is lost. The kernel
// doubles it for its own bookkeeping and caps it by rmem_max, which is why a refusal is no error.
constexpr int kReceiveBuffer = 256 * 1024;
constexpr int kExpeditedForwarding = 0xb8;  // RFC 3246: DSCP 46, for networks that look at it

void tune(int fd, bool v6) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  const int class_ = kExpeditedForwarding;
  if (v6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class_, sizeof class_);
  } else {
    ::setsockopt(fd, IPPROTO_IP, IP_TOS, &class_, sizeof class_);
  }
}

Result<MediaSockets> bind_pair(const IpAddress& ip, std::uint16_t port) {
  auto rtp = bind_udp({ip, port});
  if (!rtp) return tl::unexpected<Error>(std::move(rtp.error()));
  auto rtcp = bind_udp({ip, static_cast<std::uint16_t>(port + 1)});
  if (!rtcp) return tl::unexpected<Error>(std::move(rtcp.error()));
  tune(rtp->get(), ip.v6);
  tune(rtcp->get(), ip.v6);
  return MediaSockets{std::move(*rtp), std::move(*rtcp), port};
}

}  // namespace

Result<PortPool> PortPool::create(const IpAddress& bind, std::uint16_t first, std::uint16_t last) {
  if (first < 1024) return fail(ErrorKind::InvalidInput, "RTP ports begin at 1024 or above");
  PortPool pool;
  pool.bind_ = bind;
  for (std::uint32_t port = first + (first & 1U); port + 1 <= last; port += 2) {
    pool.free_.push_back(static_cast<std::uint16_t>(port));
  }
  if (pool.free_.empty())
    return fail(ErrorKind::InvalidInput, "the RTP port range has no even port with the odd one above it");
  return pool;
}

Result<MediaSockets> PortPool::allocate() {
  for (std::size_t tries = free_.size(); tries > 0; --tries) {
    const auto port = free_.front();
    auto sockets = bind_pair(bind_, port);
    if (!sockets && sockets.error().kind != ErrorKind::Conflict) return sockets;  // no other port would do better
    free_.pop_front();
    if (sockets) {
      out_.insert(port);
      return sockets;
    }
    free_.push_back(port);  // someone else's for now
  }
  return fail(ErrorKind::Exhausted, "all RTP ports of the range are taken");
}

void PortPool::release(std::uint16_t rtp_port) {
  if (out_.erase(rtp_port) == 1) free_.push_back(rtp_port);
}

}  // namespace segue::net
