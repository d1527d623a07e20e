// What we know about the stream a leg sends us: RFC 3550 appendix A's counts for receiver reports. A value; owned by a
// leg.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace segue::media {

class Receiver {
 public:
  /// `sampled`: its timestamp says when its sound was taken, as that of a telephone event (RFC 4733 section 2.2) does
  /// not after its first packet; only such packets tell of jitter.
  void packet(const rtp::PacketView& packet, Instant arrived, std::uint32_t clock, bool sampled);
  void sender_report(std::uint64_t ntp, Instant arrived);
  [[nodiscard]] bool any() const { return received_ > 0; }
  [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }
  /// The block for our next report; starts the next interval.
  [[nodiscard]] rtp::ReportBlock report(Instant now);

 private:
  void restart(const rtp::PacketView& packet);

  std::uint32_t ssrc_ = 0;
  std::uint16_t highest_ = 0;
  std::uint32_t cycles_ = 0, base_ = 0;
  std::uint32_t received_ = 0, expected_before_ = 0, received_before_ = 0;
  std::optional<std::uint32_t> transit_;
  std::uint32_t jitter_ = 0;  // scaled by 16, as in appendix A.8
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_{};
};

}  // namespace segue::media
