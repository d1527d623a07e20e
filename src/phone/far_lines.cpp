#include "phone/far_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace segue::phone {
namespace {

/// Anything but the answer to a REGISTER of the far party's own, and the session's refresh, which comes every quarter
/// of an hour whatever happens: an UPDATE without a body (RFC 4028).
bool because_of_the_flip(const SipLine& line) {
  if (!line.received) return false;
  if (line.text.starts_with("UPDATE ") && line.text.ends_with("\r\n\r\n")) return false;
  const bool response = line.text.starts_with("SIP/2.0");
  return !response || line.text.find(" REGISTER\r\n") == std::string::npos;
}

struct Reports {
  std::vector<SenderReport> senders;  // up to the first one after the flip
  std::set<std::string> cnames;
  std::size_t seen = 0;
  bool bye = false;
};

Reports read_reports(const Capture& capture, Instant asked, Instant end) {
  Reports out;
  for (const Datagram& datagram : capture.rtcp) {
    const auto view = read_rtcp(datagram.bytes);
    if (!view) continue;
    ++out.seen;
    out.bye = out.bye || (view->bye && datagram.at >= asked && datagram.at <= end);
    out.senders.insert(out.senders.end(), view->reports.begin(), view->reports.end());
    out.cnames.insert(view->cnames.begin(), view->cnames.end());
    if (datagram.at > end) break;
  }
  return out;
}

/// Largest distance of an (NTP, RTP) pair from the line through the first one, in ms.
double line_error_ms(std::span<const SenderReport> reports) {
  double worst = 0;
  for (const SenderReport& report : reports) {
    const auto ntp = static_cast<std::int64_t>(report.ntp - reports.front().ntp);
    const double wall_ms = static_cast<double>(ntp) / 4294967296.0 * 1000;
    const double media_ms = static_cast<std::int32_t>(report.rtp - reports.front().rtp) * kSampleMs;
    worst = std::max(worst, std::abs(wall_ms - media_ms));
  }
  return worst;
}

std::size_t count_falls(std::span<const SenderReport> reports) {
  std::size_t falls = 0;
  for (std::size_t i = 1; i < reports.size(); ++i) {
    const auto packets = static_cast<std::int32_t>(reports[i].packets - reports[i - 1].packets);
    const auto octets = static_cast<std::int32_t>(reports[i].octets - reports[i - 1].octets);
    if (packets < 0 || octets < 0) ++falls;
  }
  return falls;
}

}  // namespace

void FarLines::absent(const Figure& figure, std::string note) {
  lines_.push_back({figure.key, figure.title, "", figure.limit, std::nullopt, std::nullopt, std::move(note)});
}

void FarLines::judge(const Figure& figure, double number, std::string value, bool kept, std::string note) {
  lines_.push_back({figure.key, figure.title, std::move(value), figure.limit, number, kept, std::move(note)});
}

void FarLines::timing(const Figure& figure, const Worst& worst, double limit_ms) {
  // What this observer can resolve: a phone stamps a send in user space, the kernel stamps the receipt, and between
  // them lie two hops and the relay itself, 0.05 to 0.3 ms on an idle machine. A figure is not called broken within
  // that.
  constexpr double kResolutionMs = 0.5;
  std::string note =
      fmt::format("flip-free stretch: {:.1f} ms late, longest gap {:.1f} ms", baseline_.noise_ms, baseline_.gap_ms_max);
  if (worst.ms > limit_ms) note += fmt::format("; the machine's noise at that moment: {:.1f} ms", worst.noise_ms);
  const bool beyond = worst.beyond_ms > limit_ms + kResolutionMs;
  if (worst.ms > limit_ms && !beyond && worst.noise_ms > kFrameMs) {
    lines_.push_back({figure.key, figure.title, fmt::format("{:.1f} ms", worst.ms), figure.limit, worst.ms,
                      std::nullopt, note + ", more than a frame: not judged"});
    return;
  }
  judge(figure, worst.ms, fmt::format("{:.1f} ms", worst.ms), !beyond, std::move(note));
}

void FarLines::signalling() {
  const auto count = std::count_if(capture_.sip.begin(), capture_.sip.end(), [&](const SipLine& line) {
    return line.at >= flip_.asked && line.at <= end_ && because_of_the_flip(line);
  });
  judge({"sip_to_far", "SIP messages to the far party", "must be 0"}, static_cast<double>(count),
        fmt::format("{}", count), count == 0);
}

