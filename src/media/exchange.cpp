#include "media/exchange.h"

#include <algorithm>
#include <type_traits>

#include "media/exchange_impl.h"
#include "media/payload.h"

namespace segue::media {

Exchange::Exchange(ExchangeConfig config, std::shared_ptr<const ClipLibrary> clips)
    : impl_(std::make_unique<Impl>(config, std::move(clips))) {}
Exchange::~Exchange() = default;

void Exchange::handle(const Command& command, Now now, Sink& sink) {
  std::visit(
      [&](const auto& c) {
        using T = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<T, OpenLeg>) impl_->open(c, now, sink);
        if constexpr (std::is_same_v<T, SetRemote>) impl_->set_remote(c, now);
        if constexpr (std::is_same_v<T, SetSource>) impl_->set_source(c, now);
        if constexpr (std::is_same_v<T, SetDigitGate>) {
          if (Leg* leg = impl_->find(c.leg)) impl_->apply(*leg, leg->gate.configure(c.active, c.codes), now, sink);
        }
        if constexpr (std::is_same_v<T, InjectDigit>) impl_->inject(c, now, sink);
        if constexpr (std::is_same_v<T, WatchLine>) impl_->watch(c, now, sink);
        if constexpr (std::is_same_v<T, ArmSplice>) impl_->arm(c, now, sink);
        if constexpr (std::is_same_v<T, DisarmSplice>) impl_->disarm(c, sink);
        if constexpr (std::is_same_v<T, UnwatchLine>) impl_->unwatch(c, now, sink);
        if constexpr (std::is_same_v<T, CloseLeg>) impl_->close(c.leg, now, sink);
      },
      command);
}

void Exchange::receive_rtp(LegId leg, const Endpoint& from, ByteView packet, Instant arrived, Now now, Sink& sink) {
  if (Leg* found = impl_->find(leg)) impl_->rtp(*found, from, packet, arrived, now, sink);
}

void Exchange::receive_rtcp(LegId leg, const Endpoint& from, ByteView packet, Now now, Sink& sink) {
  if (Leg* found = impl_->find(leg)) impl_->rtcp(*found, from, packet, now, sink);
}

void Exchange::advance(Now now, Sink& sink) {
  // Each pass moves the leg's deadline beyond `now` or removes it; a bound guards the worker against a leg that would
  // not.
  for (std::size_t passes = 0; passes < 64 * kMaxLegs; ++passes) {
    const auto next = impl_->deadlines.next();
    if (!next || *next > now.mono) return;
    impl_->due(*impl_->slots[impl_->deadlines.first()], now, sink);
  }
}

std::optional<Instant> Exchange::next_deadline() const { return impl_->deadlines.next(); }
std::size_t Exchange::legs() const { return impl_->by_id.size(); }

// ---- commands
// --------------------------------------------------------------------------------------------------------

void Exchange::Impl::open(const OpenLeg& c, Now now, Sink& sink) {
  if (by_id.contains(c.leg.value)) return;  // asked twice: the leg is there
  if (free.empty()) {
    LegClosed refused;
    refused.leg = c.leg;
    sink.tell(refused);
    return;
  }
  const std::uint32_t slot = free.back();
  free.pop_back();
  slots[slot] = std::make_unique<Leg>(c, *clips, config, now);
  slots[slot]->slot = slot;
  by_id.emplace(c.leg.value, slot);
}

void Exchange::Impl::set_remote(const SetRemote& c, Now now) {
  Leg* leg = find(c.leg);
  if (leg == nullptr) return;
  if (!leg->has_remote || leg->address.rtcp != c.address.rtcp) leg->rtcp_from.reset();
  if (c.receive && !(leg->has_remote && leg->receive)) leg->last_packet = now.mono;  // silence counts from here
  leg->format = c.format;
  leg->address = c.address;
  leg->send = c.send;
  leg->receive = c.receive;
  leg->latch.set_remote(c.address, now.mono);
  leg->line.set_format(c.format, now.mono);
  if (!leg->has_remote) {
    // Legs opened together do not report together: the SSRC, random by its nature, spreads them over half an interval.
    leg->next_rtcp = now.mono + config.rtcp_interval / 2 + config.rtcp_interval / 2 / 256 * (leg->line.ssrc() & 0xFF);
  }
  leg->has_remote = true;
  if (config.dead_after > Duration::zero() && !leg->dead_check) leg->dead_check = now.mono + config.dead_after;
  refresh_address(*leg, now);
  touch(*leg);
}

