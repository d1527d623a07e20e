// The tape itself; support of far_check_test.cpp.
#include <algorithm>
#include <cmath>

#include "phone/far_tape.h"

namespace segue::phone {
namespace {

constexpr std::size_t kSamples = 160;

/// Voices as the phones speak: made once, they are the slow part.
const Sound& voice(std::size_t who) {
  static const Sound a = with_marker(voice_like(110, 4), FarTape::kA);
  static const Sound b = with_marker(voice_like(190, 4), FarTape::kB);
  return who == FarTape::kA ? a : b;
}

std::vector<std::int16_t> frame_of(std::size_t who, std::size_t index) {
  const auto& all = voice(who).samples;
  std::vector<std::int16_t> out(kSamples);
  for (std::size_t i = 0; i < kSamples; ++i) out[i] = all[(index * kSamples + i) % all.size()];
  return out;
}

/// B's first frame as a server fades it in: 10 ms from A's audio to B's.
std::vector<std::int16_t> faded(std::size_t index) {
  auto out = frame_of(FarTape::kB, index);
  const auto a = frame_of(FarTape::kA, index);
  constexpr std::size_t kFade = 80;
  for (std::size_t i = 0; i < kFade; ++i) {
    const double b_part = (static_cast<double>(i) + 0.5) / kFade;
    out[i] = static_cast<std::int16_t>(std::lround(b_part * out[i] + (1 - b_part) * a[i]));
  }
  return out;
}

}  // namespace

FarTape::FarTape() {
  constexpr std::uint64_t kNtp = 0xE0000000ULL << 32;
  constexpr std::uint32_t kTimestamp = 0xFFFFFFFF - 30'000;
  for (std::size_t i = 0; i < kFrames; ++i) {
    Frame frame;
    // A little noise, as every machine has: 0, 70, 140 ... up to 420 microseconds.
    frame.at = static_cast<std::int64_t>(i) * 20ms + static_cast<std::int64_t>(i * 3 % 7) * 70us;
    frame.sequence = static_cast<std::uint16_t>(65'400 + i);
    frame.timestamp = kTimestamp + static_cast<std::uint32_t>(i * kSamples);
    frame.samples = i < kSplice ? frame_of(kA, i) : i == kSplice ? faded(i) : frame_of(kB, i);
    frames.push_back(std::move(frame));
  }
  for (const int ms : {500, 3500, 7000}) {
    Report report;
    report.at = ms * 1ms;
    report.ntp = kNtp + (static_cast<std::uint64_t>(ms) << 32) / 1000;
    report.rtp = kTimestamp + static_cast<std::uint32_t>(ms * 8);
    report.packets = static_cast<std::uint32_t>(ms / 20);
    reports.push_back(report);
  }
}

Capture FarTape::capture() const {
  Capture out;
  for (const Frame& frame : frames) {
    Bytes codes;
    for (const std::int16_t sample : frame.samples) codes.push_back(encode_sample(Law::Mu, sample));
    RtpView packet;
    packet.payload_type = frame.payload_type;
    packet.sequence = frame.sequence;
    packet.timestamp = frame.timestamp;
    packet.ssrc = frame.ssrc;
    packet.payload = codes;
    out.rtp.push_back({time(frame.at), frame.from, write_rtp(packet)});
  }
  for (const Report& report : reports) {
    const SenderReport sender{frames.front().ssrc, report.ntp, report.rtp, report.packets, report.packets * 160};
    out.rtcp.push_back({time(report.at), frames.front().from, write_rtcp(sender, report.cname, report.bye)});
  }
  out.sip.assign(sip.begin(), sip.end());
  return out;
}

FarSetup FarTape::setup() const { return {.markers = {kA, kB}}; }

FarFlip FarTape::flip() const {
  FarFlip out;
  out.label = "tape";
  out.asked = time(4s);
  out.ended = time(5020ms);
  out.moved = moved;
  out.first_on_line = first_on_line;
  out.speaker_a = kA;
  out.speaker_b = moved ? kB : kA;
  out.b_answered = time(4970ms);
  out.b_first_packet = time(4975ms);
  out.a_pauses = pauses;
  out.a_left = a_left;
  return out;
}

FarBaseline FarTape::baseline() const { return *learn(FarTape().capture(), setup(), time(0s), time(3s)); }

call::FlipReport FarTape::judged() const { return check_flip(capture(), setup(), baseline(), flip()); }

void FarTape::drop(std::size_t first, std::size_t count, bool close_the_sequence) {
  frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(first),
               frames.begin() + static_cast<std::ptrdiff_t>(first + count));
  if (!close_the_sequence) return;
  for (std::size_t i = first; i < frames.size(); ++i) {
    frames[i].sequence = static_cast<std::uint16_t>(frames[i].sequence - count);
  }
}

}  // namespace segue::phone
