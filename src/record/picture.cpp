#include "record/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "record/json.h"
#include "record/svg.h"
#include "record/timeline.h"

namespace segue::record {
namespace {

using call::FlipRecord;
using call::FlipReport;
using call::ReportLine;

constexpr double kWidth = 1120, kNarrowWidth = 480, kMargin = 36, kColumnGap = 32;
constexpr double kColumnWidth = (kWidth - 2 * kMargin - kColumnGap) / 2;
/// Characters that surely fit: of the headline, of a title and its value on one line, of a title alone, of a note.
constexpr std::size_t kHeadlineChars = 70, kOneLineChars = 60, kTitleChars = 68, kNoteChars = 82;
/// A report from a damaged disk may hold anything; a picture never holds more lines than a screen can show.
constexpr std::size_t kLimitChars = 16, kLinesMax = 60, kHeadlineRows = 3, kNoteRows = 3;

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

/// One line of the report: title and value, limit, and the note on rows of its own. Returns its height.
double verdict(std::string& svg, const ReportLine& line, double x, double y) {
  const Verdict v = verdict_of(line);
  const double right = x + kColumnWidth;
  const std::string value = value_text(line);
  const auto notes = wrapped(line.note, kNoteChars, kNoteRows);
  const bool one_line = code_points(line.title) + code_points(value) <= kOneLineChars;
  const double height = 54 + 15 * static_cast<double>(notes.size());
  if (v == Verdict::Bad) {
    fmt::format_to(std::back_inserter(svg),
                   "<rect class=\"broken\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n", x - 8, y - 4,
                   kColumnWidth + 16, height - 5);
  }
  icon(svg, v, x + 10, y + 17, 9);
  svg += svg_text({x + 30, y + 17}, "title", line.title, kTitleChars);
  svg += svg_text({right, y + (one_line ? 17 : 34)}, fmt::format("value {} end", css_class(v)), value,
                  kOneLineChars - kLimitChars);
  svg += svg_text(
      {x + 30, y + 34}, "muted", line.limit,
      one_line ? kTitleChars : std::max(kLimitChars, kOneLineChars - std::min(kOneLineChars, code_points(value))));
  for (std::size_t i = 0; i < notes.size(); ++i) {
    svg += svg_text({x + 30, y + 50 + 15 * static_cast<double>(i)}, "note", notes[i], kNoteChars);
  }
  fmt::format_to(std::back_inserter(svg), "<line class=\"rule\" x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>\n", x,
                 right, y + height - 7);
  return height;
}

/// Column by column, so that the report's own order is kept when one reads down. Returns where the drawing ends.
double verdicts(std::string& svg, const FlipReport& report, double top) {
  const std::size_t count = std::min(report.lines.size(), kLinesMax), rows = (count + 1) / 2;
  double y = top, bottom = top;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == rows) y = top;
    y += verdict(svg, report.lines[i], kMargin + (i < rows ? 0 : kColumnWidth + kColumnGap), y);
    bottom = std::max(bottom, y);
  }
  return bottom;
}

double head(std::string& svg, const FlipRecord& flip, const PictureNames& names) {
  const Headline headline = headline_of(flip);
  icon(svg, headline.verdict, kMargin + 15, 50, 15);
  double y = 58;
  for (const auto& row : wrapped(headline.text, kHeadlineChars, kHeadlineRows)) {
    svg += svg_text({kMargin + 44, y}, "headline", row, kHeadlineChars);
    y += 32;
  }
  svg += svg_text({kMargin + 44, y - 7}, "subline", subline(flip, names), 130);
  return y + 22;
}

LaneLayout layout_of(PictureShape shape, double top) {
  LaneLayout layout;
  layout.top = top + 38;
  if (shape == PictureShape::NarrowTimeline) {
    layout.left = 16;
    layout.right = kNarrowWidth - 16;
    layout.names_above = true;
    layout.frames_to_side = 6;
  }
  return layout;
}

}  // namespace

std::string flip_picture(const FlipRecord& flip, const PictureNames& names, PictureShape shape) {
  std::string body;
  const bool whole = shape == PictureShape::Report;
  double height = whole ? head(body, flip, names) : 0;
  if (flip.report) {
    height = draw_timeline(body, *flip.report, names, layout_of(shape, height));
    if (whole) height = verdicts(body, *flip.report, height + 32) + 20;
  }
  const double width = shape == PictureShape::NarrowTimeline ? kNarrowWidth : kWidth;
  return svg_document({width, height}, headline_of(flip).text, subline(flip, names), body);
}

}  // namespace segue::record
