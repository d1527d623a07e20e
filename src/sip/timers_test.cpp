#include "sip/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"

namespace segue::sip {
namespace {

TEST(TimerQueue, FiresInOrderAndEqualDeadlinesInTheOrderOfArming) {
  TimerQueue q;
  TimerHandle a, b, c;
  const Instant t{};
  q.arm(a, t + 2s, TimerKind::Refresh, 1);
  q.arm(b, t + 1s, TimerKind::Expiry, 2);
  q.arm(c, t + 2s, TimerKind::ClientEnd, 3);
  EXPECT_EQ(q.next(), t + 1s);
  EXPECT_FALSE(q.pop(t));
  EXPECT_EQ(q.pop(t + 3s)->owner, 2U);
  EXPECT_EQ(q.pop(t + 3s)->owner, 1U);
  EXPECT_EQ(q.pop(t + 3s)->owner, 3U);
  EXPECT_EQ(q.size(), 0U);
  EXPECT_FALSE(q.next());
}

TEST(TimerQueue, AHandleThatFiredIsStale) {
  TimerQueue q;
  TimerHandle a, b;
  q.arm(a, Instant{}, TimerKind::Refresh, 1);
  EXPECT_TRUE(q.pop(Instant{}));
  EXPECT_FALSE(q.armed(a));
  q.arm(b, Instant{}, TimerKind::Refresh, 2);  // takes the slot that a had
  q.cancel(a);
  EXPECT_TRUE(q.armed(b));
}

// Against a plain ordered map: any mixture of arming, moving, cancelling and firing gives the same.
TEST(TimerQueue, AgreesWithAnOrderedMapOverTenThousandSteps) {
  Random random(42);
  TimerQueue q;
  std::vector<TimerHandle> handles(50);
  std::map<std::uint64_t, Instant> model;
  Instant now{};
  for (int step = 0; step < 10000; ++step) {
    const std::uint64_t i = random.below(handles.size());
    switch (random.below(3)) {
      case 0:
        model[i] = now + Duration(random.below(1000));
        q.arm(handles[i], model[i], TimerKind::Refresh, i);
        break;
      case 1:
        q.cancel(handles[i]);
        model.erase(i);
        break;
      default:
        now += Duration(random.below(50));
        while (const auto due = q.pop(now)) {
          ASSERT_LE(model.at(due->owner), now);
          model.erase(due->owner);
        }
        break;
    }
    const auto first =
        std::min_element(model.begin(), model.end(), [](auto& a, auto& b) { return a.second < b.second; });
    ASSERT_EQ(q.next(), first == model.end() ? std::nullopt : std::optional(first->second));
    ASSERT_EQ(q.size(), model.size());
  }
}

}  // namespace
}  // namespace segue::sip
