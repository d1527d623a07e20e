// A file descriptor that closes itself, and the small socket helpers that every file here needs. IPv6 sockets are IPv6
// only: one socket, one family. Any thread; a Fd has one owner.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/result.h"

namespace segue::net {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// A socket address in the kernel's form, with its length.
struct SockAddr {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;

  SockAddr() : v6{} {}
  explicit SockAddr(const Endpoint& endpoint);
};
[[nodiscard]] Endpoint to_endpoint(const SockAddr& address);

/// A non-blocking, close-on-exec UDP socket bound to `at` (port 0: any). Errors: Conflict (in use), InvalidInput (not
/// an address of this machine), Forbidden (privileged port), Exhausted (open files), Unavailable; the text names the
/// address and the system's reason.
[[nodiscard]] Result<Fd> bind_udp(const Endpoint& at);
[[nodiscard]] Endpoint local_endpoint(int fd);
/// The same mapping of errno for others that bind.
[[nodiscard]] Error bind_error(const char* what, const Endpoint& at, int error_number);

/// Raises the soft limit of open files to the hard one; returns what holds now. Two sockets a leg: the usual 1,024 are
/// 500 legs.
std::size_t raise_open_files_limit();
/// The first address of a running interface that is neither loopback nor link-local; nullopt if there is none.
[[nodiscard]] std::optional<IpAddress> first_address(bool v6);

}  // namespace segue::net
