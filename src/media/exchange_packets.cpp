// The packet path of Exchange: check, latch, fan out to the lines that listen, splice where one is armed.
#include "media/exchange_impl.h"
#include "media/payload.h"

namespace segue::media {

void Exchange::Impl::rtp(Leg& leg, const Endpoint& from, ByteView datagram, Instant arrived, Now now, Sink& sink) {
  if (rtp::looks_like_rtcp(datagram)) return rtcp(leg, from, datagram, now, sink);
  const auto packet = rtp::parse_packet(datagram);
  SourcePacket in;
  bool known = packet.has_value();
  if (known) {
    const std::uint8_t type = packet->payload_type;
    in.codec = leg.format.codec;
    in.ticks = leg.usual_ticks > 0 ? leg.usual_ticks : rtp_clock(leg.format.codec) / 1000 * leg.format.ptime_ms;
    if (type == leg.format.receive_other_law_pt) in.codec = *other_law(leg.format.codec);
    if (type == leg.format.receive_pt || type == leg.format.receive_other_law_pt) {
      in.ticks = duration_ticks(leg.format.codec, packet->payload);
      known = in.ticks > 0;
    } else if (type == leg.format.receive_event_pt) {
      in.kind = SourcePacket::Kind::Event;
      known = packet->payload.size() >= 4;
    } else {
      in.kind = SourcePacket::Kind::ComfortNoise;
      known = type == leg.format.receive_cn_pt;
    }
  }
  if (!leg.has_remote || !known) return refuse_malformed(leg, from, sink);
  if (!leg.latch.admit(from, *packet, now.mono, config.relatch_after)) return refuse_stranger(leg, from, sink);
  if (!leg.to || from != *leg.to) {
    leg.rtcp_from.reset();  // what moved the one moved the other
    refresh_address(leg, now);
  }
  ++leg.totals.packets_in;
  leg.totals.bytes_in += datagram.size();
  leg.receiver.packet(*packet, arrived, rtp_clock(leg.format.codec), in.kind != SourcePacket::Kind::Event);
  leg.last_packet = now.mono;
  if (leg.dead_told) {
    leg.dead_told = false;
    leg.dead_check = now.mono + config.dead_after;
    touch(leg);
  }
  if (!leg.alive_told) {
    leg.alive_told = true;
    sink.tell(MediaAlive{leg.id});
  }
  if (!leg.receive) return;
  if (in.kind == SourcePacket::Kind::Audio) leg.usual_ticks = in.ticks;
  in.leg = leg.id;
  in.event_clock = leg.format.event_clock;
  in.packet = *packet;
  in.arrived = arrived;
  if (in.kind == SourcePacket::Kind::Event) {
    event_packet(leg, in, now, sink);
  } else {
    fan_out(leg, in, false, now, sink);
  }
}

void Exchange::Impl::refuse_malformed(Leg& leg, const Endpoint& from, Sink& sink) {
  ++leg.totals.malformed;
  // Before there is an answer, audio may be early; it is not news.
  if (leg.has_remote && !std::exchange(leg.malformed_told, true)) sink.tell(PacketsRefused{leg.id, from, false});
}

void Exchange::Impl::refuse_stranger(Leg& leg, const Endpoint& from, Sink& sink) {
  ++leg.totals.refused_source;
  if (leg.has_remote && !std::exchange(leg.stranger_told, true)) sink.tell(PacketsRefused{leg.id, from, true});
}

void Exchange::Impl::fan_out(Leg& leg, const SourcePacket& in, bool skip, Now now, Sink& sink) {
  for (std::size_t i = 0; i < leg.listener_count;) {
    Leg* line = slots_at(leg.listeners[i]);
    if (line == nullptr || !listens(*line, leg.id)) {
      leg.listeners[i] = leg.listeners[--leg.listener_count];
      continue;
    }
    to_line(*line, in, skip, now, sink);
    ++i;
  }
}

/// One packet of a source, at one of the lines that listen to it. `skip`: it must not be heard.
void Exchange::Impl::to_line(Leg& leg, const SourcePacket& in, bool skip, Now now, Sink& sink) {
  const bool is_b =
      leg.meter && (leg.meter->spliced_at() ? in.leg == leg.line.source_leg() : leg.armed && in.leg == leg.armed->to);
  if (leg.armed && leg.armed->to == in.leg && consider_splice(leg, in, now, sink)) return;
  const bool audio = in.kind == SourcePacket::Kind::Audio;
  if (audio && leg.line.source_leg() == in.leg && !leg.line.carries(in.codec)) ++leg.totals.unplayable;
  ByteView out;
  if (skip) {
    leg.line.skip(in);
  } else {
    for (auto fill = leg.line.fill_before(in, now.mono, scratch); !fill.empty();
         fill = leg.line.fill_before(in, now.mono, scratch)) {
      depart(leg, fill, std::nullopt, now, sink);
    }
    out = leg.line.relay(in, now.mono, scratch);
  }
  if (leg.meter) {
    leg.meter->arrived({is_b ? FlipMeter::Who::B : FlipMeter::Who::A, in.packet.sequence, in.packet.timestamp,
                        in.packet.ssrc, in.ticks, in.arrived, now.mono, !out.empty(),
                        in.kind == SourcePacket::Kind::Event});
  }
  if (!out.empty()) depart(leg, out, std::nullopt, now, sink);
  touch(leg);
}

/// B's packet at a line that is armed for it. True if the splice was made with it (and it has been dealt with).
bool Exchange::Impl::consider_splice(Leg& leg, const SourcePacket& in, Now now, Sink& sink) {
  Armed& armed = *leg.armed;
  if (in.kind == SourcePacket::Kind::Audio && !leg.line.carries(in.codec)) return false;  // it would not be heard
  if (!armed.first_packet) armed.first_packet = in.arrived;
  if (!armed.proven) {
    const auto next = armed.sequence ? static_cast<std::uint16_t>(*armed.sequence + 1) : std::uint16_t{0};
    armed.proven = armed.sequence && armed.ssrc == in.packet.ssrc && in.packet.sequence == next;
    armed.sequence = in.packet.sequence;
    armed.ssrc = in.packet.ssrc;
    if (armed.proven) sink.tell(SpliceProven{armed.flip, now.mono});
  }
  if (!armed.proven || in.kind == SourcePacket::Kind::Event || leg.line.in_event(now.mono)) return false;
  if (leg.line.owes(in, now.mono) && armed.postponed < kMaxPostponed) {
    ++armed.postponed;
    return false;
  }
  fire_splice(leg, &in, now, sink);
  return true;
}

/// The commit. Without a packet (proof by answer) comfort noise is heard until B's first one.
void Exchange::Impl::fire_splice(Leg& leg, const SourcePacket* in, Now now, Sink& sink) {
  const Armed armed = *leg.armed;
  leg.armed.reset();
  const LegId from = leg.line.source_leg();
  const bool first_on_line = leg.line.on_first_source();
  ByteView out;
  if (in != nullptr) {
    out = leg.line.splice(*in, now.mono, scratch);
  } else {
    leg.line.splice_filling(armed.to, now.mono);
  }
  sink.tell(Spliced{armed.flip, leg.id, from, armed.to, now.mono});
  if (leg.meter && leg.meter->flip() == armed.flip) {
    leg.meter->spliced({now.mono, armed.answered_at, armed.first_packet, first_on_line, leg.line.timeline()});
    // A report within the measured second, so that it can say that identity and counts went on.
    if (leg.next_rtcp) leg.next_rtcp = std::min(*leg.next_rtcp, now.mono + config.measure_after / 2);
    if (in != nullptr) {
      leg.meter->arrived({FlipMeter::Who::B, in->packet.sequence, in->packet.timestamp, in->packet.ssrc, in->ticks,
                          in->arrived, now.mono, !out.empty(), false});
    }
  }
  if (!out.empty()) depart(leg, out, std::nullopt, now, sink);
  pace(leg, now, sink);
  touch(leg);
}

void Exchange::Impl::depart(Leg& leg, ByteView packet, std::optional<FlipMeter::Made> made, Now now, Sink& sink) {
  ++leg.totals.packets_out;
  leg.totals.bytes_out += packet.size();
  if (leg.meter) leg.meter->departed(packet, *leg.to, made, now.mono);
  sink.send_rtp(leg.id, *leg.to, packet);
}

void Exchange::Impl::pace(Leg& leg, Now now, Sink& sink) {
  // A worker that slept catches up, but not without end.
  constexpr int kMaxBurst = 16;
  for (int i = 0; i < kMaxBurst; ++i) {
    const auto before = leg.line.deadline();
    const bool for_key = leg.line.covers_key();
    const auto out = leg.line.pace(now.mono, scratch);
    if (!out.empty()) {
      depart(leg, out, FlipMeter::Made{before.value_or(now.mono), for_key}, now, sink);
    } else if (leg.line.deadline() == before) {
      break;
    }
  }
}

}  // namespace segue::media
