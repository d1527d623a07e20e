// For the tests of this folder: an Exchange on virtual time, phones that send at their own cadence, and a record of
// what left.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <queue>
#include <vector>

#include "base/random.h"
#include "media/exchange.h"
#include "media/g711.h"
#include "media/payload.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/telephone_event.h"

namespace segue::media::test {

inline std::shared_ptr<const ClipLibrary> clips() {
  static const auto library = std::make_shared<const ClipLibrary>();
  return library;
}

struct Sent {
  LegId leg;
  Endpoint to;
  Bytes bytes;
  Instant at;
  rtp::PacketView view;  // into bytes
};

/// A device that sends G.711 (a tone or silence) every ptime; what it sends can be shaped by the members between
/// packets.
struct Phone {
  LegId leg;
  Endpoint address;
  std::uint32_t ssrc = 1;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t payload_type = 0;
  unsigned ptime_ms = 20;
  double hertz = 0, level = 8000;
  std::uint64_t sample = 0;
  Codec codec = Codec::Pcmu;
  Instant next{};
  bool talking = false;

  Bytes packet(bool marker = false) {
    const std::size_t n = 8 * ptime_ms;
    Bytes out(rtp::kHeaderBytes + n);
    rtp::write_header(out, {marker, payload_type, sequence, timestamp, ssrc});
    const auto law = codec == Codec::Pcma ? g711::Law::A : g711::Law::Mu;
    for (std::size_t i = 0; i < n; ++i, ++sample) {
      const double value = level * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(sample) / 8000);
      out[rtp::kHeaderBytes + i] = g711::encode(law, static_cast<std::int16_t>(std::lround(value)));
    }
    advance(static_cast<std::uint32_t>(n));
    return out;
  }
  /// One slot passes in which nothing is sent (DTX): the sequence does not move.
  void silent_slot() {
    timestamp += 8 * ptime_ms;
    sample += 8 * ptime_ms;
    next += ptime_ms * 1ms;
  }
  void advance(std::uint32_t ticks) {
    ++sequence;
    timestamp += ticks;
    next += ptime_ms * 1ms;
  }
};

class Rig : public Exchange::Sink {
 public:
  explicit Rig(ExchangeConfig config = {}) : exchange(config, clips()) {}

  void send_rtp(LegId leg, const Endpoint& to, ByteView packet) override {
    Sent s{leg, to, Bytes(packet.begin(), packet.end()), now, {}};
    sent.push_back(std::move(s));
    sent.back().view = rtp::parse_packet(sent.back().bytes).value();
  }
  void send_rtcp(LegId leg, const Endpoint& to, ByteView packet, bool muxed) override {
    (muxed ? muxed_rtcp : rtcp).push_back({leg, to, Bytes(packet.begin(), packet.end()), now, {}});
  }
  void tell(Message message) override { told.push_back(std::move(message)); }

  [[nodiscard]] Now clock() const { return {now, WallTime{1700000000s} + (now - Instant{})}; }
  void command(const Command& c) { exchange.handle(c, clock(), *this); }

  /// A leg at 10.0.0.<id>:4000, PCMU with telephone-event 101.
  Phone add(std::uint64_t id, Codec codec = Codec::Pcmu, unsigned ptime_ms = 20, std::uint16_t first_sequence = 1000,
            std::uint32_t first_timestamp = 50000) {
    OpenLeg open;
    open.leg = LegId{id};
    open.cname = "leg" + std::to_string(id);
    open.ssrc = static_cast<std::uint32_t>(0xA0000000 + id);
    open.first_sequence = first_sequence;
    open.first_timestamp = first_timestamp;
    command(open);
    SetRemote remote = remote_of(id, codec, ptime_ms);
    command(remote);
    Phone phone;
    phone.leg = LegId{id};
    phone.address = remote.address.rtp;
    phone.ssrc = static_cast<std::uint32_t>(id * 1111);
    phone.codec = codec;
    phone.payload_type = remote.format.receive_pt;
    phone.ptime_ms = ptime_ms;
    phone.next = now;
    return phone;
  }
  static SetRemote remote_of(std::uint64_t id, Codec codec = Codec::Pcmu, unsigned ptime_ms = 20) {
    SetRemote remote;
    remote.leg = LegId{id};
    remote.format.codec = codec;
    const std::uint8_t pt = codec == Codec::Pcmu ? 0 : codec == Codec::Pcma ? 8 : codec == Codec::G722 ? 9 : 96;
    remote.format.send_pt = pt;
    remote.format.receive_pt = pt;
    remote.format.send_event_pt = 101;
    remote.format.receive_event_pt = 101;
    remote.format.ptime_ms = ptime_ms;
    remote.address.rtp = {IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(id)), 4000};
    remote.address.rtcp = {IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(id)), 4001};
    return remote;
  }
  void connect(const Phone& a, const Phone& b) {
    command(SetSource{a.leg, FromLeg{b.leg}});
    command(SetSource{b.leg, FromLeg{a.leg}});
  }

  void receive(const Phone& from, const Bytes& packet) { receive(from.leg, from.address, packet); }
  void receive(LegId leg, const Endpoint& from, const Bytes& packet) {
    exchange.receive_rtp(leg, from, packet, now, clock(), *this);
  }
  /// Lets time pass up to `t`, with the exchange's own deadlines fired when they are due.
  void idle_until(Instant t) {
    for (auto next = exchange.next_deadline(); next && *next <= t; next = exchange.next_deadline()) {
      if (*next > now) now = *next;
      exchange.advance(clock(), *this);
    }
    now = t;
  }
  /// All talking phones send at their cadence until `t`.
  void run_until(Instant t, const std::vector<Phone*>& phones) {
    while (true) {
      Phone* first = nullptr;
      for (Phone* phone : phones) {
        if (phone->talking && phone->next <= t && (first == nullptr || phone->next < first->next)) first = phone;
      }
      if (first == nullptr) break;
      idle_until(std::max(first->next, now));
      const auto packet = first->packet();
      receive(*first, packet);
    }
    idle_until(t);
  }
  void run_for(Duration d, const std::vector<Phone*>& phones) { run_until(now + d, phones); }

  [[nodiscard]] std::vector<const Sent*> to(LegId leg) const {
    std::vector<const Sent*> out;
    for (const auto& s : sent) {
      if (s.leg == leg) out.push_back(&s);
    }
    return out;
  }
  template <typename T>
  [[nodiscard]] std::vector<T> heard() const {
    std::vector<T> out;
    for (const auto& m : told) {
      if (const T* t = std::get_if<T>(&m)) out.push_back(*t);
    }
    return out;
  }

  Instant now{1000s};
  Exchange exchange;
  std::vector<Sent> sent;
  std::vector<Sent> rtcp;
  std::vector<Sent> muxed_rtcp;  // left by the RTP socket
  std::vector<Message> told;
};

}  // namespace segue::media::test