void Exchange::Impl::set_source(const SetSource& c, Now now) {
  Leg* leg = find(c.line);
  if (leg == nullptr) return;
  if (const auto* from = std::get_if<FromLeg>(&c.source)) {
    if (find(from->leg) != nullptr && listen(from->leg, *leg)) {
      leg->line.play_leg(from->leg, now.mono);
    } else {
      leg->line.play_nothing();
    }
  } else if (const auto* clip = std::get_if<FromClip>(&c.source)) {
    leg->line.play_clip(clip->clip, clip->loop, now.mono);
  } else {
    leg->line.play_nothing();
  }
  touch(*leg);
}

void Exchange::Impl::watch(const WatchLine& c, Now now, Sink& sink) {
  Leg* leg = find(c.line);
  if (leg == nullptr || (leg->meter && leg->meter->flip() == c.flip)) return;
  finish_meter(*leg, now, sink);  // one flip of a line at a time; the next one ends the measurement of the last
  FlipMeter::Setup setup;
  setup.flip = c.flip;
  setup.line = c.line;
  setup.codec = leg->format.codec;
  setup.payload_type = leg->format.send_pt;
  setup.event_payload_type = leg->format.send_event_pt;
  setup.noise_payload_type = leg->format.receive_cn_pt;
  setup.event_clock = leg->format.event_clock;
  setup.frame_ticks = leg->line.frame_ticks();
  setup.longest_frame_ticks = leg->line.longest_frame_ticks();
  if (leg->line.packets() > 0) setup.last_sequence = static_cast<std::uint16_t>(leg->line.next_sequence() - 1);
  setup.end = leg->line.end();
  setup.slots = leg->line.timeline();
  setup.a_phase = leg->line.placed_phase();
  leg->meter.emplace(setup);
  leg->meter->held(!(leg->send && leg->to), now.mono);
  if (!leg->last_rtcp.empty()) leg->meter->rtcp_departed(leg->last_rtcp);
  touch(*leg);
}

void Exchange::Impl::arm(const ArmSplice& c, Now now, Sink& sink) {
  Leg* leg = find(c.line);
  if (leg == nullptr || find(c.to) == nullptr || !listen(c.to, *leg)) {
    sink.tell(SpliceDisarmed{c.flip, c.line});
    return;
  }
  if (leg->armed) sink.tell(SpliceDisarmed{leg->armed->flip, c.line});
  Armed armed;
  armed.to = c.to;
  armed.flip = c.flip;
  armed.answered_at = c.answered_at;
  armed.proof_by_answer = c.proof_by_answer;
  leg->armed = armed;
  if (c.proof_by_answer) {
    leg->armed->proven = true;
    sink.tell(SpliceProven{c.flip, now.mono});
    if (leg->line.in_event(now.mono)) {
      leg->armed->retry_at = now.mono + kEventRetry;
    } else {
      fire_splice(*leg, nullptr, now, sink);
    }
  }
  touch(*leg);
}

void Exchange::Impl::disarm(const DisarmSplice& c, Sink& sink) {
  Leg* leg = find(c.line);
  // Answered in every case, so that signalling never waits in vain; a Spliced that was faster has been told before.
  if (leg != nullptr && leg->armed && leg->armed->flip == c.flip) leg->armed.reset();
  sink.tell(SpliceDisarmed{c.flip, c.line});
}

void Exchange::Impl::unwatch(const UnwatchLine& c, Now now, Sink& sink) {
  Leg* leg = find(c.line);
  if (leg == nullptr || !leg->meter || leg->meter->flip() != c.flip) return;
  finish_meter(*leg, now, sink);
  touch(*leg);
}

