// Parsing and printing of whole messages: what real peers send, what must be refused, and the bounds.
#include "sip/message.h"

#include <gtest/gtest.h>

namespace segue::sip {
namespace {

constexpr std::string_view kHead =
    "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc\r\n"
    "From: \"Ann\" <sip:ann@example.com>;tag=1\r\n"
    "To: <sip:bob@example.com>\r\n"
    "Call-ID: call-1@192.0.2.1\r\n"
    "CSeq: 7 INVITE\r\n";

std::string invite(std::string_view more = "", std::string_view body = "") {
  return "INVITE sip:bob@example.com SIP/2.0\r\n" + std::string(kHead) + std::string(more) + "\r\n" + std::string(body);
}

std::string with_head(std::string_view start_line, std::string_view more = "") {
  return std::string(start_line) + "\r\n" + std::string(kHead) + std::string(more) + "\r\n";
}

Message parsed(std::string_view bytes) {
  auto message = parse_message(bytes);
  EXPECT_TRUE(message) << (message ? "" : message.error().text);
  return message ? *message : Message{};
}

ParseError refused(std::string_view bytes) {
  auto message = parse_message(bytes);
  EXPECT_FALSE(message) << "was accepted";
  return message ? ParseError{0, "", std::nullopt} : message.error();
}

TEST(ParseMessage, ReadsARequest) {
  const auto m = parsed(invite("Contact: <sip:ann@192.0.2.1>\r\nContent-Length: 4\r\n", "v=0\n"));
  EXPECT_TRUE(m.is_request);
  EXPECT_EQ(m.method, "INVITE");
  EXPECT_EQ(m.request_uri.user, "bob");
  EXPECT_EQ(m.get("Call-ID"), "call-1@192.0.2.1");
  EXPECT_EQ(m.body, "v=0\n");
  EXPECT_EQ(m.find("Content-Length"), nullptr);
}

TEST(ParseMessage, ReadsAResponseAndTakesItsMethodFromCSeq) {
  const auto m = parsed(with_head("SIP/2.0 486 Busy  Here"));
  EXPECT_FALSE(m.is_request);
  EXPECT_EQ(m.status, 486);
  EXPECT_EQ(m.reason, "Busy  Here");
  EXPECT_TRUE(m.is("INVITE"));
}

TEST(ParseMessage, ExpandsCompactFormsAndCorrectsCase) {
  const auto m = parsed(
      "OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/TCP h\r\nF: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: x\r\ncSeQ: 1 OPTIONS\r\n"
      "M: <sip:q@r>\r\nk: timer\r\nX: 90\r\nuser-AGENT: z\r\nX-mine: y\r\nQ: unknown\r\nL: 0\r\n\r\n");
  std::vector<std::string> names;
  for (const auto& header : m.headers) names.push_back(header.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Supported",
                                             "Session-Expires", "User-Agent", "X-mine", "Q"}));
  EXPECT_EQ(m.get("x-MINE"), "y");
}

TEST(ParseMessage, UnfoldsToOneSpace) {
  const auto m =
      parsed(invite("Subject: one\r\n\t  two \r\n three\r\nOrganization:\r\n folded first\r\nPriority: \r\n"));
  EXPECT_EQ(m.get("Subject"), "one two three");
  EXPECT_EQ(m.get("Organization"), "folded first");
  EXPECT_EQ(m.get("Priority"), "");
  EXPECT_NE(m.find("Priority"), nullptr);
}

TEST(ParseMessage, GivesEachListedViaAndContactItsOwnLine) {
  const auto m = parsed(
      "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=1 , SIP/2.0/UDP b\r\nVia: SIP/2.0/UDP c\r\n"
      "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
      "Contact: \"a, b\" <sip:q,r@s>, <sip:t@u>;q=0.5\r\nSupported: timer, replaces\r\n\r\n");
  EXPECT_EQ(m.all("Via"), (std::vector<std::string_view>{"SIP/2.0/UDP a;branch=1", "SIP/2.0/UDP b", "SIP/2.0/UDP c"}));
  EXPECT_EQ(m.all("Contact"), (std::vector<std::string_view>{"\"a, b\" <sip:q,r@s>", "<sip:t@u>;q=0.5"}));
  EXPECT_EQ(m.get("Supported"), "timer, replaces");
  EXPECT_EQ(list_values(m, "supported"), (std::vector<std::string_view>{"timer", "replaces"}));
}

TEST(ParseMessage, SkipsEmptyLinesBeforeTheMessage) {
  EXPECT_EQ(parsed("\r\n\r\n" + invite()).method, "INVITE");
  EXPECT_FALSE(refused("\r\n\r\n").partial);
  EXPECT_FALSE(refused("").partial);
}

TEST(ParseMessage, TakesTheWholeDatagramWithoutContentLengthAndCutsWhatIsBeyondIt) {
  EXPECT_EQ(parsed(invite("", "all of it")).body, "all of it");
  EXPECT_EQ(parsed(invite("l : 3\r\n", "all of it")).body, "all");
}

