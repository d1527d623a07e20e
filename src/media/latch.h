// Symmetric RTP with a lock: which source address of a leg is believed, and where its packets are sent (RFC 4961). Only
// the answered or the signalling IP may latch, once per answer; afterwards a move needs a new answer, or silence and
// the same stream. A new answer that names the same address (a phone behind NAT has changed its network and says the
// same private one again) allows a move only if the old address has fallen silent by then. Pure.
#pragma once

#include <optional>

#include "base/time.h"
#include "media/types.h"
#include "rtp/packet.h"

namespace segue::media {

class Latch {
 public:
  /// After every answer. A changed RTP address forgets the latch, so that the next good packet sets it anew; the same
  /// one keeps it, so that nothing is sent astray meanwhile, and allows one move.
  void set_remote(const LegAddress& address, Instant now);

  /// Whether a valid packet from here belongs to the leg; latches if it may.
  [[nodiscard]] bool admit(const Endpoint& from, const rtp::PacketView& packet, Instant now, Duration relatch_after) {
    if (latched_ && from == *latched_ && packet.ssrc == ssrc_) {  // all but a few packets
      note(packet, now);
      return true;
    }
    return admit_other(from, packet, now, relatch_after);
  }
  [[nodiscard]] bool allowed(const IpAddress& ip) const;
  [[nodiscard]] const std::optional<Endpoint>& latched() const { return latched_; }
  /// Where RTP goes: the latched address, else the answered one; nullopt if there is neither (an old-style hold's
  /// 0.0.0.0).
  [[nodiscard]] std::optional<Endpoint> send_to() const;

 private:
  [[nodiscard]] bool admit_other(const Endpoint& from, const rtp::PacketView& packet, Instant now,
                                 Duration relatch_after);
  void note(const rtp::PacketView& packet, Instant now) {
    ssrc_ = packet.ssrc;
    sequence_ = packet.sequence;
    last_ = now;
  }

  static constexpr int kMaxDropout = 3000;         // RFC 3550 appendix A.1: a minute at 20 ms
  static constexpr Duration kMoveSilence = 200ms;  // three packets of 60 ms and their jitter

  LegAddress address_{};
  std::optional<Endpoint> latched_;
  std::optional<Instant> may_move_;  // the time of the answer that allows it
  std::uint32_t ssrc_ = 0;
  std::uint16_t sequence_ = 0;
  Instant last_{};
};

}  // namespace segue::media
