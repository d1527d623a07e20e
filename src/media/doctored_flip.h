// Test support: a flip as its meter sees it, packet by packet, to be spoilt by a doctor: what the tests of the meter
// and of the report turn red.
#pragma once

#include <cmath>
#include <functional>
#include <numbers>

#include "media/fade.h"
#include "media/flip_meter.h"

namespace segue::media::test {

/// One packet on its way out, for a doctor to spoil.
struct Outgoing {
  int index = 0;  // the splice is at kSplice
  rtp::Header header;
  Bytes payload;
  Endpoint to{IpAddress::v4(10, 0, 0, 1), 4000};
  Instant at{};
  bool dropped = false;
};
using Doctor = std::function<void(Outgoing&)>;

inline constexpr int kSplice = 60;
inline constexpr int kPackets = 110;

/// A clean flip as a meter sees it: A's 60 packets, then B's 50, B 8 ms later in phase, faded; spoilt by `doctor` where
/// asked.
class DoctoredFlip {
 public:
  SpliceMeasurement watch(const Doctor& doctor = {}) {
    FlipMeter::Setup setup;
    setup.flip = FlipId{7};
    setup.line = LegId{1};
    setup.event_payload_type = 101;
    slots_.anchor(Instant{10s}, 1000, 8000);
    setup.slots = slots_;
    FlipMeter meter(setup);
    report(meter, 10s, 1000, 0, "far", false);
    for (int i = 0; i < kPackets; ++i) packet(meter, i, doctor);
    report(meter, 10s + kPackets * 20ms, 1000 + 160 * kPackets, 110, cname_after, bye);
    return *meter.finish(Instant{10s} + kPackets * 20ms);
  }
  bool fade = true;
  bool bye = false;
  std::string cname_after = "far";
  std::uint32_t fewer_packets = 0;
  Duration report_ahead{};
  Duration b_began = 20ms;              ///< before the packet that proves it
  int b_let_go = 1;                     ///< packets of B before the one that is heard
  bool keyed = false;                   ///< that noise stands for a key
  int withheld = 0;                     ///< packets of A just before the splice that noise stands for
  std::function<Duration(int)> wait;    ///< of a packet in this machine before it is read
  std::function<Duration(int)> jitter;  ///< of a packet's arrival

 private:
  void report(FlipMeter& meter, Duration at, std::uint32_t timestamp, std::uint32_t packets, const std::string& cname,
              bool ends) {
    rtp::CompoundOut out;
    out.ssrc = 0xCAFE;
    out.cname = cname;
    out.bye = ends;
    const Duration ahead = packets > 0 ? report_ahead : Duration{};
    out.sender = rtp::SenderInfo{rtp::ntp_time(WallTime{1700000000s} + at + ahead), timestamp,
                                 500 + packets - (packets > 0 ? fewer_packets : 0), 1000 + packets};
    Bytes bytes(200);
    bytes.resize(rtp::build_compound(bytes, out));
    meter.rtcp_departed(bytes);
  }
  void packet(FlipMeter& meter, int i, const Doctor& doctor) {
    const bool of_b = i >= kSplice;
    Outgoing out;
    out.index = i;
    out.header = {false, 0, static_cast<std::uint16_t>(65500 + i), 1000 + 160 * static_cast<std::uint32_t>(i), 0xCAFE};
    out.payload = sound(i, of_b);
    const Instant arrived = Instant{10s} + i * 20ms + (of_b ? 8ms : 0ms) + (jitter ? jitter(i) : 0ms);
    const Instant seen = arrived + 50us + (wait ? wait(i) : 0ms);
    out.at = seen;
    if (i == kSplice) {
      if (fade) fade_in(g711::Law::Mu, history_.bytes(), out.payload);
      before_it(meter, arrived);
      meter.spliced({out.at, arrived - 60ms, arrived - b_began, true, slots_});
    }
    history_.append(out.payload);
    FlipMeter::Arrival arrival;
    arrival.who = of_b ? FlipMeter::Who::B : FlipMeter::Who::A;
    arrival.sequence = static_cast<std::uint16_t>(i + (of_b ? 777 : 0));
    arrival.timestamp = 160 * static_cast<std::uint32_t>(i) + (of_b ? 99999 : 0);
    arrival.ssrc = of_b ? 2 : 1;
    arrival.at = arrived;
    arrival.seen = seen;
    arrival.used = i < kSplice - withheld || of_b;
    meter.arrived(arrival);
    if (doctor) doctor(out);
    if (out.dropped) return;
    Bytes bytes(rtp::kHeaderBytes);
    rtp::write_header(bytes, out.header);
    bytes.insert(bytes.end(), out.payload.begin(), out.payload.end());
    meter.departed(bytes, out.to, arrival.used ? std::nullopt : std::optional(FlipMeter::Made{seen, keyed}), out.at);
  }
  /// B's first packet, sent before the one that is heard.
  void before_it(FlipMeter& meter, Instant proving) const {
    FlipMeter::Arrival first;
    first.who = FlipMeter::Who::B;
    first.sequence = static_cast<std::uint16_t>(kSplice - b_let_go + 777);
    first.timestamp = 160 * static_cast<std::uint32_t>(kSplice - b_let_go) + 99999;
    first.ssrc = 2;
    first.at = first.seen = proving - b_began;
    meter.arrived(first);
  }
  static Bytes sound(int i, bool of_b) {
    Bytes payload(160);
    for (int k = 0; k < 160; ++k) {
      // B begins in the middle of its wave, where A's goes the other way: the worst hard cut.
      const double phase = 2 * std::numbers::pi * (i * 160 + k) * 300 / 8000 + (of_b ? 1.0 : 0);
      payload[static_cast<std::size_t>(k)] = g711::encode(
          g711::Law::Mu, static_cast<std::int16_t>(std::lround((of_b ? -7000 : 8000) * std::sin(phase + 0.6))));
    }
    return payload;
  }
  SentHistory history_;
  Timeline slots_;
};

}  // namespace segue::media::test
