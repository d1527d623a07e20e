// The registrar by RFC 3261 section 10.3, with Path (RFC 3327) and outbound instances (RFC 5626).
#include "engine/registrar.h"

#include <gtest/gtest.h>

namespace segue::engine {
namespace {

constexpr DeviceId kDevice{1};

struct RegistrarTest : ::testing::Test {
  Registrar registrar{{}};
  Now now{Instant{} + 1000s, WallTime{} + 5000s};
  sip::Flow flow{
      sip::TransportKind::Udp, *Endpoint::parse("192.0.2.1:5060"), *Endpoint::parse("203.0.113.5:61000"), {}};

  struct Request {
    std::vector<std::string> contacts;
    std::string expires = "600";
    std::string call_id = "c1";
    std::uint32_t cseq = 1;
    std::vector<std::string> path = {};
  };
  Registrar::Reply reg(const Request& r) {
    sip::Message m;
    m.method = "REGISTER";
    m.add("Call-ID", r.call_id);
    m.add("CSeq", std::to_string(r.cseq) + " REGISTER");
    for (const auto& c : r.contacts) m.add("Contact", c);
    for (const auto& p : r.path) m.add("Path", p);
    if (!r.expires.empty()) m.add("Expires", r.expires);
    return registrar.handle(kDevice, m, flow, now);
  }
  [[nodiscard]] std::vector<std::string> users() const {
    std::vector<std::string> all;
    for (const auto& b : registrar.bindings(kDevice)) all.push_back(b.contact.user);
    return all;
  }
  static std::vector<std::string> values(const Registrar::Reply& r, std::string_view name) {
    std::vector<std::string> all;
    for (const auto& h : r.headers) {
      if (h.name == name) all.push_back(h.value);
    }
    return all;
  }
  using Users = std::vector<std::string>;
};

// ---- step 6: the wildcard

TEST_F(RegistrarTest, TheWildcardRemovesAllAndStandsAlone) {
  EXPECT_EQ(reg({{"<sip:a@10.0.0.5>", "<sip:b@10.0.0.5>"}}).status, 200);
  EXPECT_EQ(reg({{"*"}, "600", "c1", 2}).status, 400) << "only with Expires: 0";
  EXPECT_EQ(reg({{"*"}, "", "c1", 2}).status, 400) << "and only where it says so";
  EXPECT_EQ(reg({{"*", "<sip:c@10.0.0.5>"}, "0", "c1", 2}).status, 400);
  EXPECT_EQ(reg({{"<sip:c@10.0.0.5>, *"}, "0", "c1", 2}).status, 400);
  EXPECT_EQ(users(), (Users{"a", "b"})) << "a refused request changes nothing";
  const auto reply = reg({{"*"}, "0", "c1", 2});
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.changed);
  EXPECT_TRUE(values(reply, "Contact").empty());
  EXPECT_TRUE(users().empty());
  EXPECT_FALSE(registrar.next_deadline());
}

TEST_F(RegistrarTest, AWildcardOutOfOrderRemovesNothing) {
  (void)reg({{"<sip:a@10.0.0.5>"}, "600", "c1", 5});
  EXPECT_EQ(reg({{"*"}, "0", "c1", 5}).status, 500);
  EXPECT_EQ(users(), Users{"a"});
  EXPECT_EQ(reg({{"*"}, "0", "another", 1}).status, 200) << "a phone that has restarted has another Call-ID";
}

// ---- step 7: each Contact

TEST_F(RegistrarTest, ARequestOutOfOrderChangesNothingAtAll) {
  (void)reg({{"<sip:a@10.0.0.5>"}, "600", "c1", 7});
  const auto before = registrar.bindings(kDevice).at(0).expires;
  now.mono += 10s;
  for (const std::uint32_t old : {7U, 6U}) {
    EXPECT_EQ(reg({{"<sip:b@10.0.0.5>", "<sip:a@10.0.0.5>"}, "600", "c1", old}).status, 500);
    EXPECT_EQ(reg({{"<sip:a@10.0.0.5>;expires=0"}, "600", "c1", old}).status, 500);
  }
  EXPECT_EQ(users(), Users{"a"});
  EXPECT_EQ(registrar.bindings(kDevice).at(0).expires, before);
  EXPECT_EQ(reg({{"<sip:a@10.0.0.5>"}, "600", "c1", 8}).status, 200);
  EXPECT_EQ(reg({{"<sip:a@10.0.0.5>"}, "600", "c2", 1}).status, 200) << "a new Call-ID starts a new order";
}

TEST_F(RegistrarTest, TheContactsOwnExpiresComesFirstThenTheHeaderThenAnHour) {
  (void)reg({{"<sip:a@10.0.0.5>;expires=100", "<sip:b@10.0.0.5>"}, "200"});
  (void)reg({{"<sip:c@10.0.0.5>"}, ""});
  (void)reg({{"<sip:d@10.0.0.5>;expires=soon"}, ""});
  (void)reg({{"<sip:e@10.0.0.5>"}, "99999999999"});
  const auto& all = registrar.bindings(kDevice);
  ASSERT_EQ(all.size(), 5U);
  const Duration expected[] = {100s, 200s, 3600s, 3600s, 3600s};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].expires - now.mono, expected[i]) << all[i].contact.user;
    EXPECT_EQ(all[i].expires_wall - now.wall, expected[i]) << all[i].contact.user;
  }
}

