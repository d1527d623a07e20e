#include "media/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "media/flip_scene.h"

namespace segue::media {
namespace {

using test::FlipScene;
using test::Phone;
using test::Rig;

TEST(Exchange, RelaysBetweenTwoLegsUnderItsOwnIdentity) {
  Rig rig;
  Phone far = rig.add(1);
  Phone a = rig.add(2);
  rig.connect(a, far);
  a.sequence = 4711;
  a.timestamp = 99;
  a.talking = true;
  rig.run_for(199ms, {&a});
  const auto out = rig.to(far.leg);
  ASSERT_EQ(out.size(), 10u);
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i]->view.ssrc, 0xA0000001u);
    EXPECT_EQ(out[i]->view.sequence, 1000 + i);
    EXPECT_EQ(out[i]->view.timestamp, 50000 + 160 * i);
    EXPECT_EQ(out[i]->view.marker, i == 0) << "a talkspurt begins once";
    EXPECT_EQ(out[i]->to, far.address);
  }
  EXPECT_EQ(rig.heard<MediaAlive>().size(), 1u);
}

TEST(Exchange, SplicesOnTheProvingPacketWithoutASeam) {
  for (int phase = 0; phase < 20; ++phase) {
    FlipScene s(phase * 1ms);
    const auto before = s.rig.to(s.far.leg).size();
    s.flip_to(s.b);
    s.rig.run_for(500ms, s.all());
    ASSERT_EQ(s.rig.heard<SpliceProven>().size(), 1u);
    ASSERT_EQ(s.rig.heard<Spliced>().size(), 1u);
    EXPECT_EQ(s.rig.heard<Spliced>()[0].from, s.a.leg);
    const auto out = s.rig.to(s.far.leg);
    ASSERT_GT(out.size(), before + 20);
    for (std::size_t i = before; i < out.size(); ++i) {
      EXPECT_EQ(out[i]->view.sequence, static_cast<std::uint16_t>(out[i - 1]->view.sequence + 1));
      EXPECT_EQ(out[i]->view.timestamp, out[i - 1]->view.timestamp + 160);
      EXPECT_FALSE(out[i]->view.marker);
      EXPECT_LE(out[i]->at - out[i - 1]->at, 30ms) << "phase " << phase;
    }
  }
}

/// Every packet to the leg from index `from` on is the next in sequence.
void expect_unbroken(const std::vector<const test::Sent*>& out, std::size_t from = 1) {
  for (std::size_t i = from; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.sequence, static_cast<std::uint16_t>(out[i - 1]->view.sequence + 1)) << i;
    ASSERT_EQ(out[i]->view.ssrc, out[0]->view.ssrc);
  }
}

TEST(Exchange, ReportOfACleanFlipIsGreen) {
  for (int phase = 0; phase < 20; ++phase) {
    FlipScene s(phase * 1ms);
    s.rig.command(WatchLine{s.far.leg, FlipId{1}});
    s.rig.run_for(300ms, {&s.a, &s.far});
    s.b.next = s.a.next + phase * 1ms;
    s.flip_to(s.b);
    s.rig.run_for(2s, s.all());
    const auto told = s.rig.heard<SpliceMeasured>();
    ASSERT_EQ(told.size(), 1u);
    const auto& m = *told[0].measurement;
    EXPECT_TRUE(m.spliced);
    EXPECT_EQ(m.sequence_breaks + m.slots_missing + m.source_losses + m.slots_silent_by_choice, 0u) << phase;
    EXPECT_EQ(m.ssrc_before, m.ssrc_after);
    EXPECT_EQ(m.address_before, m.address_after);
    EXPECT_EQ(m.cname_after, "leg1");
    EXPECT_LE(m.lateness_ms_max.value(), 10.2) << phase;
    EXPECT_LE(m.gap_ms_max.value(), 30.2) << phase;
    EXPECT_LE(m.first_packet_to_heard_ms.value(), 40.2);
    EXPECT_EQ(m.nobody_heard_ms.value(), 0);
    EXPECT_LE(m.step_at_splice.value(), 1.1 * m.step_around.value()) << phase;
    EXPECT_FALSE(m.rtcp_bye || m.rtcp_counts_fell);
    EXPECT_FALSE(m.trace.empty());
  }
}

