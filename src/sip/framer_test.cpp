#include "sip/framer.h"

#include <gtest/gtest.h>

#include "sip/message.h"

namespace segue::sip {
namespace {

constexpr std::string_view kBye =
    "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    "Call-ID: x\r\nCSeq: 1 BYE\r\nl:  5\r\n\r\nhello";
constexpr std::string_view kInfo =
    "INFO sip:a@b SIP/2.0\r\nSubject: Content-Length: 3\r\nCONTENT-length \t:\r\n  0\r\nTo: x\r\n\r\n";

/// Everything that comes out, with "ping" for keep-alives.
std::vector<std::string> drain(StreamFramer& framer) {
  std::vector<std::string> out;
  while (auto frame = framer.next()) out.push_back(frame->ping ? "ping" : frame->message);
  return out;
}

TEST(StreamFramer, CutsAtEveryPossiblePlace) {
  const auto stream = std::string(kBye) + "\r\n\r\n" + std::string(kInfo) + "\r\n" + std::string(kBye);
  const std::vector<std::string> expected = {std::string(kBye), "ping", std::string(kInfo), std::string(kBye)};
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    StreamFramer framer;
    ASSERT_TRUE(framer.push(std::string_view(stream).substr(0, i)));
    auto out = drain(framer);
    ASSERT_TRUE(framer.push(std::string_view(stream).substr(i)));
    for (auto& frame : drain(framer)) out.push_back(std::move(frame));
    ASSERT_EQ(out, expected) << "split at " << i;
  }
}

TEST(StreamFramer, CutsByteByByte) {
  StreamFramer framer;
  std::vector<std::string> out;
  for (const char c : std::string(kBye) + std::string(kInfo) + "\r\n\r\n") {
    ASSERT_TRUE(framer.push(std::string_view(&c, 1)));
    for (auto& frame : drain(framer)) out.push_back(std::move(frame));
  }
  EXPECT_EQ(out, (std::vector<std::string>{std::string(kBye), std::string(kInfo), "ping"}));
}

TEST(StreamFramer, TellsAPingFromAPong) {
  StreamFramer framer;
  ASSERT_TRUE(framer.push("\r\n\r\n\r\n"));
  EXPECT_EQ(drain(framer), std::vector<std::string>{"ping"});
  ASSERT_TRUE(framer.push(kBye));
  EXPECT_EQ(drain(framer).size(), 1U);
  ASSERT_TRUE(framer.push("\r"));
  ASSERT_TRUE(framer.push("\n\r"));
  EXPECT_TRUE(drain(framer).empty());
  ASSERT_TRUE(framer.push("\n"));
  EXPECT_EQ(drain(framer), std::vector<std::string>{"ping"});
}

TEST(StreamFramer, GivesUpWhereNobodyKnowsTheNextStart) {
  for (const std::string_view line : {"", "Content-Length: five\r\n", "Content-Length: -1\r\n", "l:\r\n",
                                      "l: 65536\r\n", "l: 1\r\nContent-Length: 1\r\n", "l: 0\r\nl: 0\r\n", "l: 1 2\r\n",
                                      "l: 99999999999999999999\r\n", "Subject: x\n\nl: 0\r\n"}) {
    StreamFramer framer;
    EXPECT_FALSE(framer.push("BYE sip:a@b SIP/2.0\r\nTo: x\r\n" + std::string(line) + "\r\n")) << line;
    EXPECT_FALSE(framer.push(kBye)) << line;
    EXPECT_TRUE(drain(framer).empty()) << line;
  }
}

TEST(StreamFramer, GivesWhatCameBeforeTheError) {
  StreamFramer framer;
  EXPECT_FALSE(framer.push(std::string(kBye) + "BYE sip:a@b SIP/2.0\r\n\r\n"));
  EXPECT_EQ(drain(framer), std::vector<std::string>{std::string(kBye)});
}

std::string with_body(std::size_t total) {
  const std::string head = "BYE sip:a@b SIP/2.0\r\nl: ";
  const auto body = total - head.size() - 9;  // five digits and two line ends
  return head + std::to_string(body) + "\r\n\r\n" + std::string(body, 'x');
}

TEST(StreamFramer, HoldsTheLimitOfAMessage) {
  StreamFramer framer;
  const auto largest = with_body(kMaxMessageBytes);
  ASSERT_EQ(largest.size(), kMaxMessageBytes);
  ASSERT_TRUE(framer.push(largest + largest));
  EXPECT_EQ(drain(framer).size(), 2U);
  EXPECT_TRUE(framer.broken().empty());
  const auto too_large = framer.push(with_body(kMaxMessageBytes + 1));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::Exhausted);
  EXPECT_EQ(framer.broken(), with_body(kMaxMessageBytes + 1).substr(0, kMaxMessageBytes));

  StreamFramer endless;
  for (std::size_t sent = 0; sent < kMaxMessageBytes; sent += 15) ASSERT_TRUE(endless.push("Subject: 12345\n")) << sent;
  EXPECT_FALSE(endless.push("Subject: 12345\n"));
}

TEST(StreamFramer, CutsWhatTheParserReads) {
  StreamFramer framer;
  ASSERT_TRUE(framer.push(kBye));
  const auto frame = framer.next();
  ASSERT_TRUE(frame);
  const auto message = parse_message(frame->message);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body, "hello");
}

}  // namespace
}  // namespace segue::sip
