// A talking call, and the words in which the tests of flips speak about it.
#pragma once

#include <algorithm>
#include <string>

#include "call/core_harness.h"

namespace segue::call::testing {

/// Bob (caller, far) and Ada (callee, on her desk) talk.
struct Flip : ::testing::Test {
  Flip() { t.bob_and_ada_talk(); }

  FlipId to(DeviceId device) {
    const auto id = t.flip_to(device);
    EXPECT_TRUE(id) << (id ? "" : id.error().text);
    return id.value_or(FlipId{});
  }
  const FlipRecord& flip(FlipId id) const {
    const auto& flips = t.record().flips;
    return *std::find_if(flips.begin(), flips.end(), [&](const auto& f) { return f.id == id; });
  }
  void expect_failed(FlipId id, FlipOutcome outcome) {
    EXPECT_EQ(flip(id).outcome, outcome);
    EXPECT_EQ(flip(id).state, "failed");
    EXPECT_TRUE(flip(id).ended_at);
    EXPECT_FALSE(flip(id).to);
  }
  /// The call goes on with A as if nothing had been.
  void expect_untouched() {
    EXPECT_EQ(t.record().state, CallState::Talking);
    EXPECT_EQ(t.record().callee_device, kDesk);
    EXPECT_FALSE(t.released(t.ada));
    EXPECT_FALSE(t.released(t.bob));
    EXPECT_EQ(t.hears(t.bob), heard(t.ada));
    EXPECT_EQ(t.hears(t.ada), heard(t.bob));
    for (const auto& set : t.all<SetAudio>()) EXPECT_NE(set.leg, t.bob) << "the far party's line was touched";
    ASSERT_TRUE(t.last<UnwatchFlip>());
    t.reported(t.last<UnwatchFlip>()->flip);
    EXPECT_EQ(t.core.sizes().flips, 0U);
    EXPECT_EQ(t.core.sizes().legs, 2U);
  }
  void expect_moved_to(DeviceId device, LegId leg) {
    EXPECT_EQ(t.record().callee_device, device);
    EXPECT_EQ(t.hears(t.bob), heard(leg));
    EXPECT_EQ(t.hears(leg), heard(t.bob));
    EXPECT_FALSE(t.released(leg));
    EXPECT_FALSE(t.released(t.bob));
  }
  static std::string heard(LegId leg) { return "leg " + std::to_string(leg.value); }

  House t;
};

}  // namespace segue::call::testing