TEST(Exchange, NothingOfBIsHeardBeforeTheSpliceAndNothingOfAAfterIt) {
  FlipScene s;
  s.b.talking = true;
  s.rig.run_for(300ms, s.all());
  EXPECT_EQ(s.rig.to(s.b.leg).size(), 0u) << "early media goes nowhere";
  s.flip_to(s.b);
  s.rig.run_for(300ms, s.all());
  ASSERT_EQ(s.rig.heard<Spliced>().size(), 1u);
  const auto count = s.rig.to(s.far.leg).size();
  s.b.talking = false;
  s.rig.run_for(200ms, s.all());
  EXPECT_LE(s.rig.to(s.far.leg).size(), count);
}

TEST(Exchange, PacketsFromBeforeTheAnswerProveNothing) {
  FlipScene s;
  s.b.talking = true;
  s.rig.run_for(500ms, s.all());
  s.flip_to(s.b);
  EXPECT_TRUE(s.rig.heard<SpliceProven>().empty());
  s.rig.receive(s.b, s.b.packet());
  EXPECT_TRUE(s.rig.heard<SpliceProven>().empty()) << "one packet is none";
  (void)s.b.packet();  // lost
  s.rig.receive(s.b, s.b.packet());
  EXPECT_TRUE(s.rig.heard<SpliceProven>().empty()) << "not consecutive";
  s.rig.receive(s.b, s.b.packet());
  EXPECT_EQ(s.rig.heard<SpliceProven>().size(), 1u);
}

TEST(Exchange, StrangersAndWrongPayloadTypesProveNothing) {
  FlipScene s;
  s.flip_to(s.b);
  s.b.talking = false;
  Phone stranger = s.b;
  stranger.address.ip = IpAddress::v4(203, 0, 113, 1);
  Phone wrong = s.b;
  wrong.payload_type = 18;
  for (int i = 0; i < 5; ++i) {
    s.rig.receive(stranger, stranger.packet());
    s.rig.receive(wrong, wrong.packet());
    s.rig.receive(s.b.leg, s.b.address, Bytes(7, 0x80));
  }
  EXPECT_TRUE(s.rig.heard<SpliceProven>().empty());
  s.rig.command(CloseLeg{s.b.leg});
  const auto closed = s.rig.heard<LegClosed>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].refused_source, 5u);
  EXPECT_EQ(closed[0].malformed, 10u);
  const auto refused = s.rig.heard<PacketsRefused>();  // each kind once, however many there are
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_TRUE(refused[0].stranger);
  EXPECT_EQ(refused[0].from, stranger.address);
  EXPECT_FALSE(refused[1].stranger);
  EXPECT_EQ(refused[1].from, s.b.address);
  EXPECT_EQ(s.rig.heard<SpliceDisarmed>().size(), 1u) << "its armed splice cannot come any more";
}

TEST(Exchange, DisarmedSpliceNeverFiresAndEachDisarmIsAnswered) {
  FlipScene s;
  s.flip_to(s.b);
  s.rig.command(DisarmSplice{s.far.leg, FlipId{1}});
  s.rig.run_for(200ms, s.all());
  EXPECT_EQ(s.rig.heard<SpliceDisarmed>().size(), 1u);
  EXPECT_TRUE(s.rig.heard<Spliced>().empty());
  s.rig.command(UnwatchLine{s.far.leg, FlipId{1}});
  ASSERT_EQ(s.rig.heard<SpliceMeasured>().size(), 1u);
  EXPECT_FALSE(s.rig.heard<SpliceMeasured>()[0].measurement->spliced);
  s.flip_to(s.b, FlipId{2});
  s.rig.run_for(200ms, s.all());
  s.rig.command(DisarmSplice{s.far.leg, FlipId{2}});
  EXPECT_EQ(s.rig.heard<Spliced>().size(), 1u) << "it was too late";
  EXPECT_EQ(s.rig.heard<SpliceDisarmed>().size(), 2u);
}

