#include "record/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "record/json.h"
#include "record/svg.h"

namespace segue::record {
namespace {

using call::FlipRecord;
using call::FlipReport;
using call::ReportLine;
using call::ReportPacket;
using Kind = ReportPacket::Kind;

constexpr double kWidth = 1120, kMargin = 36, kLanesLeft = 232, kLanesRight = kWidth - kMargin;
constexpr double kLanesTop = 150, kLaneHeight = 62, kTickHeight = 34;
constexpr double kAxisY = kLanesTop + 3 * kLaneHeight + 8;
constexpr double kVerdictsTop = kAxisY + 92, kVerdictHeight = 62, kColumnGap = 32;
constexpr double kColumnWidth = (kWidth - 2 * kMargin - kColumnGap) / 2;
/// 15 frames to each side leave about 30 pixels a packet: enough to see one that is missing, late or hollow.
constexpr double kFramesShown = 15;
/// A report from a damaged disk may hold anything; a picture never holds more ticks or lines than a screen can show.
constexpr std::size_t kTicksMax = 1500, kLinesMax = 60;

/// The stretch of time that is drawn, in ms around the splice, and where it goes on the page.
struct Scale {
  double from = -300, to = 300;
  [[nodiscard]] double x(double ms) const {
    return kLanesLeft + (ms - from) / (to - from) * (kLanesRight - kLanesLeft);
  }
  [[nodiscard]] bool shows(double ms) const { return ms >= from && ms <= to; }
};

double frame_of(const FlipReport& report) {
  return std::isfinite(report.frame_ms) ? std::clamp(report.frame_ms, 2.5, 120.0) : 20.0;
}

/// As much as there are packets, but no more than 15 frames to a side: the first packet of a stretch that is cut off
/// stays visible as a whole.
Scale scale_of(const FlipReport& report) {
  const double frame = frame_of(report), reach = kFramesShown * frame;
  double first = 0, last = 0;
  for (const auto& packet : report.packets) {
    if (!std::isfinite(packet.at_ms)) continue;
    first = std::min(first, packet.at_ms);
    last = std::max(last, packet.at_ms);
  }
  return {std::max(first, -reach) - frame / 2, std::max(std::min(last, reach), 3 * frame) + frame / 2};
}

enum class Verdict { Good, Bad, Unknown };
Verdict verdict_of(const ReportLine& line) {
  if (!line.kept) return Verdict::Unknown;
  return *line.kept ? Verdict::Good : Verdict::Bad;
}
std::string_view css_class(Verdict v) {
  switch (v) {
    case Verdict::Good:
      return "good";
    case Verdict::Bad:
      return "bad";
    case Verdict::Unknown:
      return "unknown";
  }
  return "unknown";
}

std::string value_text(const ReportLine& line) { return line.value.empty() ? "not measured" : line.value; }

struct Headline {
  std::string text;
  Verdict verdict = Verdict::Unknown;
};

Headline headline_of(const FlipRecord& flip) {
  if (!flip.report) return {flip.outcome ? "The report is not ready yet" : "The flip is going on", Verdict::Unknown};
  if (flip.report->kept) return {"The far party heard nothing change", Verdict::Good};
  std::vector<const ReportLine*> broken;
  for (const auto& line : flip.report->lines) {
    if (verdict_of(line) == Verdict::Bad) broken.push_back(&line);
  }
  if (broken.empty()) return {"Not proven: some of it could not be measured", Verdict::Unknown};
  if (broken.size() == 1) {
    const auto& line = *broken.front();
    return {fmt::format("Not kept: {}, {} ({})", line.title, value_text(line), line.limit), Verdict::Bad};
  }
  return {fmt::format("Not kept: {} and {} more", broken.front()->title, broken.size() - 1), Verdict::Bad};
}

std::string outcome_sentence(const FlipRecord& flip, const PictureNames& names) {
  using call::FlipOutcome;
  if (!flip.outcome) return fmt::format("moving from {} to {}", names.from, names.to);
  const auto stayed = [&](std::string_view why) { return fmt::format("{}; the call stayed on {}", why, names.from); };
  switch (*flip.outcome) {
    case FlipOutcome::Done:
      return fmt::format("moved from {} to {}", names.from, names.to);
    case FlipOutcome::Declined:
      return stayed(names.to + " declined");
    case FlipOutcome::Busy:
      return stayed(names.to + " was busy");
    case FlipOutcome::NoAnswer:
      return stayed(names.to + " did not answer");
    case FlipOutcome::Unreachable:
      return stayed(names.to + " could not be reached");
    case FlipOutcome::NoMedia:
      return stayed(names.to + " answered, but sent no audio");
    case FlipOutcome::NoCommonCodec:
      return stayed(names.to + " has no codec in common");
    case FlipOutcome::Cancelled:
      return stayed("cancelled");
    case FlipOutcome::FarPartyLeft:
      return "the far party hung up meanwhile";
    case FlipOutcome::Failed:
      return stayed("failed");
  }
  return {};
}

std::string subline(const FlipRecord& flip, const PictureNames& names) {
  const auto when = rfc3339(flip.spliced_at.value_or(flip.ended_at.value_or(flip.asked_at)));
  return fmt::format("{} · {} · {} {} UTC", flip.id.valid() ? id_text(flip.id) : "flip", outcome_sentence(flip, names),
                     when.substr(0, 10), when.substr(11, 12));
}

// ---- lanes ---------------------------------------------------------------------------------------------------------

double lane_middle(Kind kind) { return kLanesTop + (static_cast<double>(kind) + 0.5) * kLaneHeight; }

/// Towards the far party a packet wears the colour of the device whose audio it carries: A's until the splice, B's from
/// it.
std::string_view source_class(const FlipReport& report, const ReportPacket& packet) {
  switch (packet.kind) {
    case Kind::FromA:
      return "a";
    case Kind::FromB:
      return "b";
    case Kind::ToFar:
      return report.spliced && packet.at_ms > -0.5 ? "b" : "a";
  }
  return "a";
}

void lane_labels(std::string& svg, const PictureNames& names) {
  const std::pair<std::string, std::string> labels[] = {
      {"A sends", names.from}, {"B sends", names.to}, {"The far party got", names.far}};
  for (std::size_t i = 0; i < std::size(labels); ++i) {
    const double y = lane_middle(static_cast<Kind>(i));
    fmt::format_to(std::back_inserter(svg),
                   "<rect class=\"lane\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n", kLanesLeft - 8,
                   y - kLaneHeight / 2 + 4, kLanesRight - kLanesLeft + 16, kLaneHeight - 8);
    svg += svg_text({kMargin, y - 3}, "label", labels[i].first, 24);
    svg += svg_text({kMargin, y + 14}, "muted", labels[i].second, 25);
  }
}

void tick(std::string& svg, const FlipReport& report, const ReportPacket& packet, double x, double width) {
  const double y = lane_middle(packet.kind) - kTickHeight / 2;
  fmt::format_to(std::back_inserter(svg),
                 "<rect class=\"{} {}\" x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" rx=\"2.5\"/>\n",
                 source_class(report, packet), packet.used ? "used" : "unused", x - width / 2, y, width, kTickHeight);
}

/// A red band where the far party waited longer than two frames (design.md section 1): the hole is seen before any
/// number is read.
void gaps(std::string& svg, const FlipReport& report, const Scale& scale) {
  std::vector<double> times;
  for (const auto& packet : report.packets) {
    if (packet.kind == Kind::ToFar && std::isfinite(packet.at_ms)) times.push_back(packet.at_ms);
  }
  std::sort(times.begin(), times.end());
  const double y = lane_middle(Kind::ToFar) - kLaneHeight / 2 + 4;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    if (gap <= 2 * frame_of(report) || !scale.shows(times[i]) || !scale.shows(times[i - 1])) continue;
    const double left = scale.x(times[i - 1]), right = scale.x(times[i]);
    fmt::format_to(std::back_inserter(svg),
                   "<rect class=\"gap\" x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\"/>\n", left, y,
                   right - left, kLaneHeight - 8);
    svg += svg_text({(left + right) / 2, y + kLaneHeight / 2}, "gap-label middle", fmt::format("{:.0f} ms", gap), 12);
  }
}

void ticks(std::string& svg, const FlipReport& report, const Scale& scale) {
  const double per_frame = (kLanesRight - kLanesLeft) * frame_of(report) / (scale.to - scale.from);
  const double width = std::clamp(per_frame * 0.4, 2.0, 10.0);
  std::size_t drawn = 0;
  for (const auto& packet : report.packets) {
    if (!std::isfinite(packet.at_ms) || !scale.shows(packet.at_ms) || drawn == kTicksMax) continue;
    tick(svg, report, packet, scale.x(packet.at_ms), width);
    ++drawn;
  }
}

void axis(std::string& svg, const FlipReport& report, const Scale& scale) {
  auto out = std::back_inserter(svg);
  fmt::format_to(out, "<line class=\"axis\" x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>\n", kLanesLeft - 8,
                 kLanesRight + 8, kAxisY);
  constexpr double kSteps[] = {10, 20, 50, 100, 200, 500, 1000};
  const auto fits = [&](double s) { return (scale.to - scale.from) / s <= 14; };
  const auto* found = std::find_if(std::begin(kSteps), std::end(kSteps), fits);
  const double step = found == std::end(kSteps) ? 2000 : *found;
  for (double ms = std::ceil(scale.from / step) * step; ms <= scale.to; ms += step) {
    fmt::format_to(out, "<line class=\"axis\" x1=\"{0:.2f}\" y1=\"{1}\" x2=\"{0:.2f}\" y2=\"{2}\"/>\n", scale.x(ms),
                   kAxisY, kAxisY + 5);
    const std::string label = std::abs(ms) < 0.5 ? "0" : fmt::format("{}{:.0f}", ms < 0 ? "−" : "+", std::abs(ms));
    svg += svg_text({scale.x(ms), kAxisY + 20}, "muted middle", label, 8);
  }
  svg +=
      svg_text({kMargin, kAxisY + 20}, "muted", report.spliced ? "ms from the splice" : "ms from the flip's end", 40);
}

void splice_mark(std::string& svg, const FlipReport& report, const Scale& scale) {
  const double x = scale.x(0);
  const double width = report.spliced ? 62 : 104;
  fmt::format_to(std::back_inserter(svg),
                 "<line class=\"splice\" x1=\"{0:.2f}\" y1=\"{1}\" x2=\"{0:.2f}\" y2=\"{2}\"/>\n"
                 "<rect class=\"pill\" x=\"{3:.2f}\" y=\"{4}\" width=\"{5}\" height=\"22\" rx=\"11\"/>\n",
                 x, kLanesTop - 8, kAxisY, x - width / 2, kLanesTop - 30, width);
  svg += svg_text({x, kLanesTop - 14.5}, "pill-text middle", report.spliced ? "splice" : "flip ended", 16);
}

void legend(std::string& svg, const PictureNames& names, bool spliced) {
  const double y = kAxisY + 48;
  auto out = std::back_inserter(svg);
  double x = kLanesLeft - 8;
  const auto entry = [&](std::string_view css, std::string_view text, std::size_t chars) {
    fmt::format_to(out, "<rect class=\"{}\" x=\"{:.2f}\" y=\"{}\" width=\"7\" height=\"14\" rx=\"2\"/>\n", css, x,
                   y - 11);
    svg += svg_text({x + 14, y}, "muted", text, chars);
    x += 14 + 6.4 * static_cast<double>(std::min(chars, code_points(text))) + 30;
  };
  entry("a used", "audio of " + names.from, 36);
  if (spliced) entry("b used", "audio of " + names.to, 36);
  entry("a unused", "sent, but not passed on", 36);
}

// ---- verdicts ------------------------------------------------------------------------------------------------------

/// A filled circle with a tick, a cross or a dash; colour is never the only sign.
void icon(std::string& svg, Verdict verdict, double x, double y, double radius) {
  std::string_view path;
  switch (verdict) {
    case Verdict::Good:
      path = "M-4.2 0.4 L-1.2 3.4 L4.4 -3";
      break;
    case Verdict::Bad:
      path = "M-3.2 -3.2 L3.2 3.2 M3.2 -3.2 L-3.2 3.2";
      break;
    case Verdict::Unknown:
      path = "M-3.6 0 L3.6 0";
      break;
  }
  fmt::format_to(std::back_inserter(svg),
                 "<g transform=\"translate({:.2f} {:.2f}) scale({:.3f})\"><circle class=\"{}-fill\" r=\"9\"/>"
                 "<path class=\"glyph\" d=\"{}\"/></g>\n",
                 x, y, radius / 9, css_class(verdict), path);
}

void verdict(std::string& svg, const ReportLine& line, double x, double y) {
  const Verdict v = verdict_of(line);
  const double right = x + kColumnWidth;
  icon(svg, v, x + 10, y + 17, 9);
  svg += svg_text({x + 30, y + 17}, "title", line.title, 40);
  svg += svg_text({right, y + 17}, fmt::format("value {} end", css_class(v)), value_text(line), 30);
  svg += svg_text({x + 30, y + 34}, "muted", line.limit, line.note.empty() ? 72 : 24);
  if (!line.note.empty()) svg += svg_text({right, y + 34}, "note end", line.note, 52);
  fmt::format_to(std::back_inserter(svg), "<line class=\"rule\" x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>\n", x,
                 right, y + 47);
}

/// Column by column, so that the report's own order is kept when one reads down. Returns where the drawing ends.
double verdicts(std::string& svg, const FlipReport& report) {
  const std::size_t count = std::min(report.lines.size(), kLinesMax), rows = (count + 1) / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = kMargin + (i < rows ? 0 : kColumnWidth + kColumnGap);
    verdict(svg, report.lines[i], x, kVerdictsTop + static_cast<double>(i % rows) * (kVerdictHeight - 8));
  }
  return kVerdictsTop + static_cast<double>(rows) * (kVerdictHeight - 8);
}

void head(std::string& svg, const FlipRecord& flip, const PictureNames& names) {
  const Headline headline = headline_of(flip);
  icon(svg, headline.verdict, kMargin + 15, 50, 15);
  svg += svg_text({kMargin + 44, 58}, "headline", headline.text, 76);
  svg += svg_text({kMargin + 44, 83}, "subline", subline(flip, names), 130);
}

}  // namespace

std::string flip_picture(const FlipRecord& flip, const PictureNames& names) {
  std::string body;
  head(body, flip, names);
  double height = 112;
  if (flip.report) {
    const Scale scale = scale_of(*flip.report);
    lane_labels(body, names);
    gaps(body, *flip.report, scale);
    splice_mark(body, *flip.report, scale);
    ticks(body, *flip.report, scale);
    axis(body, *flip.report, scale);
    legend(body, names, flip.report->spliced);
    height = verdicts(body, *flip.report) + 20;
  }
  return svg_document({kWidth, height}, headline_of(flip).text, subline(flip, names), body);
}

}  // namespace segue::record
