// RFC 4028 session timers.
#include "sip/agent_test_support.h"
#include "sip/session_timer.h"

namespace segue::sip::testing {
namespace {

Message asking(std::string expires, std::string supported, std::string min_se = {}) {
  Message m;
  m.method = "INVITE";
  if (!expires.empty()) m.add("Session-Expires", std::move(expires));
  if (!supported.empty()) m.add("Supported", std::move(supported));
  if (!min_se.empty()) m.add("Min-SE", std::move(min_se));
  return m;
}

std::string reply(const Message& m, const AgentConfig& config = {}) {
  const auto r = answer_session_timer(m, config);
  if (const auto* small = std::get_if<SessionTimerTooSmall>(&r)) return "422 " + seconds_text(small->min_se);
  if (const auto* a = std::get_if<SessionTimerAnswer>(&r))
    return a->session_expires() + (a->require ? " required" : "");
  return "off";
}

TEST(SessionTimer, TheCalleesAnswerByTheTableOfSection9) {
  EXPECT_EQ(reply(asking("1800", "timer")), "1800;refresher=uac required");
  EXPECT_EQ(reply(asking("1800;refresher=uac", "100rel, timer")), "1800;refresher=uac required");
  EXPECT_EQ(reply(asking("1800;refresher=uas", "timer")), "1800;refresher=uas");
  EXPECT_EQ(reply(asking("1800", "")), "1800;refresher=uas");
  EXPECT_EQ(reply(asking("", "timer")), "1800;refresher=uac required");
  EXPECT_EQ(reply(asking("", "")), "off");
  EXPECT_EQ(reply(asking("60", "timer")), "422 90");
  EXPECT_EQ(reply(asking("60", "")), "90;refresher=uas");
  EXPECT_EQ(reply(asking("7200", "timer")), "1800;refresher=uac required");
  EXPECT_EQ(reply(asking("7200", "timer", "3600")), "3600;refresher=uac required");
  EXPECT_EQ(reply(asking("nonsense", "")), "off");
  EXPECT_EQ(reply(asking("99999999999999", "timer", "99999999999999")), "86400;refresher=uac required");
  AgentConfig quiet;
  quiet.session_expires = std::nullopt;
  EXPECT_EQ(reply(asking("", "timer"), quiet), "off");
  EXPECT_EQ(reply(asking("600", "timer"), quiet), "600;refresher=uac required");
}

Message accepted(const PeerAndAgent& t, std::string expires, std::string allow, std::string_view method = "INVITE") {
  Message ok = t.peer.response(t.net.last(t.bob, method), 200, "x", method == "INVITE" ? std::string(kAnswer) : "");
  ok.add("Session-Expires", std::move(expires));
  ok.add("Allow", std::move(allow));
  return ok;
}

TEST(SessionTimer, TheCallerAsksAndRefreshesByUpdateAtHalfTime) {
  PeerAndAgent t;
  t.invite();
  EXPECT_EQ(t.net.last(t.bob, "INVITE").get("Session-Expires"), "1800");
  EXPECT_EQ(t.net.last(t.bob, "INVITE").get("Min-SE"), "90");
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.log.clear();
  t.net.run_for(99s);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 0U);
  t.net.run_for(1s);
  const Message update = t.net.last(t.bob, "UPDATE");
  EXPECT_EQ(update.get("Session-Expires"), "200;refresher=uac");
  EXPECT_EQ(update.body, "");
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE", "UPDATE"));
  t.net.run_for(100s);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 2U);
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE", "UPDATE"));
  EXPECT_EQ(t.bob.count<SessionEnded>() + t.bob.count<OfferAnswered>(), 0U);
}

TEST(SessionTimer, WithoutUpdateTheRefreshIsAReInviteWithTheSdpInForce) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, BYE"));
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.responds(488, "x");  // refused: the first SDP stays in force
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 488);
  t.net.log.clear();
  t.net.run_for(100s);
  EXPECT_EQ(t.net.last(t.bob, "INVITE").body, kOffer);
  t.says(accepted(t, "200;refresher=uac", "INVITE"));
  EXPECT_EQ(t.net.count(t.bob, "ACK"), 1U);
  EXPECT_EQ(t.bob.count<OfferAnswered>(), 0U) << "the same answer is no news";
  t.net.run_for(100s);
  Message moved = accepted(t, "200;refresher=uac", "INVITE");
  moved.body = kHold;
  t.says(moved);
  EXPECT_EQ(t.bob.expect<OfferAnswered>().sdp, kHold) << "a changed one is";
}

