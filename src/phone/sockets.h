// UDP sockets of the test phones, with the kernel's receive times (SO_TIMESTAMPNS). Plain and blocking-free; RAII.
// Linux.
#pragma once

#include <optional>
#include <utility>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "phone/capture.h"

namespace segue::phone {

/// Both clocks, read together.
[[nodiscard]] Now read_clock();

class UdpSocket {
 public:
  /// Port 0: any free one. Errors: Unavailable, in words.
  [[nodiscard]] static Result<UdpSocket> bind(const Endpoint& local);
  /// RTP on an even port with RTCP on the next one (RFC 3550 section 11).
  [[nodiscard]] static Result<std::pair<UdpSocket, UdpSocket>> bind_pair(const IpAddress& ip);
  UdpSocket(UdpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), local_(other.local_) {}
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const Endpoint& local() const { return local_; }
  /// False where the kernel refused it (a closed port's ICMP, a full buffer): a datagram may be lost like any other.
  bool send(const Endpoint& to, ByteView bytes) const;
  /// The next waiting datagram; nullopt if there is none.
  [[nodiscard]] std::optional<Datagram> receive() const;

 private:
  UdpSocket(int fd, Endpoint local) : fd_(fd), local_(local) {}
  int fd_ = -1;
  Endpoint local_;
};

}  // namespace segue::phone
