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
  m.rtcp_seen = 2;
  m.lateness_ms_max = 5;
  m.gap_ms_max = 25;
  m.first_packet_to_heard_ms = 20;
  m.nobody_heard_ms = 0;
  m.waveform_known = true;
  m.step_at_splice = 90;
  m.step_around = 100;
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

// As linphone was seen to do: packets 20.2 ms apart, so two of them take 40.4 ms.
TEST(Report, WhatTheDevicesAddIsShownBesideAndNotHeldAgainstTheSplice) {
  auto m = good();
  m.first_packet_to_heard_ms = 40.4;
  EXPECT_EQ(line(make_report(m, 0), "heard_after").kept, false) << "nothing explains it";
  m.own_first_packet_to_heard_ms = 40;
  m.source_gap_ms_max = 20.5;
  const auto report = make_report(m, 0);
  EXPECT_TRUE(report.kept);
  EXPECT_EQ(line(report, "heard_after").number, 40.4);
  EXPECT_NE(line(report, "heard_after").note.find("20.5 ms"), std::string::npos);
  m.own_first_packet_to_heard_ms = 40.2;
  EXPECT_FALSE(make_report(m, 0).kept);
}

TEST(Report, LatenessAndGapAreJudgedByTheSplicesOwnPart) {
  auto m = good();
  m.lateness_ms_max = 10.6;
  m.gap_ms_max = 45;
  m.scheduler_ms_max = 15;
  m.source_gap_ms_max = 60;
  EXPECT_EQ(line(make_report(m, 0), "lateness").kept, false);
  EXPECT_EQ(line(make_report(m, 0), "gap").kept, false);
  m.own_lateness_ms = 10;
  m.own_gap_ms = 40;
  EXPECT_TRUE(make_report(m, 0).kept);
  m.own_lateness_ms = 10.2;
  EXPECT_EQ(line(make_report(m, 0), "lateness").kept, false);
  m.own_gap_ms = 40.2;
  EXPECT_EQ(line(make_report(m, 0), "gap").kept, false);
}

TEST(Report, TheFirstFlipOfALineHasTheTighterGap) {
  auto m = good();
  m.gap_ms_max = m.own_gap_ms = 31;
  EXPECT_TRUE(make_report(m, 0).kept);
  m.first_on_line = true;
  EXPECT_EQ(line(make_report(m, 0), "gap").kept, false);
  m.gap_ms_max = m.own_gap_ms = 30;
  EXPECT_TRUE(make_report(m, 0).kept);
}

TEST(Report, WhatWasNotMeasuredIsNotProven) {
  auto nothing = good();
  nothing.packets_watched = 0;
  auto unheard = good();
  unheard.first_packet_to_heard_ms.reset();
  auto unseen = good();
  unseen.step_at_splice.reset();
  for (const auto& m : {nothing, unheard, unseen}) {
    const auto report = make_report(m, 0);
    EXPECT_FALSE(report.kept);
    for (const auto& l : report.lines) EXPECT_NE(l.kept, false) << l.key << ": nor is it broken";
  }
  unseen.waveform_known = false;
  EXPECT_TRUE(make_report(unseen, 0).kept) << "no samples of this codec are looked at";
  nothing.spliced = false;
  EXPECT_TRUE(make_report(nothing, 0).kept) << "nothing was to be heard, and nothing moved";
}

TEST(Report, RtcpThatDidNotLeaveIsAbsent) {
  auto m = good();
  for (const unsigned seen : {0u, 1u}) {
    m.rtcp_seen = seen;
    const auto report = make_report(m, 0);
    EXPECT_TRUE(report.kept);
    EXPECT_EQ(line(report, "rtcp_counts").kept, std::nullopt);
    EXPECT_EQ(line(report, "rtcp_bye").kept, seen == 0 ? std::nullopt : std::optional(true));
  }
}

TEST(Report, AMachineThatHeldAPacketForMoreThanAFrameCannotBeJudgedBy) {
  auto m = good();
  m.lateness_ms_max = 35;
  m.own_lateness_ms = 5;
  m.scheduler_ms_max = 19;
  EXPECT_EQ(line(make_report(m, 0), "lateness").kept, true);
  m.scheduler_ms_max = 30;
  const auto report = make_report(m, 0);
  EXPECT_EQ(line(report, "lateness").kept, std::nullopt);
  EXPECT_FALSE(report.kept);
  m.own_lateness_ms = 12;
  EXPECT_EQ(line(make_report(m, 0), "lateness").kept, false) << "late in any case";
}

TEST(Report, OneMessageToTheFarPartyIsRed) { EXPECT_FALSE(make_report(good(), 1).kept); }

}  // namespace
}  // namespace segue::engine