TEST_F(RegistrarTest, TooShortIsRefusedAsAWholeAndZeroRemoves) {
  const auto brief = reg({{"<sip:a@10.0.0.5>", "<sip:b@10.0.0.5>;expires=59"}});
  EXPECT_EQ(brief.status, 423);
  EXPECT_EQ(values(brief, "Min-Expires"), std::vector<std::string>{"60"});
  EXPECT_TRUE(users().empty());
  EXPECT_EQ(reg({{"<sip:a@10.0.0.5>;expires=60"}}).status, 200);
  EXPECT_EQ(reg({{"<sip:a@10.0.0.5>;expires=0"}, "600", "c1", 2}).status, 200);
  EXPECT_TRUE(users().empty());
}

TEST_F(RegistrarTest, EqualUrisAreOneBindingAndItsFlowIsTheNewest) {
  (void)reg({{"<sip:ada@Phone.example:5060;transport=UDP>"}});
  flow.remote.port = 62000;
  (void)reg({{"<sip:ada@phone.EXAMPLE:5060;transport=udp>"}, "600", "c1", 2});
  ASSERT_EQ(users(), Users{"ada"});
  EXPECT_EQ(registrar.bindings(kDevice)[0].flow.remote.port, 62000);
}

TEST_F(RegistrarTest, WhatIsNoSipContactIsMalformed) {
  for (const auto* bad : {"<tel:123>", "sip:", "<sip:a@10.0.0.5", "<mailto:a@b>"}) {
    EXPECT_EQ(reg({{bad}}).status, 400) << bad;
  }
  sip::Message m;
  m.method = "REGISTER";
  m.add("Call-ID", "c");
  m.add("CSeq", "many REGISTER");
  EXPECT_EQ(registrar.handle(kDevice, m, flow, now).status, 400);
}

// ---- bounds

TEST_F(RegistrarTest, PastTheBoundTheBindingRefreshedLongestAgoGivesWay) {
  const auto name = [](std::size_t i) { return "<sip:p" + std::to_string(i) + "@10.0.0.5>"; };
  for (std::size_t i = 0; i < kMaxBindings; ++i)
    EXPECT_EQ(reg({{name(i)}, "600", "c" + std::to_string(i)}).status, 200);
  EXPECT_EQ(reg({{name(0)}, "600", "c0", 2}).status, 200) << "so p1 is the oldest now";
  const auto reply = reg({{"<sip:restarted@10.0.0.5>"}, "600", "new"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(values(reply, "Contact").size(), kMaxBindings);
  const auto left = users();
  ASSERT_EQ(left.size(), kMaxBindings);
  EXPECT_EQ(left.front(), "p2");
  EXPECT_EQ(left[kMaxBindings - 2], "p0");
  EXPECT_EQ(left.back(), "restarted");
}

TEST_F(RegistrarTest, OneRequestMayNameAsManyAsTheBoundAndNoMore) {
  (void)reg({{"<sip:old@10.0.0.5>"}});
  Request r{{}, "600", "c2"};
  for (std::size_t i = 0; i < kMaxBindings; ++i) r.contacts.push_back("<sip:p" + std::to_string(i) + "@10.0.0.5>");
  EXPECT_EQ(reg(r).status, 200);
  EXPECT_EQ(users().size(), kMaxBindings);
  EXPECT_EQ(users().front(), "p0");
  r.contacts.push_back("<sip:one-more@10.0.0.5>");
  ++r.cseq;
  EXPECT_EQ(reg(r).status, 403);
  EXPECT_EQ(users().back(), "p7");
}

// ---- Path, flows, time

TEST_F(RegistrarTest, PathIsKeptAndGivenBack) {
  const auto reply = reg({{"<sip:a@10.0.0.5>"}, "600", "c1", 1, {"<sip:p1.example;lr>", "<sip:p2.example;lr>"}});
  EXPECT_EQ(values(reply, "Path"), (std::vector<std::string>{"<sip:p1.example;lr>", "<sip:p2.example;lr>"}));
  EXPECT_EQ(registrar.bindings(kDevice).at(0).path, values(reply, "Path"));
  EXPECT_TRUE(values(reg({{}, ""}), "Path").empty()) << "a query has none";
}

TEST_F(RegistrarTest, AClosedConnectionTakesItsBindingsAndNoOthers) {
  flow.transport = sip::TransportKind::Tcp;
  flow.connection = ConnectionId{4};
  (void)reg({{"<sip:wifi@10.0.0.5>"}, "60"});
  flow.connection = ConnectionId{5};
  (void)reg({{"<sip:cell@10.0.0.6>"}, "600", "c2"});
  EXPECT_TRUE(registrar.connection_closed(ConnectionId{9}).empty());
  EXPECT_EQ(registrar.connection_closed(ConnectionId{4}), std::vector<DeviceId>{kDevice});
  EXPECT_EQ(users(), Users{"cell"});
  EXPECT_EQ(registrar.next_deadline(), now.mono + 600s);
  EXPECT_EQ(registrar.connection_closed(ConnectionId{5}).size(), 1U);
  EXPECT_EQ(registrar.registered_devices(), 0U);
  EXPECT_FALSE(registrar.next_deadline());
}

TEST_F(RegistrarTest, EachBindingExpiresInItsOwnTime) {
  (void)reg({{"<sip:a@10.0.0.5>;expires=60", "<sip:b@10.0.0.5>;expires=90"}});
  EXPECT_EQ(registrar.next_deadline(), now.mono + 60s);
  EXPECT_TRUE(registrar.expire(now.mono + 59s).empty());
  EXPECT_EQ(registrar.expire(now.mono + 60s), std::vector<DeviceId>{kDevice});
  EXPECT_EQ(users(), Users{"b"});
  EXPECT_EQ(registrar.expire(now.mono + 90s).size(), 1U);
  EXPECT_EQ(registrar.registered_devices(), 0U);
}

}  // namespace
}  // namespace segue::engine
