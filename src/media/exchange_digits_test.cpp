// Keys: through the gate, onto the far line, and beside a splice.
#include <gtest/gtest.h>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Phone;
using test::Rig;

/// One key press as the far party receives it.
struct Digit {
  char key = 0;
  std::uint32_t timestamp = 0;
  std::vector<std::uint16_t> durations;
  int ends = 0;
  bool marker_first = false;
  std::uint8_t payload_type = 0;
};

class DigitScene {
 public:
  explicit DigitScene(Codec codec = Codec::Pcmu, bool far_has_events = true) : far(rig.add(1, codec)), a(rig.add(2)) {
    auto remote = Rig::remote_of(1, codec);
    remote.format.send_event_pt = far_has_events ? std::optional<std::uint8_t>{110} : std::nullopt;
    rig.command(remote);
    rig.connect(a, far);
    a.talking = true;
    a.hertz = 350;
    rig.run_for(1s, {&a});
  }
  void gate() { rig.command(SetDigitGate{a.leg, true, {"*1", "*0"}}); }
  /// A presses a key for `slots` slots of 20 ms (audio stops meanwhile, as in most phones); three ends.
  void press(char key, int slots = 5, bool audio_too = false) {
    rig.run_until(a.next - 1us, {&a});
    a.talking = audio_too;
    const std::uint32_t start = a.timestamp;
    for (int i = 0; i < slots + 2; ++i) {
      rig.run_until(a.next, {});
      event(key, start, static_cast<std::uint16_t>(160 * std::min(i + 1, slots)), i + 1 >= slots, i == 0);
      if (i < slots) a.timestamp += 160;
      if (audio_too && i < slots) {
        rig.receive(a, audio(start + static_cast<std::uint32_t>(i) * 160));
      }
      a.next += i < slots ? 20ms : 0ms;
    }
    a.talking = true;
  }
  void event(char key, std::uint32_t timestamp, std::uint16_t duration, bool end, bool marker) {
    Bytes bytes(16);
    rtp::write_header(bytes, {marker, 101, a.sequence++, timestamp, a.ssrc});
    rtp::write_telephone_event(MutableBytes(bytes).subspan(12), {*rtp::event_code(key), end, 10, duration});
    rig.receive(a, bytes);
  }
  Bytes audio(std::uint32_t timestamp) {
    Bytes bytes(172, 0x55);
    rtp::write_header(bytes, {false, 0, a.sequence++, timestamp, a.ssrc});
    return bytes;
  }
  std::vector<Digit> heard() const {
    std::vector<Digit> digits;
    for (const auto* p : rig.to(far.leg)) {
      if (p->view.payload_type != 110) continue;
      const auto event = rtp::parse_telephone_event(p->view.payload).value();
      if (digits.empty() || digits.back().timestamp != p->view.timestamp) {
        digits.push_back(
            {*rtp::event_digit(event.code), p->view.timestamp, {}, 0, p->view.marker, p->view.payload_type});
      }
      digits.back().durations.push_back(event.duration);
      digits.back().ends += event.end ? 1 : 0;
    }
    return digits;
  }
  std::string keys() const {
    std::string text;
    for (const auto& digit : heard()) text += digit.key;
    return text;
  }
  /// The line is whole: numbers unbroken, no slot left out, time never back, packets no farther apart than two frames.
  void expect_whole_line() const {
    const auto out = rig.to(far.leg);
    std::uint32_t end = out.front()->view.timestamp;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto& v = out[i]->view;
      if (i > 0) {
        ASSERT_EQ(v.sequence, static_cast<std::uint16_t>(out[i - 1]->view.sequence + 1)) << i;
        ASSERT_LE(out[i]->at - out[i - 1]->at, 40ms) << i;
      }
      std::uint32_t length = 160;
      if (v.payload_type == 110) {
        length = rtp::parse_telephone_event(v.payload)->duration;
      } else {
        ASSERT_LE(rtp::timestamp_distance(v.timestamp, end), 320)
            << i;  // the two slots of repeated ends carry no audio
        ASSERT_GE(rtp::timestamp_distance(v.timestamp, end), 0) << i;
      }
      if (rtp::timestamp_distance(v.timestamp + length, end) > 0) end = v.timestamp + length;
    }
  }

  Rig rig;
  Phone far, a;
};

