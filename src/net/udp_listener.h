// One UDP socket of the SIP side: drained and filled in batches, on the loop's thread. Owned by SipTransports, which
// hands in one DatagramBatch for all listeners. Bounded by the queue's maximum, which is reached only while the
// kernel's send buffer is full.
#pragma once

#include <sys/socket.h>

#include <sys/uio.h>

#include <array>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/fd.h"
#include "net/loop.h"
#include "net/sip_transports.h"

namespace segue::net {

/// Room for one recvmmsg call. 2 MiB, once for all listeners.
class DatagramBatch {
 public:
  static constexpr std::size_t kSize = 32;
  static constexpr std::size_t kBytes = 65536;  // more than any datagram has: nothing is cut off

  DatagramBatch();
  /// How many datagrams were read, 0 if there was none.
  [[nodiscard]] std::size_t receive(int fd);
  [[nodiscard]] std::string_view bytes(std::size_t i) const;
  [[nodiscard]] Endpoint from(std::size_t i) const { return to_endpoint(from_[i]); }

 private:
  std::vector<char> room_;
  std::array<SockAddr, kSize> from_;
  std::array<iovec, kSize> parts_{};
  std::array<mmsghdr, kSize> headers_{};
};

class UdpListener {
 public:
  using OnDatagram = std::function<void(std::string_view bytes, const Endpoint& from, const Endpoint& local)>;
  using OnFailed = std::function<void(const sip::Flow& flow)>;

  UdpListener(Loop& loop, Fd fd, const Endpoint& local, std::size_t max_queued, DatagramBatch& batch,
              SipTransports::Counters& counters, OnDatagram on_datagram, OnFailed on_failed);

  [[nodiscard]] const Endpoint& local() const { return local_; }  ///< as advertised
  /// False: the queue is full and the datagram was dropped.
  [[nodiscard]] bool queue(const sip::Flow& flow, std::string bytes);
  void flush();

 private:
  struct Queued {
    sip::Flow flow;
    std::string bytes;
  };
  void readable();
  [[nodiscard]] int send_batch();  // datagrams sent, or -errno of the first

  Loop& loop_;
  FdWatch watch_;
  Endpoint local_;
  std::size_t max_queued_;
  DatagramBatch& batch_;
  SipTransports::Counters& counters_;
  OnDatagram on_datagram_;
  OnFailed on_failed_;
  std::deque<Queued> queue_;
  bool waiting_ = false;  // for room in the kernel's buffer
};

}  // namespace segue::net