TEST(Exchange, ProofByAnswerFillsWithComfortNoiseUntilBComes) {
  FlipScene s;
  s.rig.command(WatchLine{s.far.leg, FlipId{1}});
  s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, true, s.rig.now});
  EXPECT_EQ(s.rig.heard<Spliced>().size(), 1u);
  s.a.talking = false;
  s.rig.run_for(500ms, s.all());
  s.b.talking = true;
  s.b.next = s.rig.now;
  s.rig.run_for(500ms, s.all());
  const auto out = s.rig.to(s.far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.timestamp, out[i - 1]->view.timestamp + 160);
    ASSERT_LE(out[i]->at - out[i - 1]->at, 40ms);
  }
  EXPECT_GT(out.size(), 145u);
}

TEST(Exchange, ClipsAndLegsShareOneTimeline) {
  FlipScene s;
  s.rig.command(SetSource{s.far.leg, FromClip{Clip::Music, true}});
  s.rig.run_for(1s, s.all());
  s.rig.command(SetSource{s.far.leg, FromLeg{s.a.leg}});
  s.rig.run_for(1s, s.all());
  const auto out = s.rig.to(s.far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.timestamp, out[i - 1]->view.timestamp + 160);
    ASSERT_LE(out[i]->at - out[i - 1]->at, 40ms);
    ASSERT_FALSE(out[i]->view.marker);
  }
  EXPECT_NEAR(static_cast<double>(out.size()), 200, 3);
}

TEST(Exchange, AfterAPauseTheTimestampAdvancesByThePauseWithAMarker) {
  FlipScene s;
  s.a.talking = false;
  s.rig.run_for(3s, s.all());
  s.flip_to(s.b);
  s.b.next = s.rig.now;
  s.rig.run_for(200ms, s.all());
  const auto out = s.rig.to(s.far.leg);
  expect_unbroken(out);
  const auto first = std::find_if(out.begin() + 1, out.end(), [](const auto* p) { return p->view.marker; });
  ASSERT_NE(first, out.end());
  const auto step = (*first)->view.timestamp - (*(first - 1))->view.timestamp;
  EXPECT_NEAR(step / 8.0, to_ms((*first)->at - (*(first - 1))->at), 10);
  EXPECT_EQ(step % 160, 0u);
}

TEST(Exchange, SpliceAcrossTheWrapOfSequenceAndTimestamp) {
  Rig rig;
  Phone far = rig.add(1, Codec::Pcmu, 20, 65500, 0xFFFFFFFF - 160 * 40);
  Phone a = rig.add(2);
  Phone b = rig.add(3);
  rig.connect(a, far);
  a.talking = true;
  rig.run_for(700ms, {&a});
  b.talking = true;
  b.next = a.next + 5ms;
  rig.command(ArmSplice{far.leg, b.leg, FlipId{1}, false, rig.now});
  rig.run_for(700ms, {&a, &b});
  const auto out = rig.to(far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i) ASSERT_EQ(out[i]->view.timestamp - out[i - 1]->view.timestamp, 160u);
  EXPECT_LT(out.back()->view.sequence, 100);
  EXPECT_LT(out.back()->view.timestamp, 10000u);
}

