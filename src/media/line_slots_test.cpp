// Slots of a line where its source changes, comes back or presses keys: what the simulator found, each at every moment
// or phase at which it could happen.
#include <gtest/gtest.h>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Phone;
using test::Rig;

constexpr Duration kStep = 250us;

struct Scene {
  explicit Scene(unsigned a_ms = 20, unsigned b_ms = 20)
      : far(rig.add(1)), a(rig.add(2, Codec::Pcmu, a_ms)), b(rig.add(3, Codec::Pcmu, b_ms)) {
    rig.connect(a, far);
    a.talking = true;
    rig.run_for(300ms, {&a});
  }
  void b_talks_in(Duration phase) {
    b.next = rig.now + phase;
    b.talking = true;
  }
  /// One packet of a's key; its audio clock goes on with it.
  void key(Phone& phone, std::uint32_t start, unsigned packets, bool end, Duration late = {}) {
    rig.run_until(phone.next + late, {});
    Bytes bytes(16);
    rtp::write_header(bytes, {packets == 1, 101, phone.sequence, start, phone.ssrc});
    const auto ticks = static_cast<std::uint16_t>(8 * phone.ptime_ms * packets);
    rtp::write_telephone_event(MutableBytes(bytes).subspan(12), {10, end, 10, ticks});
    rig.receive(phone, bytes);
    phone.advance(8 * phone.ptime_ms);
  }
  /// Every slot from the `from`th packet on has its packet, every number too, and none waits longer than two frames.
  void expect_no_slot_left_out(const std::string& where, std::size_t from = 0) const {
    const auto out = rig.to(far.leg);
    for (std::size_t i = from + 1; i < out.size(); ++i) {
      const auto& p = out[i - 1]->view;
      const auto& q = out[i]->view;
      ASSERT_EQ(q.sequence, static_cast<std::uint16_t>(p.sequence + 1)) << where << ", packet " << i;
      if (p.payload_type != 0 || q.payload_type != 0) continue;
      ASSERT_EQ(q.timestamp - p.timestamp, p.payload.size()) << where << ", packet " << i;
      ASSERT_LE(out[i]->at - out[i - 1]->at, 60ms) << where << ", packet " << i;
    }
  }
  /// No packet leaves more than a frame before its time by the first one's clock.
  void expect_no_running_ahead(const std::string& where) const {
    const auto out = rig.to(far.leg);
    for (const auto* p : out) {
      if (p->view.payload_type != 0) continue;
      const auto slot = out.front()->at + (p->view.timestamp - out.front()->view.timestamp) * 125us;
      ASSERT_LE(slot - p->at, 20ms) << where;
    }
  }
  [[nodiscard]] std::size_t sent() const { return rig.to(far.leg).size(); }
  Rig rig;
  Phone far, a, b;
};

std::string at(Duration phase) { return "phase " + std::to_string(to_ms(phase)) + " ms"; }

TEST(LineSlots, ASourceWhosePacketsComeAtTheVeryMomentsOfTheNoiseIsHeard) {
  Scene s;
  s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, true, s.rig.now});
  for (int i = 0; i < 5; ++i) {
    const auto due = s.rig.exchange.next_deadline();
    ASSERT_TRUE(due);
    s.rig.idle_until(*due - 1ns);
    s.rig.now = *due;  // the packet is read before the noise is due to be sent
    s.rig.receive(s.b, s.b.packet());
    s.rig.idle_until(*due);
    if (s.rig.exchange.next_deadline() > *due + 100ms) return;  // no more noise
  }
  FAIL() << "noise for ever";
}

TEST(LineSlots, ASourceThatFollowsMusicLeavesNoSlotOut) {
  for (Duration phase{}; phase < 40ms; phase += kStep) {
    Scene s;
    s.rig.command(SetSource{s.far.leg, FromClip{Clip::Music, true}});
    s.rig.run_for(100ms, {});
    const auto from = s.sent() - 1;
    s.b_talks_in(phase);
    s.rig.run_for(phase / 2, {});
    s.rig.command(SetSource{s.far.leg, FromLeg{s.b.leg}});
    s.rig.run_for(200ms, {&s.b});
    s.expect_no_slot_left_out(at(phase), from);
  }
}

TEST(LineSlots, ASourceThatIsSetInPlaceOfAnotherLeavesNoSlotOut) {
  for (Duration phase{}; phase < 40ms; phase += kStep) {
    Scene s;
    s.b_talks_in(phase);
    s.rig.command(SetSource{s.far.leg, FromLeg{s.b.leg}});
    s.rig.run_for(200ms, {&s.b});
    s.expect_no_slot_left_out(at(phase));
  }
}

TEST(LineSlots, NewSourceWaitsForItsSlotAFrameAtMost) {
  for (Duration phase{}; phase < 20ms; phase += kStep) {
    for (Duration early{}; early < 16ms; early += 1ms) {
      Scene s;
      s.rig.run_until(s.a.next - early, {&s.a});
      s.a.next -= early;  // a network that is quick for once
      s.b_talks_in(phase);
      const Instant first = s.b.next;
      s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, false, s.rig.now});
      s.rig.run_for(120ms, {&s.a, &s.b});
      const auto out = s.rig.to(s.far.leg);
      const auto spliced = s.rig.heard<Spliced>().at(0).at;
      const auto heard = std::find_if(out.begin(), out.end(), [&](const auto* p) { return p->at >= spliced; });
      ASSERT_LE((*heard)->at - first, 40ms) << at(phase) << ", " << at(early);
    }
  }
}

