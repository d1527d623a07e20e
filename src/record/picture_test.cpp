#include "record/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "record/samples.h"
#include "record/svg.h"

namespace segue::record {
namespace {

const PictureNames kNames{"Grace Hopper +49 30 123456", "Desk phone", "Mobile"};

bool has(const std::string& svg, std::string_view what) { return svg.find(what) != std::string::npos; }

std::size_t count(const std::string& svg, const std::string& what) {
  std::size_t n = 0;
  for (auto at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
  return n;
}

/// Start and end tags match, attributes are quoted, no stray markup: enough of XML to catch a break in this writer.
bool well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (auto at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const auto end = svg.find_first_of("<>", at + 1);
    if (end == std::string::npos || svg[end] != '>') return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.empty() || std::count(tag.begin(), tag.end(), '"') % 2 != 0) return false;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

/// SEGUE_PICTURES=<folder> keeps the pictures of this test for the eye.
void keep(const char* name, const std::string& svg) {
  if (const char* folder = std::getenv("SEGUE_PICTURES"))
    std::ofstream(std::string(folder) + "/" + name + ".svg") << svg;
}

TEST(Picture, OfAGoodFlipSaysSoAndShowsThreeLanes) {
  const auto svg = flip_picture(samples::flip(), kNames);
  keep("good", svg);
  EXPECT_TRUE(well_formed(svg));
  EXPECT_TRUE(has(svg, ">The far party heard nothing change<"));
  EXPECT_TRUE(has(svg, ">splice<"));
  for (const char* label : {">A sends<", ">B sends<", ">The far party got<", ">Desk phone<", ">Mobile<"})
    EXPECT_TRUE(has(svg, label));
  EXPECT_TRUE(has(svg, "class=\"a used\"") && has(svg, "class=\"b used\"") && has(svg, "class=\"a unused\""));
  EXPECT_FALSE(has(svg, "class=\"gap\"") || has(svg, "made by the server"));
  for (const auto& line : samples::report().lines) EXPECT_TRUE(has(svg, line.title)) << line.title;
  EXPECT_TRUE(has(svg, ">not measured<"));
}

TEST(Picture, OfABrokenFlipNamesWhatBrokeAndShowsTheHole) {
  auto flip = samples::flip();
  auto& report = *flip.report;
  report.kept = false;
  report.lines[4] = {"slots_missing", "Slots with no packet", "3", "must be 0", 3, false, ""};
  std::erase_if(report.packets,
                [](const auto& p) { return p.kind == call::ReportPacket::Kind::ToFar && p.at_ms > 1 && p.at_ms < 70; });
  auto svg = flip_picture(flip, kNames);
  keep("hole", svg);
  EXPECT_TRUE(has(svg, "Not kept: Slots with no packet, 3 (must be 0)"));
  EXPECT_EQ(count(svg, "class=\"gap\""), 1U);
  EXPECT_TRUE(has(svg, ">80 ms<"));
  EXPECT_EQ(count(svg, "class=\"bad-fill\""), 2U);  // the headline's and the line's
  report.lines[0].kept = false;
  svg = flip_picture(flip, kNames);
  EXPECT_TRUE(has(svg, "Not kept: SIP messages to the far party and 1 more"));
}

TEST(Picture, HeadlineAndNotesOfManyWordsAreBrokenNotCut) {
  auto flip = samples::flip();
  flip.report->kept = false;
  auto& line = flip.report->lines[6];
  line = {"longest_gap",
          "Longest time between two packets on the line to the far party",
          "1061.5 ms",
          "at most 1.5 frames of 20 ms on a line's first flip",
          1061.5,
          false,
          "the devices themselves left up to 26.7 ms, this machine held a packet for up to 0.04 ms, and the rest of it "
          "is the splice's own doing"};
  const auto svg = flip_picture(flip, kNames);
  keep("wordy", svg);
  EXPECT_FALSE(has(svg, "…"));
  EXPECT_EQ(count(svg, "class=\"headline\""), 2U);
  EXPECT_EQ(count(svg, "class=\"note\""), 4U);  // two of this line, one of each of the two others that have one
  EXPECT_EQ(count(svg, "class=\"broken\""), 1U);
}

TEST(Picture, OfAWalkAwayShowsTheServersOwnNoiseAsNobodysAudio) {
  auto flip = samples::flip();
  using Kind = call::ReportPacket::Kind;
  std::erase_if(flip.report->packets, [](const auto& p) { return p.kind == Kind::FromA && p.at_ms > -150; });
  const auto svg = flip_picture(flip, kNames);
  keep("walk_away", svg);
  EXPECT_EQ(count(svg, "class=\"own used\""), 7U + 1U);  // seven frames without A, and the legend
  EXPECT_TRUE(has(svg, ">soft noise made by the server<"));
}

TEST(Picture, ForAPageIsTheTimelineWithoutTheWords) {
  for (const auto shape : {PictureShape::Timeline, PictureShape::NarrowTimeline}) {
    const auto svg = flip_picture(samples::flip(), kNames, shape);
    keep(shape == PictureShape::Timeline ? "timeline" : "narrow", svg);
    EXPECT_TRUE(well_formed(svg));
    EXPECT_TRUE(has(svg, ">B sends<") && has(svg, ">splice<"));
    EXPECT_FALSE(has(svg, "class=\"headline\"") || has(svg, "class=\"value"));
  }
  EXPECT_TRUE(has(flip_picture(samples::flip(), kNames, PictureShape::NarrowTimeline), "viewBox=\"0 0 480 "));
}

TEST(Picture, OfADeclinedFlipHasNoSplice) {
  auto flip = samples::flip();
  flip.outcome = call::FlipOutcome::Declined;
  flip.report->spliced = false;
  std::erase_if(flip.report->packets, [](const auto& p) { return p.kind == call::ReportPacket::Kind::FromB; });
  for (auto& p : flip.report->packets) p.used = true;
  const auto svg = flip_picture(flip, kNames);
  keep("declined", svg);
  EXPECT_TRUE(has(svg, ">flip ended<"));
  EXPECT_TRUE(has(svg, "Mobile declined; the call stayed on Desk phone"));
  EXPECT_FALSE(has(svg, "class=\"b used\""));
}

TEST(Picture, WithoutAReportSaysWhy) {
  auto flip = samples::flip();
  flip.report.reset();
  EXPECT_TRUE(has(flip_picture(flip, kNames), "The report is not ready yet"));
  flip.outcome.reset();
  const auto svg = flip_picture(flip, kNames);
  EXPECT_TRUE(has(svg, "The flip is going on"));
  EXPECT_TRUE(well_formed(svg));
}

TEST(Picture, NamesFromOutsideCannotBecomeMarkup) {
  const PictureNames evil{"<script>alert(1)</script>", "a\"b'c&d", std::string("\x01\xff") + "B\xC3\xA9"};
  auto flip = samples::flip();
  flip.report->lines[0].title = "</text><image href=\"x\"/>";
  const auto svg = flip_picture(flip, evil);
  EXPECT_TRUE(well_formed(svg));
  EXPECT_FALSE(has(svg, "<script") || has(svg, "<image"));
  EXPECT_TRUE(has(svg,
                  "\xEF\xBF\xBD\xEF\xBF\xBD"
                  "B\xC3\xA9"));
}

TEST(Picture, IsBoundedWhateverTheReportHolds) {
  auto flip = samples::flip();
  auto& report = *flip.report;
  report.frame_ms = std::numeric_limits<double>::infinity();
  report.lines.resize(10'000, report.lines[0]);
  report.packets.resize(200'000, {call::ReportPacket::Kind::ToFar, 1, 1, 1, true});
  report.packets[0].at_ms = std::numeric_limits<double>::quiet_NaN();
  report.packets[1].at_ms = 1e300;
  const auto svg = flip_picture(flip, kNames);
  EXPECT_TRUE(well_formed(svg));
  EXPECT_LT(svg.size(), 400'000U);
  EXPECT_FALSE(has(svg, "nan") || has(svg, "inf\""));
}

TEST(Picture, OfNoPacketsAtAllIsStillAPicture) {
  auto flip = samples::flip();
  flip.report->packets.clear();
  flip.report->lines.clear();
  EXPECT_TRUE(well_formed(flip_picture(flip, kNames)));
}

TEST(Wrapped, BreaksAtSpacesAndLeavesTheRestInTheLastRow) {
  using Rows = std::vector<std::string>;
  EXPECT_EQ(wrapped("", 9, 2), Rows{});
  EXPECT_EQ(wrapped("one two three", 7, 3), (Rows{"one two", "three"}));
  EXPECT_EQ(wrapped("one two three four", 7, 2), (Rows{"one two", "three four"}));
  EXPECT_EQ(wrapped("unbreakable", 4, 2), Rows{"unbreakable"});
  EXPECT_EQ(wrapped("\xC3\xA9\xC3\xA9 \xC3\xA9", 4, 2), Rows{"\xC3\xA9\xC3\xA9 \xC3\xA9"});
}

TEST(XmlText, CutsAtCharactersNotBytes) {
  EXPECT_EQ(xml_text("\xC3\xA9\xC3\xA9\xC3\xA9", 3), "\xC3\xA9\xC3\xA9\xC3\xA9");
  EXPECT_EQ(xml_text("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9…");
  EXPECT_EQ(xml_text("\xED\xA0\x80", 9), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate is no character
  EXPECT_EQ(xml_text("\xF0\x9F\x93\x9E", 9), "\xF0\x9F\x93\x9E");
  EXPECT_EQ(code_points("a\xC3\xA9"), 2U);
}

}  // namespace
}  // namespace segue::record
