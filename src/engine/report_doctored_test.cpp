// Negative controls of the flip report: a clean flip is green in every line, and for every line there is a doctor who
// turns it red.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "engine/report.h"
#include "media/doctored_flip.h"

namespace segue::engine {
namespace {

using media::test::DoctoredFlip;
using media::test::kSplice;
using media::test::Outgoing;

std::set<std::string> red_lines(const call::FlipReport& report) {
  std::set<std::string> red;
  for (const auto& line : report.lines) {
    if (line.kept == false) red.insert(line.key);
  }
  return red;
}

call::FlipReport from_splice_on(const std::function<void(Outgoing&)>& spoil) {
  return make_report(DoctoredFlip().watch([&](Outgoing& out) {
    if (out.index >= kSplice) spoil(out);
  }),
                     0);
}

call::FlipReport with(const std::function<void(DoctoredFlip&)>& spoil) {
  DoctoredFlip flip;
  spoil(flip);
  return make_report(flip.watch(), 0);
}

struct Control {
  std::string line;
  std::function<call::FlipReport()> make;
};

std::vector<Control> controls() {
  return {
      {"sip_to_far", [] { return make_report(DoctoredFlip().watch(), 1); }},
      {"ssrc", [] { return from_splice_on([](Outgoing& o) { ++o.header.ssrc; }); }},
      {"payload_type", [] { return from_splice_on([](Outgoing& o) { o.header.payload_type = 8; }); }},
      {"address", [] { return from_splice_on([](Outgoing& o) { o.to.port = 4002; }); }},
      {"cname", [] { return with([](DoctoredFlip& f) { f.cname_after = "another"; }); }},
      {"sequence", [] { return from_splice_on([](Outgoing& o) { ++o.header.sequence; }); }},
      {"slots_missing", [] { return from_splice_on([](Outgoing& o) { o.header.timestamp += 160; }); }},
      {"lateness", [] { return from_splice_on([](Outgoing& o) { o.at += 4ms; }); }},
      {"gap", [] { return from_splice_on([](Outgoing& o) { o.at += 4ms; }); }},
      {"rtcp_bye", [] { return with([](DoctoredFlip& f) { f.bye = true; }); }},
      {"rtcp_counts", [] { return with([](DoctoredFlip& f) { f.fewer_packets = 200; }); }},
      {"rtcp_line", [] { return with([](DoctoredFlip& f) { f.report_ahead = 30ms; }); }},
      {"heard_after", [] { return with([](DoctoredFlip& f) { f.b_let_go = 3, f.b_began = 60ms; }); }},
      {"nobody_heard", [] { return with([](DoctoredFlip& f) { f.withheld = 1; }); }},
      {"click", [] { return with([](DoctoredFlip& f) { f.fade = false; }); }},
  };
}

TEST(DoctoredReport, ACleanFlipIsGreenInEveryLine) {
  const auto report = make_report(DoctoredFlip().watch(), 0);
  EXPECT_TRUE(report.kept);
  for (const auto& line : report.lines) EXPECT_EQ(line.kept, true) << line.key << ": " << line.value << line.note;
}

TEST(DoctoredReport, EveryLineCanTurnRed) {
  std::set<std::string> all, controlled;
  for (const auto& line : make_report(DoctoredFlip().watch(), 0).lines) all.insert(line.key);
  for (const auto& control : controls()) {
    const auto report = control.make();
    EXPECT_THAT(red_lines(report), testing::Contains(control.line));
    EXPECT_FALSE(report.kept) << control.line;
    controlled.insert(control.line);
  }
  EXPECT_EQ(controlled, all) << "a line without its negative control";
}

// A fault shows in its own line, so that a person sees what broke.
TEST(DoctoredReport, AFaultOfOneKindTurnsItsOwnLineRedOnly) {
  const std::set<std::string> alone = {"sip_to_far",  "ssrc",      "address",     "cname",        "rtcp_bye",
                                       "rtcp_counts", "rtcp_line", "heard_after", "nobody_heard", "click"};
  for (const auto& control : controls()) {
    if (!alone.contains(control.line)) continue;
    EXPECT_THAT(red_lines(control.make()), testing::ElementsAre(control.line));
  }
}

}  // namespace
}  // namespace segue::engine
