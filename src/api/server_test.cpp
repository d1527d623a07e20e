// Real HTTP over the loopback: the server on a loop of its own thread, the client blocking in the test's.
#include "api/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/memory_service.h"

namespace segue::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using nlohmann::json;
using HttpResponse = http::response<http::string_body>;

/// One connection of a client; every read blocks until the server speaks or closes.
class Client {
 public:
  explicit Client(const Endpoint& server) {
    socket_.connect({asio::ip::make_address(server.ip.to_string()), server.port});
  }

  HttpResponse send(http::verb method, const std::string& target, const std::string& body = "",
                    const std::string& token = "admin-token") {
    http::request<http::string_body> request{method, target, 11};
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::authorization, "Bearer " + token);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
    http::write(socket_, request);
    return receive(method == http::verb::head);
  }
  void raw(const std::string& bytes) {
    error_code ignored;  // the server may have closed already; the answer tells
    asio::write(socket_, asio::buffer(bytes), ignored);
  }
  HttpResponse receive(bool head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(head);
    http::read(socket_, buffer_, parser);
    return parser.release();
  }
  /// True once the server has closed without sending anything more.
  bool closed() {
    char byte = 0;
    error_code error;
    asio::read(socket_, asio::buffer(&byte, 1), error);
    return error == asio::error::eof || error == asio::error::connection_reset;
  }
  void half_close() { socket_.shutdown(tcp::socket::shutdown_send); }

 private:
  asio::io_context context_;
  tcp::socket socket_{context_};
  boost::beast::flat_buffer buffer_;
};

class HttpServer : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.listen.port = 0;
    options.openapi = "openapi: 3.1.0\n";
    options.on_refused = [this](unsigned, const std::string& what) { refusals.push_back(what); };
    auto listening = Server::listen(loop, service, std::move(options));
    ASSERT_TRUE(listening) << listening.error().text;
    server = std::move(*listening);
    address = server->local();
    thread = std::thread([this] { loop.run(); });
  }
  void TearDown() override {
    if (!thread.joinable()) return;
    asio::post(loop, [this] { server.reset(); });
    thread.join();  // ends only when no connection is left behind
  }
  template <typename F>
  auto ask(F f) {
    std::promise<std::invoke_result_t<F>> answer;
    asio::post(loop, [&] { answer.set_value(f()); });
    return answer.get_future().get();
  }

  asio::io_context loop;
  MemoryService service;
  std::vector<std::string> refusals;  // the loop's thread writes it
  std::unique_ptr<Server> server;
  Endpoint address;
  std::thread thread;
};

TEST_F(HttpServer, ServesManyRequestsOverOneConnection) {
  start();
  service.begin_call();
  Client client(address);
  const auto made = client.send(http::verb::post, "/v1/accounts", R"({"name":"Mary"})");
  EXPECT_EQ(made.result_int(), 201U);
  EXPECT_EQ(made[http::field::location], "/v1/accounts/acc_3");
  EXPECT_EQ(made[http::field::content_type], "application/json");
  EXPECT_EQ(made[http::field::cache_control], "no-store");
  EXPECT_FALSE(made[http::field::date].empty());
  EXPECT_TRUE(made.keep_alive());
  EXPECT_EQ(json::parse(client.send(http::verb::get, "/v1/accounts/acc_3").body())["name"], "Mary");
  EXPECT_EQ(json::parse(client.send(http::verb::patch, "/v1/accounts/acc_3", R"({"name":"M"})").body())["name"], "M");
  const auto gone = client.send(http::verb::delete_, "/v1/accounts/acc_3");
  EXPECT_EQ(gone.result_int(), 204U);
  EXPECT_TRUE(gone.body().empty() && gone[http::field::content_length].empty());
  const auto flip = client.send(http::verb::post, "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token");
  EXPECT_EQ(flip.result_int(), 201U) << flip.body();
  const auto picture = client.send(http::verb::get, "/v1/flips/flip_1/timeline.svg", "", "ada-token");
  EXPECT_EQ(picture[http::field::content_type], "image/svg+xml");
  EXPECT_EQ(client.send(http::verb::get, "/openapi.yaml", "", "admin-token").body(), "openapi: 3.1.0\n");
  const auto denied = client.send(http::verb::get, "/v1/accounts", "", "wrong");
  EXPECT_EQ(denied.result_int(), 401U);
  EXPECT_EQ(denied[http::field::www_authenticate], "Bearer realm=\"segue\"");
  EXPECT_EQ(denied[http::field::content_type], "application/problem+json");
  EXPECT_EQ(client.send(http::verb::put, "/v1/accounts")[http::field::allow], "GET, HEAD, POST");
  EXPECT_EQ(ask([&] { return server->connections(); }), 1U);
}

TEST_F(HttpServer, HeadIsGetWithoutTheBody) {
  start();
  Client client(address);
  const auto got = client.send(http::verb::get, "/v1/accounts");
  const auto head = client.send(http::verb::head, "/v1/accounts");
  EXPECT_EQ(head.result_int(), 200U);
  EXPECT_EQ(head[http::field::content_length], got[http::field::content_length]);
  EXPECT_EQ(client.send(http::verb::get, "/v1/accounts").body(), got.body()) << "the connection is still in step";
}

