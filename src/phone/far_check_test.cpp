// The far party's check against doctored captures: the clean one is green in every line, and each fault turns its own
// line red.
#include "phone/far_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "phone/far_tape.h"

namespace segue::phone {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> red_lines(const call::FlipReport& report) {
  std::vector<std::string> out;
  for (const auto& line : report.lines) {
    if (line.kept == false) out.push_back(line.key);
  }
  return out;
}

const call::ReportLine& line(const call::FlipReport& report, std::string_view key) {
  const auto found =
      std::find_if(report.lines.begin(), report.lines.end(), [&](const auto& l) { return l.key == key; });
  EXPECT_NE(found, report.lines.end()) << key;
  return *found;
}

void expect_only_red(const FarTape& tape, std::string_view key) {
  const auto report = tape.judged();
  EXPECT_THAT(red_lines(report), UnorderedElementsAre(key));
  EXPECT_FALSE(report.kept);
}

TEST(FarCheck, CleanFlipIsGreenInEveryLine) {
  const auto report = FarTape().judged();
  EXPECT_THAT(red_lines(report), IsEmpty());
  EXPECT_TRUE(report.kept);
  EXPECT_TRUE(report.spliced);
  EXPECT_EQ(report.lines.size(), 16U);
  for (const auto& l : report.lines) {
    if (l.key == "answer_to_heard") continue;
    EXPECT_TRUE(l.kept.has_value()) << l.key << " was not measured: " << l.note;
  }
  EXPECT_NEAR(*line(report, "heard_after").number, 25, 1);
  EXPECT_NEAR(*line(report, "answer_to_heard").number, 30, 1);
  EXPECT_LT(*line(report, "gap").number, 21);
  EXPECT_FALSE(report.packets.empty());
}

TEST(FarCheck, CleanFlipThatWasDeclinedIsGreen) {
  FarTape tape;
  tape.moved = false;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i)
    tape.frames[i].samples = tape.frames[i - 200].samples;
  const auto report = tape.judged();
  EXPECT_THAT(red_lines(report), IsEmpty());
  EXPECT_TRUE(report.kept);
  EXPECT_FALSE(report.spliced);
}

TEST(FarCheck, ReinviteIsRed) {
  FarTape tape;
  tape.sip.push_back({FarTape::time(5s), true, {}, "INVITE sip:grace@127.0.0.1 SIP/2.0\r\n\r\n"});
  expect_only_red(tape, "sip_to_far");
}

TEST(FarCheck, WhatComesAnywayIsNotBecauseOfTheFlip) {
  FarTape tape;
  tape.sip.push_back({FarTape::time(5s), true, {}, "SIP/2.0 200 OK\r\nCSeq: 7 REGISTER\r\n\r\n"});
  tape.sip.push_back({FarTape::time(5s), false, {}, "REGISTER sip:segue.local SIP/2.0\r\n\r\n"});
  tape.sip.push_back(
      {FarTape::time(5s), true, {}, "UPDATE sip:grace@127.0.0.1 SIP/2.0\r\nSession-Expires: 1800\r\n\r\n"});
  tape.sip.push_back({FarTape::time(2s), true, {}, "INVITE sip:grace@127.0.0.1 SIP/2.0\r\n\r\n"});
  EXPECT_TRUE(tape.judged().kept);
}

TEST(FarCheck, NewSsrcIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) tape.frames[i].ssrc = 77;
  expect_only_red(tape, "ssrc");
}

TEST(FarCheck, NewCnameIsRed) {
  FarTape tape;
  tape.reports.back().cname = "somebody-else";
  expect_only_red(tape, "cname");
}

TEST(FarCheck, ChangedPayloadTypeIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) tape.frames[i].payload_type = 8;
  const auto red = red_lines(tape.judged());
  EXPECT_THAT(red, testing::Contains("payload_type"));
}

TEST(FarCheck, OtherPortIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) tape.frames[i].from.port = 20002;
  expect_only_red(tape, "address");
}

TEST(FarCheck, SkippedSequenceNumberIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) ++tape.frames[i].sequence;
  expect_only_red(tape, "sequence");
}

TEST(FarCheck, RepeatedSequenceNumberIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) --tape.frames[i].sequence;
  expect_only_red(tape, "sequence");
}