TEST(Exchange, LawsAreTranscodedAndOtherMismatchesAreDropped) {
  Rig rig;
  Phone far = rig.add(1, Codec::Pcma);
  Phone a = rig.add(2, Codec::Pcmu);
  Phone other = rig.add(3, Codec::G722);
  rig.connect(a, far);
  a.hertz = 440;
  Phone copy = a;
  const auto in = a.packet();
  rig.receive(copy, in);
  const auto out = rig.to(far.leg);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0]->view.payload_type, 8);
  EXPECT_EQ(out[0]->view.payload[80], g711::transcode(g711::Law::Mu, in[12 + 80]));
  rig.command(SetSource{far.leg, FromLeg{other.leg}});
  rig.receive(other, other.packet());
  EXPECT_EQ(rig.to(far.leg).size(), 1u);
  rig.command(CloseLeg{far.leg});
  EXPECT_EQ(rig.heard<LegClosed>()[0].unplayable, 1u);
}

TEST(Exchange, ASourceThatMaySendBothLawsIsHeardWithBoth) {
  Rig rig;
  Phone far = rig.add(1, Codec::Pcma);
  Phone a = rig.add(2, Codec::Pcma);
  rig.connect(a, far);
  SetRemote both = Rig::remote_of(2, Codec::Pcma);
  both.format.receive_other_law_pt = 0;
  rig.command(both);
  a.hertz = 440;
  rig.receive(a, a.packet());
  a.codec = Codec::Pcmu, a.payload_type = 0;
  const auto in = a.packet();
  rig.receive(a, in);
  const auto out = rig.to(far.leg);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1]->view.payload_type, 8);
  EXPECT_EQ(out[1]->view.payload[80], g711::transcode(g711::Law::Mu, in[12 + 80]));
  rig.command(CloseLeg{a.leg});
  EXPECT_EQ(rig.heard<LegClosed>()[0].malformed, 0u);
}

/// Opus of 20 ms frames at 48 kHz; everything else as ever.
Bytes opus(Phone& phone) {
  Bytes bytes(rtp::kHeaderBytes + 60, 0);
  rtp::write_header(bytes, {false, 96, phone.sequence, phone.timestamp, phone.ssrc});
  bytes[rtp::kHeaderBytes] = 31 << 3;
  phone.advance(960);
  return bytes;
}

TEST(Exchange, OpusIsSplicedOnItsOwnClockUntouched) {
  Rig rig;
  Phone far = rig.add(1, Codec::Opus);
  Phone a = rig.add(2, Codec::Opus);
  Phone b = rig.add(3, Codec::Opus);
  rig.connect(a, far);
  b.next = a.next + 13ms;
  for (int i = 0; i < 100; ++i) {
    rig.idle_until(a.next);
    rig.receive(a, opus(a));
    if (i == 50) rig.command(ArmSplice{far.leg, b.leg, FlipId{1}, false, rig.now});
    rig.idle_until(b.next);
    rig.receive(b, opus(b));
  }
  ASSERT_EQ(rig.heard<Spliced>().size(), 1u);
  rig.command(SetSource{far.leg, FromClip{Clip::ComfortNoise, true}});
  rig.idle_until(rig.now + 200ms);
  const auto out = rig.to(far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.timestamp - out[i - 1]->view.timestamp, 960u) << i;
    ASSERT_LE(out[i]->at - out[i - 1]->at, 40ms);
  }
}

TEST(Exchange, ComfortNoisePassesWhereItWasAgreedAndIsSilenceElsewhere) {
  for (const bool agreed : {true, false}) {
    Rig rig;
    Phone far = rig.add(1);
    Phone a = rig.add(2);
    auto remote = Rig::remote_of(2);
    remote.format.receive_cn_pt = 13;
    rig.command(remote);
    remote = Rig::remote_of(1);
    if (agreed) remote.format.receive_cn_pt = 13;
    rig.command(remote);
    rig.connect(a, far);
    for (int i = 0; i < 30; ++i) {
      rig.idle_until(a.next);
      auto packet = a.packet();
      if (i % 10 == 9) {
        packet.resize(13);
        packet[1] = 13;
      }
      rig.receive(a, packet);
    }
    const auto out = rig.to(far.leg);
    expect_unbroken(out);
    EXPECT_EQ(out.size(), agreed ? 30u : 27u);
    EXPECT_EQ(out.back()->view.timestamp - out.front()->view.timestamp, agreed ? 160u * 29 : 160u * 28);
  }
}