TEST(ExchangeDigits, EventsPassAtOnceWithTheFarLegsTypeAndOneTimestamp) {
  DigitScene s;
  s.gate();
  const auto before = s.rig.to(s.far.leg).size();
  s.press('5');
  s.rig.run_for(200ms, {&s.a});
  const auto digits = s.heard();
  ASSERT_EQ(digits.size(), 1u);
  EXPECT_EQ(digits[0].key, '5');
  EXPECT_TRUE(digits[0].marker_first);
  EXPECT_EQ(digits[0].durations, (std::vector<std::uint16_t>{160, 320, 480, 640, 800, 800, 800}));
  EXPECT_EQ(digits[0].ends, 3);
  EXPECT_EQ(s.rig.to(s.far.leg)[before]->view.payload_type, 110) << "no delay is added";
  s.expect_whole_line();
}

TEST(ExchangeDigits, CodeReachesNobodyAndTheLineGoesOnWithoutAHole) {
  DigitScene s;
  s.gate();
  s.press('*');
  s.rig.run_for(200ms, {&s.a});
  s.press('1');
  s.rig.run_for(2s, {&s.a});
  EXPECT_EQ(s.keys(), "");
  ASSERT_EQ(s.rig.heard<CodeDialled>().size(), 1u);
  EXPECT_EQ(s.rig.heard<CodeDialled>()[0].code, "*1");
  s.expect_whole_line();
  const auto out = s.rig.to(s.far.leg);
  for (std::size_t i = 1; i < out.size(); ++i)
    ASSERT_EQ(out[i]->view.timestamp - out[i - 1]->view.timestamp, 160u) << i;
}

TEST(ExchangeDigits, AudioSentBesideTheWithheldKeyIsNotHeard) {
  DigitScene s;
  s.gate();
  s.press('*', 5, true);
  s.press('0', 5, true);
  s.rig.run_for(1s, {&s.a});
  for (const auto* p : s.rig.to(s.far.leg)) EXPECT_NE(p->view.payload[100], 0x55);
  s.expect_whole_line();
  EXPECT_EQ(s.rig.heard<CodeDialled>().size(), 1u);
}

TEST(ExchangeDigits, WhatWasNoCodeIsMadeAnewInOrder) {
  DigitScene s;
  s.gate();
  s.press('*', 4);
  s.rig.run_for(100ms, {&s.a});
  s.press('7', 6);
  s.rig.run_for(2s, {&s.a});
  const auto digits = s.heard();
  ASSERT_EQ(digits.size(), 2u);
  EXPECT_EQ(s.keys(), "*7");
  EXPECT_TRUE(s.rig.heard<CodeDialled>().empty());
  for (const auto& digit : digits) {
    EXPECT_TRUE(digit.marker_first);
    EXPECT_EQ(digit.ends, 3);
    EXPECT_TRUE(std::is_sorted(digit.durations.begin(), digit.durations.end()));
  }
  EXPECT_EQ(digits[0].durations.back(), 640);
  EXPECT_GE(digits[1].timestamp - digits[0].timestamp, 640u + 320u) << "40 ms of silence between them";
  s.expect_whole_line();
}

TEST(ExchangeDigits, StarAloneIsReleasedWhenTheWaitIsOver) {
  DigitScene s;
  s.gate();
  s.press('*');
  s.rig.run_for(1400ms, {&s.a});
  EXPECT_EQ(s.keys(), "");
  s.rig.run_for(400ms, {&s.a});
  EXPECT_EQ(s.keys(), "*");
  s.press('*');
  s.press('*');
  s.rig.run_for(500ms, {&s.a});
  EXPECT_EQ(s.keys(), "**") << "two stars are one more";
  s.expect_whole_line();
}

TEST(ExchangeDigits, InfoBecomesAnEventAndCountsOnceBesideOne) {
  DigitScene s;
  s.gate();
  s.rig.command(InjectDigit{s.a.leg, '9', 160});
  s.rig.run_for(500ms, {&s.a});
  ASSERT_EQ(s.keys(), "9");
  EXPECT_EQ(s.heard()[0].durations.back(), 1280);
  s.press('3');
  s.rig.command(InjectDigit{s.a.leg, '3', 100});
  s.rig.run_for(1s, {&s.a});
  EXPECT_EQ(s.keys(), "93");
  s.rig.command(InjectDigit{s.a.leg, '4', 100});
  s.press('4');
  s.rig.run_for(1s, {&s.a});
  EXPECT_EQ(s.keys(), "934");
  s.rig.command(InjectDigit{s.a.leg, '*', 100});
  s.rig.command(InjectDigit{s.a.leg, '1', 100});
  s.rig.run_for(1s, {&s.a});
  EXPECT_EQ(s.keys(), "934");
  EXPECT_EQ(s.rig.heard<CodeDialled>().size(), 1u);
  s.expect_whole_line();
}