TEST(FarCheck, DroppedFrameIsRedInItsSlotAndItsGap) {
  FarTape tape;
  tape.drop(FarTape::kSplice + 5, 1, true);
  const auto report = tape.judged();
  EXPECT_THAT(red_lines(report), UnorderedElementsAre("slots_missing", "gap", "nobody_heard"));
  EXPECT_EQ(line(report, "slots_missing").number, 1);
  EXPECT_EQ(line(report, "nobody_heard").number, 20);
}

TEST(FarCheck, LostFrameIsRedInTheSequenceToo) {
  FarTape tape;
  tape.drop(FarTape::kSplice + 5, 1, false);
  EXPECT_THAT(red_lines(tape.judged()), testing::IsSupersetOf({"sequence", "slots_missing"}));
}

TEST(FarCheck, TimestampJumpIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) tape.frames[i].timestamp -= 1000;
  EXPECT_THAT(red_lines(tape.judged()), testing::Contains("slots_missing"));
}

TEST(FarCheck, LatePacketIsRed) {
  FarTape tape;
  tape.first_on_line = false;
  tape.frames[FarTape::kSplice].at += 12ms;
  expect_only_red(tape, "lateness");
}

TEST(FarCheck, LastingShiftPastHalfAFrameIsRed) {
  FarTape tape;
  tape.first_on_line = false;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i) tape.frames[i].at += 11ms;
  expect_only_red(tape, "lateness");
}

TEST(FarCheck, LongGapIsRedAndItsLimitIsTighterOnTheFirstFlip) {
  FarTape tape;
  tape.frames[FarTape::kSplice - 1].at -= 6ms;
  tape.frames[FarTape::kSplice].at += 9ms;
  const auto first = check_flip(tape.capture(), tape.setup(), tape.baseline(), tape.flip());
  EXPECT_THAT(red_lines(first), UnorderedElementsAre("gap"));
  FarFlip later = tape.flip();
  later.first_on_line = false;
  EXPECT_TRUE(check_flip(tape.capture(), tape.setup(), tape.baseline(), later).kept);
}

TEST(FarCheck, NoiseOfTheMachineIsShownAndAllowedForUpToAFrame) {
  FarTape tape;
  tape.first_on_line = false;
  tape.frames[FarTape::kSplice].at += 14ms;
  FarFlip noisy = tape.flip();
  const auto lateness_with = [&](Duration since_splice, double ms) {
    noisy.witnesses = {{FarTape::time(5s) + since_splice, ms}};
    const auto report = check_flip(tape.capture(), tape.setup(), tape.baseline(), noisy);
    return std::pair(line(report, "lateness"), report.kept);
  };
  const auto [allowed, kept] = lateness_with(-20ms, 6);
  EXPECT_EQ(allowed.kept, true);
  EXPECT_TRUE(kept);
  EXPECT_THAT(allowed.note, testing::HasSubstr("6.0 ms"));
  EXPECT_EQ(lateness_with(-20ms, 3).first.kept, false) << "noise that explains a part of it only";
  EXPECT_EQ(lateness_with(-300ms, 6).first.kept, false) << "noise of another moment";
  const auto [unjudged, unjudged_kept] = lateness_with(-20ms, 25);
  EXPECT_EQ(unjudged.kept, std::nullopt);
  EXPECT_FALSE(unjudged_kept);
}

TEST(FarCheck, RtcpByeIsRed) {
  FarTape tape;
  tape.reports.push_back(tape.reports.back());
  tape.reports.back().at = 5500ms;
  tape.reports.back().bye = true;
  std::swap(tape.reports[2], tape.reports[3]);
  EXPECT_THAT(red_lines(tape.judged()), UnorderedElementsAre("rtcp_bye"));
}

TEST(FarCheck, FallingSenderCountIsRed) {
  FarTape tape;
  tape.reports.back().packets = 12;
  expect_only_red(tape, "rtcp_counts");
}

TEST(FarCheck, NtpAndRtpOffOneLineIsRed) {
  FarTape tape;
  tape.reports.back().rtp += 8 * 25;
  expect_only_red(tape, "rtcp_line");
}

TEST(FarCheck, BHeardTooLateIsRed) {
  FarTape tape;
  FarFlip flip = tape.flip();
  flip.b_first_packet = FarTape::time(4930ms);
  const auto report = check_flip(tape.capture(), tape.setup(), tape.baseline(), flip);
  EXPECT_THAT(red_lines(report), UnorderedElementsAre("heard_after"));
}

