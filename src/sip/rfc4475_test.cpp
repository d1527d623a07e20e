// The 49 torture messages of RFC 4475, byte for byte from tests/torture/, each with what the RFC says about it, what we
// do with it, and why where that differs. What the parser accepts but a user agent must refuse is named in `above`: it
// is the business of the agent (src/sip/agent.h) or of the engine, and the reason why the parser must let it through
// whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sip/message.h"

namespace segue::sip {
namespace {

enum class Outcome {
  Accepted,
  Answered,  ///< refused with `status`, and the response can be addressed
  Dropped,   ///< refused without an answer
};

struct Case {
  const char* name;
  const char* section;
  Outcome outcome;
  int status;         ///< of a refusal
  const char* above;  ///< what a layer above does with an accepted one; "" if it is just served
  const char* why;    ///< where we choose between what the RFC permits, or differ from it
};

constexpr auto Accepted = Outcome::Accepted;
constexpr auto Answered = Outcome::Answered;
constexpr auto Dropped = Outcome::Dropped;

constexpr Case kCases[] = {
    // 3.1.1: valid
    {"wsinv", "3.1.1.1", Accepted, 0, "", ""},
    {"intmeth", "3.1.1.2", Accepted, 0, "501: an unknown method", ""},
    {"esc01", "3.1.1.3", Accepted, 0, "", ""},
    {"escnull", "3.1.1.4", Accepted, 0, "", ""},
    {"esc02", "3.1.1.5", Accepted, 0, "501: an unknown method", ""},
    {"lwsdisp", "3.1.1.6", Accepted, 0, "", ""},
    {"longreq", "3.1.1.7", Accepted, 0, "", ""},
    {"dblreq", "3.1.1.8", Accepted, 0, "", ""},
    {"semiuri", "3.1.1.9", Accepted, 0, "", ""},
    {"transports", "3.1.1.10", Accepted, 0, "", ""},
    {"mpart01", "3.1.1.11", Accepted, 0, "", ""},
    {"unreason", "3.1.1.12", Accepted, 0, "", ""},
    {"noreason", "3.1.1.13", Accepted, 0, "", ""},
    // 3.1.2: invalid
    {"badinv01", "3.1.2.1", Answered, 400, "", ""},
    {"clerr", "3.1.2.2", Answered, 400, "", ""},
    {"ncl", "3.1.2.3", Answered, 400, "", ""},
    {"scalar02", "3.1.2.4", Answered, 400, "", ""},
    {"scalarlg", "3.1.2.5", Dropped, 400, "", ""},
    {"quotbal", "3.1.2.6", Answered, 400, "",
     "No guess where the quote should end: two readers would guess differently."},
    {"ltgtruri", "3.1.2.7", Answered, 400, "", "Refused, as is always reasonable; no known peer sends it."},
    {"lwsruri", "3.1.2.8", Answered, 400, "", "Refused; ignoring the space would be permitted."},
    {"lwsstart", "3.1.2.9", Answered, 400, "", "Refused; ignoring the spaces would be permitted."},
    {"trws", "3.1.2.10", Answered, 400, "", "Refused; ignoring the spaces would be permitted."},
    {"escruri", "3.1.2.11", Answered, 400, "",
     "Refused; ignoring the headers would hide somebody's attempt to forge them."},
    {"baddate", "3.1.2.12", Accepted, 0, "", "Nothing here reads Date, so it is no reason to refuse a call."},
    {"regbadct", "3.1.2.13", Answered, 400, "", ""},
    {"badaspec", "3.1.2.14", Answered, 400, "", "Refused; ignoring the spaces would be permitted."},
    {"baddn", "3.1.2.15", Answered, 400, "",
     "A comma without quotes ends an element of a list. Other characters are let through."},
    {"badvers", "3.1.2.16", Answered, 505, "", ""},
    {"mismatch01", "3.1.2.17", Answered, 400, "", ""},
    {"mismatch02", "3.1.2.18", Answered, 400, "", "400 is permitted; 501 is preferred for proxies, which we are not."},
    {"bigcode", "3.1.2.19", Dropped, 400, "", ""},
    // 3.2: transaction layer
    {"badbranch", "3.2.1", Accepted, 0, "matched by the rules of RFC 2543, as without the cookie", ""},
    // 3.3: application layer
    {"insuf", "3.3.1", Dropped, 400, "",
     "Stricter: a 400 is called ideal, but without Call-ID, From and To no client could match it, and a datagram that "
     "names "
     "nobody may be forged to make us send."},
    {"unkscm", "3.3.2", Accepted, 0, "416", ""},
    {"novelsc", "3.3.3", Accepted, 0, "416", ""},
    {"unksm2", "3.3.4", Accepted, 0, "404 of the registrar: no such address of record", ""},
    {"bext01", "3.3.5", Accepted, 0, "420 with Unsupported", ""},
    {"invut", "3.3.6", Accepted, 0, "415 with Accept", ""},
    {"regaut01", "3.3.7", Accepted, 0, "401: no credentials that we understand", ""},
    {"multi01", "3.3.8", Answered, 400, "", ""},
    {"mcl01", "3.3.9", Answered, 400, "", ""},
    {"bcast", "3.3.10", Accepted, 0, "discarded: two Via headers, so it is not for us (RFC 3261 section 8.1.3.3)", ""},
    {"zeromf", "3.3.11", Accepted, 0, "served: an endpoint does not forward", ""},
    {"cparam01", "3.3.12", Accepted, 0, "", ""},
    {"cparam02", "3.3.13", Accepted, 0, "", ""},
    {"regescrt", "3.3.14", Accepted, 0, "", ""},
    {"sdp01", "3.3.15", Accepted, 0, "406, or 488: its Accept leaves no answer", ""},
    // 3.4: backward compatibility
    {"inv2543", "3.4.1", Accepted, 0, "", ""},
};

const std::filesystem::path kFolder = std::filesystem::path(SEGUE_SOURCE_DIR) / "tests" / "torture";

std::string bytes_of(std::string_view name) {
  std::ifstream file(kFolder / (std::string(name) + ".sip"), std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Message accepted(std::string_view name) {
  auto message = parse_message(bytes_of(name));
  EXPECT_TRUE(message) << name << ": " << (message ? "" : message.error().text);
  return message ? *message : Message{};
}

class Torture : public testing::TestWithParam<Case> {};

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

INSTANTIATE_TEST_SUITE_P(Rfc4475, Torture, testing::ValuesIn(kCases), [](const auto& one) { return one.param.name; });

TEST(TortureFolder, HoldsTheFortyNineOfTheTable) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".sip") continue;
    ++files;
    const auto name = entry.path().stem().string();
    EXPECT_TRUE(std::any_of(std::begin(kCases), std::end(kCases), [&](const Case& c) { return c.name == name; }))
        << name;
  }
  EXPECT_EQ(files, 49U);
  EXPECT_EQ(std::size(kCases), 49U);
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
