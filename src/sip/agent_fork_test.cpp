// Forked INVITEs: several early dialogs, several 2xx (RFC 3261 section 13.2.2.4).
#include "sip/agent_test_support.h"

namespace segue::sip::testing {
namespace {

Message from_fork(const PeerAndAgent& t, int status, std::string_view tag, std::string_view contact,
                  std::vector<std::string> record_route = {}, std::string sdp = {}) {
  Message m = t.peer.response(t.net.last(t.bob, "INVITE"), status, tag, std::move(sdp));
  m.set("Contact", std::string(contact));
  for (auto& r : record_route) m.add("Record-Route", std::move(r));
  return m;
}

TEST(AgentFork, EarlyDialogsOfSeveralTagsAreKeptApart) {
  PeerAndAgent t;
  t.invite();
  t.says(from_fork(t, 180, "one", "<sip:one@192.0.2.51>"));
  t.says(from_fork(t, 183, "two", "<sip:two@192.0.2.52>", {}, std::string(kAnswer)));
  EXPECT_EQ(t.bob.expect<SessionProgress>().status, 180);
  EXPECT_EQ(t.bob.expect<SessionProgress>().sdp, kAnswer);
  const auto info = t.bob.agent.dialog(t.s);
  EXPECT_EQ(t.bob.agent.find_dialog(info->call_id, info->local_tag, "one"), t.s);
  EXPECT_EQ(t.bob.agent.find_dialog(info->call_id, info->local_tag, "two"), t.s);
  EXPECT_FALSE(t.bob.agent.find_dialog(info->call_id, info->local_tag, "three").valid());
  t.says(from_fork(t, 200, "one", "<sip:one@192.0.2.51>", {}, std::string(kAnswer)));
  EXPECT_EQ(t.net.last(t.bob, "ACK").request_uri.to_string(), "sip:one@192.0.2.51");
  EXPECT_FALSE(t.bob.agent.find_dialog(info->call_id, info->local_tag, "two").valid());
}

TEST(AgentFork, TheSecond2xxIsAckedAndByedOnItsOwnRoute) {
  PeerAndAgent t;
  t.invite();
  t.says(from_fork(t, 200, "one", "<sip:one@192.0.2.51>", {"<sip:p1.example.com;lr>"}, std::string(kAnswer)));
  t.net.log.erase(t.net.log.begin() + 1, t.net.log.end());
  t.says(from_fork(t, 200, "two", "<sip:two@192.0.2.52>", {"<sip:p3.example.com;lr>", "<sip:p2.example.com;lr>"}));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE"}));
  for (const auto* name : {"ACK", "BYE"}) {
    const Message m = t.net.last(t.bob, name);
    EXPECT_EQ(m.request_uri.to_string(), "sip:two@192.0.2.52");
    EXPECT_EQ(tag_of(m.get("To")), "two");
    EXPECT_EQ(m.all("Route"), (std::vector<std::string_view>{"<sip:p2.example.com;lr>", "<sip:p3.example.com;lr>"}));
  }
  // Its repetitions get the ACK again and no second BYE.
  t.says(from_fork(t, 200, "two", "<sip:two@192.0.2.52>"));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE", "ACK"}));
  EXPECT_EQ(t.bob.count<SessionAnswered>(), 1U);
  EXPECT_EQ(t.bob.count<SessionEnded>(), 0U);
  EXPECT_EQ(t.bob.agent.dialog(t.s)->remote_tag, "one");
}

TEST(AgentFork, A2xxThatComesWhenTheCallIsOverIsAckedAndByed) {
  PeerAndAgent t;
  t.invite();
  t.says(from_fork(t, 200, "one", "<sip:one@192.0.2.51>", {}, std::string(kAnswer)));
  t.bob.agent.hangup(t.s, {}, t.net.now);
  t.net.collect();
  t.responds(200, "", {}, "BYE");
  EXPECT_EQ(t.bob.agent.sizes().sessions, 0U);
  t.net.run_for(5s);
  t.net.log.erase(t.net.log.begin() + 1, t.net.log.end());
  t.says(from_fork(t, 200, "two", "<sip:two@192.0.2.52>", {}, std::string(kAnswer)));
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "ACK", "BYE"}));
  EXPECT_EQ(tag_of(t.net.last(t.bob, "BYE").get("To")), "two");
  t.expect_clean();
}

TEST(AgentFork, ForksPastTheBoundAreIgnored) {
  PeerAndAgent t;
  t.invite();
  for (int i = 0; i < 40; ++i) {
    t.says(from_fork(t, 180, "early" + std::to_string(i), "<sip:x@192.0.2.51>"));
  }
  for (int i = 0; i < 40; ++i) {
    t.says(from_fork(t, 200, "late" + std::to_string(i), "<sip:x@192.0.2.51>", {}, std::string(kAnswer)));
  }
  EXPECT_EQ(t.bob.count<SessionProgress>(), 40U);
  EXPECT_EQ(t.net.count(t.bob, "ACK"), 16U);
  EXPECT_EQ(t.net.count(t.bob, "BYE"), 15U);
}

TEST(AgentFork, AByeInAnEarlyDialogEndsTheCall) {
  PeerAndAgent t;
  t.invite();
  t.says(from_fork(t, 180, "one", "<sip:one@192.0.2.51>"));
  Message bye = t.peer.request("BYE", 1, "bye");
  const Message invite = t.net.last(t.bob, "INVITE");
  bye.set("Call-ID", std::string(invite.get("Call-ID")));
  bye.set("From", std::string(invite.get("To")) + ";tag=one");
  bye.set("To", std::string(invite.get("From")));
  t.says(bye);
  EXPECT_EQ(t.net.sent_by(t.bob), (Names{"INVITE", "200 BYE", "CANCEL"}));
  t.responds(487, "one");
  EXPECT_EQ(t.bob.expect<SessionEnded>().cause, EndCause::RemoteBye);
  t.expect_clean();
}

}  // namespace
}  // namespace segue::sip::testing
