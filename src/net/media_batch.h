// Room for packets between the kernel and the Exchange, made once for each worker: what one recvmmsg reads from one
// socket, and a run of packets that leave by one socket. Worker thread only; nothing here allocates after construction.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/time.h"
#include "net/fd.h"

namespace segue::net {

/// An Ethernet frame's worth: RTP of 60 ms G.722 has 492 bytes, the largest Opus packet 1,288. What is longer is no
/// audio and is dropped.
inline constexpr std::size_t kMaxPacket = 1500;

class ReceiveBatch {
 public:
  static constexpr std::size_t kSize = 16;

  ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;
  /// Packets read from this socket, at most `limit` (<= kSize); 0 if there was none (or only an error of an earlier
  /// send). A limit of one is cheaper: no second look at a queue that is most likely empty.
  [[nodiscard]] std::size_t receive(int fd, std::size_t limit = kSize);
  [[nodiscard]] ByteView packet(std::size_t i) const { return {room_[i].data(), headers_[i].msg_len}; }
  [[nodiscard]] bool cut(std::size_t i) const { return (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0; }
  [[nodiscard]] Endpoint from(std::size_t i) const { return to_endpoint(from_[i]); }
  /// The kernel's receive time on the monotonic clock; now.mono where it gave none.
  [[nodiscard]] Instant arrived(std::size_t i, Now now) const;

 private:
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, 64> bytes;
  };
  void prepare(std::size_t i);

  std::size_t used_ = 0;
  std::array<std::array<std::uint8_t, kMaxPacket>, kSize> room_;
  std::array<SockAddr, kSize> from_;
  std::array<Control, kSize> control_;
  std::array<iovec, kSize> parts_{};
  std::array<mmsghdr, kSize> headers_{};
};

/// Packets that wait to leave by one socket. A single one costs a sendto, several one sendmmsg.
class SendRun {
 public:
  static constexpr std::size_t kSize = 16;

  SendRun() = default;
  SendRun(const SendRun&) = delete;
  SendRun& operator=(const SendRun&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool full() const { return count_ == kSize; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t bytes() const;
  /// Copies the packet (at most kMaxPacket bytes). The run must be empty or for the same socket, and not full.
  void add(int fd, const Endpoint& to, ByteView packet);
  /// Sends all; returns how many the kernel took. What it refuses is lost, as on a network: late audio is of no use.
  [[nodiscard]] std::size_t flush();

 private:
  [[nodiscard]] std::size_t flush_many();

  int fd_ = -1;
  std::size_t count_ = 0;
  std::array<std::array<std::uint8_t, kMaxPacket>, kSize> room_;
  std::array<std::size_t, kSize> sizes_{};
  std::array<SockAddr, kSize> to_;
};

}  // namespace segue::net
