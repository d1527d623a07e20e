// Typed headers, lists, quoting and bodies.
#include <gtest/gtest.h>

#include "sip/message.h"
#include "sip/transport.h"

namespace segue::sip {
namespace {

TEST(NameAddr, ReadsItsForms) {
  const auto full = NameAddr::parse(" \"A \\\"q\\\" \\\\ ; <x>\" <sip:a@b;lr>;tag=1 ; flag ; s=\"q;\\\"\" ");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->display, "A \"q\" \\ ; <x>");
  EXPECT_EQ(full->uri.user, "a");
  EXPECT_TRUE(full->uri.params.has("lr"));
  EXPECT_EQ(full->tag(), "1");
  EXPECT_TRUE(full->params.has("flag"));
  EXPECT_EQ(full->params.get("s"), "q;\"");

  const auto bare = NameAddr::parse("sip:a@b;tag=1");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->tag(), "1");
  EXPECT_TRUE(bare->uri.params.list.empty());

  EXPECT_EQ(NameAddr::parse("Mr. Bell<sip:a@b>")->display, "Mr. Bell");
  EXPECT_EQ(NameAddr::parse("[12] B\xc3\xa9la <sip:a@b>")->display, "[12] B\xc3\xa9la");
  EXPECT_TRUE(NameAddr::parse("*")->wildcard);
  EXPECT_EQ(NameAddr::parse("<sip:a@b?Replaces=x%40y%3Bto-tag%3D1>")->uri.headers, "Replaces=x%40y%3Bto-tag%3D1");
}

TEST(NameAddr, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "<sip:a@b", "\"x <sip:a@b>", "\"x\" sip:a@b", "Bell, A <sip:a@b>",
                                      "<sip:a@b> tag=1", "<sip:a@b>;;", "<sip:a@b>;", "<sip:a@b>;a=\"x", "< sip:a@b>",
                                      "sip:a@b?x=y", "*;q=1", "<>", "a\\b <sip:a@b>", "<sip:a@b>;a=b c", "sip:a@b,c"}) {
    EXPECT_FALSE(NameAddr::parse(text)) << text;
  }
}

TEST(NameAddr, PrintsWhatItReads) {
  for (const std::string_view text :
       {"<sip:a@b>", "\"A\" <sip:a@b>;tag=1", "\"a \\\"b\\\" \\\\\" <sip:a@b;lr>;x=\"y z\";flag", "*", "<tel:+1>;q=0.5",
        "<sip:a@b>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"}) {
    const auto parsed = NameAddr::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
}

TEST(NameAddr, ReadsLists) {
  const auto list = NameAddr::parse_list("\"a,b\" <sip:a@b>;q=1 , sip:c@d;q=0.5,<sip:e,f@g>");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0].display, "a,b");
  EXPECT_EQ((*list)[1].params.get("q"), "0.5");
  EXPECT_EQ((*list)[2].uri.user, "e,f");
  for (const std::string_view text : {"", ",", "<sip:a@b>,", "<sip:a@b>,,<sip:c@d>", "*,<sip:a@b>", "<sip:a@b>,x"}) {
    EXPECT_FALSE(NameAddr::parse_list(text)) << text;
  }
}

TEST(Via, ReadsAndPrints) {
  const auto via = Via::parse("SIP / 2.0 / tcp   [2001:db8::9:1] : 5070 ; branch = z9hG4bK1;rport;received=192.0.2.1");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->transport, "TCP");
  EXPECT_EQ(via->host, "[2001:db8::9:1]");
  EXPECT_EQ(via->port, 5070);
  EXPECT_EQ(via->branch(), "z9hG4bK1");
  EXPECT_EQ(via->to_string(), "SIP/2.0/TCP [2001:db8::9:1]:5070;branch=z9hG4bK1;rport;received=192.0.2.1");
  EXPECT_EQ(Via::parse("SIP/2.0/UDP h;rport=;branch=x")->to_string(), "SIP/2.0/UDP h;rport;branch=x");
  EXPECT_EQ(Via::parse("SIP/2.0/UDP h;received=2001:db8::1")->params.get("received"), "2001:db8::1");
  for (const std::string_view text : {"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 h", "HTTP/2.0/UDP h", "SIP/2.0/U@P h",
                                      "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:70000", "SIP/2.0/UDP a b", "SIP/2.0/UDP h;",
                                      "SIP/2.0/UDP h;;", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h, SIP/2.0/UDP g"}) {
    EXPECT_FALSE(Via::parse(text)) << text;
  }
}