TEST(ParseMessage, RefusesWithA400ThatCanBeAnswered) {
  const std::string_view bad[] = {"Content-Length: 1\r\n",
                                  "Content-Length: -1\r\n",
                                  "Content-Length: 0x0\r\n",
                                  "Content-Length:\r\n",
                                  "Content-Length: 0\r\nContent-Length: 0\r\n",
                                  "Content-Length: 99999999999999999999999\r\n",
                                  "From: <sip:second@example.com>\r\n",
                                  "Max-Forwards: 256\r\n",
                                  "Max-Forwards: many\r\n",
                                  "Contact: <sip:a@b\r\n",
                                  "Contact: sip:a@b?Subject=x\r\n",
                                  "Contact: <sip:a@b>,\r\n",
                                  "no colon\r\n",
                                  "two words: x\r\n",
                                  ": no name\r\n",
                                  "Subject: bare\rreturn\r\n",
                                  "Subject: bare\nFrom: <sip:forged@example.com>\r\n"};
  for (const auto line : bad) {
    const auto error = refused(invite(line));
    EXPECT_EQ(error.status, 400) << line;
    ASSERT_TRUE(error.partial) << line;
    EXPECT_EQ(error.partial->get("Call-ID"), "call-1@192.0.2.1") << line;
    EXPECT_EQ(make_response(*error.partial, error.status).all("From").size(), 1U) << line;
  }
}

TEST(ParseMessage, RefusesStartLinesThatAreNot) {
  for (const auto* line : {"INVITE sip:a@b", "INVITE  sip:a@b SIP/2.0", "INVITE sip:a@b  SIP/2.0",
                           "INVITE sip:a@b SIP/2.0 ", "INVITE sip:a@b HTTP/1.1", "INVITE <sip:a@b> SIP/2.0",
                           "INVITE sip:a b SIP/2.0", "INVITE sip:a@b?Route=x SIP/2.0", "INVITE nonsense SIP/2.0"}) {
    const auto error = refused(with_head(line));
    EXPECT_EQ(error.status, 400) << line;
    EXPECT_TRUE(error.partial) << line;
  }
  EXPECT_EQ(refused(with_head("INVITE sip:a@b SIP/3.0")).status, 505);
}

TEST(ParseMessage, RefusesAZeroByteInTheHeadUnlessItIsAQuotedPair) {
  using std::string_literals::operator""s;
  EXPECT_EQ(refused(invite("Subject: a\0b\r\n"s)).text, "a zero byte");
  EXPECT_TRUE(refused(invite("Subject: a\0b\r\n"s)).partial);
  EXPECT_EQ(parsed(invite("Subject: \"a\\\0b\"\r\n"s)).get("Subject"), "\"a\\\0b\""s);
  EXPECT_EQ(parsed(invite("Content-Length: 3\r\n", "a\0b"s)).body, "a\0b"s);
}

TEST(ParseMessage, NeverAnswersAResponseOrAnAck) {
  for (const auto* line : {"SIP/2.0 99 Low", "SIP/2.0 700 High", "SIP/2.0 2000 Long", "SIP/2.0", "SIP/3.0 200 OK",
                           "sip/2.0 abc", "SIP/2.0 -20 Odd", "IN VITE sip:a@b SIP/2.0"}) {
    const auto error = refused(with_head(line));
    if (std::string_view(line).starts_with("IN")) continue;  // a request: answering it is right
    EXPECT_FALSE(error.partial) << line;
  }
  EXPECT_FALSE(refused("ACK sip:a@b SIP/2.0\r\n" + std::string(kHead) + "\r\n").partial);
  EXPECT_FALSE(refused(with_head("IN/VITE sip:a@b SIP/2.0")).partial);
}

TEST(ParseMessage, DropsWhatCannotBeAddressed) {
  for (const std::string_view missing : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    auto bytes = invite();
    const auto at = bytes.find("\r\n" + std::string(missing) + ":") + 2;
    bytes.erase(at, bytes.find("\r\n", at) + 2 - at);
    const auto error = refused(bytes);
    EXPECT_EQ(error.status, 400) << missing;
    EXPECT_FALSE(error.partial) << missing;
  }
}

TEST(ParseMessage, KeepsTheReadablePartOfAMalformedTopVia) {
  const auto error = refused(
      "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKq;=\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n");
  ASSERT_TRUE(error.partial);
  EXPECT_EQ(error.partial->get("Via"), "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKq");
}

TEST(ParseMessage, AnswersAnotherVersionWith505) {
  const auto error = refused(
      "OPTIONS sip:a SIP/7.0\r\nVia: SIP/7.0/UDP c.example.com;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n");
  EXPECT_EQ(error.status, 505);
  ASSERT_TRUE(error.partial);
  EXPECT_TRUE(Via::parse(error.partial->get("Via")));
}