TEST_F(HttpServer, ChunksContinueAndPipelinesAreUnderstood) {
  start();
  Client client(address);
  const std::string head =
      "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\nContent-Type: "
      "application/json\r\n";
  client.raw(head + "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"name\":\r\n4\r\n\"X\"}\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 201U);
  client.raw(head + "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 100U);
  client.raw("{\"name\":\"Y\"}");
  EXPECT_EQ(client.receive().result_int(), 201U);
  client.raw("GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 200U);
  EXPECT_EQ(client.receive().result_int(), 404U);
}

TEST_F(HttpServer, APipelineThatTurnsIntoGarbageIsAnsweredUpToThere) {
  start();
  Client client(address);
  client.raw("GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02 what is this\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 200U);
  const auto refused = client.receive();
  EXPECT_EQ(refused.result_int(), 400U);
  EXPECT_EQ(json::parse(refused.body())["type"], "urn:segue:problem:malformed-request");
  EXPECT_FALSE(refused.keep_alive());
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServer, WhatIsTooLargeIsRefusedBeforeItIsRead) {
  start();
  {
    Client client(address);
    client.raw(
        "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n" +
        std::string(65537, ' '));
    EXPECT_EQ(client.receive().result_int(), 413U);
    client.half_close();
    EXPECT_TRUE(client.closed());
  }
  {
    Client client(address);
    client.raw("POST /v1/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) client.raw("1000\r\n" + std::string(4096, ' ') + "\r\n");
    EXPECT_EQ(client.receive().result_int(), 413U);
  }
  {
    Client client(address);
    client.raw("GET /v1/health HTTP/1.1\r\nHost: x\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
    EXPECT_EQ(client.receive().result_int(), 431U);
  }
  Client client(address);
  const auto largest =
      client.send(http::verb::post, "/v1/accounts", "{\"name\":\"x\"" + std::string(65536 - 12, ' ') + "}");
  EXPECT_EQ(largest.result_int(), 201U) << "64 kB exactly is taken";
}

TEST_F(HttpServer, WhoIsTooSlowIsClosed) {
  ServerOptions options;
  options.idle = std::chrono::milliseconds(40);
  options.transfer = std::chrono::milliseconds(40);
  start(options);
  Client silent(address), in_header(address), in_body(address), after(address);
  in_header.raw("GET /v1/health HTT");
  in_body.raw("POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(after.send(http::verb::get, "/v1/health").result_int(), 200U);
  for (Client* client : {&in_header, &in_body}) {
    const auto answer = client->receive();
    EXPECT_EQ(answer.result_int(), 408U);
    EXPECT_EQ(json::parse(answer.body())["type"], "urn:segue:problem:slow");
    client->half_close();
  }
  for (Client* client : {&silent, &in_header, &in_body, &after}) EXPECT_TRUE(client->closed());
  // Those who were answered linger until the server has seen our end.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (ask([&] { return server->connections(); }) > 0 && std::chrono::steady_clock::now() < patience) {
  }
  EXPECT_EQ(ask([&] { return server->connections(); }), 0U);
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_THAT(refusals[0], testing::HasSubstr("408 Too slow"));
}

TEST_F(HttpServer, ConnectionsAreBounded) {
  ServerOptions options;
  options.connections_max = 2;
  start(options);
  auto first = std::make_unique<Client>(address);
  Client second(address);
  EXPECT_EQ(first->send(http::verb::get, "/v1/health").result_int(), 200U);
  EXPECT_EQ(second.send(http::verb::get, "/v1/health").result_int(), 200U);
  Client third(address);
  EXPECT_EQ(third.receive().result_int(), 503U);
  EXPECT_TRUE(third.closed());
  EXPECT_THAT(ask([&] { return refusals; }), testing::ElementsAre(testing::HasSubstr("503 A limit is reached")));
  // When one has gone there is room again.
  first->half_close();
  EXPECT_TRUE(first->closed());
  Client fourth(address);
  EXPECT_EQ(fourth.send(http::verb::get, "/v1/health").result_int(), 200U);
}

TEST_F(HttpServer, ConnectionCloseIsHonoured) {
  start();
  Client client(address);
  client.raw("GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(client.receive().keep_alive());
  EXPECT_TRUE(client.closed());
  Client old(address);
  old.raw("GET /v1/health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.receive().result_int(), 200U);
  EXPECT_TRUE(old.closed());
}

TEST_F(HttpServer, AnAddressThatCannotBeHadIsAnError) {
  start();
  ServerOptions options;
  options.listen = address;
  const auto second = Server::listen(loop, service, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(second.error().text, "cannot listen for HTTP on " + address.to_string() + ": Address already in use");
  options.listen = {IpAddress::v4(192, 0, 2, 1), 0};
  EXPECT_FALSE(Server::listen(loop, service, options));
}

TEST_F(HttpServer, ListensOnIpv6) {
  ServerOptions options;
  options.listen.ip = IpAddress::parse("::1").value();
  start(options);
  EXPECT_EQ(Client(address).send(http::verb::get, "/v1/health").result_int(), 200U);
}

TEST_F(HttpServer, StopsWithConnectionsOpen) {
  start();
  Client idle(address), busy(address);
  EXPECT_EQ(idle.send(http::verb::get, "/v1/health").result_int(), 200U);
  busy.raw("POST /v1/accounts HTTP/1.1\r\nContent-Le");
  TearDown();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(busy.closed());
}

}  // namespace
}  // namespace segue::api
