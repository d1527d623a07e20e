// The media side of a world: the two mailboxes between engine and exchange, the sources' packets in, the lines' packets
// out, and what the checkers are told of both.
#include <fmt/core.h>

#include <algorithm>

#include "media/g711.h"
#include "sim/world.h"

namespace segue::sim {
namespace {

std::string words(const media::Command& command) {
  if (const auto* c = std::get_if<media::OpenLeg>(&command)) return fmt::format("open {}", c->leg.value);
  if (const auto* c = std::get_if<media::SetRemote>(&command)) {
    return fmt::format("remote {} {} send {} receive {}", c->leg.value, c->address.rtp.to_string(), c->send,
                       c->receive);
  }
  if (const auto* c = std::get_if<media::SetSource>(&command)) {
    const auto* leg = std::get_if<media::FromLeg>(&c->source);
    const auto* clip = std::get_if<media::FromClip>(&c->source);
    return fmt::format("{} hears {}", c->line.value,
                       leg != nullptr    ? fmt::format("leg {}", leg->leg.value)
                       : clip != nullptr ? fmt::format("clip {}", static_cast<int>(clip->clip))
                                         : "nothing");
  }
  if (const auto* c = std::get_if<media::ArmSplice>(&command)) {
    return fmt::format("arm line {} for {} flip {}", c->line.value, c->to.value, c->flip.value);
  }
  if (const auto* c = std::get_if<media::DisarmSplice>(&command)) {
    return fmt::format("disarm line {} flip {}", c->line.value, c->flip.value);
  }
  if (const auto* c = std::get_if<media::WatchLine>(&command)) {
    return fmt::format("watch line {} flip {}", c->line.value, c->flip.value);
  }
  if (const auto* c = std::get_if<media::UnwatchLine>(&command)) {
    return fmt::format("unwatch line {} flip {}", c->line.value, c->flip.value);
  }
  if (const auto* c = std::get_if<media::CloseLeg>(&command)) return fmt::format("close {}", c->leg.value);
  if (const auto* c = std::get_if<media::InjectDigit>(&command))
    return fmt::format("digit {} of {}", c->digit, c->leg.value);
  return "codes";
}

}  // namespace

// ---- the two mailboxes: each keeps its order, neither is prompt

void World::to_media(media::Command command) {
  media_free_ = std::max(media_free_, clock.now().mono + some(weather.mailbox_delay));
  clock.at(media_free_, [this, c = std::move(command)] {
    if (verbose_) fmt::print("{:.4f} media: {}\n", to_s(clock.now().mono.time_since_epoch()), words(c));
    closing_ = std::holds_alternative<media::CloseLeg>(c);
    note_command(c);
    exchange_->handle(c, clock.now(), *this);
    if (const auto* close = std::get_if<media::CloseLeg>(&c)) drop_line(close->leg);
    closing_ = false;
  });
}

/// What a command means for the lines: whom each is to carry, whether it sends, whose keys are under way.
void World::note_command(const media::Command& command) {
  const Instant now = clock.now().mono;
  if (const auto* open = std::get_if<media::OpenLeg>(&command)) {
    const LineCheck::Terms terms{std::chrono::milliseconds(weather.longest_ptime), weather.jitter};
    lines_.try_emplace(open->leg, terms, [this, leg = open->leg](const std::string& what) {
      complain(fmt::format("line of leg {}: {}", leg.value, what));
    });
  } else if (const auto* set = std::get_if<media::SetRemote>(&command)) {
    if (const auto line = lines_.find(set->leg); line != lines_.end()) line->second.sending(set->send, now);
    speakers_[set->leg].believed = set->receive;
  } else if (const auto* source = std::get_if<media::SetSource>(&command)) {
    const auto* from = std::get_if<media::FromLeg>(&source->source);
    if (const auto line = lines_.find(source->line); line != lines_.end()) {
      line->second.retire(std::holds_alternative<media::FromNothing>(source->source));
    }
    set_source(source->line, from != nullptr && lines_.contains(from->leg) ? from->leg : LegId{});
  } else if (const auto* digit = std::get_if<media::InjectDigit>(&command)) {
    key_on(digit->leg);
  } else if (const auto* watch = std::get_if<media::WatchLine>(&command)) {
    if (const auto line = lines_.find(watch->line); line != lines_.end()) {
      const unsigned used = line->second.take_excuses();  // by the flips before; their measurement ends now
      for (auto& [flip, m] : measuring_) m.excuses |= m.line == watch->line ? used : 0;
    }
    measuring_[watch->flip].line = watch->line;
  } else if (const auto* arm = std::get_if<media::ArmSplice>(&command)) {
    measuring_[arm->flip].to = arm->to;
    if (speakers_[arm->to].doings.keys_until > now) measuring_[arm->flip].excuses |= kSlowProof;
  }
}

/// The new device, or a key on the line, keeps a splice waiting.
void World::slow_proof(LegId leg) {
  for (auto& [flip, m] : measuring_) {
    const auto line = lines_.find(m.line);
    const bool on_line = line != lines_.end() && line->second.carries() == leg;
    if (m.to == leg || on_line) m.excuses |= kSlowProof;
  }
}

void World::set_source(LegId line, LegId source) {
  const auto at = lines_.find(line);
  if (at == lines_.end() || at->second.carries() == source) return;
  std::erase(carriers_[at->second.carries()], line);
  carriers_[source].push_back(line);
  at->second.source(source, source ? speakers_[source].doings : Doings{});
}

/// A key may wait for its code and then be made anew, with its fellows.
void World::key_on(LegId leg) {
  const Instant until = clock.now().mono + 2500ms;
  speakers_[leg].doings.keys_until = until;
  slow_proof(leg);
  for (const LegId line : carriers_[leg]) lines_.at(line).key(until);
}

void World::drop_line(LegId leg) {
  const auto line = lines_.find(leg);
  if (line == lines_.end()) return;
  counts.packets_strict += line->second.strict;
  counts.packets_excused += line->second.excused;
  counts.worst_late_ms = std::max(counts.worst_late_ms, line->second.worst_late_ms);
  counts.worst_gap_ms = std::max(counts.worst_gap_ms, line->second.worst_gap_ms);
  std::erase(carriers_[line->second.carries()], leg);
  for (const LegId other : std::exchange(carriers_[leg], {})) {
    lines_.at(other).source({}, Doings{});
    carriers_[LegId{}].push_back(other);
  }
  carriers_.erase(leg);
  lines_.erase(line);
  speakers_.erase(leg);
  reports_.erase(leg);
}

void World::tell(media::Message message) {
  if (const auto* spliced = std::get_if<media::Spliced>(&message)) set_source(spliced->line, spliced->to);
  if (const auto* measured = std::get_if<media::SpliceMeasured>(&message)) {
    const auto line = lines_.find(measured->measurement->line);
    excuses_[measured->measurement->flip] =
        measuring_[measured->measurement->flip].excuses | (line != lines_.end() ? line->second.take_excuses() : 0);
    measuring_.erase(measured->measurement->flip);
  }
  engine_free_ = std::max(engine_free_, clock.now().mono + some(weather.mailbox_delay));
  clock.at(engine_free_, [this, m = std::move(message)] {
    engine->on_media(m, clock.now());
    deliver();
  });
}

// ---- sources in

LegId World::leg_of(const Endpoint& port) const {
  const auto leg = leg_of_port_.find(port.port);
  return port.ip == server_.ip && leg != leg_of_port_.end() ? leg->second : LegId{};
}

void World::source_did(const PhoneCall& call, Did what) {
  // A key may wait for its code; one who goes is not known to be gone until the BYE or re-INVITE has arrived.
  Duration felt{};
  if (what == Did::Key) felt = 2500ms;
  if (what == Did::FallSilent) felt = weather.sip_loss > 0 ? 8s : 2 * weather.sip_delay + weather.mailbox_delay + 50ms;
  Instant& until = disturbed_[call.rtp.ip.bytes[2]];
  until = std::max(until, clock.now().mono + felt);
  const LegId leg = leg_of(call.to);
  if (!leg || !lines_.contains(leg)) return;
  Doings& doings = speakers_[leg].doings;
  if (what == Did::Key) return key_on(leg);
  if (what == Did::Lose) ++doings.lost;
  if (what == Did::FallSilent) doings.silent = true;
  slow_proof(leg);
  for (const LegId line : carriers_[leg]) {
    if (what == Did::Lose) lines_.at(line).lost();
    if (what == Did::FallSilent) lines_.at(line).fell_silent();
  }
}

void World::rtp_out(Phone& from, const Endpoint& source, const Endpoint& to, ByteView packet) {
  const LegId leg = leg_of(to);
  if (!leg) return;  // it has just closed: a closed socket
  ++counts.rtp_packets;
  if (verbose_) print_packet("from", leg, from, packet);
  const Now now = clock.now();
  Speaker& speaker = speakers_[leg];
  speaker.index = from.index;
  speaker.last = rtp::parse_packet(packet).value();
  speaker.doings.lost = 0;
  speaker.doings.silent = false;
  arriving_ = leg;
  heard_on_.clear();
  exchange_->receive_rtp(leg, source, packet, now.mono, now, *this);
  arriving_ = {};
  if (!speaker.believed || !lines_.contains(leg)) return;
  for (const LegId line : carriers_[leg]) {
    if (std::find(heard_on_.begin(), heard_on_.end(), line) == heard_on_.end()) {
      lines_.at(line).unsent(speaker.last, now.mono);
    }
  }
}

// ---- lines out

/// Whose audio this is, by its level: the packet's that has just come, or the line's source's (it may have been held).
LegId World::whose(const rtp::PacketView& packet, LegId source) const {
  if ((packet.payload_type != 0 && packet.payload_type != 8) || packet.payload.empty()) return {};
  const auto law = packet.payload_type == 8 ? media::g711::Law::A : media::g711::Law::Mu;
  const int linear = media::g711::decode(law, packet.payload.back());
  for (const LegId leg : {source, arriving_}) {
    const auto speaker = speakers_.find(leg);
    if (!leg || speaker == speakers_.end() || speaker->second.index < 0) continue;
    if (std::abs(linear - Phone::level(speaker->second.index)) < 200) return leg;
  }
  return {};
}

/// Spoils a packet as `spoil` says; false: it does not leave at all. Only far into a line's life, so that there is a
/// past to compare with.
bool World::doctor(LegId leg, Bytes& packet, Endpoint& to) {
  if (spoil.empty() || lines_.at(leg).strict < 100) return true;
  const auto shift = [&](std::size_t at, std::uint32_t by) { write_u32(&packet[at], read_u32(&packet[at]) + by); };
  const auto number = [&](int by) {
    const auto now = static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
    const auto then = static_cast<std::uint16_t>(now + by);
    packet[2] = static_cast<std::uint8_t>(then >> 8), packet[3] = static_cast<std::uint8_t>(then);
  };
  if (spoil == "ssrc") shift(8, 1);
  if (spoil == "address") to.port = static_cast<std::uint16_t>(to.port + 1);
  if (spoil == "type") packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | 18);
  if (spoil == "skip") number(1);
  if (spoil == "repeat") number(-1);
  if (spoil == "back") number(-2);
  if (spoil == "hole") shift(4, 160);
  if (spoil == "early") shift(4, 800);
  if (spoil == "late") shift(4, static_cast<std::uint32_t>(-800));
  if (spoil == "silence") std::fill(packet.begin() + 12, packet.end(), std::uint8_t{0xFF});
  if (spoil == "voice") std::fill(packet.begin() + 12, packet.end(), std::uint8_t{0x80});
  return spoil != "lost";
}

