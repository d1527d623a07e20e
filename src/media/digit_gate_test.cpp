#include "media/digit_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace segue::media {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Via = DigitGate::Via;

struct Heard {
  std::string passed, released;
  std::vector<std::string> codes;
};

/// Presses keys a little apart; ',' waits out the gate, '.' waits a second (less than the gate does).
Heard press(DigitGate& gate, std::string_view keys, Instant& now) {
  Heard heard;
  const auto note = [&](const DigitGate::Outcome& outcome) {
    for (const auto& digit : outcome.released) heard.released += digit.key;
    heard.codes.insert(heard.codes.end(), outcome.codes.begin(), outcome.codes.end());
  };
  for (const char key : keys) {
    if (key == ',' || key == '.') {
      now += key == ',' ? Duration{1500ms} : Duration{1s};
      note(gate.advance(now));
      continue;
    }
    const auto outcome = gate.key_down(key, Via::Event, 100, now);
    if (outcome.passes) heard.passed += key;
    note(outcome);
    now += 90ms;
    gate.key_up(90, now);
    now += 60ms;
  }
  return heard;
}

class DigitGateTest : public testing::Test {
 protected:
  DigitGateTest() { (void)gate.configure(true, {"*1", "*0", "*11", "*45"}); }
  DigitGate gate{1500ms};
  Instant now{100s};
};

TEST_F(DigitGateTest, OrdinaryDigitsPassAtOnce) {
  const auto heard = press(gate, "0123456789#ABCD", now);
  EXPECT_EQ(heard.passed, "0123456789#ABCD");
  EXPECT_EQ(heard.released, "");
  EXPECT_FALSE(gate.deadline());
}

TEST_F(DigitGateTest, CompleteCodeIsDialledAndReachesNobody) {
  const auto heard = press(gate, "5*06", now);
  EXPECT_EQ(heard.passed, "56");
  EXPECT_EQ(heard.released, "");
  EXPECT_THAT(heard.codes, ElementsAre("*0"));
}

TEST_F(DigitGateTest, CodeThatBeginsAnotherWaitsForTheLongerOne) {
  EXPECT_THAT(press(gate, "*1", now).codes, IsEmpty());
  EXPECT_THAT(press(gate, ",", now).codes, ElementsAre("*1"));
  EXPECT_THAT(press(gate, "*11", now).codes, ElementsAre("*11"));
  const auto heard = press(gate, "*17", now);
  EXPECT_THAT(heard.codes, ElementsAre("*1"));
  EXPECT_EQ(heard.released, "7");
}

TEST_F(DigitGateTest, WhatIsNoCodeIsReleasedCompleteAndInOrder) {
  EXPECT_EQ(press(gate, "*47", now).released, "*47");
  EXPECT_EQ(press(gate, "*5", now).released, "*5");
  EXPECT_EQ(press(gate, "*4,", now).released, "*4");
  EXPECT_EQ(press(gate, "*,", now).released, "*");
  const auto heard = press(gate, "*4*0", now);  // the second '*' begins anew
  EXPECT_EQ(heard.released, "*4");
  EXPECT_THAT(heard.codes, ElementsAre("*0"));
}

TEST_F(DigitGateTest, TwoStarsSendOne) {
  EXPECT_EQ(press(gate, "**", now).released, "*");
  EXPECT_EQ(press(gate, "***", now).released, "*");
  EXPECT_EQ(press(gate, ",", now).released, "*");
  EXPECT_EQ(press(gate, "**1", now).passed, "1");
}

TEST_F(DigitGateTest, EachKeyHasTheWholeWait) {
  EXPECT_THAT(press(gate, "*.4.5", now).codes, ElementsAre("*45"));
  EXPECT_EQ(press(gate, "*,1", now).passed, "1");
}

TEST_F(DigitGateTest, KeyThatIsHeldDownKeepsTheCodeOpen) {
  (void)gate.key_down('*', Via::Event, 100, now);
  EXPECT_FALSE(gate.deadline());
  gate.key_up(4000, now + 4s);
  EXPECT_EQ(gate.deadline(), now + 5500ms);
}

TEST_F(DigitGateTest, InfoBesideTheEventCountsOnce) {
  EXPECT_TRUE(gate.key_down('7', Via::Event, 100, now).passes);
  EXPECT_TRUE(gate.key_down('7', Via::Info, 100, now + 50ms).duplicate);
  EXPECT_TRUE(gate.key_down('7', Via::Event, 100, now + 200ms).passes) << "a second press is a second digit";
  EXPECT_TRUE(gate.key_down('7', Via::Info, 100, now + 260ms).duplicate);
  EXPECT_TRUE(gate.key_down('8', Via::Info, 100, now + 300ms).passes);
  EXPECT_TRUE(gate.key_down('8', Via::Event, 100, now + 330ms).duplicate);
  EXPECT_TRUE(gate.key_down('8', Via::Event, 100, now + 3s).passes);
}

TEST_F(DigitGateTest, InactiveGatePassesStarsToo) {
  (void)gate.configure(false, {"*1"});
  EXPECT_EQ(press(gate, "*1", now).passed, "*1");
}

TEST_F(DigitGateTest, ChangedCodesReleaseWhatIsHeld) {
  (void)press(gate, "*4", now);
  const auto outcome = gate.configure(true, {"*9"});
  ASSERT_EQ(outcome.released.size(), 2u);
  EXPECT_EQ(outcome.released[0], (DigitGate::Digit{'*', 90}));
  EXPECT_FALSE(gate.deadline());
}

TEST_F(DigitGateTest, UnusableCodesAreLeftOutAndTheBoundHolds) {
  std::vector<std::string> codes{"12", "**1", "", "*" + std::string(kMaxCodeLength, '1')};
  (void)gate.configure(true, codes);
  EXPECT_EQ(press(gate, "*1", now).passed, "*1") << "no usable code: nothing waits";
  codes.assign(kMaxCodes, "*22");
  codes.push_back("*33");
  (void)gate.configure(true, codes);
  EXPECT_EQ(press(gate, "*3", now).released, "*3");
  const std::string longest = "*" + std::string(kMaxCodeLength - 1, '1');
  (void)gate.configure(true, {longest});
  EXPECT_THAT(press(gate, longest, now).codes, ElementsAre(longest));
}

}  // namespace
}  // namespace segue::media
