#include "net/media_batch.h"

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "net/clock.h"

namespace segue::net {

ReceiveBatch::ReceiveBatch() {
  for (std::size_t i = 0; i < kSize; ++i) {
    parts_[i] = {room_[i].data(), kMaxPacket};
    auto& header = headers_[i].msg_hdr;
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
    header.msg_name = &from_[i].any;
    header.msg_control = &control_[i];
    prepare(i);
  }
}

/// The kernel writes these two back; they are set anew for the entries that it used, and only for them.
void ReceiveBatch::prepare(std::size_t i) {
  headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6);
  headers_[i].msg_hdr.msg_controllen = sizeof(Control);
}

std::size_t ReceiveBatch::receive(int fd, std::size_t limit) {
  for (std::size_t i = 0; i < used_; ++i) prepare(i);
  used_ = 0;
  if (limit == 1) {
    const auto size = ::recvmsg(fd, &headers_[0].msg_hdr, MSG_DONTWAIT);
    if (size < 0) return 0;
    headers_[0].msg_len = static_cast<unsigned>(size);
    return used_ = 1;
  }
  const int got = ::recvmmsg(fd, headers_.data(), static_cast<unsigned>(limit), MSG_DONTWAIT, nullptr);
  return used_ = got > 0 ? static_cast<std::size_t>(got) : 0;
}

Instant ReceiveBatch::arrived(std::size_t i, Now now) const {
  const auto& header = headers_[i].msg_hdr;
  const auto* control = CMSG_FIRSTHDR(&header);
  if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) return now.mono;
  timespec time{};
  std::memcpy(&time, CMSG_DATA(control), sizeof time);
  return arrival(time, now);
}

void SendRun::add(int fd, const Endpoint& to, ByteView packet) {
  SEGUE_ASSERT(packet.size() <= kMaxPacket && !full() && (empty() || fd == fd_));
  fd_ = fd;
  to_[count_] = SockAddr(to);
  std::memcpy(room_[count_].data(), packet.data(), packet.size());
  sizes_[count_] = packet.size();
  ++count_;
}

std::size_t SendRun::bytes() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count_; ++i) sum += sizes_[i];
  return sum;
}

std::size_t SendRun::flush() {
  if (count_ == 0) return 0;
  if (count_ > 1) return flush_many();
  count_ = 0;
  return ::sendto(fd_, room_[0].data(), sizes_[0], MSG_DONTWAIT | MSG_NOSIGNAL, &to_[0].any, to_[0].length) >= 0 ? 1
                                                                                                                 : 0;
}

std::size_t SendRun::flush_many() {
  std::array<iovec, kSize> parts{};
  std::array<mmsghdr, kSize> headers{};
  for (std::size_t i = 0; i < count_; ++i) {
    parts[i] = {room_[i].data(), sizes_[i]};
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
    headers[i].msg_hdr.msg_name = &to_[i].any;
    headers[i].msg_hdr.msg_namelen = to_[i].length;
  }
  std::size_t sent = 0;
  for (std::size_t next = 0; next < count_;) {
    const int took = ::sendmmsg(fd_, &headers[next], static_cast<unsigned>(count_ - next), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (took > 0) sent += static_cast<std::size_t>(took);
    next += took > 0 ? static_cast<std::size_t>(took) : 1;  // a refused one does not hold up the rest
  }
  count_ = 0;
  return sent;
}

}  // namespace segue::net