TEST(Exchange, SourceThatRestartsItsStreamIsPlacedAnew) {
  FlipScene s;
  s.a.ssrc = 4242;
  s.a.sequence = 9;
  s.a.timestamp = 0x12345678;
  s.rig.run_for(200ms, s.all());
  s.a.timestamp += 900000;  // the same SSRC, another timestamp series
  s.rig.run_for(200ms, s.all());
  const auto out = s.rig.to(s.far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i)
    ASSERT_EQ(out[i]->view.timestamp - out[i - 1]->view.timestamp, 160u) << i;
}

TEST(Exchange, HeldPeerIsNotHeardAndSilentLineSendsNothing) {
  FlipScene s;
  auto hold = Rig::remote_of(1);
  hold.send = false;
  s.rig.command(hold);
  const auto count = s.rig.to(s.far.leg).size();
  s.rig.run_for(1s, s.all());
  EXPECT_EQ(s.rig.to(s.far.leg).size(), count);
  hold.send = true;
  s.rig.command(hold);
  s.rig.run_for(200ms, s.all());
  const auto out = s.rig.to(s.far.leg);
  EXPECT_GT(out.size(), count + 5);
  expect_unbroken(out);
  EXPECT_TRUE(out[count]->view.marker);
  EXPECT_NEAR((out[count]->view.timestamp - out[count - 1]->view.timestamp) / 160.0, 51, 1);
  auto deaf = Rig::remote_of(2);
  deaf.receive = false;
  s.rig.command(deaf);
  const auto before = s.rig.to(s.far.leg).size();
  s.rig.run_for(200ms, s.all());
  EXPECT_EQ(s.rig.to(s.far.leg).size(), before);
}

TEST(Exchange, DeadMediaIsToldAgainAsLongAsItLasts) {
  ExchangeConfig config;
  config.dead_after = 3s;
  Rig rig(config);
  Phone a = rig.add(1);
  a.talking = true;
  rig.run_for(2s, {&a});
  a.talking = false;
  rig.run_for(10s, {&a});
  ASSERT_EQ(rig.heard<MediaDead>().size(), 3u) << "a muted phone that answered the first question may die later";
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(to_s(rig.heard<MediaDead>()[i].silent_for), 3 * (i + 1), 0.05);
  a.talking = true;
  a.next = rig.now;
  rig.run_for(1s, {&a});
  a.talking = false;
  rig.run_for(4s, {&a});
  ASSERT_EQ(rig.heard<MediaDead>().size(), 4u);
  EXPECT_NEAR(to_s(rig.heard<MediaDead>()[3].silent_for), 3, 0.05) << "counted from its last packet";
  auto held = Rig::remote_of(1);
  held.receive = false;
  rig.command(held);
  a.talking = false;
  rig.run_for(30s, {&a});
  EXPECT_EQ(rig.heard<MediaDead>().size(), 4u) << "not while the peer holds us";
}

TEST(Exchange, WhatASourceDidToItsRhythmSinceItsOwnSpliceIsNotTheNextOnes) {
  FlipScene s(7ms);
  s.flip_to(s.b);
  s.rig.run_for(100ms, s.all());
  s.b.next += 6ms;  // B settles later than its first packets said: 13 ms after its slots, and that is its own
  s.rig.run_for(2s, s.all());
  s.flip_to(s.a, FlipId{2});
  s.rig.run_for(2s, s.all());
  const auto m = *s.rig.heard<SpliceMeasured>().at(1).measurement;
  EXPECT_GT(m.lateness_ms_max.value(), 12);
  EXPECT_NEAR(m.own_lateness_ms.value(), 7, 0.5);
}

