// Test support: one call that flips, with a far party and two devices of the other side.
#pragma once

#include "media/test_rig.h"

namespace segue::media::test {

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

}  // namespace segue::media::test
