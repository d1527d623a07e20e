#include "engine/report.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace segue::engine {
namespace {

media::SpliceMeasurement good() {
  media::SpliceMeasurement m;
  m.spliced = true;
  m.packets_watched = 100;
  m.cname_before = m.cname_after = "a@segue.local";
  return m;
}

const call::ReportLine& line(const call::FlipReport& report, std::string_view key) {
  return *std::find_if(report.lines.begin(), report.lines.end(), [&](const auto& l) { return l.key == key; });
}

TEST(Report, TheSameCnameIsKept) {
  const auto report = make_report(good(), 0);
  EXPECT_TRUE(report.kept);
  EXPECT_EQ(line(report, "cname").kept, true);
}

TEST(Report, AnotherCnameIsRed) {
  auto m = good();
  m.cname_after = "b@segue.local";
  const auto report = make_report(m, 0);
  EXPECT_FALSE(report.kept);
  EXPECT_EQ(line(report, "cname").kept, false);
}

// Calls flip within their first seconds, before the first RTCP: absent, not red.
TEST(Report, ACnameThatNobodySawIsAbsent) {
  for (const bool before : {true, false}) {
    auto m = good();
    (before ? m.cname_before : m.cname_after).clear();
    const auto report = make_report(m, 0);
    EXPECT_TRUE(report.kept);
    EXPECT_EQ(line(report, "cname").kept, std::nullopt);
    EXPECT_EQ(line(report, "cname").value, "");
    EXPECT_FALSE(line(report, "cname").note.empty());
  }
}

TEST(Report, OneMessageToTheFarPartyIsRed) { EXPECT_FALSE(make_report(good(), 1).kept); }

}  // namespace
}  // namespace segue::engine
