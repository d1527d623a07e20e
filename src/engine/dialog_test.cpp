// What a phone may ask in a call, and what the server itself sends into one.
#include "engine/engine_harness.h"

namespace segue::engine {
namespace {

using namespace testing;

LegId opened(const Server& t, std::size_t n) { return t.commands<media::OpenLeg>().at(n).leg; }

TEST(InACall, WhatIsNotServedIsRefusedAndNotThrownAway) {
  Server t;
  t.bob_and_ada_talk();
  const auto asked = [&](const char* method, std::string body = {}) {
    std::vector<sip::Header> headers;
    if (!body.empty()) headers.push_back({"Content-Type", "text/plain"});
    (void)t.bob.agent.request_in_session(t.bob_session, method, headers, std::move(body), t.now());
    t.run();
    return t.bob.last<sip::ResponseReceived>()->response;
  };
  const auto text = asked("MESSAGE", "are you there?");
  EXPECT_EQ(text.status, 405);
  EXPECT_NE(text.get("Allow").find("INFO"), std::string_view::npos);
  EXPECT_EQ(text.get("Allow").find("MESSAGE"), std::string_view::npos);
  EXPECT_EQ(asked("NOTIFY").status, 481);
  EXPECT_EQ(asked("SUBSCRIBE").status, 489);
  EXPECT_EQ(asked("REFER").status, 603);
  EXPECT_EQ(asked("NONSENSE").status, 501);
  EXPECT_EQ(asked("INFO").status, 200) << "without a body it asks only whether we are there";
  EXPECT_EQ(t.engine.calls().calls().size(), 1U);
}

TEST(InACall, InfoWithoutACallIsRefusedAsSuch) {
  Server t;
  sip::Message m;
  m.method = "INFO";
  m.request_uri = *sip::Uri::parse("sip:1001@segue.test");
  m.add("From", "<sip:desk@segue.test>");
  m.add("To", "<sip:1001@segue.test>");
  EXPECT_EQ(t.asks(t.desk, m).status, 481);
}

// ---- what is not of the flip

sip::AgentConfig without_update() {
  sip::AgentConfig c;
  c.allow = "INVITE, ACK, CANCEL, BYE, OPTIONS";
  c.session_expires = 90s;
  return c;
}

TEST(InACall, AFlipIsNotBlamedForTheSessionTimerOrForAskingASilentParty) {
  Server t(DigestOffer::Md5, without_update());
  for (Phone* p : {&t.desk, &t.mobile, &t.bob}) EXPECT_EQ(t.registers(*p).status, 200);
  t.dials(t.desk, "1002");
  const auto bobs = t.answers(t.bob);
  t.passes(44s);
  ASSERT_EQ(t.bob.requests("INVITE"), 1U);
  const auto flip = t.engine.flip(
      {t.engine.calls().calls().at(0).id, kAda, {}, kMobile, call::FlipMode::Ring, call::FlipTrigger::Api}, t.now());
  ASSERT_TRUE(flip);
  t.run();
  t.answers(t.mobile);
  t.media(media::Spliced{*flip, opened(t, 1), opened(t, 0), opened(t, 2), t.at});
  t.passes(1s);
  EXPECT_EQ(t.bob.requests("INVITE"), 2U) << "the refresh at half time";
  t.bob.agent.answer_offer(bobs, Server::offer(t.bob), t.now());
  t.run();
  t.media(media::MediaDead{opened(t, 1), 30s});
  EXPECT_EQ(t.bob.requests("OPTIONS"), 1U);
  auto measured = std::make_shared<media::SpliceMeasurement>();
  measured->flip = *flip;
  measured->line = opened(t, 1);
  measured->spliced = true;
  t.media(media::SpliceMeasured{measured});
  const auto* record = t.engine.calls().flip_record(*flip);
  ASSERT_TRUE(record != nullptr && record->report);
  EXPECT_EQ(record->report->lines.at(0).key, "sip_to_far");
  EXPECT_EQ(record->report->lines.at(0).number, 0.0);
}

}  // namespace
}  // namespace segue::engine
