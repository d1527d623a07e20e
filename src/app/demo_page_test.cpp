// The demo's page and its waveform: what they say of a kept and of a broken flip.
#include "app/demo_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/json.h"
#include "record/samples.h"

namespace segue::app {
namespace {

using testing::HasSubstr;
using testing::Not;

JudgedFlip flip_of(bool server_kept, bool far_kept, const std::string& outcome = "done") {
  JudgedFlip flip;
  flip.taken.act = Act::RestRing;
  flip.taken.to = 1;
  flip.taken.id = "flip_1";
  flip.taken.outcome = outcome;
  flip.server = {{"report",
                  {{"kept", server_kept},
                   {"lines",
                    {{{"key", "gap"},
                      {"title", "Longest time <between> packets"},
                      {"value", "55.0 ms"},
                      {"limit", "at most 40 ms"},
                      {"number", 55},
                      {"kept", server_kept},
                      {"note", ""}}}}}}};
  flip.far.kept = far_kept;
  flip.far.lines = {{"ssrc", "SSRC", "unchanged", "unchanged", 0, far_kept, ""}};
  return flip;
}

DemoResult result_of(JudgedFlip flip) {
  DemoResult result;
  result.flips.push_back(std::move(flip));
  result.heard.assign(8000, 100);
  result.stretches = {{0, 1, 0}};
  return result;
}

TEST(DemoPage, SaysKeptOnlyWhereBothObserversSaySo) {
  EXPECT_TRUE(result_of(flip_of(true, true)).kept());
  EXPECT_FALSE(result_of(flip_of(false, true)).kept());
  EXPECT_FALSE(result_of(flip_of(true, false)).kept());
  EXPECT_FALSE(result_of(flip_of(true, true, "failed")).kept()) << "a flip that did not end as its script says";
  EXPECT_FALSE(DemoResult{}.kept()) << "no flip at all proves nothing";
}

TEST(DemoPage, FlipWithoutAReportIsNotKept) {
  JudgedFlip flip = flip_of(true, true);
  flip.server["report"] = nullptr;
  EXPECT_FALSE(flip.kept());
  EXPECT_THAT(demo_page(result_of(flip)), HasSubstr("not looked at"));
}

TEST(DemoPage, NamesTheRedLineAndItsObserverAndEscapesText) {
  const auto broken = flip_of(false, true);
  EXPECT_THAT(red_lines(broken), testing::ElementsAre(HasSubstr("the server: Longest time")));
  const std::string page = demo_page(result_of(broken));
  EXPECT_THAT(page, HasSubstr("Longest time &lt;between&gt; packets"));
  EXPECT_THAT(page, HasSubstr("RED</span> 55.0 ms"));
  EXPECT_THAT(demo_page(result_of(flip_of(true, true))), Not(HasSubstr("RED")));
}

TEST(DemoPage, SaysWhyAFlipWithoutARedLineIsNotKept) {
  JudgedFlip flip = flip_of(true, false);
  flip.far.lines = {
      {"lateness", "Latest packet after its slot", "30.3 ms", "at most 10 ms", 30.3, std::nullopt, "noise: 18.8 ms"},
      {"click", "Waveform step at the splice", "", "at most 1.1 x", std::nullopt, std::nullopt, ""},
      {"answer_to_heard", "B's 200 to B heard", "48 ms", "reported", 48, std::nullopt, ""}};
  EXPECT_THAT(
      red_lines(flip),
      testing::ElementsAre(
          "the far party: Latest packet after its slot could not be judged: 30.3 ms (at most 10 ms); noise: 18.8 ms",
          "the far party: Waveform step at the splice could not be measured (at most 1.1 x)"));
}

TEST(DemoPage, CarriesItsPicturesWideAndNarrowAndOpensOnlyWhatIsRed) {
  JudgedFlip flip = flip_of(true, true);
  flip.server["report"] = record::to_json(record::samples::report());
  const std::string good = demo_page(result_of(flip));
  EXPECT_THAT(good, HasSubstr("srcset=\"data:image/svg+xml;charset=utf-8,%3Csvg"));
  EXPECT_THAT(good, HasSubstr("<img src=\"data:image/svg+xml;charset=utf-8,%3Csvg"));
  EXPECT_THAT(good, HasSubstr("<details><summary>"));
  flip.far.kept = false;
  EXPECT_THAT(demo_page(result_of(flip)), HasSubstr("<details open><summary>"));
  flip.server["report"] = nullptr;
  EXPECT_THAT(demo_page(result_of(flip)), HasSubstr("The server made no report of it."));
}

TEST(DemoWave, DrawsEachStretchAndMarkEvenAtTheEdges) {
  const std::vector<std::int16_t> loud(800, 32767);
  const auto picture = wave_picture(loud, {{0, 0.05, 0}, {0.05, 9, 1}}, {{0.05, "1"}, {99, "2"}});
  EXPECT_THAT(picture, HasSubstr("var(--c1)"));
  EXPECT_THAT(picture, HasSubstr("left:50.00%"));
  EXPECT_THAT(picture, HasSubstr("left:100.00%"));
  EXPECT_THAT(wave_picture({}, {{0, 1, 0}}, {}), HasSubstr("<svg"));
}

}  // namespace
}  // namespace segue::app
