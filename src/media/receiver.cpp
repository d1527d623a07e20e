#include "media/receiver.h"

#include <algorithm>
#include <cstdlib>

namespace segue::media {

void Receiver::restart(const rtp::PacketView& packet) {
  *this = Receiver{};
  ssrc_ = packet.ssrc;
  highest_ = packet.sequence;
  base_ = packet.sequence;
}

void Receiver::packet(const rtp::PacketView& packet, Instant arrived, std::uint32_t clock, bool sampled) {
  constexpr int kMaxDropout = 3000;
  const int ahead = rtp::sequence_distance(packet.sequence, highest_);
  const bool fresh = received_ == 0 || packet.ssrc != ssrc_ || ahead >= kMaxDropout || ahead <= -kMaxDropout;
  if (fresh) restart(packet);
  if (!fresh && ahead > 0) {
    if (packet.sequence < highest_) cycles_ += 0x10000;
    highest_ = packet.sequence;
  }
  ++received_;
  if (!sampled) return;
  const std::int64_t us = arrived.time_since_epoch().count() / 1000;
  const auto transit = static_cast<std::uint32_t>(us * (clock / 1000) / 1000) - packet.timestamp;
  if (transit_) {
    const auto change =
        static_cast<std::uint32_t>(std::abs(std::int64_t{static_cast<std::int32_t>(transit - *transit_)}));
    // A jump of the timestamps by more than a minute is a new series, not jitter.
    if (change < clock * 60) jitter_ += change - ((jitter_ + 8) >> 4);
  }
  transit_ = transit;
}

void Receiver::sender_report(std::uint64_t ntp, Instant arrived) {
  last_sr_ = rtp::ntp_middle(ntp);
  last_sr_at_ = arrived;
}

rtp::ReportBlock Receiver::report(Instant now) {
  rtp::ReportBlock block;
  block.ssrc = ssrc_;
  block.highest_sequence = cycles_ + highest_;
  const std::uint32_t expected = block.highest_sequence - base_ + 1;
  block.cumulative_lost = static_cast<std::int32_t>(expected - received_);
  const std::uint32_t expected_now = expected - expected_before_;
  const std::uint32_t received_now = received_ - received_before_;
  expected_before_ = expected;
  received_before_ = received_;
  if (expected_now > received_now) {
    block.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::uint64_t>((std::uint64_t{expected_now - received_now} << 8) / expected_now, 255));
  }
  block.jitter = jitter_ >> 4;
  block.last_sr = last_sr_;
  if (last_sr_ != 0) {
    const auto units = (now - last_sr_at_).count() / 1000 * 65536 / 1000000;
    block.delay_since_sr = static_cast<std::uint32_t>(std::clamp<std::int64_t>(units, 0, UINT32_MAX));
  }
  return block;
}

}  // namespace segue::media
