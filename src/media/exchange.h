// The media plane as a pure object: RTP in, RTP out, on the caller's clock. One Exchange per media worker; both legs of
// a call live in the same one. It owns no socket: the edge (net::MediaWorker) or the simulator feeds packets and
// carries out what the Sink is told.
//
// Every leg has a *line* (line.h): the one RTP stream we send towards it. Packet path: no allocation, lock, log or
// virtual call beyond Sink (one indirect call a packet sent). Bounded by kMaxLegs a worker; OpenLeg past it is answered
// by LegClosed at once.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "media/clips.h"
#include "media/types.h"

namespace segue::media {

inline constexpr std::size_t kMaxLegs =
    4096;  // of one worker: twice what a core relays with a socket a leg (figures in bench/)

struct ExchangeConfig {
  Duration dead_after = 30s;    ///< MediaDead, and again each time after that while it lasts; 0 turns it off
  Duration rtcp_interval = 5s;  ///< RFC 3550 6.2's minimum; each is 0.5 to 1.5 of it (6.3.1)
  Duration code_wait = 1500ms;  ///< '*' waits this long for the next digit
  Duration relatch_after = 2s;  ///< silence after which the same SSRC may come from a new port
  Duration measure_after = 1s;  ///< SpliceMeasured this long after the splice
};

class Exchange {
 public:
  /// What the edge must do; called from within receive/handle/advance. May not call back into Exchange.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void send_rtp(LegId leg, const Endpoint& to, ByteView packet) = 0;
    /// `muxed`: by the leg's RTP socket (RFC 5761), else by its RTCP socket.
    virtual void send_rtcp(LegId leg, const Endpoint& to, ByteView packet, bool muxed) = 0;
    virtual void tell(Message message) = 0;  ///< to signalling
  };

  Exchange(ExchangeConfig config, std::shared_ptr<const ClipLibrary> clips);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void handle(const Command& command, Now now, Sink& sink);
  /// A datagram on the leg's RTP socket. `arrived` is the kernel's receive time where known (else now.mono).
  void receive_rtp(LegId leg, const Endpoint& from, ByteView packet, Instant arrived, Now now, Sink& sink);
  void receive_rtcp(LegId leg, const Endpoint& from, ByteView packet, Now now, Sink& sink);
  /// Fires what is due: clips, RTCP, the gate's waits, dead media.
  void advance(Now now, Sink& sink);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] std::size_t legs() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::media
