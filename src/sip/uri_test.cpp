#include "sip/uri.h"

#include <gtest/gtest.h>

namespace segue::sip {
namespace {

Uri uri(std::string_view text) {
  auto parsed = Uri::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().text);
  return parsed ? *parsed : Uri{};
}

TEST(Uri, ReadsAllParts) {
  const auto u = uri("SIPS:Al%69ce:s%3Bcret@Example.COM:5061;Transport=TCP;lr?Subject=hi&To=x");
  EXPECT_EQ(u.scheme, "sips");
  EXPECT_EQ(u.user, "Alice");
  EXPECT_EQ(u.password, "s;cret");
  EXPECT_EQ(u.host, "example.com");
  EXPECT_EQ(u.port, 5061);
  EXPECT_EQ(u.params.get("transport"), "TCP");
  EXPECT_TRUE(u.params.has("LR"));
  EXPECT_FALSE(u.params.find("lr")->value);
  EXPECT_EQ(u.headers, "Subject=hi&To=x");
}

TEST(Uri, ReadsWhatPhonesSend) {
  EXPECT_EQ(uri("sip:*72#@pbx").user, "*72#");
  EXPECT_EQ(uri("sip:+1(212)555@gw;user=phone").user, "+1(212)555");
  EXPECT_EQ(uri("sip:J\xc3\xbcrgen@example.com").user, "J\xc3\xbcrgen");
  EXPECT_EQ(uri("sip:my_pbx.local").host, "my_pbx.local");
  EXPECT_EQ(uri("sip:[2001:DB8::1]:5080;transport=tls").host, "[2001:db8::1]");
  EXPECT_EQ(uri("sip:a;b=c?d@host").user, "a;b=c?d");
  EXPECT_EQ(uri("sip:x@y?Replaces=1@2").headers, "Replaces=1@2");
}

TEST(Uri, UnescapesOnceAndKeepsNul) {
  EXPECT_EQ(uri("sip:%2541@h").user, "%41");
  EXPECT_EQ(uri("sip:a%00b@h").user, std::string("a\0b", 3));
  EXPECT_EQ(uri("sip:a%00b@h").to_string(), "sip:a%00b@h");
}

TEST(Uri, KeepsOtherSchemesVerbatim) {
  const auto tel = uri("TEL:+1-201-555-0123;phone-context=x");
  EXPECT_EQ(tel.scheme, "tel");
  EXPECT_EQ(tel.opaque, "+1-201-555-0123;phone-context=x");
  EXPECT_FALSE(tel.is_sip());
  EXPECT_EQ(uri("soap.beep://192.0.2.103:3002").to_string(), "soap.beep://192.0.2.103:3002");
  EXPECT_EQ(uri("urn:service:sos").to_string(), "urn:service:sos");
}

TEST(Uri, RefusesWhatIsNone) {
  for (const std::string_view text : {"",
                                      "sip",
                                      ":x",
                                      "1ip:x",
                                      "si p:x",
                                      "sip:",
                                      "sip:@h",
                                      "sip:a@",
                                      "sip:a@b@c",
                                      "sip:a b@c",
                                      "sip:a@b c",
                                      " sip:a@b",
                                      "sip:a@b ",
                                      "sip:<a>@b",
                                      "sip:a@b:0",
                                      "sip:a@b:65536",
                                      "sip:a@b:",
                                      "sip:a@b:50 60",
                                      "sip:a@b:x",
                                      "sip:a%4@b",
                                      "sip:a%zz@b",
                                      "sip:a@[::1",
                                      "sip:a@[::1]x",
                                      "sip:a@[1.2.3.4]",
                                      "sip:a@[::g]",
                                      "sip:a@b;",
                                      "sip:a@b;;c",
                                      "sip:a@b; c",
                                      "sip:a@b;c@d",
                                      "sip:a@b;=c",
                                      "sip:a@b?",
                                      "sip:a@b?x y",
                                      "sip:a\"@b",
                                      "tel:",
                                      "tel:1 2",
                                      "sip:a@b\r\n",
                                      "sip:a\x01@b",
                                      "sip:\x7f@b"}) {
    const auto parsed = Uri::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::InvalidInput);
    EXPECT_FALSE(parsed.error().text.empty());
  }
}

TEST(Uri, PrintsWithTheEscapesItNeeds) {
  Uri u;
  u.user = "a b@c:d;e#\xff";
  u.password = "p:w";
  u.host = "h";
  u.port = 5060;
  u.params.set("lr", std::nullopt);
  u.params.set("transport", "udp");
  u.headers = "a=b";
  EXPECT_EQ(u.to_string(), "sip:a%20b%40c%3Ad;e%23%FF:p%3Aw@h:5060;lr;transport=udp?a=b");
  EXPECT_EQ(uri(u.to_string()), u);
}

TEST(Uri, ComparesByTheRulesOfSection1914) {
  const std::pair<const char*, const char*> same[] = {
      {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"},
      {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
      {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"},
      {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
       "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"},
      {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
       "sip:alice@atlanta.com?priority=urgent&Subject=project%20x"},
      {"sip:a@[2001:db8::1]", "sip:a@[2001:0DB8:0:0::1]"},
      {"tel:+1-201-555", "tel:+1201555"}};
  for (const auto& [a, b] : same) {
    EXPECT_TRUE(uri(a).equivalent(uri(b))) << a << " " << b;
    EXPECT_TRUE(uri(b).equivalent(uri(a))) << a << " " << b;
  }
  const std::pair<const char*, const char*> different[] = {
      {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"},
      {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"},
      {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"},
      {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"},
      {"sip:a@b", "sips:a@b"},
      {"sip:a@b", "sip:a:pw@b"},
      {"sip:a@b", "sip:a@b;maddr=c"},
      {"sip:a@b;lr=x", "sip:a@b;lr"},
      {"tel:1", "sip:1"},
      {"urn:a", "urn:A"}};
  for (const auto& [a, b] : different) {
    EXPECT_FALSE(uri(a).equivalent(uri(b))) << a << " " << b;
    EXPECT_FALSE(uri(b).equivalent(uri(a))) << a << " " << b;
  }
}

TEST(Params, SetFindAndRemoveWithoutCase) {
  Params params;
  params.set("Tag", "1");
  params.set("TAG", "2");
  params.set("lr", std::nullopt);
  EXPECT_EQ(params.list.size(), 2U);
  EXPECT_EQ(params.get("tag"), "2");
  EXPECT_EQ(params.get("lr"), "");
  params.remove("tAg");
  EXPECT_FALSE(params.has("tag"));
}

}  // namespace
}  // namespace segue::sip