TEST(Via, AndUrisReadTheIpv6FormsOfRfc5118) {
  EXPECT_EQ(Via::parse("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3")->to_string(),
            "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3");
  EXPECT_FALSE(Uri::parse("sip:2001:db8::10"));
  EXPECT_EQ(Uri::parse("sip:[2001:db8::10]:5070")->port, 5070);
  EXPECT_EQ(Uri::parse("sip:[2001:db8::10:5070]")->port, 0);
  EXPECT_EQ(Uri::parse("sip:user@[::ffff:192.0.2.10]:19823")->host, "[::ffff:192.0.2.10]");
  EXPECT_FALSE(Uri::parse("sip:user@[2001:db8:::192.0.2.1]"));
}

TEST(CSeq, HoldsItsRange) {
  const auto cseq = CSeq::parse(" 0009  INVITE ");
  ASSERT_TRUE(cseq);
  EXPECT_EQ(cseq->number, 9U);
  EXPECT_EQ(cseq->to_string(), "9 INVITE");
  EXPECT_EQ(CSeq::parse("2147483647 A")->number, 2147483647U);
  for (const std::string_view text :
       {"", "1", "INVITE", "1INVITE", "2147483648 A", "-1 A", "1 A B", "18446744073709551617 A"}) {
    EXPECT_FALSE(CSeq::parse(text)) << text;
  }
}

TEST(ValueParams, ReadsSessionTimersAndReplaces) {
  const auto timer = ValueParams::parse("1800 ; refresher=uac");
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->value, "1800");
  EXPECT_EQ(timer->params.get("Refresher"), "uac");
  const auto replaces = ValueParams::parse("12@host;from-tag=a;to-tag=b;early-only");
  ASSERT_TRUE(replaces);
  EXPECT_EQ(replaces->value, "12@host");
  EXPECT_TRUE(replaces->params.has("early-only"));
  EXPECT_EQ(replaces->to_string(), "12@host;from-tag=a;to-tag=b;early-only");
  EXPECT_FALSE(ValueParams::parse(""));
  EXPECT_FALSE(ValueParams::parse(";a=b"));
  EXPECT_FALSE(ValueParams::parse("x;;"));
}