TEST(LineSlots, AKeyWhoseFirstPacketIsLateOrLostIsCoveredFromItsOwnSlotOn) {
  for (const bool lost : {false, true}) {
    for (Duration late{}; late < 9ms; late += 1ms) {
      Scene s(10);
      s.rig.command(SetDigitGate{s.a.leg, true, {"*1"}});
      const std::uint32_t start = s.a.timestamp;
      if (lost) s.a.advance(80);
      const auto from = s.sent() - 1;
      for (unsigned n = lost ? 2 : 1; n < 8; ++n) s.key(s.a, start, n, false, n <= 2 ? late : Duration{});
      const auto out = s.rig.to(s.far.leg);
      ASSERT_EQ(out.at(from + 1)->view.timestamp - out.at(from)->view.timestamp, lost ? 160U : 80U) << at(late);
      s.expect_no_slot_left_out(at(late), from + 1);
    }
  }
}

TEST(LineSlots, ASourceThatComesBackAfterNoiseInLongerSlotsLeavesNoPartOfOneOut) {
  for (Duration phase{}; phase < 60ms; phase += kStep) {
    Scene s(30, 20);
    s.rig.command(SetDigitGate{s.b.leg, true, {"*1"}});
    s.b_talks_in(phase);
    s.rig.command(SetSource{s.far.leg, FromLeg{s.b.leg}});
    const std::uint32_t start = s.b.timestamp;
    for (unsigned n = 1; n < 6; ++n) s.key(s.b, start, n, n >= 3);
    s.rig.run_for(300ms, {&s.b});
    s.expect_no_slot_left_out(at(phase));
  }
}

TEST(LineSlots, AKeyThatIsUnderWayWhenItsPhoneIsHeardDoesNotPushTheLineAhead) {
  for (Duration moment{}; moment < 200ms; moment += 5ms) {
    Scene s;
    s.b.next = s.rig.now;
    const std::uint32_t start = s.b.timestamp;
    const Instant heard_from = s.rig.now + moment;
    for (unsigned n = 1; n < 9; ++n) {
      if (s.b.next >= heard_from) s.rig.command(SetSource{s.far.leg, FromLeg{s.b.leg}});
      s.key(s.b, start, std::min(n, 6U), n >= 6);
    }
    s.rig.command(SetSource{s.far.leg, FromLeg{s.b.leg}});
    s.b.talking = true;
    s.rig.run_for(200ms, {&s.b});
    s.expect_no_running_ahead(at(moment));
  }
}

TEST(LineSlots, AMadeKeyThatAHoldHasCutShortIsForgotten) {
  for (Duration moment{}; moment < 200ms; moment += 5ms) {
    Scene s;
    s.rig.command(InjectDigit{s.a.leg, '9', 100});
    s.rig.run_for(moment, {&s.a});
    SetRemote held = Rig::remote_of(1);
    held.send = false;
    s.rig.command(held);
    s.rig.run_for(500ms, {&s.a});
    s.rig.command(Rig::remote_of(1));
    s.rig.run_for(200ms, {&s.a});
    s.rig.command(InjectDigit{s.a.leg, '9', 100});
    s.rig.run_for(300ms, {&s.a});
    const auto out = s.rig.to(s.far.leg);
    for (std::size_t i = 1; i < out.size(); ++i) {
      const auto ahead = rtp::timestamp_distance(out[i]->view.timestamp, out[i - 1]->view.timestamp);
      ASSERT_GE(ahead, 0) << at(moment) << ", packet " << i;
    }
  }
}

TEST(LineSlots, NoiseDoesNotOvertakeASourceOfLongerFramesForGood) {
  for (Duration phase{}; phase < 30ms; phase += 1ms) {
    Scene s(20, 30);
    s.rig.command(SetDigitGate{s.b.leg, true, {"*1"}});
    s.b_talks_in(phase);
    s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, false, s.rig.now});
    while (s.rig.heard<Spliced>().empty()) s.rig.run_until(std::min(s.a.next, s.b.next) + 1ns, {&s.a, &s.b});
    const std::uint32_t start = s.b.timestamp;
    for (unsigned n = 1; n <= 6; ++n) s.key(s.b, start, std::min(n, 4U), n >= 4);
    const Instant over = s.rig.now;
    s.rig.run_for(150ms, {&s.b});
    const auto out = s.rig.to(s.far.leg);
    const auto heard = std::find_if(out.begin(), out.end(), [&](const auto* packet) {
      return packet->at > over && packet->view.payload.size() == 240;
    });
    ASSERT_NE(heard, out.end()) << at(phase);
    ASSERT_LE((*heard)->at - over, 70ms) << at(phase);
    s.expect_no_slot_left_out(at(phase));
  }
}

TEST(LineSlots, ShortFramesAfterLongOnesAreJudgedByTheLongOnes) {
  for (Duration phase{}; phase < 30ms; phase += 1ms) {
    for (Duration back{}; back < 10ms; back += 500us) {
      Scene s(30, 30);
      s.b_talks_in(phase);
      s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, false, s.rig.now});
      s.rig.run_for(200ms, {&s.a, &s.b});
      s.a.ptime_ms = s.b.ptime_ms = 10;
      s.rig.run_for(100ms, {&s.b});
      s.a.next = s.b.next + back;
      s.rig.command(ArmSplice{s.far.leg, s.a.leg, FlipId{2}, false, s.rig.now});
      s.rig.run_for(200ms, {&s.a, &s.b});
      ASSERT_EQ(s.rig.heard<Spliced>().size(), 2U);
      s.expect_no_slot_left_out(at(phase) + ", back " + std::to_string(to_ms(back)));
    }
  }
}

}  // namespace
}  // namespace segue::media
