// The phones of the benchmark: a socket each, 172-byte G.711 packets at 50 a second, spread evenly over the frame. They
// count what comes back.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "net/fd.h"

namespace segue::bench {

class Load {
 public:
  explicit Load(std::size_t phones);

  [[nodiscard]] std::size_t phones() const { return phones_.size(); }
  [[nodiscard]] Endpoint address(std::size_t phone) const;
  [[nodiscard]] Endpoint rtcp() const;  ///< one sink for all: RTCP is not what is measured
  /// Where this phone sends to from now on.
  void set_server(std::size_t phone, const Endpoint& server) { phones_[phone].server = net::SockAddr(server); }

  struct Count {
    std::uint64_t sent = 0, received = 0;
  };
  /// Sends and drains in steps of a millisecond, on the calling thread.
  Count run(Duration time);

 private:
  struct Phone {
    net::Fd socket;
    net::SockAddr server;
    std::uint16_t sequence = 0;
  };
  void send(Phone& phone, Count& count);
  void drain(Phone& phone, Count& count);
  std::vector<Phone> phones_;
  net::Fd rtcp_;
};

}  // namespace segue::bench
