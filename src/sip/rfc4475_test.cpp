// What the parser makes of RFC 4475's messages, and what the valid ones must be read as.
#include "sip/rfc4475_test_table.h"

#include <algorithm>

#include "sip/message.h"

namespace segue::sip {
namespace {

using namespace testing;

const std::filesystem::path kTortureFolder = std::filesystem::path(SEGUE_SOURCE_DIR) / "tests" / "torture";

std::string bytes_of(std::string_view name) { return torture_bytes(SEGUE_SOURCE_DIR, name); }

Message accepted(std::string_view name) {
  auto message = parse_message(bytes_of(name));
  EXPECT_TRUE(message) << name << ": " << (message ? "" : message.error().text);
  return message ? *message : Message{};
}

class Torture : public ::testing::TestWithParam<TortureCase> {};

TEST_P(Torture, EndsAsTheTableSays) {
  const auto& expected = GetParam();
  const auto message = parse_message(bytes_of(expected.name));
  ASSERT_EQ(message.has_value(), expected.outcome == Accepted) << (message ? "" : message.error().text);
  if (message) return;
  EXPECT_EQ(message.error().status, expected.status);
  ASSERT_EQ(message.error().partial.has_value(), expected.outcome == Answered) << message.error().text;
  if (!message.error().partial) return;
  const auto response = make_response(*message.error().partial, expected.status, "t");
  for (const auto* name : {"Via", "From", "To", "Call-ID", "CSeq"}) EXPECT_FALSE(response.get(name).empty()) << name;
}

TEST_P(Torture, SurvivesPrinting) {
  const auto message = parse_message(bytes_of(GetParam().name));
  if (!message) return;
  const auto again = parse_message(message->to_string());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(*again, *message);
}

/// Nothing is read beyond a datagram's end, wherever it ends, and no half message is taken for a whole one.
TEST_P(Torture, CutAnywhereIsNoDanger) {
  const auto bytes = bytes_of(GetParam().name);
  const auto head = bytes.find("\r\n\r\n");
  for (std::size_t size = 0; size < head + 4; ++size) {
    EXPECT_FALSE(parse_message(std::string(bytes, 0, size))) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Rfc4475, Torture, ::testing::ValuesIn(kTortureCases),
                         [](const auto& one) { return one.param.name; });

TEST(TortureFolder, HoldsTheFortyNineOfTheTable) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kTortureFolder)) {
    if (entry.path().extension() != ".sip") continue;
    ++files;
    const auto name = entry.path().stem().string();
    EXPECT_TRUE(std::any_of(std::begin(kTortureCases), std::end(kTortureCases), [&](const TortureCase& c) {
      return c.name == name;
    })) << name;
  }
  EXPECT_EQ(files, 49U);
  EXPECT_EQ(std::size(kTortureCases), 49U);
}

// ---- what the valid ones must be read as ----------------------------------------------------------------------------

TEST(TortureValues, Wsinv) {
  const auto m = accepted("wsinv");
  EXPECT_TRUE(m.request_uri.params.has("unknownparam"));
  EXPECT_EQ(NameAddr::parse(m.get("To"))->tag(), "1918181833n");
  EXPECT_EQ(NameAddr::parse(m.get("From"))->display, "J Rosenberg \\\"");
  EXPECT_EQ(m.get("Max-Forwards"), "0068");
  EXPECT_EQ(CSeq::parse(m.get("CSeq"))->number, 9U);
  EXPECT_EQ(m.get("Subject"), "");
  EXPECT_EQ(m.get("NewFangledHeader"), "newfangled value continued newfangled value");
  EXPECT_EQ(m.get("UnknownHeaderWithUnusualValue"), ";;,,;;,;");
  const auto vias = m.all("Via");
  ASSERT_EQ(vias.size(), 3U);
  EXPECT_EQ(Via::parse(vias[0])->branch(), "390skdjuw");
  EXPECT_EQ(Via::parse(vias[1])->host, "spindle.example.com");
  EXPECT_EQ(Via::parse(vias[2])->branch(), "z9hG4bK30239");
  const auto contact = NameAddr::parse(m.get("Contact"));
  ASSERT_TRUE(contact);
  EXPECT_EQ(contact->display, "Quoted string \"\"");
  EXPECT_EQ(contact->params.get("newparam"), "newvalue");
  EXPECT_EQ(contact->params.get("q"), "0.33");
  EXPECT_EQ(sdp_of(m).size(), 150U);
}

