// What a media worker's thread runs: waits for sockets, orders and deadlines, and moves packets between sockets and the
// Exchange. One object, one thread; MediaWorker owns both. The packet path is receive() -> Exchange -> send_rtp() ->
// flush().
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <functional>
#include <unordered_map>
#include <vector>

#include "media/exchange.h"
#include "net/mailbox.h"
#include "net/media_batch.h"
#include "net/media_worker.h"

namespace segue::net {

/// Written by the worker's thread only, read by any.
struct MediaCounters {
  using Count = std::atomic<std::uint64_t>;
  Count packets_in{0}, packets_out{0}, bytes_in{0}, bytes_out{0}, oversized{0}, send_failed{0};
  Count wakes{0}, pauses{0}, commands{0}, messages_dropped{0}, legs{0};
  /// One writer: a plain load and store, no locked instruction.
  static void add(Count& count, std::uint64_t n) {
    count.store(count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

/// A command and, for OpenLeg, the sockets that are lent with it.
struct MediaOrder {
  media::Command command;
  MediaSockets sockets{};
};

class MediaLoop final : private media::Exchange::Sink {
 public:
  struct Parts {
    Fd epoll, wake;  ///< `wake` is an eventfd: orders or a stop are waiting
    Mailbox<MediaOrder>& orders;
    MediaCounters& counters;
    std::function<void(std::vector<media::Message>&)> deliver;  ///< empties it
  };
  MediaLoop(const MediaWorkerConfig& config, std::shared_ptr<const media::ClipLibrary> clips, Parts parts);

  /// Until `stop` is true and the eventfd was written.
  void run(const std::atomic<bool>& stop);

 private:
  struct Leg {
    LegId id;
    MediaSockets sockets;
    std::uint64_t last_wake = 0;  ///< in which its RTP socket was read last
  };

  void wait_and_serve();
  void pause_if_busy(Now now);
  void serve(const epoll_event& event);
  void receive(std::uint32_t slot, bool rtcp);
  void take_orders();
  void carry_out(MediaOrder& order);
  void open(LegId leg, const MediaSockets& sockets);
  [[nodiscard]] bool watch(int fd, std::uint64_t key);
  void unwatch(int fd);
  void close_told();
  void flush();

  void send_rtp(LegId leg, const Endpoint& to, ByteView packet) override;
  void send_rtcp(LegId leg, const Endpoint& to, ByteView packet, bool muxed) override;
  void tell(media::Message message) override;
  void send_by(int fd, const Endpoint& to, ByteView packet);
  [[nodiscard]] const Leg* find(LegId leg) const;

  const MediaWorkerConfig& config_;
  Parts parts_;
  media::Exchange exchange_;
  std::vector<Leg> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::unordered_map<LegId, std::uint32_t> slot_of_;
  std::vector<MediaOrder> orders_;
  std::vector<media::Message> messages_;
  std::vector<LegId> closing_;  // told as closed; their sockets are let go once all their packets are out
  std::vector<epoll_event> events_;
  ReceiveBatch in_;
  SendRun out_;
  std::uint64_t wake_ = 1;
  // the load, measured in windows of some milliseconds
  Instant window_begun_{};
  std::uint64_t window_packets_ = 0;
  bool busy_ = false;
};

}  // namespace segue::net
