// Key presses of a leg: RFC 4733 events and SIP INFO through the leg's gate, then to the lines that listen to the leg.
#include <algorithm>

#include "media/exchange_impl.h"
#include "rtp/telephone_event.h"

namespace segue::media {

void Exchange::Impl::event_packet(Leg& leg, const SourcePacket& in, Now now, Sink& sink) {
  const auto event = rtp::parse_telephone_event(in.packet.payload);
  if (!event) return;
  IncomingEvent& e = leg.event;
  const bool same_stream = e.active && e.ssrc == in.packet.ssrc;
  if (same_stream && rtp::timestamp_distance(in.packet.timestamp, e.timestamp) < 0) {
    return fan_out(leg, in, true, now, sink);  // late packet of an event that is over
  }
  if (!same_stream || e.timestamp != in.packet.timestamp) begin_event(leg, in, *event, now, sink);
  e.last = now.mono;
  if (event->duration > e.duration) e.duration = event->duration;
  fan_out(leg, in, !e.direct, now, sink);
  if (event->end && !e.ended) end_event(leg, now, sink);
  touch(leg);
}

void Exchange::Impl::begin_event(Leg& leg, const SourcePacket& in, const rtp::TelephoneEvent& event, Now now,
                                 Sink& sink) {
  if (leg.event.active && !leg.event.ended) end_event(leg, now, sink);  // all its end packets were lost
  leg.event = IncomingEvent{};
  IncomingEvent& e = leg.event;
  e.active = true;
  e.ssrc = in.packet.ssrc;
  e.timestamp = in.packet.timestamp;
  e.last = now.mono;
  const auto key = rtp::event_digit(event.code);
  e.key = key.value_or(0);
  DigitGate::Outcome outcome;
  outcome.passes = true;  // a signal that is no key (flash, a modem's tone) cannot be part of a code
  if (key) outcome = leg.gate.key_down(*key, DigitGate::Via::Event, kUnknownDigitMs, now.mono);
  bool direct = outcome.passes;
  if (outcome.passes) {
    each_line(leg, [&](Leg& line) { direct = direct && line.line.has_events() && !line.line.making_digits(); });
    e.replay = !direct && key.has_value();
  }
  e.direct = direct;
  if (!e.direct) {
    // It tells its beginning and how long it is already: more than a frame if its first packets were lost.
    const std::uint32_t over = event.duration - std::min<std::uint32_t>(event.duration, in.ticks);
    each_line(leg, [&](Leg& line) {
      line.line.withhold(in.packet.timestamp + over, now.mono);
      pace(line, now, sink);
      touch(line);
    });
  }
  apply(leg, outcome, now, sink);
}

void Exchange::Impl::end_event(Leg& leg, Now now, Sink& sink) {
  IncomingEvent& e = leg.event;
  e.ended = true;
  const unsigned clock = leg.format.event_clock / 1000;
  const unsigned duration_ms = clock > 0 && e.duration > 0 ? e.duration / clock : kUnknownDigitMs;
  if (!e.direct && !e.replay) leg.gate.key_up(duration_ms, now.mono);
  DigitGate::Outcome outcome;
  if (e.replay) outcome.released.push_back({e.key, duration_ms});
  each_line(leg, [&](Leg& line) {
    line.line.release(e.duration > 0 ? std::optional{e.timestamp + e.duration} : std::nullopt, now.mono);
    touch(line);
  });
  apply(leg, outcome, now, sink);
  touch(leg);
}

void Exchange::Impl::inject(const InjectDigit& c, Now now, Sink& sink) {
  Leg* leg = find(c.leg);
  if (leg == nullptr) return;
  const auto code = rtp::event_code(c.digit);
  if (!code) return;
  const char key = rtp::event_digit(*code).value_or(c.digit);  // small letters become capitals
  auto outcome = leg->gate.key_down(key, DigitGate::Via::Info, c.duration_ms, now.mono);
  if (!outcome.duplicate) leg->gate.key_up(c.duration_ms, now.mono);
  if (outcome.passes) outcome.released.push_back({key, c.duration_ms});
  apply(*leg, outcome, now, sink);
  touch(*leg);
}

/// What the gate has decided: released keys are made anew on every line that this leg is heard on.
void Exchange::Impl::apply(Leg& leg, const DigitGate::Outcome& outcome, Now now, Sink& sink) {
  for (const auto& code : outcome.codes) sink.tell(CodeDialled{leg.id, code});
  if (outcome.released.empty()) return;
  each_line(leg, [&](Leg& line) {
    for (const auto& digit : outcome.released) {
      if (!line.line.play_digit(digit, now.mono)) ++line.totals.unplayable;
    }
    pace(line, now, sink);
    touch(line);
  });
}

}  // namespace segue::media
