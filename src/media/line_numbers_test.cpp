// Numbers of a line around made keys, noise and splices: what the simulator found, each at every moment it could
// happen.
#include <gtest/gtest.h>

#include <set>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Phone;
using test::Rig;

struct Scene {
  Scene() : far(rig.add(1)), a(rig.add(2)), b(rig.add(3)) {
    rig.connect(a, far);
    a.talking = true;
    rig.run_for(500ms, {&a});
  }
  void make_key() { rig.command(InjectDigit{a.leg, '9', 100}); }
  void event(std::uint32_t timestamp, std::uint16_t duration, bool end, bool marker) {
    Bytes bytes(16);
    rtp::write_header(bytes, {marker, 101, a.sequence++, timestamp, a.ssrc});
    rtp::write_telephone_event(MutableBytes(bytes).subspan(12), {5, end, 10, duration});
    rig.receive(a, bytes);
  }
  void press() {
    const std::uint32_t start = a.timestamp;
    for (int i = 0; i < 7; ++i) {
      rig.run_until(a.next, {});
      event(start, static_cast<std::uint16_t>(160 * std::min(i + 1, 5)), i >= 4, i == 0);
      a.timestamp += 160;
      a.next += 20ms;
    }
  }
  void expect_each_number_once(int moment) const {
    const auto out = rig.to(far.leg);
    for (std::size_t i = 1; i < out.size(); ++i) {
      ASSERT_EQ(out[i]->view.sequence, static_cast<std::uint16_t>(out[i - 1]->view.sequence + 1))
          << "packet " << i << ", moment " << moment;
    }
  }
  Rig rig;
  Phone far, a, b;
};

TEST(LineNumbers, AKeyThatPassesAfterAMadeKeySharesNoNumberWithTheNoiseBetween) {
  for (int moment = 0; moment < 400; moment += 5) {
    Scene s;
    s.make_key();
    s.rig.run_for(std::chrono::milliseconds(moment), {&s.a});
    s.press();
    s.rig.run_for(500ms, {&s.a});
    s.expect_each_number_once(moment);
  }
}

TEST(LineNumbers, ASourceThatWasSilentThroughTheNoiseFollowsIt) {
  for (int slots = 1; slots < 60; ++slots) {
    Scene s;
    s.make_key();
    for (int i = 0; i < slots; ++i) s.a.silent_slot();
    s.rig.run_until(s.a.next, {});
    s.rig.run_for(200ms, {&s.a});
    s.expect_each_number_once(slots);
  }
}

TEST(LineNumbers, ASourceThatAMadeKeyCoveredHasNoLatePacketsAtTheSplice) {
  for (int moment = 0; moment < 400; moment += 5) {
    Scene s;
    s.make_key();
    s.b.next = s.rig.now + 3ms;
    s.b.talking = true;
    s.rig.run_for(std::chrono::milliseconds(moment), {&s.a});
    s.b.next = s.rig.now + 3ms;
    s.rig.command(ArmSplice{s.far.leg, s.b.leg, FlipId{1}, false, s.rig.now});
    s.rig.run_for(500ms, {&s.a, &s.b});
    ASSERT_EQ(s.rig.heard<Spliced>().size(), 1U);
    std::set<std::uint16_t> seen;
    for (const auto* p : s.rig.to(s.far.leg)) {
      ASSERT_TRUE(seen.insert(p->view.sequence).second) << "twice " << p->view.sequence << ", moment " << moment;
    }
  }
}

}  // namespace
}  // namespace segue::media