void Exchange::Impl::close(LegId id, Now now, Sink& sink) {
  Leg* leg = find(id);
  if (leg == nullptr) return;
  for (std::size_t i = 0; i < leg->listener_count; ++i) {
    Leg* line = slots_at(leg->listeners[i]);
    if (line == nullptr || line == leg) continue;
    line->line.forget_leg(id);
    if (line->armed && line->armed->to == id) {
      sink.tell(SpliceDisarmed{line->armed->flip, line->id});
      line->armed.reset();
    }
    touch(*line);
  }
  if (leg->armed) sink.tell(SpliceDisarmed{leg->armed->flip, id});
  finish_meter(*leg, now, sink);
  if (leg->line.packets() > 0) send_rtcp(*leg, true, now, sink);
  leg->totals.leg = id;
  sink.tell(leg->totals);
  deadlines.set(leg->slot, std::nullopt);
  const std::uint32_t slot = leg->slot;
  by_id.erase(id.value);
  slots[slot].reset();
  free.push_back(slot);
}

// ---- house-keeping
// ---------------------------------------------------------------------------------------------------

Leg* Exchange::Impl::find(LegId id) {
  const auto at = by_id.find(id.value);
  return at == by_id.end() ? nullptr : slots[at->second].get();
}

bool Exchange::Impl::listens(const Leg& line, LegId source) const {
  return line.line.follows(source) || (line.armed && line.armed->to == source);
}

/// Notes that `line` wants the packets of `source`; false if too many do already.
bool Exchange::Impl::listen(LegId source, const Leg& line) {
  Leg* leg = find(source);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < leg->listener_count; ++i) {
    const Leg* other = slots_at(leg->listeners[i]);
    if (other != nullptr && other != &line && listens(*other, source)) leg->listeners[kept++] = leg->listeners[i];
  }
  leg->listener_count = kept;
  if (kept == kMaxListeners) return false;
  leg->listeners[leg->listener_count++] = line.slot;
  return true;
}

void Exchange::Impl::refresh_address(Leg& leg, Now now) {
  leg.to = leg.latch.send_to();
  const bool sending = leg.send && leg.to.has_value();
  leg.line.set_sending(sending, now.mono);
  if (leg.meter) leg.meter->held(!sending, now.mono);
  touch(leg);
}

void Exchange::Impl::finish_meter(Leg& leg, Now now, Sink& sink) {
  if (!leg.meter) return;
  sink.tell(SpliceMeasured{leg.meter->finish(now.mono)});
  leg.meter.reset();
}

/// Brings the leg's place among the deadlines up to date; cheap where nothing changed.
void Exchange::Impl::touch(Leg& leg) {
  auto next = earlier(earlier(leg.line.deadline(), leg.gate.deadline()), earlier(leg.next_rtcp, leg.dead_check));
  if (leg.event.active && !leg.event.ended) next = earlier(next, leg.event.last + kEventTimeout);
  if (leg.meter && leg.meter->spliced_at()) next = earlier(next, *leg.meter->spliced_at() + config.measure_after);
  if (leg.armed) next = earlier(next, leg.armed->retry_at);
  if (next == leg.scheduled) return;
  leg.scheduled = next;
  deadlines.set(leg.slot, next);
}

/// Everything of one leg that is due by now.
void Exchange::Impl::due(Leg& leg, Now now, Sink& sink) {
  pace(leg, now, sink);
  if (leg.event.active && !leg.event.ended && now.mono >= leg.event.last + kEventTimeout) end_event(leg, now, sink);
  apply(leg, leg.gate.advance(now.mono), now, sink);
  if (leg.armed && leg.armed->retry_at && now.mono >= *leg.armed->retry_at) {
    leg.armed->retry_at.reset();
    if (leg.line.in_event(now.mono)) {
      leg.armed->retry_at = now.mono + kEventRetry;
    } else {
      fire_splice(leg, nullptr, now, sink);
    }
  }
  if (leg.meter && leg.meter->spliced_at() && now.mono >= *leg.meter->spliced_at() + config.measure_after) {
    finish_meter(leg, now, sink);
  }
  if (leg.next_rtcp && now.mono >= *leg.next_rtcp) {
    send_rtcp(leg, false, now, sink);
    leg.next_rtcp = now.mono + rtcp_wait(leg);
  }
  if (leg.dead_check && now.mono >= *leg.dead_check) {
    const Duration silent = now.mono - leg.last_packet;
    const bool dead = leg.receive && silent >= config.dead_after;
    if (dead) sink.tell(MediaDead{leg.id, silent});
    leg.dead_told = leg.dead_told || dead;
    leg.dead_check = dead || !leg.receive ? now.mono + config.dead_after : leg.last_packet + config.dead_after;
  }
  touch(leg);
}

}  // namespace segue::media
