// One thread of the media plane: an epoll loop around a media::Exchange and the sockets of its legs. Both legs of a
// call live on one worker.
//
// Commands go in and messages come out through bounded mailboxes of values; apart from them and the counters the two
// threads share nothing. Packet path (media_loop.cpp): no allocation, no lock, no log; receive times come from the
// kernel. Under load several packets share a wake: a pause of at most `coalesce` gathers them. Needs Linux 5.11
// (epoll_pwait2).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "media/clips.h"
#include "media/exchange.h"
#include "media/types.h"
#include "net/loop.h"
#include "net/port_pool.h"

namespace segue::net {

struct MediaWorkerConfig {
  media::ExchangeConfig exchange;
  std::size_t max_commands = 65536;  ///< waiting in the mailbox: 16 for each of kMaxLegs legs; CloseLeg beyond it
  std::size_t max_messages = 65536;  ///< waiting for the signalling loop; past it messages are dropped and counted
  /// Longest pause to gather packets, a twentieth of a frame; 0 turns it off.
  Duration coalesce = 1ms;
  /// Packets a second from which on wakes are gathered. Below, each packet leaves as soon as it came, and the pause's
  /// timer would cost more than the wakes that it saves (bench/relay, measured on a virtual machine).
  std::uint64_t coalesce_above_pps = 30000;
  bool realtime = true;  ///< SCHED_FIFO where the system permits it
};

class MediaWorker {
 public:
  /// Messages arrive on `loop`, in order, as many at a time as there are.
  using OnMessages = std::function<void(std::vector<media::Message> messages)>;

  /// Starts the thread. Errors: Exhausted or Unavailable, where the system has no epoll, eventfd or thread to give.
  [[nodiscard]] static Result<std::unique_ptr<MediaWorker>> start(MediaWorkerConfig config,
                                                                  std::shared_ptr<const media::ClipLibrary> clips,
                                                                  Loop& loop, OnMessages on_messages);
  /// Stops and joins; open legs end without a BYE (close them first). No callback after this.
  ~MediaWorker();
  MediaWorker(const MediaWorker&) = delete;
  MediaWorker& operator=(const MediaWorker&) = delete;

  /// The sockets are lent: they must stay open until LegClosed has been told or the worker is gone; it does not close
  /// them. Exhausted: the mailbox is full.
  [[nodiscard]] Result<void> open(media::OpenLeg leg, const MediaSockets& sockets);
  /// Any command but OpenLeg. Exhausted: the mailbox is full; CloseLeg, one for each open leg, is taken all the same,
  /// or its port would never come back. Signalling thread. The worker is woken once for all commands of a turn of the
  /// loop: a SIP message makes several, and each wake costs two changes of thread.
  [[nodiscard]] Result<void> post(media::Command command);

  struct Counters {
    std::uint64_t packets_in = 0, packets_out = 0, bytes_in = 0, bytes_out = 0;
    std::uint64_t oversized = 0;    ///< longer than a packet can be here; dropped
    std::uint64_t send_failed = 0;  ///< refused by the system (buffer full, no route)
    std::uint64_t wakes = 0, pauses = 0;
    std::uint64_t commands = 0, messages_dropped = 0;
    std::uint64_t legs = 0;  ///< open now
    double cpu_s = 0;        ///< of the worker's thread
  };
  [[nodiscard]] Counters counters() const;  ///< any thread
  [[nodiscard]] bool realtime() const;      ///< SCHED_FIFO was granted

 private:
  struct Impl;
  explicit MediaWorker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::net