void FarLines::identity(std::span<const FarPacket> judged) {
  const Figure ssrc{"ssrc", "SSRC", "unchanged"};
  const Figure cname{"cname", "CNAME", "unchanged"};
  const Figure type{"payload_type", "Payload type", "unchanged"};
  const Figure address{"address", "Address and port of the stream", "unchanged"};
  const auto odd = [&](auto differs) { return std::find_if(judged.begin(), judged.end(), differs); };
  if (judged.empty()) {
    for (const Figure& figure : {ssrc, type, address}) absent(figure, "no packet came");
  } else {
    const auto other = odd([&](const FarPacket& p) { return p.view.ssrc != baseline_.ssrc; });
    judge(ssrc, 0,
          other == judged.end() ? fmt::format("unchanged (0x{:08x})", baseline_.ssrc)
                                : fmt::format("0x{:08x}, then 0x{:08x}", baseline_.ssrc, other->view.ssrc),
          other == judged.end());
    const auto retyped = odd([&](const FarPacket& p) { return p.audio && p.view.payload_type != setup_.payload_type; });
    judge(type, 0,
          retyped == judged.end() ? fmt::format("unchanged ({})", setup_.payload_type)
                                  : fmt::format("{}, then {}", setup_.payload_type, retyped->view.payload_type),
          retyped == judged.end());
    const auto moved = odd([&](const FarPacket& p) { return p.from != baseline_.address; });
    judge(address, 0,
          moved == judged.end() ? fmt::format("unchanged ({})", baseline_.address.to_string())
                                : fmt::format("{}, then {}", baseline_.address.to_string(), moved->from.to_string()),
          moved == judged.end());
  }
  const Reports reports = read_reports(capture_, flip_.asked, end_);
  if (reports.cnames.empty()) {
    absent(cname, "no RTCP source description has come yet");
  } else {
    const bool one = reports.cnames.size() == 1;
    judge(
        cname, static_cast<double>(reports.cnames.size()),
        one ? "unchanged (" + *reports.cnames.begin() + ")" : fmt::format("{} different names", reports.cnames.size()),
        one);
  }
}

void FarLines::continuity(std::span<const FarPacket> judged) {
  const Figure sequence{"sequence", "RTP sequence", "one unbroken series"};
  const Figure slots{"slots_missing", "Slots with no packet", "must be 0"};
  const Figure late{"lateness", "Latest packet after its slot", "at most half a frame (10 ms)"};
  const double limit = (flip_.first_on_line ? 1.5 : 2) * kFrameMs;
  const Figure gap{"gap", "Longest time between two packets",
                   fmt::format("at most {} frames ({:.0f} ms)", flip_.first_on_line ? "1.5" : "2", limit)};
  if (judged.size() < 2) {
    for (const Figure& figure : {sequence, slots, late, gap}) absent(figure, "no stream to measure");
    return;
  }
  const std::size_t breaks = sequence_breaks(judged);
  judge(sequence, static_cast<double>(breaks), breaks == 0 ? "unbroken" : fmt::format("{} breaks", breaks),
        breaks == 0);
  const SlotCount count = count_slots(judged);
  const std::size_t wrong = count.missing + count.irregular;
  judge(slots, static_cast<double>(wrong),
        count.irregular == 0 ? fmt::format("{}", count.missing)
                             : fmt::format("{} and {} timestamps off the frame's grid", count.missing, count.irregular),
        wrong == 0, count.events == 0 ? "" : fmt::format("{} slots held a telephone event", count.events));
  timing(late, lateness(judged, baseline_, flip_.witnesses), kFrameMs / 2);
  timing(gap, longest_gap(judged, baseline_, flip_.witnesses), limit);
}

void FarLines::rtcp() {
  const Figure bye{"rtcp_bye", "RTCP BYE", "none"};
  const Figure counts{"rtcp_counts", "Counts of RTCP sender reports", "never fall"};
  const Figure line{"rtcp_line", "RTCP (NTP, RTP) pairs on one line", "within a frame (20 ms)"};
  const Reports reports = read_reports(capture_, flip_.asked, end_);
  if (reports.seen == 0)
    absent(bye, "no RTCP has come yet");
  else
    judge(bye, reports.bye ? 1 : 0, reports.bye ? "sent" : "none", !reports.bye);
  if (reports.senders.size() < 2) {
    absent(counts, "fewer than two sender reports have come");
    absent(line, "fewer than two sender reports have come");
    return;
  }
  const std::size_t falls = count_falls(reports.senders);
  judge(counts, static_cast<double>(falls), falls == 0 ? "rise" : fmt::format("fell {} times", falls), falls == 0);
  const double error = line_error_ms(reports.senders);
  judge(line, error, fmt::format("{:.1f} ms", error), error <= kFrameMs);
}

