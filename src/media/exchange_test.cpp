#include "media/exchange.h"

#include <gtest/gtest.h>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Phone;
using test::Rig;

/// A call between a and far that has run for a while, with b opened as well: what a flip begins with.
struct FlipScene {
  explicit FlipScene(Duration b_phase = 7ms, unsigned b_ptime = 20) {
    rig.connect(a, far);
    a.hertz = 300;
    b.hertz = 410;
    a.talking = far.talking = true;
    b.ptime_ms = b_ptime;
    b.sequence = 65533;
    b.timestamp = 0xFFFFFF00;
    rig.run_for(2s, all());
    b.next = a.next + b_phase;
  }
  std::vector<Phone*> all() { return {&a, &b, &far}; }
  void flip_to(Phone& to, FlipId flip = FlipId{1}) {
    rig.command(WatchLine{far.leg, flip});
    to.talking = true;
    rig.command(SetSource{to.leg, FromLeg{far.leg}});
    rig.command(ArmSplice{far.leg, to.leg, flip, false, rig.now});
  }
  Rig rig;
  Phone far = rig.add(1);
  Phone a = rig.add(2);
  Phone b = rig.add(3);
};

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

}  // namespace
}  // namespace segue::media
