// The REST client against a server of one canned answer, over a real socket.
#include "app/rest_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace segue::app {
namespace {

/// Accepts one connection, reads what comes up to the end of the head and its body, sends `answer`, closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int peer = ::accept(listener_, nullptr, nullptr);
      std::array<char, 4096> buffer{};
      const ssize_t got = ::recv(peer, buffer.data(), buffer.size(), 0);
      request_.assign(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (!answer.empty()) {
        EXPECT_EQ(::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
      } else {
        (void)::recv(peer, buffer.data(), buffer.size(), 0);  // says nothing until the client gives up
      }
      ::close(peer);
    });
  }
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  std::string request() {
    thread_.join();
    return request_;
  }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

TEST(RestClient, SendsItsTokenAndReadsJson) {
  OneAnswer server("HTTP/1.1 201 Created\r\nContent-Length: 15\r\n\r\n{\"id\": \"acc_1\"}");
  const RestClient client(server.address(), "secret");
  const auto answer = client.post("/v1/accounts", {{"name", "Ada"}});
  ASSERT_TRUE(answer.has_value()) << answer.error().text;
  EXPECT_EQ(answer->at("id"), "acc_1");
  const std::string request = server.request();
  EXPECT_THAT(request, testing::StartsWith("POST /v1/accounts HTTP/1.1\r\n"));
  EXPECT_THAT(request, testing::HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(request, testing::EndsWith("{\"name\":\"Ada\"}"));
}

TEST(RestClient, ReadsUntilTheEndWhereThereIsNoLength) {
  OneAnswer server("HTTP/1.1 200 OK\r\n\r\n<svg/>");
  EXPECT_EQ(RestClient(server.address(), "").get_text("/v1/flips/flip_1/timeline.svg").value(), "<svg/>");
}

TEST(RestClient, ProblemDetailsBecomeAnError) {
  const std::string body =
      R"({"title":"Invalid input","detail":"See errors.","errors":[{"pointer":"/name","detail":"is missing"}]})";
  OneAnswer server(fmt::format("HTTP/1.1 422 X\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  const auto answer = RestClient(server.address(), "").get("/v1/accounts");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::InvalidInput);
  EXPECT_EQ(answer.error().text, "422 Invalid input: See errors. /name is missing;");
}

TEST(RestClient, EmptyAnswerIsNull) {
  OneAnswer server("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(RestClient(server.address(), "").remove("/v1/calls/call_1").value().is_null());
}

TEST(RestClient, SaysWhatIsWrongWithTheOtherEnd) {
  const auto text_of = [](const std::string& answer, Duration timeout) {
    OneAnswer server(answer);
    const auto got = RestClient(server.address(), "", timeout).get("/");
    return got ? std::string("no error") : got.error().text;
  };
  EXPECT_THAT(text_of("SSH-2.0-x\r\n\r\n", 5s), testing::HasSubstr("does not speak HTTP"));
  EXPECT_THAT(text_of("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", 5s), testing::HasSubstr("in the middle"));
  EXPECT_THAT(text_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{", 5s), testing::HasSubstr("not JSON"));
  EXPECT_THAT(text_of("", 50ms), testing::HasSubstr("in time"));
  EXPECT_THAT(RestClient("127.0.0.1:1", "").get("/").error().text, testing::HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace segue::app
