// Test phones against each other, over real loopback sockets, without a server.
#include "phone/phone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "phone/far_check.h"
#include "phone/wire.h"

namespace segue::phone {
namespace {

using Kind = PhoneEvent::Kind;
constexpr Duration kSoon = 10s;  // a deadline, not a wait: these machines are busy

struct Pair {
  PhoneRig rig{Random(42)};
  Phone* ada = add("ada", 0);
  Phone* grace = add("grace", 1);

  Phone* add(const std::string& name, std::size_t marker, std::vector<Codec> codecs = {Codec::Pcmu, Codec::Pcma}) {
    PhoneConfig config;
    config.name = name;
    config.user = name;
    config.codecs = std::move(codecs);
    config.sound = std::make_shared<Sound>(with_marker(tone(400, 6000, 0.5), marker));
    return rig.add(config).value();
  }
  void talk() {
    const Mark a = ada->mark();
    const Mark g = grace->mark();
    ada->call_to(grace->sip_address(), "grace");
    ASSERT_TRUE(grace->wait({Kind::Ringing}, g, kSoon).has_value());
    grace->answer();
    ASSERT_TRUE(ada->wait({Kind::Talking}, a, kSoon).has_value());
    ASSERT_TRUE(ada->wait({Kind::Heard}, a, kSoon).has_value());
    ASSERT_TRUE(grace->wait({Kind::Heard}, g, kSoon).has_value());
  }
  /// Waits until `phone` has this many packets, by way of an event that cannot come.
  static bool has_packets(const Phone& phone, std::size_t count) {
    for (int i = 0; i < 500; ++i) {
      if (phone.journal().copy().rtp.size() >= count) return true;
      (void)phone.wait({Kind::RegistrationFailed}, phone.mark(), 20ms);
    }
    return false;
  }
};

TEST(Phone, CallsAnotherAndBothAreHeard) {
  Pair pair;
  pair.talk();
  ASSERT_TRUE(Pair::has_packets(*pair.grace, 40));
  const Capture heard = pair.grace->journal().copy();
  const FarSetup setup{.markers = {0, 1}};
  EXPECT_TRUE(first_heard(heard, setup, 0, Instant::min()).has_value());
  EXPECT_FALSE(first_heard(heard, setup, 1, Instant::min()).has_value());
  const auto baseline = learn(heard, setup, Instant::min(), Instant::max());
  ASSERT_TRUE(baseline.has_value());
  EXPECT_EQ(baseline->address, pair.ada->rtp_address());

  const Mark g = pair.grace->mark();
  pair.ada->hang_up();
  const auto ended = pair.grace->wait({Kind::Ended}, g, kSoon);
  ASSERT_TRUE(ended.has_value());
  EXPECT_THAT(ended->text, testing::StartsWith("BYE"));
}

TEST(Phone, SpeaksALawWhereTheOtherWantsIt) {
  Pair pair;
  pair.grace = pair.add("alaw", 1, {Codec::Pcma});
  pair.talk();
  ASSERT_TRUE(Pair::has_packets(*pair.grace, 10));
  const Capture heard = pair.grace->journal().copy();
  EXPECT_EQ(read_rtp(heard.rtp.front().bytes)->payload_type, 8);
  EXPECT_TRUE(first_heard(heard, {.law = Law::A, .payload_type = 8, .markers = {0}}, 0, Instant::min()).has_value());
}

TEST(Phone, DeclinesIsBusyAndAnswersByItself) {
  Pair pair;
  const auto outcome = [&](Answering answering) {
    pair.grace->set_answering(answering);
    const Mark a = pair.ada->mark();
    pair.ada->call_to(pair.grace->sip_address(), "grace");
    return pair.ada->wait({Kind::Talking, Kind::Ended}, a, kSoon).value();
  };
  EXPECT_EQ(outcome({Pickup::Decline}).status, 603);
  EXPECT_EQ(outcome({Pickup::Busy}).status, 486);
  EXPECT_EQ(outcome({Pickup::Answer, 30ms}).kind, Kind::Talking);
}

TEST(Phone, CancelBeforeTheAnswerStopsTheRinging) {
  Pair pair;
  const Mark a = pair.ada->mark();
  const Mark g = pair.grace->mark();
  pair.ada->call_to(pair.grace->sip_address(), "grace");
  ASSERT_TRUE(pair.ada->wait({Kind::Progress}, a, kSoon).has_value());
  pair.ada->hang_up();
  const auto ended = pair.grace->wait({Kind::Ended}, g, kSoon);
  ASSERT_TRUE(ended.has_value());
  EXPECT_THAT(ended->text, testing::StartsWith("CANCEL"));
  EXPECT_TRUE(pair.ada->wait({Kind::Ended}, a, kSoon).has_value());
}

TEST(Phone, SecondCallIsBusy) {
  Pair pair;
  pair.talk();
  Phone* third = pair.add("third", 2);
  const Mark t = third->mark();
  third->call_to(pair.grace->sip_address(), "grace");
  const auto ended = third->wait({Kind::Talking, Kind::Ended}, t, kSoon);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->status, 486);
}

TEST(Phone, DigitsArriveAsEventsAndAudioRestsMeanwhile) {
  Pair pair;
  pair.talk();
  const Mark a = pair.ada->mark();
  pair.ada->digits("*2");
  ASSERT_TRUE(pair.ada->wait({Kind::DigitsDone}, a, kSoon).has_value());
  const Capture heard = pair.grace->journal().copy();
  std::vector<int> events;
  for (const auto& datagram : heard.rtp) {
    const auto packet = read_rtp(datagram.bytes);
    if (packet->payload_type == 101 && packet->marker) events.push_back(packet->payload[0]);
  }
  EXPECT_THAT(events, testing::ElementsAre(10, 2));
  EXPECT_EQ(pair.ada->journal().copy().pauses.size(), 2U);
}

TEST(Phone, InfoDigitsGoAsSignalling) {
  Pair pair;
  pair.talk();
  const Mark a = pair.ada->mark();
  pair.ada->digits("#", DigitWay::Info);
  ASSERT_TRUE(pair.ada->wait({Kind::DigitsDone}, a, kSoon).has_value());
  ASSERT_TRUE(Pair::has_packets(*pair.grace, pair.grace->journal().copy().rtp.size() + 10));
  const Capture seen = pair.grace->journal().copy();
  const auto info = std::find_if(seen.sip.begin(), seen.sip.end(),
                                 [](const SipLine& l) { return l.received && l.text.starts_with("INFO "); });
  ASSERT_NE(info, seen.sip.end());
  EXPECT_THAT(info->text, testing::HasSubstr("Signal=#"));
}

TEST(Phone, HoldSilencesAndResumeSpeaksAgain) {
  Pair pair;
  pair.talk();
  Mark a = pair.ada->mark();
  Mark g = pair.grace->mark();
  pair.ada->hold();
  const auto held = pair.ada->wait({Kind::HoldDone}, a, kSoon);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->status, 200);
  EXPECT_TRUE(pair.grace->wait({Kind::Reinvited}, g, kSoon).has_value());
  const std::size_t silent = pair.grace->journal().copy().rtp.size();
  a = pair.ada->mark();
  pair.ada->resume();
  ASSERT_TRUE(pair.ada->wait({Kind::HoldDone}, a, kSoon).has_value());
  EXPECT_TRUE(Pair::has_packets(*pair.grace, silent + 20));
}

TEST(Phone, RefusesCodecsThatItDoesNotSpeak) {
  PhoneRig rig(Random(1));
  PhoneConfig config;
  config.codecs = {Codec::Opus};
  EXPECT_FALSE(rig.add(config).has_value());
}

TEST(Phone, RigIsBounded) {
  PhoneRig rig(Random(1));
  for (std::size_t i = 0; i < kMaxPhones; ++i) ASSERT_TRUE(rig.add({}).has_value());
  EXPECT_FALSE(rig.add({}).has_value());
}

}  // namespace
}  // namespace segue::phone