TEST(SessionTimer, APeerThatRefusesUpdateGetsAReInvite) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.log.clear();
  t.net.run_for(100s);
  t.responds(405, "x", {}, "UPDATE");
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"UPDATE", "INVITE"}));
  EXPECT_EQ(t.net.last(t.bob, "INVITE").body, kOffer);
}

TEST(SessionTimer, ItsRequestsAreMarkedAndNoOthersAre) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.collect();
  t.responds(488, "x");
  t.net.run_for(102s);
  ASSERT_GE(t.net.count(t.bob, "UPDATE"), 2U) << "once repeated";
  t.responds(405, "x", {}, "UPDATE");
  t.responds(100, "", {}, "INVITE");
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  bool updated = false;
  for (const auto& s : t.net.log) {
    updated |= s.m.is("UPDATE");
    EXPECT_EQ(s.refresh, s.m.is("UPDATE") || (updated && s.m.is("INVITE"))) << s.bytes;
  }
}

TEST(SessionTimer, GlareOfARefreshIsRetriedWithTheSdpInForce) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.log.clear();
  t.net.run_for(100s);
  t.responds(491, "x", {}, "UPDATE");
  t.net.run_for(5s);
  EXPECT_EQ(t.net.last(t.bob, "INVITE").body, kOffer);
  EXPECT_EQ(t.bob.count<OfferAnswered>(), 0U);
}

Message busy(const PeerAndAgent& t, std::string_view method, int status, std::string retry_after = {}) {
  Message m = t.peer.response(t.net.last(t.bob, method), status, "x");
  if (!retry_after.empty()) m.add("Retry-After", std::move(retry_after));
  return m;
}

TEST(SessionTimer, ARefusedUpdateWaitsAsLongAsItIsTold) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.log.clear();
  t.net.run_for(100s);
  t.says(busy(t, "UPDATE", 500, "7 (one moment);duration=60"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"UPDATE"}));
  t.net.run_for(6s);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 1U);
  t.net.run_for(1s);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 2U);
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE", "UPDATE"));
  t.net.run_for(99s);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 2U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U) << "the terms were renewed";
}

TEST(SessionTimer, ARefusedReInviteIsTriedAgainBeforeTheEnd) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, BYE"));
  t.net.log.clear();
  t.net.run_for(100s);
  // 168 s is the end (200 less the margin of section 10): 500 asks for more than half of the 68 s left.
  t.says(busy(t, "INVITE", 500, "60"));
  t.net.run_for(33s);
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 1U);
  t.net.run_for(1s);
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 2U);
  t.says(busy(t, "INVITE", 488));  // a quarter of 34 s
  t.net.run_for(8s);
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 2U);
  t.net.run_for(600ms);
  EXPECT_EQ(t.net.count(t.bob, "INVITE"), 3U);
  EXPECT_EQ(t.net.last(t.bob, "INVITE").body, kOffer);
  t.says(accepted(t, "200;refresher=uac", "INVITE"));
  t.net.run_for(90s);
  EXPECT_EQ(t.bob.count<SessionEnded>() + t.bob.count<OfferAnswered>(), 0U);
}

TEST(SessionTimer, APeerThatRefusesEveryRefreshLosesTheCallAtTheEndOnly) {
  PeerAndAgent t;
  t.net.lose = [](const Sent&) { return true; };
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, BYE"));
  t.net.log.clear();
  for (int second = 0; second < 167; ++second) {
    const auto before = t.net.count(t.bob, "INVITE");
    t.net.run_for(1s);
    if (t.net.count(t.bob, "INVITE") > before) t.says(busy(t, "INVITE", 488));
  }
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  EXPECT_GT(t.net.count(t.bob, "INVITE"), 5U);
  EXPECT_LT(t.net.count(t.bob, "INVITE"), 40U);
  t.net.run_for(2s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::SessionExpired);
  t.expect_clean();
}

