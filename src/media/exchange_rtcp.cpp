// RTCP of each leg: our own reports about the line and about what the leg sends us; the leg's reports are read, never
// passed on.
#include "media/exchange_impl.h"
#include "rtp/rtcp.h"

namespace segue::media {

void Exchange::Impl::rtcp(Leg& leg, const Endpoint& from, ByteView datagram, Now now, Sink& sink) {
  if (!leg.has_remote || !leg.latch.allowed(from.ip)) return refuse_stranger(leg, from, sink);
  const auto compound = rtp::parse_compound(datagram);
  if (!compound) return refuse_malformed(leg, from, sink);
  if (!leg.address.rtcp_mux) leg.rtcp_from = from;
  if (compound->sender) leg.receiver.sender_report(compound->sender->ntp, now.mono);
  for (const auto& block : compound->reports()) {
    if (block.ssrc != leg.line.ssrc()) continue;
    leg.totals.remote_loss_fraction = block.fraction_lost / 256.0;
    leg.totals.remote_jitter_ms = block.jitter * 1000.0 / rtp_clock(leg.format.codec);
  }
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
  const ByteView packet{scratch.data(), size};
  leg.last_rtcp.assign(packet.begin(), packet.end());
  if (leg.meter) leg.meter->rtcp_departed(packet);
  const auto to = leg.address.rtcp_mux ? leg.to : leg.rtcp_from ? leg.rtcp_from : std::optional{leg.address.rtcp};
  if (to && to->valid() && !to->ip.unspecified()) sink.send_rtcp(leg.id, *to, packet, leg.address.rtcp_mux);
}

}  // namespace segue::media