std::optional<Instant> FarLines::speakers(std::span<const FarPacket> judged, std::span<const FarPacket> wide) {
  const Figure first{"heard_after", "B's first packet to B heard", "at most 2 frames (40 ms)"};
  const Figure answer{"answer_to_heard", "B's 200 to B heard", "reported"};
  const auto frames = who_is_heard(judged, setup_);
  std::optional<Instant> heard;
  if (flip_.moved) {
    if (const auto at = onset(frames, flip_.speaker_b, flip_.asked)) heard = frames[*at].at;
  }
  if (!flip_.moved) {
    absent(first, "nothing moved");
    absent(answer, "nothing moved");
  } else if (!heard || !flip_.b_first_packet) {
    judge(first, 0, "never", false, "B was not heard within a second of the flip's end");
    absent(answer, "B was not heard");
  } else {
    const double ms = to_ms(*heard - *flip_.b_first_packet);
    const double noise = std::max(baseline_.noise_ms, noise_at(*heard, flip_.witnesses));
    timing(first, Worst{ms, noise, ms - noise}, 2 * kFrameMs);
    if (flip_.b_answered) {
      const double since = to_ms(*heard - *flip_.b_answered);
      lines_.push_back(
          {answer.key, answer.title, fmt::format("{:.1f} ms", since), answer.limit, since, std::nullopt, ""});
    } else {
      absent(answer, "B's 200 was not seen");
    }
  }
  nobody(frames, judged, heard);
  waveform(wide, heard);
  return heard;
}

bool FarLines::excused(Instant at, std::optional<Instant> b_heard) const {
  constexpr Duration kBefore = 25ms;  // the digit's first packet and its way
  constexpr Duration kAfter = 60ms;   // its last frame, a slot's wait and the way
  const bool digit = std::any_of(flip_.a_pauses.begin(), flip_.a_pauses.end(), [&](const Pause& pause) {
    return at >= pause.from - kBefore && at <= pause.to + kAfter;
  });
  return digit || (flip_.a_left && at >= *flip_.a_left - kBefore && (!b_heard || at <= *b_heard));
}

void FarLines::nobody(std::span<const HeardFrame> frames, std::span<const FarPacket> judged,
                      std::optional<Instant> b_heard) {
  const Figure figure{"nobody_heard", "Time in which neither A nor B is heard", "must be 0"};
  if (frames.empty()) {
    absent(figure, "no audio came");
    return;
  }
  double silent_ms = static_cast<double>(count_slots(judged).missing) * kFrameMs;
  double excused_ms = 0;
  for (const HeardFrame& frame : frames) {
    if (frame.heard.at(flip_.speaker_a) || frame.heard.at(flip_.speaker_b)) continue;
    (excused(frame.at, b_heard) ? excused_ms : silent_ms) += kFrameMs;
  }
  std::string note;
  if (excused_ms > 0) {
    note = fmt::format("{:.0f} ms of comfort noise while A {}", excused_ms,
                       flip_.a_left ? "was gone and B rang" : "sent digits");
  }
  judge(figure, silent_ms, fmt::format("{:.0f} ms", silent_ms), silent_ms == 0, std::move(note));
}

void FarLines::waveform(std::span<const FarPacket> wide, std::optional<Instant> b_heard) {
  const Figure figure{"click", "Waveform step at the splice", "at most 1.1 x the largest around"};
  constexpr double kMaxRatio = 1.1;
  if (!b_heard) {
    absent(figure, flip_.moved ? "no splice was found" : "nothing moved");
    return;
  }
  const auto boundary = std::find_if(wide.begin(), wide.end(), [&](const FarPacket& p) { return p.at == *b_heard; });
  const Steps steps = steps_around(wide, setup_, static_cast<std::size_t>(boundary - wide.begin()));
  if (steps.around <= 0) {
    absent(figure, "no flip-free audio to compare with");
    return;
  }
  const double ratio = steps.at_splice / steps.around;
  judge(figure, ratio, fmt::format("{:.2f} x", ratio), ratio <= kMaxRatio,
        fmt::format("{:.0f} at the splice, {:.0f} around it", steps.at_splice, steps.around));
}

}  // namespace segue::phone