TEST(Exchange, AHoldOfTheFarPartyInMidFlipIsItsOwnSilence) {
  FlipScene s;
  s.rig.command(WatchLine{s.far.leg, FlipId{1}});
  auto remote = Rig::remote_of(s.far.leg.value);
  for (const auto& [held, time] : {std::pair<bool, Duration>{false, 300ms}, {true, 210ms}, {false, 400ms}}) {
    remote.send = !held;
    s.rig.command(remote);
    s.rig.run_for(time, s.all());
  }
  s.flip_to(s.b);
  s.rig.run_for(3s, s.all());
  const auto m = *s.rig.heard<SpliceMeasured>().at(0).measurement;
  EXPECT_EQ(m.slots_missing, 0u);
  EXPECT_NEAR(m.slots_silent_by_choice, 10, 1);
  EXPECT_EQ(m.sequence_breaks, 0u);
}

TEST(Exchange, AMovedPhoneWithTheSamePrivateAddressIsHeardAgain) {
  FlipScene s;
  auto remote = Rig::remote_of(s.far.leg.value);
  const auto wifi = IpAddress::v4(198, 51, 100, 7), cellular = IpAddress::v4(203, 0, 113, 9);
  s.far.address = {wifi, 61000};
  remote.address.signalling_ip = wifi;
  s.rig.command(remote);
  s.rig.run_for(500ms, s.all());
  s.far.talking = false;
  s.rig.run_for(1s, s.all());
  remote.address.signalling_ip = cellular;  // its re-INVITE came from there, with the SDP of before
  s.rig.command(remote);
  s.far.address = {cellular, 50000};
  s.far.ssrc ^= 0xFFFF;
  s.far.talking = true;
  s.far.next = s.rig.now;
  s.rig.sent.clear();
  s.rig.run_for(1s, s.all());
  EXPECT_GE(s.rig.to(s.a.leg).size(), 49u);
  ASSERT_FALSE(s.rig.to(s.far.leg).empty());
  EXPECT_EQ(s.rig.to(s.far.leg).back()->to, s.far.address);
}

TEST(Exchange, OneLegMoreThanTheBoundIsRefusedAndClosingLeavesNothing) {
  Rig rig;
  for (std::uint64_t i = 1; i <= kMaxLegs; ++i) {
    OpenLeg open;
    open.leg = LegId{i};
    rig.command(open);
  }
  EXPECT_EQ(rig.exchange.legs(), kMaxLegs);
  EXPECT_TRUE(rig.told.empty());
  OpenLeg open;
  open.leg = LegId{kMaxLegs + 1};
  rig.command(open);
  EXPECT_EQ(rig.heard<LegClosed>().size(), 1u);
  for (std::uint64_t i = 1; i <= kMaxLegs; ++i) rig.command(CloseLeg{LegId{i}});
  EXPECT_EQ(rig.exchange.legs(), 0u);
  EXPECT_FALSE(rig.exchange.next_deadline());
}

TEST(Exchange, AHundredFlipsLeaveNothingBehind) {
  FlipScene s;
  s.b.talking = true;
  for (std::uint64_t i = 0; i < 100; ++i) {
    s.flip_to(i % 2 == 0 ? s.b : s.a, FlipId{i + 1});
    s.rig.run_for(120ms, s.all());
  }
  EXPECT_EQ(s.rig.heard<Spliced>().size(), 100u);
  const auto out = s.rig.to(s.far.leg);
  expect_unbroken(out);
  for (std::size_t i = 1; i < out.size(); ++i) {
    ASSERT_EQ(out[i]->view.timestamp - out[i - 1]->view.timestamp, 160u);
    ASSERT_LE(out[i]->at - out[i - 1]->at, 40ms);
  }
}

}  // namespace
}  // namespace segue::media
