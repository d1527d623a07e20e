#include "app/throttle.h"

#include <gtest/gtest.h>

namespace segue::app {
namespace {

TEST(Throttle, LetsABurstThroughThenSoManyASecondAndCountsTheRest) {
  Throttle throttle;
  const Instant start{std::chrono::seconds(5)};
  for (int i = 0; i < 20; ++i) EXPECT_EQ(throttle.admit("x", start), "x") << i;
  for (int i = 0; i < 7; ++i) EXPECT_EQ(throttle.admit("x", start), std::nullopt) << i;
  EXPECT_EQ(throttle.admit("y", start + 500ms), "y (7 lines like this were left out)");
  EXPECT_EQ(throttle.admit("z", start + 500ms), std::nullopt);
  EXPECT_EQ(throttle.admit("z", start + 1000ms), "z (1 lines like this were left out)");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(throttle.admit("x", start + 1h), "x") << "a quiet hour brings one burst, no more";
  EXPECT_EQ(throttle.admit("x", start + 1h), std::nullopt);
}

}  // namespace
}  // namespace segue::app
