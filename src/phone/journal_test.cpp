#include "phone/journal.h"

#include <gtest/gtest.h>

namespace segue::phone {
namespace {

using Kind = PhoneEvent::Kind;

TEST(Journal, WaitSeesWhatCameAfterTheMarkOnly) {
  Journal journal;
  journal.event({Kind::Ringing, Instant(1s), 180, "first"});
  const Mark mark = journal.mark();
  EXPECT_FALSE(journal.wait({Kind::Ringing}, mark, 0ms).has_value());
  journal.event({Kind::Ended, Instant(2s), 0, ""});
  journal.event({Kind::Ringing, Instant(3s), 180, "second"});
  EXPECT_EQ(journal.wait({Kind::Ringing}, mark, 0ms)->text, "second");
  EXPECT_EQ(journal.wait({Kind::Ringing}, 0, 0ms)->text, "first");
}

TEST(Journal, ForgetsTheOldestPastItsBoundAndCountsIt) {
  JournalLimits limits;
  limits.rtp = 3;
  limits.events = 2;
  Journal journal(limits);
  for (int i = 0; i < 3; ++i) journal.rtp({Instant(i * 1s), {}, {}});
  EXPECT_EQ(journal.copy().forgotten, 0U);
  journal.rtp({Instant(9s), {}, {}});
  EXPECT_EQ(journal.copy().rtp.size(), 3U);
  EXPECT_EQ(journal.copy().forgotten, 1U);
  for (int i = 0; i < 5; ++i) journal.event({Kind::Heard, Instant(i * 1s), i, ""});
  EXPECT_EQ(journal.mark(), 5U);
  EXPECT_EQ(journal.wait({Kind::Heard}, 0, 0ms)->status, 3);
}

TEST(Journal, ForgetBeforeKeepsRtcpWhole) {
  Journal journal;
  journal.rtp({Instant(1s), {}, {}});
  journal.rtp({Instant(3s), {}, {}});
  journal.rtcp({Instant(1s), {}, {}});
  journal.forget_before(Instant(2s));
  EXPECT_EQ(journal.copy().rtp.size(), 1U);
  EXPECT_EQ(journal.copy().rtcp.size(), 1U);
  EXPECT_EQ(journal.copy(Instant(4s)).rtp.size(), 0U);
}

}  // namespace
}  // namespace segue::phone