TEST(ParseMessage, HoldsItsBounds) {
  std::string many;
  for (std::size_t i = 5; i < kMaxHeaders; ++i) many += "X: y\r\n";
  EXPECT_EQ(parsed(invite(many)).headers.size(), kMaxHeaders);
  EXPECT_EQ(refused(invite(many + "X: y\r\n")).status, 400);

  const std::string longest = "Z: " + std::string(kMaxHeaderBytes - 3, 'y');
  EXPECT_EQ(parsed(invite(longest + "\r\n")).get("Z").size(), kMaxHeaderBytes - 3);
  EXPECT_EQ(refused(invite(longest + "y\r\n")).status, 400);

  const auto head = invite();
  EXPECT_EQ(parsed(invite("", std::string(kMaxMessageBytes - head.size(), 'b'))).body.size(),
            kMaxMessageBytes - head.size());
  const auto error = refused(invite("", std::string(kMaxMessageBytes - head.size() + 1, 'b')));
  EXPECT_EQ(error.status, 513);

  const auto request_line = "INVITE sip:" + std::string(kMaxHeaderBytes - 19, 'u') + " SIP/2.0";
  ASSERT_EQ(request_line.size(), kMaxHeaderBytes);
  EXPECT_EQ(parsed(with_head(request_line)).request_uri.host.size(), kMaxHeaderBytes - 19);
  const auto long_line = refused(with_head("INVITE sip:u" + request_line.substr(11)));
  EXPECT_EQ(long_line.status, 414);
  EXPECT_TRUE(long_line.partial);
}

TEST(Message, FindsSetsAndRemovesWithoutCase) {
  Message m;
  m.add("via", "1");
  m.add("Via", "2");
  m.add("X-Own", "3");
  m.add_first("v", "0");
  EXPECT_EQ(m.all("VIA"), (std::vector<std::string_view>{"0", "1", "2"}));
  m.set("vIa", "only");
  EXPECT_EQ(m.all("Via"), (std::vector<std::string_view>{"only"}));
  m.set("Subject", "new");
  EXPECT_EQ(m.headers.back(), (Header{"Subject", "new"}));
  m.remove("x-own");
  EXPECT_EQ(m.find("X-Own"), nullptr);
  EXPECT_EQ(m.get("X-Own"), "");
}

TEST(Message, PrintsWithItsOwnContentLength) {
  Message m;
  m.method = "MESSAGE";
  m.request_uri = *Uri::parse("sip:bob@example.com");
  m.add("Via", "SIP/2.0/UDP a");
  m.add("Content-Length", "999");
  m.body = "hello";
  EXPECT_EQ(m.to_string(),
            "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nContent-Length: 5\r\n\r\nhello");
}

TEST(Message, CannotBeMadeToPrintMoreHeadersThanItHas) {
  Message m;
  m.is_request = false;
  m.status = 200;
  m.reason = "OK\r\nX: 1";
  m.add("Subject", "a\r\nX: 2\r\n\r\nbody");
  EXPECT_EQ(m.to_string(), "SIP/2.0 200 OK  X: 1\r\nSubject: a  X: 2    body\r\nContent-Length: 0\r\n\r\n");
}

TEST(MakeResponse, CopiesWhatSection82624Says) {
  auto request = parsed(invite("Timestamp: 54\r\nRoute: <sip:p;lr>\r\nSubject: x\r\n"));
  request.add_first("Via", "SIP/2.0/UDP proxy");
  const auto ok = make_response(request, 200, "abc");
  EXPECT_EQ(ok.status, 200);
  EXPECT_EQ(ok.reason, "OK");
  EXPECT_EQ(ok.all("Via").size(), 2U);
  EXPECT_EQ(ok.get("To"), "<sip:bob@example.com>;tag=abc");
  EXPECT_EQ(ok.get("CSeq"), "7 INVITE");
  EXPECT_EQ(ok.headers.size(), 6U);
  EXPECT_EQ(make_response(request, 100).get("Timestamp"), "54");
  EXPECT_EQ(make_response(request, 100).get("To"), "<sip:bob@example.com>");
  EXPECT_EQ(make_response(request, 486, "x", "Not now").reason, "Not now");
}

TEST(MakeResponse, LeavesATagThatIsThere) {
  auto request = parsed(invite());
  request.set("To", "<sip:bob@example.com;tag=inside>;Tag=there");
  EXPECT_EQ(make_response(request, 200, "abc").get("To"), "<sip:bob@example.com;tag=inside>;Tag=there");
}

TEST(ReasonPhrase, KnowsTheRegistry) {
  EXPECT_EQ(reason_phrase(100), "Trying");
  EXPECT_EQ(reason_phrase(486), "Busy Here");
  EXPECT_EQ(reason_phrase(608), "Rejected");
  EXPECT_EQ(reason_phrase(299), "Unknown");
  EXPECT_EQ(reason_phrase(-1), "Unknown");
  EXPECT_EQ(reason_phrase(700), "Unknown");
}

}  // namespace
}  // namespace segue::sip
