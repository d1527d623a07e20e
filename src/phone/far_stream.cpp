#include "phone/far_stream.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace segue::phone {
namespace {

constexpr double kHeardAmplitude = 40;      // a third of the marker's; G.711's noise under loud speech stays below 30
constexpr std::size_t kSteadyFrames = 3;    // 60 ms in one piece
constexpr std::int64_t kBeforeSplice = 40;  // 5 ms: the promise's own figure
constexpr std::int64_t kAfterSplice = 120;  // a fade of 10 ms and 5 ms after it
constexpr std::int64_t kKeepAway = 200;     // "around" stays a frame away from the splice on both sides

std::int32_t timestamp_step(const FarPacket& a, const FarPacket& b) {
  return static_cast<std::int32_t>(b.view.timestamp - a.view.timestamp);
}

void consider(Worst& worst, double ms, double noise_ms) {
  worst.beyond_ms = std::max(worst.beyond_ms, ms - noise_ms);
  if (ms <= worst.ms) return;
  worst.ms = ms;
  worst.noise_ms = noise_ms;
}

}  // namespace

std::vector<FarPacket> packets_between(const Capture& capture, const FarSetup& setup, Instant from, Instant to) {
  std::vector<FarPacket> out;
  for (const Datagram& datagram : capture.rtp) {
    if (datagram.at < from || datagram.at > to) continue;
    const auto view = read_rtp(datagram.bytes);
    if (!view) continue;
    out.push_back({datagram.at, datagram.from, *view, view->payload_type != setup.event_payload_type});
  }
  return out;
}

std::vector<HeardFrame> who_is_heard(std::span<const FarPacket> packets, const FarSetup& setup) {
  std::vector<HeardFrame> out;
  std::vector<std::int16_t> samples;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].audio) continue;
    samples.clear();
    decode(setup.law, packets[i].view.payload, samples);
    HeardFrame frame;
    frame.at = packets[i].at;
    frame.packet = i;
    for (const std::size_t marker : setup.markers) {
      frame.heard.at(marker) = amplitude_at(samples, marker_hz(marker)) >= kHeardAmplitude;
    }
    out.push_back(frame);
  }
  return out;
}

std::optional<std::size_t> onset(std::span<const HeardFrame> frames, std::size_t speaker, Instant not_before) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    run = frames[i].at >= not_before && frames[i].heard.at(speaker) ? run + 1 : 0;
    if (run == kSteadyFrames) return i + 1 - run;
  }
  return std::nullopt;
}

std::size_t sequence_breaks(std::span<const FarPacket> packets) {
  std::size_t breaks = 0;
  for (std::size_t i = 1; i < packets.size(); ++i) {
    const auto expected = static_cast<std::uint16_t>(packets[i - 1].view.sequence + 1);
    if (packets[i].view.sequence != expected) ++breaks;
  }
  return breaks;
}

SlotCount count_slots(std::span<const FarPacket> packets) {
  SlotCount count;
  const FarPacket* last = nullptr;
  bool event_since = false;
  for (const FarPacket& packet : packets) {
    if (!packet.audio) {
      event_since = true;
      continue;
    }
    const std::int32_t step = last != nullptr ? timestamp_step(*last, packet) : kFarFrameSamples;
    if (step <= 0 || step % kFarFrameSamples != 0) {
      ++count.irregular;
    } else {
      (event_since ? count.events : count.missing) += static_cast<std::size_t>(step / kFarFrameSamples - 1);
    }
    last = &packet;
    event_since = false;
  }
  return count;
}

double noise_at(Instant at, std::span<const Lateness> witnesses) {
  constexpr Duration kBefore = 45ms;  // a source's packet may wait for its slot, and for the one that proves it
  constexpr Duration kAfter = 5ms;
  double worst = 0;
  for (const Lateness& witness : witnesses) {
    if (witness.at >= at - kBefore && witness.at <= at + kAfter) worst = std::max(worst, witness.ms);
  }
  return worst;
}

Worst lateness(std::span<const FarPacket> packets, const FarBaseline& baseline, std::span<const Lateness> witnesses) {
  Worst worst;
  for (const FarPacket& packet : packets) {
    if (!packet.audio) continue;
    const auto samples = static_cast<std::int32_t>(packet.view.timestamp - baseline.anchor_timestamp);
    const double late = to_ms(packet.at - baseline.anchor) - samples * kSampleMs;
    consider(worst, late, std::max(baseline.noise_ms, noise_at(packet.at, witnesses)));
  }
  return worst;
}

Worst longest_gap(std::span<const FarPacket> packets, const FarBaseline& baseline,
                  std::span<const Lateness> witnesses) {
  Worst worst;
  const double usual = std::max(baseline.gap_ms_max - kFrameMs, 0.0);
  for (std::size_t i = 1; i < packets.size(); ++i) {
    consider(worst, to_ms(packets[i].at - packets[i - 1].at), std::max(usual, noise_at(packets[i].at, witnesses)));
  }
  return worst;
}

Steps steps_around(std::span<const FarPacket> packets, const FarSetup& setup, std::size_t boundary) {
  Steps steps;
  std::vector<std::int16_t> samples;
  int last = 0;
  bool has_last = false;
  const FarPacket* before = nullptr;
  for (const FarPacket& packet : packets) {
    if (!packet.audio) continue;
    if (before != nullptr && timestamp_step(*before, packet) != kFarFrameSamples)
      has_last = false;  // no neighbour to step from
    samples.clear();
    decode(setup.law, packet.view.payload, samples);
    const std::int64_t base = static_cast<std::int32_t>(packet.view.timestamp - packets[boundary].view.timestamp);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double step = has_last ? std::abs(samples[i] - last) : 0;
      const std::int64_t at = base + static_cast<std::int64_t>(i);
      if (at >= -kBeforeSplice && at < kAfterSplice) steps.at_splice = std::max(steps.at_splice, step);
      if (at < -kKeepAway || at >= kAfterSplice + kKeepAway) steps.around = std::max(steps.around, step);
      last = samples[i];
      has_last = true;
    }
    before = &packet;
  }
  return steps;
}

}  // namespace segue::phone