TEST(FarCheck, LimitIsSharpToHalfAMillisecondBeyondTheNoise) {
  FarTape tape;
  FarBaseline quiet = tape.baseline();
  quiet.noise_ms = 0;
  FarFlip flip = tape.flip();
  const auto heard_after = [&](Duration way) {
    flip.b_first_packet = tape.capture().rtp[FarTape::kSplice].at - way;
    return line(check_flip(tape.capture(), tape.setup(), quiet, flip), "heard_after").kept;
  };
  EXPECT_EQ(heard_after(40'400us), true);
  EXPECT_EQ(heard_after(40'600us), false);
}

TEST(FarCheck, BNeverHeardIsRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice; i < tape.frames.size(); ++i)
    tape.frames[i].samples = tape.frames[i - 200].samples;
  expect_only_red(tape, "heard_after");
}

TEST(FarCheck, SixtyMillisecondsOfSilenceAreRed) {
  FarTape tape;
  for (std::size_t i = FarTape::kSplice - 3; i < FarTape::kSplice; ++i) {
    std::fill(tape.frames[i].samples.begin(), tape.frames[i].samples.end(), std::int16_t{0});
  }
  const auto report = tape.judged();
  EXPECT_THAT(red_lines(report), testing::Contains("nobody_heard"));
  EXPECT_EQ(line(report, "nobody_heard").number, 60);
}

TEST(FarCheck, SilenceWhileASendsItsCodeIsNotTheFlips) {
  FarTape tape;
  for (std::size_t i = 210; i < 215; ++i)
    std::fill(tape.frames[i].samples.begin(), tape.frames[i].samples.end(), std::int16_t{3});
  tape.pauses.push_back({FarTape::time(4200ms), FarTape::time(4300ms)});
  const auto report = tape.judged();
  EXPECT_TRUE(report.kept) << testing::PrintToString(red_lines(report));
  EXPECT_THAT(line(report, "nobody_heard").note, testing::HasSubstr("100 ms of comfort noise"));
}

TEST(FarCheck, ComfortNoiseAfterAHungUpIsNotTheFlips) {
  FarTape tape;
  for (std::size_t i = 220; i < FarTape::kSplice; ++i)
    std::fill(tape.frames[i].samples.begin(), tape.frames[i].samples.end(), std::int16_t{3});
  EXPECT_FALSE(tape.judged().kept);
  tape.a_left = FarTape::time(4400ms);
  EXPECT_THAT(red_lines(tape.judged()), testing::Not(testing::Contains("nobody_heard")));
}

TEST(FarCheck, HardStepIsRed) {
  FarTape tape;
  auto& last = tape.frames[FarTape::kSplice - 1].samples;
  auto& first = tape.frames[FarTape::kSplice].samples;
  last.back() = -30000;
  first.front() = 30000;
  expect_only_red(tape, "click");
}

TEST(FarCheck, NoStreamAtAllIsNotGreen) {
  FarTape tape;
  const FarBaseline baseline = tape.baseline();
  tape.frames.resize(100);
  EXPECT_FALSE(check_flip(tape.capture(), tape.setup(), baseline, tape.flip()).kept);
}

TEST(FarCheck, TooShortAStretchTeachesNothing) {
  EXPECT_FALSE(learn(FarTape().capture(), FarTape().setup(), FarTape::time(0s), FarTape::time(300ms)).has_value());
}

TEST(FarCheck, ReconstructsWhatWasHeardByTimestamps) {
  FarTape tape;
  const auto whole = reconstruct(tape.capture(), tape.setup());
  EXPECT_EQ(whole.samples.size(), FarTape::kFrames * 160);
  tape.drop(10, 1, true);
  const auto holed = reconstruct(tape.capture(), tape.setup());
  EXPECT_EQ(holed.samples.size(), whole.samples.size());
  EXPECT_TRUE(std::all_of(holed.samples.begin() + 1600, holed.samples.begin() + 1760, [](auto s) { return s == 0; }));
  EXPECT_EQ(holed.samples[1760], whole.samples[1760]);
}

TEST(FarCheck, FirstHeardFindsTheSplice) {
  const FarTape tape;
  const auto at = first_heard(tape.capture(), tape.setup(), FarTape::kB, FarTape::time(1s));
  ASSERT_TRUE(at.has_value());
  EXPECT_NEAR(to_ms(*at - FarTape::time(0s)), 5000, 1);
  EXPECT_FALSE(first_heard(tape.capture(), tape.setup(), 2, FarTape::time(1s)).has_value());
}

}  // namespace
}  // namespace segue::phone
