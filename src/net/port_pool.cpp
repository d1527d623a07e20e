#include "net/port_pool.h"

#include <netinet/ip.h>
#include <sys/socket.h>

namespace segue::net {
namespace {

// 256 KiB hold 8 s of a leg's packets: the worker may be kept from running for long before one is lost. The kernel
// doubles it for its own bookkeeping and caps it by rmem_max, which is why a refusal is no error.
constexpr int kReceiveBuffer = 256 * 1024;
constexpr int kDrainMax = 1024;             // more than the buffer holds of the smallest packets
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

Result<std::pair<Fd, Fd>> bind_pair(const IpAddress& ip, std::uint16_t port) {
  auto rtp = bind_udp({ip, port});
  if (!rtp) return tl::unexpected<Error>(std::move(rtp.error()));
  auto rtcp = bind_udp({ip, static_cast<std::uint16_t>(port + 1)});
  if (!rtcp) return tl::unexpected<Error>(std::move(rtcp.error()));
  tune(rtp->get(), ip.v6);
  tune(rtcp->get(), ip.v6);
  return std::pair{std::move(*rtp), std::move(*rtcp)};
}

/// While it rests a socket takes almost nothing in, so that nobody fills the kernel's memory through closed calls.
void open_gate(int fd, bool open) {
  const int bytes = open ? kReceiveBuffer : 0;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/// Reads away what came since the last call; false if there is no end to it.
bool empty(int fd) {
  for (int packets = 0; packets < kDrainMax; ++packets) {
    char byte = 0;
    if (::recv(fd, &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) < 0) return true;
  }
  return false;
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

Result<MediaSockets> PortPool::allocate(Instant now) {
  while (!resting_.empty() && now - bound_.at(resting_.front()).freed >= kRest) {
    if (const auto rested = take_rested()) return *rested;
  }
  auto another = bind_another();
  // The range is used up: a short rest is better than no call.
  while (!another && another.error().kind == ErrorKind::Exhausted && !resting_.empty()) {
    if (const auto rested = take_rested()) return *rested;
  }
  return another;
}

/// nullopt: somebody still sends to it; it is closed.
std::optional<MediaSockets> PortPool::take_rested() {
  const auto port = resting_.front();
  auto& pair = bound_.at(port);
  if (!empty(pair.rtp.get()) || !empty(pair.rtcp.get())) {
    close_longest_rested();
    return std::nullopt;
  }
  resting_.pop_front();
  pair.rests = false;
  open_gate(pair.rtp.get(), true);
  open_gate(pair.rtcp.get(), true);
  return MediaSockets{pair.rtp.get(), pair.rtcp.get(), port};
}

Result<MediaSockets> PortPool::bind_another() {
  for (std::size_t tries = free_.size(); tries > 0; --tries) {
    const auto port = free_.front();
    auto pair = bind_pair(bind_, port);
    if (!pair && pair.error().kind != ErrorKind::Conflict) return tl::unexpected(std::move(pair.error()));
    free_.pop_front();
    if (pair) {
      const MediaSockets lent{pair->first.get(), pair->second.get(), port};
      bound_[port] = {std::move(pair->first), std::move(pair->second)};
      return lent;
    }
    free_.push_back(port);  // someone else's for now
  }
  return fail(ErrorKind::Exhausted, "all RTP ports of the range are taken");
}

void PortPool::release(std::uint16_t rtp_port, Instant now) {
  const auto found = bound_.find(rtp_port);
  if (found == bound_.end() || found->second.rests) return;
  auto& pair = found->second;
  pair.rests = true;
  pair.freed = now;
  open_gate(pair.rtp.get(), false);
  open_gate(pair.rtcp.get(), false);
  resting_.push_back(rtp_port);
  if (resting_.size() > kRestingMax) close_longest_rested();
}

void PortPool::close_longest_rested() {
  const auto port = resting_.front();
  resting_.pop_front();
  bound_.erase(port);
  free_.push_back(port);
}

}  // namespace segue::net