TEST(SplitList, RespectsQuotesAndBrackets) {
  EXPECT_EQ(split_list("a, \"b,\\\"c\" ,<d,e>;f=\"g,h\",, i"),
            (std::vector<std::string_view>{"a", "\"b,\\\"c\"", "<d,e>;f=\"g,h\"", "i"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_TRUE(split_list(" , ").empty());
  EXPECT_EQ(split_list("\"never ends, a").size(), 1U);
}

TEST(Quote, OnlyWhatNeedsIt) {
  EXPECT_EQ(quote("token-1"), "token-1");
  EXPECT_EQ(quote(""), "\"\"");
  EXPECT_EQ(quote("a \"b\" \\"), "\"a \\\"b\\\" \\\\\"");
  EXPECT_EQ(quote("a\r\nX: y"), "\"a  X: y\"");
}

TEST(CanonicalName, KnowsCompactFormsAndLeavesTheRest) {
  EXPECT_EQ(canonical_name("v"), "Via");
  EXPECT_EQ(canonical_name("L"), "Content-Length");
  EXPECT_EQ(canonical_name("call-id"), "Call-ID");
  EXPECT_EQ(canonical_name("WWW-AUTHENTICATE"), "WWW-Authenticate");
  EXPECT_EQ(canonical_name("x-own"), "x-own");
  EXPECT_EQ(canonical_name("z"), "z");
  EXPECT_EQ(canonical_name(""), "");
}

TEST(ViaName, OfEachTransport) {
  EXPECT_EQ(via_name(TransportKind::Udp), "UDP");
  EXPECT_EQ(via_name(TransportKind::Tcp), "TCP");
  EXPECT_EQ(via_name(TransportKind::Tls), "TLS");
  EXPECT_EQ(via_name(TransportKind::Ws), "WS");
  EXPECT_EQ(via_name(TransportKind::Wss), "WSS");
}

Message with_body(std::string_view type, std::string body) {
  Message m;
  if (!type.empty()) m.add("Content-Type", std::string(type));
  m.body = std::move(body);
  return m;
}

TEST(BodyParts, OfAPlainBody) {
  const auto m = with_body("Application/SDP ;x=y", "v=0");
  ASSERT_EQ(body_parts(m).size(), 1U);
  EXPECT_EQ(body_parts(m)[0].content_type, "application/sdp");
  EXPECT_EQ(sdp_of(m), "v=0");
  EXPECT_TRUE(body_parts(with_body("application/sdp", "")).empty());
  EXPECT_EQ(sdp_of(with_body("text/plain", "v=0")), "");
  EXPECT_EQ(sdp_of(with_body("", "v=0")), "");
}

TEST(BodyParts, OfAMultipartBody) {
  const auto m = with_body("multipart/mixed;boundary=\"b 1\"",
                           "preamble\r\n--b 1\r\n\r\nno type\r\n--b 1\r\nContent-Type: application/SDP\r\n"
                           "Content-Disposition: session\r\n\r\nv=0\r\ns=-\r\n\r\n--b 1 \r\nC: message/sipfrag\r\n\r\n"
                           "\r\n--b 1--\r\nepilogue");
  const auto parts = body_parts(m);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].content_type, "text/plain");
  EXPECT_EQ(parts[0].body, "no type");
  EXPECT_EQ(parts[1].body, "v=0\r\ns=-\r\n");
  EXPECT_EQ(parts[2].content_type, "message/sipfrag");
  EXPECT_EQ(parts[2].body, "");
  EXPECT_EQ(sdp_of(m), parts[1].body);
}

TEST(BodyParts, OfNestedAndBrokenMultiparts) {
  const auto nested = with_body("multipart/mixed;boundary=o",
                                "--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n--i\r\nContent-Type: "
                                "application/sdp\r\n\r\nv=0\r\n--i--\r\n--o--\r\n");
  EXPECT_EQ(sdp_of(nested), "v=0");
  EXPECT_TRUE(body_parts(with_body("multipart/mixed;boundary=x", "no delimiter at all")).empty());
  EXPECT_EQ(body_parts(with_body("multipart/mixed;boundary=x", "--x\r\n\r\nnever ends")).size(), 1U);
  EXPECT_EQ(body_parts(with_body("multipart/mixed", "no boundary")).size(), 1U);
}

TEST(BodyParts, AreBounded) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxBodyParts; ++i) many += "--x\r\n\r\ny\r\n";
  EXPECT_EQ(body_parts(with_body("multipart/mixed;boundary=x", many + "--x--")).size(), kMaxBodyParts);

  const auto delimited = [](std::size_t length) {
    const std::string boundary(length, 'b');
    return with_body("multipart/mixed;boundary=" + boundary,
                     "--" + boundary + "\r\nC: application/sdp\r\n\r\nv=0\r\n--" + boundary + "--");
  };
  EXPECT_EQ(sdp_of(delimited(70)), "v=0");
  EXPECT_EQ(sdp_of(delimited(71)), "");

  std::string deep = "Content-Type: application/sdp\r\n\r\nv=0";
  const auto wrap = [](const std::string& inner, char b) {
    return std::string("Content-Type: multipart/mixed;boundary=") + b + "\r\n\r\n--" + b + "\r\n" + inner + "\r\n--" +
           b + "--";
  };
  for (char b = 'a'; b < 'a' + static_cast<char>(kMaxBodyDepth) - 1; ++b) deep = wrap(deep, b);
  EXPECT_EQ(sdp_of(with_body("multipart/mixed;boundary=z", "--z\r\n" + deep + "\r\n--z--")), "v=0");
  deep = wrap(deep, 'y');
  EXPECT_EQ(sdp_of(with_body("multipart/mixed;boundary=z", "--z\r\n" + deep + "\r\n--z--")), "");
}

}  // namespace
}  // namespace segue::sip
