#include "record/json.h"

#include <gtest/gtest.h>

#include <limits>

#include "record/samples.h"
#include "record/words.h"

namespace segue::record {
namespace {

using nlohmann::json;

TEST(RecordJson, SurvivesTheWayThereAndBack) {
  const json first = to_json(samples::call());
  const auto back = call_record_from_json(json::parse(first.dump()));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(to_json(*back), first);
  EXPECT_EQ(back->flips.at(0).report->packets.size(), samples::report().packets.size());
  EXPECT_EQ(back->segments.at(2).flip, FlipId{3});
  EXPECT_EQ(back->ended_at, samples::wall(60'123));
}

TEST(RecordJson, AnEmptyLiveCallSurvivesToo) {
  call::CallRecord record;
  record.id = CallId{1};
  const json first = to_json(record);
  EXPECT_TRUE(first["ended_by"].is_null());
  EXPECT_TRUE(first["caller"]["account"].is_null());
  const auto back = call_record_from_json(first);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(to_json(*back), first);
}

TEST(RecordJson, WhatWasNotMeasuredIsNull) {
  const json line = to_json(samples::report())["lines"][8];
  EXPECT_TRUE(line["value"].is_null());
  EXPECT_TRUE(line["number"].is_null());
  EXPECT_TRUE(line["kept"].is_null());
  call::FlipReport report;
  report.lines = {{"x", "X", "?", "", std::numeric_limits<double>::quiet_NaN(), false, ""}};
  EXPECT_TRUE(to_json(report)["lines"][0]["number"].is_null());
}

TEST(RecordJson, EveryWordIsReadBack) {
  const auto check = [](auto example) {
    for (const auto value : all_values(example)) EXPECT_EQ(parse_word<decltype(example)>(to_string(value)), value);
    EXPECT_FALSE(parse_word<decltype(example)>("unknown"));
    EXPECT_FALSE(parse_word<decltype(example)>(""));
  };
  check(call::Side{});
  check(call::Party{});
  check(call::ReportPacket::Kind{});
  check(call::Cause{});
  check(call::FlipTrigger{});
  check(call::FlipMode{});
  check(call::FlipOutcome{});
  check(call::SegmentKind{});
  check(call::CallState{});
  EXPECT_EQ(static_cast<std::size_t>(call::Cause::ProtocolError) + 1, all_values(call::Cause{}).size());
  EXPECT_EQ(static_cast<std::size_t>(call::FlipOutcome::Failed) + 1, all_values(call::FlipOutcome{}).size());
}

/// Puts `value` at `pointer` of a good record; the error must name that place.
void expect_refused(const char* pointer, const json& value) {
  json damaged = to_json(samples::call());
  damaged[json::json_pointer(pointer)] = value;
  const auto back = call_record_from_json(damaged);
  ASSERT_FALSE(back) << pointer;
  EXPECT_EQ(back.error().kind, ErrorKind::InvalidInput);
  EXPECT_NE(back.error().text.find(pointer), std::string::npos) << back.error().text;
}

TEST(RecordJson, DamageIsAnErrorThatNamesThePlace) {
  expect_refused("/id", 12);
  expect_refused("/id", "flip_12");
  expect_refused("/state", "dreaming");
  expect_refused("/caller", json::array());
  expect_refused("/caller/name", nullptr);
  expect_refused("/started_at", "yesterday");
  expect_refused("/segments", json::object());
  expect_refused("/segments/1/kind", "nap");
  expect_refused("/flips/0/targets", json::array({1}));
  expect_refused("/flips/0/report/lines/2/kept", "yes");
  expect_refused("/flips/0/report/packets/0/sequence", 65536);
  expect_refused("/flips/0/report/packets/0/sequence", -1);
  expect_refused("/flips/0/report/packets/0/at_ms", "0");
  for (const json& other : {json(nullptr), json(1), json("x"), json::array()})
    EXPECT_FALSE(call_record_from_json(other));
}

TEST(RecordJson, EveryMemberIsWanted) {
  const json whole = to_json(samples::call());
  for (const auto& [key, value] : whole.items()) {
    json damaged = whole;
    damaged.erase(key);
    EXPECT_FALSE(call_record_from_json(damaged)) << key;
  }
}

TEST(Ids, AreAPrefixAndDigits) {
  EXPECT_EQ(id_text(CallId{12}), "call_12");
  EXPECT_EQ(id_text(NumberId{2}), "num_2");
  EXPECT_EQ(parse_id("dev", "dev_4"), 4U);
  EXPECT_EQ(parse_id("dev", "dev_9999999999999999999"), 9999999999999999999ULL);
  for (const char* bad : {"", "dev", "dev_", "dev4", "dev_-1", "dev_4 ", " dev_4", "dev_4x", "dev_+4", "Dev_4", "acc_4",
                          "dev_12345678901234567890"})
    EXPECT_FALSE(parse_id("dev", bad)) << bad;
}

TEST(Times, AreRfc3339InUtc) {
  EXPECT_EQ(rfc3339(samples::wall(678)), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(rfc3339(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678Z"), samples::wall(678));
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:34:05.678+02:30"), samples::wall(678));
  EXPECT_EQ(parse_rfc3339("2026-01-02t03:04:05z"), samples::wall(0));
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.0000000019Z"), samples::wall(0) + 1ns);
  for (const char* bad :
       {"", "2026-01-02", "2026-02-30T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "1600-01-02T03:04:05Z", "9999-01-02T03:04:05Z",
        "2026-01-02T03:04:05+24:00", "2026-1-2T03:04:05Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

}  // namespace
}  // namespace segue::record
