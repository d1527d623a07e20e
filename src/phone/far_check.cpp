#include "phone/far_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "phone/far_lines.h"
#include "phone/far_stream.h"

namespace segue::phone {
namespace {

constexpr Duration kAfterEnd = 1s;     // how long after its end a flip may still show
constexpr Duration kContext = 2500ms;  // flip-free audio before it, to compare the waveform with
constexpr double kPictureMs = 400;     // packets of the picture lie this near to the splice

/// All lines that a verdict needs; what RTCP says comes every five seconds and may lie outside of a short call.
bool must_be_measured(std::string_view key, bool moved) {
  if (key == "heard_after" || key == "click") return moved;
  return key != "cname" && key != "answer_to_heard" && !key.starts_with("rtcp");
}

bool verdict(const std::vector<call::ReportLine>& lines, bool moved) {
  return std::all_of(lines.begin(), lines.end(), [&](const call::ReportLine& line) {
    return line.kept ? *line.kept : !must_be_measured(line.key, moved);
  });
}

std::vector<call::ReportPacket> picture(std::span<const FarPacket> packets, Instant zero) {
  std::vector<call::ReportPacket> out;
  for (const FarPacket& packet : packets) {
    const double at = to_ms(packet.at - zero);
    if (std::abs(at) > kPictureMs) continue;
    out.push_back({call::ReportPacket::Kind::ToFar, at, packet.view.sequence, packet.view.timestamp, true});
  }
  return out;
}

}  // namespace

std::optional<FarBaseline> learn(const Capture& capture, const FarSetup& setup, Instant from, Instant to) {
  auto packets = packets_between(capture, setup, from, to);
  std::erase_if(packets, [](const FarPacket& p) { return !p.audio; });
  if (packets.size() < kMinStretch) return std::nullopt;
  FarBaseline out;
  out.ssrc = packets.front().view.ssrc;
  out.address = packets.front().from;
  out.anchor_timestamp = packets.front().view.timestamp;
  std::vector<Duration> offsets;
  for (const FarPacket& packet : packets) {
    const auto samples = static_cast<std::int32_t>(packet.view.timestamp - out.anchor_timestamp);
    offsets.push_back(packet.at.time_since_epoch() - samples * Duration(125us));
  }
  std::sort(offsets.begin(), offsets.end());
  out.anchor = Instant(offsets[offsets.size() / 2]);
  out.noise_ms = lateness(packets, out, {}).ms;
  out.gap_ms_max = longest_gap(packets, out, {}).ms;
  return out;
}

call::FlipReport check_flip(const Capture& capture, const FarSetup& setup, const FarBaseline& baseline,
                            const FarFlip& flip) {
  const Instant end = flip.ended + kAfterEnd;
  const auto wide = packets_between(capture, setup, flip.asked - kContext, end);
  // The judged packets begin with the last one before the flip, so that the first step is judged too.
  auto first = std::find_if(wide.begin(), wide.end(), [&](const FarPacket& p) { return p.at >= flip.asked; });
  if (first != wide.begin()) --first;
  const std::span<const FarPacket> judged(wide.data() + (first - wide.begin()),
                                          static_cast<std::size_t>(wide.end() - first));

  call::FlipReport report;
  report.frame_ms = kFrameMs;
  FarLines lines(capture, setup, baseline, flip, end);
  lines.signalling();
  lines.identity(judged);
  lines.continuity(judged);
  lines.rtcp();
  const auto splice = lines.speakers(judged, wide);
  report.spliced = splice.has_value();
  report.lines = std::move(lines).take();
  report.kept = !judged.empty() && verdict(report.lines, flip.moved);
  report.packets = picture(wide, splice.value_or(flip.ended));
  return report;
}

std::optional<Instant> first_heard(const Capture& capture, const FarSetup& setup, std::size_t speaker, Instant from) {
  const auto packets = packets_between(capture, setup, from, Instant::max());
  const auto frames = who_is_heard(packets, setup);
  const auto at = onset(frames, speaker, from);
  if (!at) return std::nullopt;
  return frames[*at].at;
}

Heard reconstruct(const Capture& capture, const FarSetup& setup) {
  constexpr std::int64_t kMaxSamples = 8000LL * 3600;  // an hour; a timestamp beyond it is not this stream's
  Heard out;
  std::optional<std::uint32_t> zero;
  std::vector<std::int16_t> samples;
  for (const FarPacket& packet : packets_between(capture, setup, Instant::min(), Instant::max())) {
    if (!packet.audio || packet.view.payload_type != setup.payload_type) continue;
    if (!zero) {
      zero = packet.view.timestamp;
      out.began = packet.at;
    }
    const std::int64_t at = static_cast<std::int32_t>(packet.view.timestamp - *zero);
    samples.clear();
    decode(setup.law, packet.view.payload, samples);
    const std::int64_t end = at + static_cast<std::int64_t>(samples.size());
    if (at < 0 || end > kMaxSamples) continue;
    if (end > static_cast<std::int64_t>(out.samples.size())) out.samples.resize(static_cast<std::size_t>(end), 0);
    std::copy(samples.begin(), samples.end(), out.samples.begin() + at);
  }
  return out;
}

}  // namespace segue::phone
