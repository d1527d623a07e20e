#include "engine/report.h"

#include <fmt/core.h>

#include <algorithm>

namespace segue::engine {
namespace {

using call::ReportLine;

std::string ms(double v) { return fmt::format("{:.1f} ms", v); }

ReportLine identity(std::string key, std::string title, bool same, const std::string& before,
                    const std::string& after) {
  ReportLine line{std::move(key), std::move(title), {}, "unchanged", std::nullopt, same, {}};
  line.value = same ? "unchanged (" + after + ")" : before + " became " + after;
  return line;
}

ReportLine count(std::string key, std::string title, std::uint32_t n) {
  return {std::move(key), std::move(title), std::to_string(n), "must be 0", static_cast<double>(n), n == 0, {}};
}

/// A time with an upper limit; absent where it could not be measured.
ReportLine at_most(std::string key, std::string title, std::optional<double> value, double limit) {
  ReportLine line{std::move(key), std::move(title), "", limit == 0 ? "must be 0" : "at most " + ms(limit),
                  value,          std::nullopt,     {}};
  if (!value) return line;
  line.value = ms(*value);
  line.kept = *value <= limit + 0.05;  // figures are shown to a tenth of a millisecond
  return line;
}

void not_measured(ReportLine& line, std::string why) {
  line.value.clear();
  line.number = std::nullopt;
  line.kept = std::nullopt;
  line.note = std::move(why);
}

/// What the devices' own unevenness and this machine's scheduler added to a time is shown beside it and not held
/// against the splice; `own` is what is left without them.
void attribute(ReportLine& line, std::optional<double> own, double limit, const media::SpliceMeasurement& m) {
  const auto note = [&](const std::string& text) { line.note += (line.note.empty() ? "" : "; ") + text; };
  if (m.source_gap_ms_max) note("the devices themselves left up to " + ms(*m.source_gap_ms_max) + " between packets");
  if (m.scheduler_ms_max) note(fmt::format("a packet waited up to {:.2f} ms in this machine", *m.scheduler_ms_max));
  if (line.kept != false || !own) return;
  note("without that: " + ms(*own));
  line.kept = *own <= limit + 0.05;
  if (*line.kept && m.scheduler_ms_max.value_or(0) > m.frame_ms) {
    line.kept = std::nullopt;
    note("this machine's wait was more than a frame: not judged");
  }
}

void add_identity(std::vector<ReportLine>& lines, const media::SpliceMeasurement& m) {
  lines.push_back(identity("ssrc", "Stream identity (SSRC)", m.ssrc_before == m.ssrc_after,
                           fmt::format("0x{:08x}", m.ssrc_before), fmt::format("0x{:08x}", m.ssrc_after)));
  lines.push_back(identity("payload_type", "Payload type", m.payload_type_before == m.payload_type_after,
                           std::to_string(m.payload_type_before), std::to_string(m.payload_type_after)));
  lines.push_back(identity("address", "Address and port of the stream", m.address_before == m.address_after,
                           m.address_before.to_string(), m.address_after.to_string()));
  // RTCP leaves every few seconds only: a splice that no report preceded or followed cannot be judged by it.
  auto cname =
      identity("cname", "Canonical name (CNAME)", m.cname_before == m.cname_after, m.cname_before, m.cname_after);
  if (m.cname_before.empty() || m.cname_after.empty()) {
    not_measured(cname, m.cname_before.empty() ? "no RTCP report left before the splice"
                                               : "no RTCP report left after the splice");
  }
  lines.push_back(std::move(cname));
}

void add_continuity(std::vector<ReportLine>& lines, const media::SpliceMeasurement& m) {
  lines.push_back(count("sequence", "Breaks in the sequence numbers", m.sequence_breaks));
  if (m.source_losses > 0)
    lines.back().note =
        fmt::format("{} lost or reordered by the devices' own networks, passed on as such", m.source_losses);
  lines.push_back(count("slots_missing", "Slots with no packet", m.slots_missing));
  if (m.slots_silent_by_choice > 0)
    lines.back().note = fmt::format("{} in which the device was silent by its own choice", m.slots_silent_by_choice);
  auto late = at_most("lateness", "Latest departure after its slot", m.lateness_ms_max, m.frame_ms / 2);
  attribute(late, m.own_lateness_ms, m.frame_ms / 2, m);
  lines.push_back(std::move(late));
  // The first source of a line sits on the slots themselves, so its successor is at most half a frame away.
  const double limit = (m.spliced && m.first_on_line ? 1.5 : 2) * m.frame_ms;
  auto gap = at_most("gap", "Longest time between two packets", m.gap_ms_max, limit);
  attribute(gap, m.own_gap_ms, limit, m);
  lines.push_back(std::move(gap));
}

void add_rtcp(std::vector<ReportLine>& lines, const media::SpliceMeasurement& m) {
  lines.push_back(count("rtcp_bye", "RTCP BYE", m.rtcp_bye ? 1 : 0));
  if (m.rtcp_seen == 0) not_measured(lines.back(), "no RTCP left");
  lines.push_back({"rtcp_counts",
                   "Counts in sender reports",
                   m.rtcp_counts_fell ? "fell" : "never fell",
                   "never fall",
                   std::nullopt,
                   !m.rtcp_counts_fell,
                   {}});
  if (m.rtcp_seen < 2) not_measured(lines.back(), "fewer than two reports left");
  lines.push_back(at_most("rtcp_line", "Sender reports' clock off one line", m.rtcp_line_error_ms, m.frame_ms));
}

void add_speed(std::vector<ReportLine>& lines, const media::SpliceMeasurement& m) {
  auto heard = at_most("heard_after", "First packet to being heard", m.first_packet_to_heard_ms, 2 * m.frame_ms);
  if (m.answer_to_heard_ms) heard.note = "after the device's answer: " + ms(*m.answer_to_heard_ms);
  attribute(heard, m.own_first_packet_to_heard_ms, 2 * m.frame_ms, m);
  lines.push_back(std::move(heard));
  lines.push_back(at_most("nobody_heard", "Time in which nobody was heard", m.nobody_heard_ms, 0));
}

void add_waveform(std::vector<ReportLine>& lines, const media::SpliceMeasurement& m) {
  ReportLine line{
      "click", "Largest step at the splice, to the audio around", "", "at most 1.10 times", std::nullopt, std::nullopt,
      {}};
  if (m.step_at_splice && m.step_around && *m.step_around > 0) {
    const double ratio = *m.step_at_splice / *m.step_around;  // of digital silence there is none
    line.number = ratio;
    line.value = fmt::format("{:.2f} times", ratio);
    line.kept = ratio <= 1.1;
  }
  lines.push_back(std::move(line));
}

/// Whether a verdict needs this line. RTCP leaves every few seconds and may lie outside of what was watched; where A
/// had left, nobody was cut off; and only G.711's waveform is looked at, as no other codec is decoded here.
bool must_be_measured(std::string_view key, const media::SpliceMeasurement& m) {
  if (!m.spliced) return false;  // the line went on as it was, or had nothing to say
  if (key == "click") return m.waveform_known && m.step_around != 0;
  return key != "cname" && key != "nobody_heard" && !key.starts_with("rtcp");
}

}  // namespace

call::FlipReport make_report(const media::SpliceMeasurement& m, unsigned sip_to_far) {
  call::FlipReport report;
  report.spliced = m.spliced;
  report.frame_ms = m.frame_ms;
  report.lines.push_back(count("sip_to_far", "SIP messages to the far party", sip_to_far));
  if (m.packets_watched > 0 || m.spliced) {
    add_identity(report.lines, m);
    add_continuity(report.lines, m);
    add_rtcp(report.lines, m);
  }
  if (m.spliced) {
    add_speed(report.lines, m);
    add_waveform(report.lines, m);
  }
  if (m.packets_watched == 0) {
    for (auto& line : report.lines) {
      if (line.key != "sip_to_far") not_measured(line, "no packet left towards the far party");
    }
  }
  report.kept = std::all_of(report.lines.begin(), report.lines.end(),
                            [&](const ReportLine& line) { return line.kept.value_or(!must_be_measured(line.key, m)); });
  for (const auto& p : m.trace) {
    report.packets.push_back({static_cast<call::ReportPacket::Kind>(p.kind), p.at_ms, p.sequence, p.timestamp, p.used});
  }
  return report;
}

}  // namespace segue::engine
