// RTCP of each leg: our own reports about the line and about what the leg sends us; the leg's reports are read, never
// passed on.
#include "media/exchange_impl.h"
#include "rtp/rtcp.h"

namespace segue::media {

void Exchange::Impl::rtcp(Leg& leg, const Endpoint& from, ByteView datagram, Now now, Sink& sink) {
  if (!leg.has_remote || !leg.latch.allowed(from.ip)) return refuse_stranger(leg, from, sink);
  const auto compound = rtp::parse_compound(datagram);
  if (!compound) return refuse_malformed(leg, from, sink);
  if (!admit_rtcp(leg, from, compound->ssrc, now)) return refuse_stranger(leg, from, sink);
  if (compound->sender) leg.receiver.sender_report(compound->sender->ntp, now.mono);
  for (const auto& block : compound->reports()) {
    if (block.ssrc != leg.line.ssrc()) continue;
    leg.totals.remote_loss_fraction = block.fraction_lost / 256.0;
    leg.totals.remote_jitter_ms = block.jitter * 1000.0 / rtp_clock(leg.format.codec);
  }
}

/// RTCP has a lock as RTP has (Latch): by the RTP socket it comes from where RTP comes from; by its own from where it
/// came first, until that has been silent and the same party speaks from elsewhere, or RTP has moved.
bool Exchange::Impl::admit_rtcp(Leg& leg, const Endpoint& from, std::uint32_t ssrc, Now now) const {
  if (leg.address.rtcp_mux) return !leg.latch.latched() || from == *leg.latch.latched();
  if (leg.rtcp_from && from != *leg.rtcp_from) {
    const bool same = ssrc == leg.rtcp_ssrc || (leg.receiver.any() && ssrc == leg.receiver.ssrc());
    if (!same || now.mono - leg.rtcp_last < kRtcpSilence * config.rtcp_interval) return false;
  }
  leg.rtcp_from = from;
  leg.rtcp_ssrc = ssrc;
  leg.rtcp_last = now.mono;
  return true;
}

/// Time to the next report: 0.5 to 1.5 intervals (RFC 3550 section 6.3.1), so that legs that once report together do
/// not for ever. Nothing is random in here: the SSRC is, and is mixed with the count of reports.
Duration Exchange::Impl::rtcp_wait(const Leg& leg) const {
  std::uint32_t mixed = leg.line.ssrc() + leg.reports * 0x9E3779B9U;
  mixed = (mixed ^ (mixed >> 16)) * 0x7FEB352DU;
  mixed = (mixed ^ (mixed >> 15)) * 0x846CA68BU;
  mixed ^= mixed >> 16;
  return config.rtcp_interval / 2 + config.rtcp_interval / 256 * (mixed & 0xFF);
}

void Exchange::Impl::send_rtcp(Leg& leg, bool bye, Now now, Sink& sink) {
  rtp::CompoundOut out;
  out.ssrc = leg.line.ssrc();
  out.cname = leg.cname;
  out.bye = bye;
  if (leg.line.packets() > 0) {
    rtp::SenderInfo sender;
    sender.ntp = rtp::ntp_time(WallTime{now.mono.time_since_epoch() + leg.wall_offset});
    sender.rtp = leg.line.timeline().ideal(now.mono);
    sender.packets = leg.line.packets();
    sender.octets = leg.line.octets();
    out.sender = sender;
  }
  std::array<rtp::ReportBlock, 1> block;
  if (leg.receiver.any()) {
    block[0] = leg.receiver.report(now.mono);
    out.blocks = block;
  }
  const std::size_t size = rtp::build_compound(scratch, out);
  if (size == 0) return;
  ++leg.reports;
  const ByteView packet{scratch.data(), size};
  leg.last_rtcp.assign(packet.begin(), packet.end());
  if (leg.meter) leg.meter->rtcp_departed(packet);
  const auto to = leg.address.rtcp_mux ? leg.to : leg.rtcp_from ? leg.rtcp_from : std::optional{leg.address.rtcp};
  if (to && to->valid() && !to->ip.unspecified()) sink.send_rtcp(leg.id, *to, packet, leg.address.rtcp_mux);
}

}  // namespace segue::media