TEST(TortureValues, Intmeth) {
  const auto m = accepted("intmeth");
  EXPECT_EQ(m.method, "!interesting-Method0123456789_*+`.%indeed'~");
  EXPECT_EQ(m.request_uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(m.request_uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  EXPECT_EQ(NameAddr::parse(m.get("To"))->display, std::string("BEL:\x07 NUL:\0 DEL:\x7f", 17));
  EXPECT_EQ(NameAddr::parse(m.get("From"))->tag(), "_token~1'+`*%!-.");
  EXPECT_EQ(m.get("Call-ID"), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
  EXPECT_EQ(m.get("extensionHeader-!.%*+_`'~"), "\xEF\xBB\xBF\xE5\xA4\xA7\xE5\x81\x9C\xE9\x9B\xBB");
}

TEST(TortureValues, Escapes) {
  const auto esc01 = accepted("esc01");
  EXPECT_EQ(esc01.request_uri.user, "sips:user@example.com");
  EXPECT_EQ(esc01.request_uri.to_string(), "sip:sips%3Auser%40example.com@example.net");
  EXPECT_EQ(NameAddr::parse(esc01.get("To"))->uri.user, "user");
  EXPECT_EQ(NameAddr::parse(esc01.get("From"))->uri.user, "I have spaces");
  EXPECT_EQ(NameAddr::parse(esc01.get("Contact"))->uri.params.get("n%61me"), "v%61lue%25%34%31");

  const auto esc02 = accepted("esc02");
  EXPECT_EQ(esc02.method, "RE%47IST%45R");
  EXPECT_EQ(NameAddr::parse(esc02.get("To"))->display, "%Z%45");
  EXPECT_EQ(esc02.all("Contact").size(), 2U);
  EXPECT_EQ(esc02.get("C%6Fntact"), "<sip:alias2@host2.example.com>");

  const auto null = accepted("escnull");
  EXPECT_EQ(NameAddr::parse(null.get("To"))->uri.user, std::string("null-\0-null", 11));
  const auto contacts = null.all("Contact");
  ASSERT_EQ(contacts.size(), 2U);
  EXPECT_FALSE(NameAddr::parse(contacts[0])->uri.equivalent(NameAddr::parse(contacts[1])->uri));

  EXPECT_EQ(accepted("semiuri").request_uri.user, "user;par=u@example.net");
}

TEST(TortureValues, OthersOfSection311) {
  EXPECT_EQ(NameAddr::parse(accepted("lwsdisp").get("From"))->display, "caller");
  const auto longreq = accepted("longreq");
  EXPECT_EQ(longreq.all("Via").size(), 34U);
  EXPECT_EQ(NameAddr::parse(longreq.get("To"))->uri.port, 6000);
  EXPECT_EQ(accepted("dblreq").body, "");
  EXPECT_EQ(Via::parse(accepted("transports").all("Via")[3])->transport, "UNKNOWN");
  EXPECT_EQ(list_values(accepted("semiuri"), "Accept").size(), 6U);
  EXPECT_EQ(accepted("noreason").reason, "");
  EXPECT_EQ(accepted("unreason").reason.substr(0, 14), "= 2**3 * 5**2 ");

  const auto multipart = accepted("mpart01");
  const auto parts = body_parts(multipart);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].body, "Hello");
  EXPECT_EQ(parts[1].content_type, "application/octet-stream");
  EXPECT_EQ(parts[1].body.size(), 342U);
  EXPECT_NE(parts[1].body.find('\0'), std::string_view::npos);
}

TEST(TortureValues, WhatTheLayersAboveNeed) {
  EXPECT_EQ(accepted("unkscm").request_uri.scheme, "nobodyknowsthisscheme");
  EXPECT_EQ(accepted("novelsc").request_uri.opaque, "//192.0.2.103:3002");
  EXPECT_EQ(NameAddr::parse(accepted("unksm2").get("To"))->uri.scheme, "isbn");
  EXPECT_EQ(list_values(accepted("bext01"), "Require").size(), 2U);
  EXPECT_EQ(accepted("bcast").all("Via").size(), 2U);
  EXPECT_EQ(NameAddr::parse(accepted("cparam01").get("Contact"))->params.list.size(), 1U);
  EXPECT_EQ(NameAddr::parse(accepted("cparam02").get("Contact"))->uri.params.list.size(), 1U);
  EXPECT_EQ(NameAddr::parse(accepted("regescrt").get("Contact"))->uri.headers, "Route=%3Csip:sip.example.com%3E");
  EXPECT_EQ(Via::parse(accepted("inv2543").get("Via"))->branch(), "");
  EXPECT_EQ(Via::parse(accepted("badbranch").get("Via"))->branch(), "z9hG4bK");
}

}  // namespace
}  // namespace segue::sip