TEST(SessionTimer, AnOfferOfTheOwnerThatIsRefusedWhenARefreshIsDueLeavesTheRefresh) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.run_for(99s);
  t.bob.agent.reinvite(t.s, std::string(kHold), t.net.now);
  t.net.run_for(2s);
  t.responds(488, "x");
  EXPECT_EQ(t.bob.expect<OfferAnswered>().status, 488);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 0U);
  t.net.run_for(20s);
  EXPECT_GE(t.net.count(t.bob, "UPDATE"), 1U);
}

TEST(SessionTimer, ARefreshWithoutAnswerEndsTheCallWithBye) {
  PeerAndAgent t;
  t.invite();
  t.says(accepted(t, "200;refresher=uac", "INVITE, UPDATE"));
  t.net.run_for(133s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::SessionExpired);
  EXPECT_EQ(t.net.count(t.bob, "BYE") > 0, true);
  t.expect_clean();
}

TEST(SessionTimer, APeerThatDoesNotRefreshIsByedSlightlyBeforeTheEnd) {
  PeerAndAgent t;
  Message invite = t.peer.request("INVITE", 1, "invite", std::string(kOffer));
  invite.add("Session-Expires", "120;refresher=uac");
  invite.add("Supported", "timer");
  t.says(invite);
  t.s = t.bob.agent.accept_invite(t.bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2>"),
                                  t.net.now);
  t.answer();
  EXPECT_EQ(t.net.last(t.bob, "200 INVITE").get("Session-Expires"), "120;refresher=uac");
  EXPECT_EQ(t.net.last(t.bob, "200 INVITE").get("Require"), "timer");
  t.ack();
  t.net.run_for(80s);
  Message refresh = t.peer.request("UPDATE", 2, "refresh");
  refresh.add("Session-Expires", "120;refresher=uac");
  refresh.add("Supported", "timer");
  t.says(refresh);
  EXPECT_EQ(t.net.last(t.bob, "200 UPDATE").get("Session-Expires"), "120;refresher=uac");
  t.net.run_for(87s);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  t.net.run_for(2s);
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::SessionExpired);
  t.expect_clean();
}

TEST(SessionTimer, ATooShortOneGets422BeforeTheOwnerSeesIt) {
  PeerAndAgent t;
  Message invite = t.peer.request("INVITE", 1, "invite", std::string(kOffer));
  invite.add("Session-Expires", "30");
  invite.add("Supported", "timer");
  t.says(invite);
  EXPECT_EQ(t.net.last(t.bob, "422 INVITE").get("Min-SE"), "90");
  EXPECT_EQ(t.bob.count<RequestReceived>(), 0U);
}

TEST(SessionTimer, A422ToOursIsRetriedOnceForEachRaise) {
  PeerAndAgent t;
  t.invite();
  const Message first = t.net.last(t.bob, "INVITE");
  Message small = t.peer.response(first, 422, "x");
  small.add("Min-SE", "4000");
  t.says(small);
  const Message second = t.net.last(t.bob, "INVITE");
  EXPECT_EQ(second.get("Session-Expires"), "4000");
  EXPECT_EQ(second.get("Min-SE"), "4000");
  EXPECT_EQ(second.get("Call-ID"), first.get("Call-ID"));
  EXPECT_EQ(second.get("From"), first.get("From"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(*cseq_number(second), *cseq_number(first) + 1);
  small = t.peer.response(second, 422, "x");
  small.add("Min-SE", "4000");
  t.says(small);
  EXPECT_EQ(t.bob.expect<SessionEnded>().status, 422);
  t.expect_clean();
}

TEST(SessionTimer, TwoAgentsRefreshForADayAndThenEndCleanly) {
  TwoParties t;
  t.talk();
  t.net.run_for(24h);
  EXPECT_EQ(t.alice.count<SessionEnded>() + t.bob.count<SessionEnded>(), 0U);
  EXPECT_EQ(t.net.count(t.alice, "UPDATE"), 95U);
  EXPECT_EQ(t.net.count(t.bob, "UPDATE"), 0U);
  t.alice.agent.hangup(t.a, {}, t.net.now);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
