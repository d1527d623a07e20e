// A fake phone's source and ear. A source sends audio of one constant level, which tells it from all others, at its own
// packet time and phase; with pauses (DTX), loss and jitter where its manners say so.
#include <algorithm>

#include "media/g711.h"
#include "rtp/telephone_event.h"
#include "sim/phone.h"

namespace segue::sim {
namespace {

media::g711::Law law_of(Codec c) { return c == Codec::Pcma ? media::g711::Law::A : media::g711::Law::Mu; }

constexpr unsigned kKeyMs = 100, kKeyGapMs = 80;

}  // namespace

void Phone::start_source(PhoneCall& call) {
  if (call.sending || call.mute) return;
  if (call.stopped_at) {  // the clock of a phone goes on while it holds
    const auto pause = clock_.now().mono + call.talk.phase - *call.stopped_at;
    call.timestamp += static_cast<std::uint32_t>(pause / std::chrono::microseconds(125));
  }
  call.sending = true;
  call.marker = true;
  call.tick_at = clock_.now().mono + call.talk.phase;
  clock_.at(call.tick_at, [this, port = call.rtp.port] { tick(port); });
}

void Phone::stop_source(PhoneCall& call) {
  if (!call.sending) return;
  call.sending = false;
  call.stopped_at = call.tick_at;
  call.key_ms = call.key_ends = 0;  // a key that is cut short is pressed anew
  world_.source_did(call, Surroundings::Did::FallSilent);
}

/// The packet leaves the phone now and is at the server after the way and its jitter: `tick` is the arrival.
void Phone::tick(std::uint64_t port) {
  const auto it = calls.find(port);
  if (it == calls.end() || !it->second.sending || it->second.ended) return;
  PhoneCall& call = it->second;
  std::array<std::uint8_t, 12 + 480> packet;
  unsigned ms = call.talk.ptime_ms;
  const std::size_t size = make_packet(call, packet, ms);
  const bool lost = size > 0 && (vanished() || (call.talk.loss > 0 && random_.chance(call.talk.loss)));
  if (lost) world_.source_did(call, Surroundings::Did::Lose);
  if (size > 0 && !lost) {
    world_.rtp_out(*this, call.rtp, call.to, {packet.data(), size});
  }
  schedule_tick(call, ms);
}

void Phone::schedule_tick(PhoneCall& call, unsigned ms) {
  call.tick_at += std::chrono::milliseconds(ms);
  Duration jitter{};
  if (call.talk.jitter > Duration::zero()) {
    jitter = Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(call.talk.jitter.count()))));
  }
  clock_.at(call.tick_at + jitter, [this, port = call.rtp.port] { tick(port); });
}

std::size_t Phone::make_packet(PhoneCall& call, MutableBytes out, unsigned& ms) {
  const std::uint32_t ticks = ms * 8;
  if (!call.keys.empty() && call.key_gap_ms == 0 && call.agreed->event) return make_event(call, out);
  call.key_gap_ms -= std::min(call.key_gap_ms, ms);
  if (call.talk.dtx && call.keys.empty() && call.key_gap_ms == 0) {
    if (call.spurt_ms < ms) {  // silent by choice for a while: the timestamp goes on, the sequence does not
      const auto pause = static_cast<unsigned>(ms * (5 + random_.below(40)));
      call.spurt_ms = static_cast<unsigned>(400 + random_.below(3000));
      call.timestamp += pause * 8;
      call.marker = true;
      ms = pause;
      world_.source_did(call, Surroundings::Did::FallSilent);
      return 0;
    }
    call.spurt_ms -= ms;
  }
  rtp::write_header(out, {call.marker, call.agreed->codec.payload_type, call.sequence++, call.timestamp, call.ssrc});
  call.marker = false;
  call.timestamp += ticks;
  const auto code = media::g711::encode(law_of(call.agreed->codec.codec), static_cast<std::int16_t>(level(index)));
  std::fill_n(out.begin() + 12, ticks, code);
  return 12 + ticks;
}

/// One packet of the digit in front: it grows for kKeyMs, then its end is said three times (RFC 4733 section 2.5).
std::size_t Phone::make_event(PhoneCall& call, MutableBytes out) {
  const unsigned ms = call.talk.ptime_ms;
  const bool first = call.key_ms == 0;
  if (call.key_ends == 0) call.key_ms += ms;
  const bool end = call.key_ms >= kKeyMs;
  rtp::write_header(out, {first, call.agreed->event->payload_type, call.sequence++, call.timestamp, call.ssrc});
  rtp::TelephoneEvent event;
  event.code = *rtp::event_code(call.keys.front());
  event.end = end;
  event.duration = static_cast<std::uint16_t>(call.key_ms * 8);
  rtp::write_telephone_event(out.subspan(12), event);
  world_.source_did(call, Surroundings::Did::Key);
  if (end && ++call.key_ends == 3) {
    call.timestamp += (call.key_ms + 2 * ms) * 8;
    call.keys.erase(call.keys.begin());
    call.key_ms = call.key_ends = 0;
    call.key_gap_ms = kKeyGapMs;
    call.marker = true;
  }
  return 12 + rtp::kTelephoneEventBytes;
}

void Phone::hear(PhoneCall& call, ByteView packet) {
  const auto view = rtp::parse_packet(packet);
  if (!view || !call.agreed || view->payload_type != call.agreed->receive_pt || view->payload.empty()) return;
  const int linear = media::g711::decode(law_of(call.agreed->codec.codec), view->payload.back());
  const int nearest = (linear - level(0) + 450) / 900;
  call.heard_at = clock_.now().mono;
  call.hears = std::abs(linear - level(nearest)) < 200 && linear > 200 ? nearest : -1;
}

}  // namespace segue::sim