TEST(ExchangeDigits, LostEndsCloseTheEventAfterASecond) {
  DigitScene s;
  s.gate();
  s.rig.run_until(s.a.next, {});
  s.event('*', s.a.timestamp, 160, false, true);
  s.rig.run_for(900ms, {});
  EXPECT_TRUE(s.rig.heard<CodeDialled>().empty());
  s.rig.run_for(2s, {});
  EXPECT_EQ(s.keys(), "*") << "a second for the event, one and a half for the gate";
}

TEST(ExchangeDigits, FarLegWithoutEventsHearsTones) {
  DigitScene s(Codec::Pcma, false);
  const auto before = s.rig.to(s.far.leg).size();
  s.press('5', 5);
  s.rig.run_for(500ms, {&s.a});
  const auto out = s.rig.to(s.far.leg);
  std::size_t loud = 0;
  for (std::size_t i = before; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.payload_type, 8);
    double row = 0, silent = 0;
    for (std::size_t k = 0; k < 160; ++k) {
      const double sample = g711::decode(g711::Law::A, out[i]->view.payload[k]);
      row += sample * std::sin(2 * std::numbers::pi * 1336 * static_cast<double>(k) / 8000);
      silent += sample * std::cos(2 * std::numbers::pi * 1336 * static_cast<double>(k) / 8000);
    }
    if (std::hypot(row, silent) / 80 > 3000) ++loud;
  }
  EXPECT_EQ(loud, 5u);
  s.expect_whole_line();
}

TEST(ExchangeDigits, SpliceWaitsForTheEndOfTheEvent) {
  DigitScene s;
  Phone b = s.rig.add(3);
  b.talking = true;
  b.next = s.a.next + 3ms;
  s.rig.run_until(s.a.next, {});
  const std::uint32_t start = s.a.timestamp;
  s.event('6', start, 160, false, true);
  s.rig.command(ArmSplice{s.far.leg, b.leg, FlipId{1}, false, s.rig.now});
  for (int i = 2; i < 10; ++i) {
    s.rig.run_for(20ms, {&b});
    s.event('6', start, static_cast<std::uint16_t>(160 * i), false, false);
  }
  EXPECT_EQ(s.rig.heard<SpliceProven>().size(), 1u);
  EXPECT_TRUE(s.rig.heard<Spliced>().empty());
  for (int i = 0; i < 3; ++i) s.event('6', start, 1600, true, false);
  s.rig.run_for(60ms, {&b});
  EXPECT_EQ(s.rig.heard<Spliced>().size(), 1u);
  ASSERT_EQ(s.heard().size(), 1u) << "one digit, one timestamp";
  EXPECT_EQ(s.heard()[0].ends, 3);
}

TEST(ExchangeDigits, SpliceDoesNotWaitForEverForALostEnd) {
  DigitScene s;
  Phone b = s.rig.add(3);
  b.talking = true;
  b.next = s.a.next;
  s.rig.run_until(s.a.next, {});
  s.event('6', s.a.timestamp, 160, false, true);
  s.rig.command(ArmSplice{s.far.leg, b.leg, FlipId{1}, false, s.rig.now});
  s.rig.run_for(900ms, {&b});
  EXPECT_TRUE(s.rig.heard<Spliced>().empty());
  s.rig.run_for(200ms, {&b});
  EXPECT_EQ(s.rig.heard<Spliced>().size(), 1u);
}

TEST(ExchangeDigits, QueueOfMadeDigitsIsBounded) {
  DigitScene s;
  for (int i = 0; i < 40; ++i) {
    s.rig.command(InjectDigit{s.a.leg, '1', 60});
    s.rig.now += 1100ms / 1000;  // no time for the line to send them
  }
  s.rig.run_for(20s, {&s.a});
  EXPECT_EQ(s.keys().size(), 32u);
  s.expect_whole_line();
}

}  // namespace
}  // namespace segue::media
