// The two relays that are compared: a bare loop of epoll, recvfrom and sendto, and the server's own MediaWorker. Both
// run in a thread of their own, have a socket for each phone and pass the packets of phone 2k to phone 2k+1 and back.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "net/media_worker.h"
#include "relay/load.h"

namespace segue::bench {

class BareRelay {
 public:
  explicit BareRelay(Load& load);
  ~BareRelay();
  [[nodiscard]] double cpu_s() const;

 private:
  struct Leg {
    net::Fd socket;
    net::SockAddr phone;
  };
  void run();
  std::vector<Leg> legs_;
  net::Fd epoll_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class SegueRelay {
 public:
  SegueRelay(Load& load, Duration coalesce, std::shared_ptr<const media::ClipLibrary> clips);
  [[nodiscard]] double cpu_s() const { return worker_->counters().cpu_s; }
  [[nodiscard]] net::MediaWorker::Counters counters() const { return worker_->counters(); }

 private:
  net::Loop loop_;  // turned once: the messages of a steady call are none
  std::optional<net::PortPool> ports_;
  std::unique_ptr<net::MediaWorker> worker_;
};

}  // namespace segue::bench