void World::send_rtp(LegId leg, const Endpoint& answered, ByteView sent) {
  Bytes spoilt(sent.begin(), sent.end());
  Endpoint to = answered;
  if (lines_.contains(leg) && !doctor(leg, spoilt, to)) return;
  const ByteView packet = spoilt;
  const auto address = by_address_.find(Endpoint{to.ip, 5060});
  if (address == by_address_.end()) return complain("RTP to " + to.to_string() + ", where nobody is");
  Phone& phone = *address->second;
  if (verbose_) print_packet("to", leg, phone, packet);
  const auto line = lines_.find(leg);
  if (line == lines_.end()) return complain("RTP of a leg that is closed");
  const auto view = rtp::parse_packet(packet);
  const LegId of = view ? whose(*view, line->second.carries()) : LegId{};
  const Speaker& speaker = speakers_[of];
  line->second.packet(packet, to, clock.now().mono, of, speaker.last, speaker.doings);
  if (of) heard_on_.push_back(leg);
  const auto call = phone.calls.find(to.port);
  if (call != phone.calls.end()) phone.hear(call->second, packet);
}

void World::send_rtcp(LegId leg, const Endpoint&, ByteView sent, bool) {
  Bytes packet(sent.begin(), sent.end());
  if (spoil == "counts" && ++doctored_ % 2 == 0 && packet[1] == 200) write_u32(&packet[20], 0);
  if (spoil == "clock" && ++doctored_ % 2 == 0 && packet[1] == 200)
    write_u32(&packet[16], read_u32(&packet[16]) + 8000);
  reports_[leg].packet(packet, closing_ && spoil != "bye", weather.longest_ptime,
                       [&](const std::string& what) { complain(fmt::format("RTCP of leg {}: {}", leg.value, what)); });
}

void World::print_packet(std::string_view way, LegId leg, const Phone& phone, ByteView packet) const {
  const auto p = rtp::parse_packet(packet);
  if (!p) return;
  fmt::print("{:.4f} leg {} {} {}: type {} seq {} time {} size {} last byte {:02x}{}\n",
             to_s(clock.now().mono.time_since_epoch()), leg.value, way, phone.user, p->payload_type, p->sequence,
             p->timestamp, p->payload.size(), p->payload.empty() ? 0 : p->payload.back(), p->marker ? " marker" : "");
}

}  // namespace segue::sim
