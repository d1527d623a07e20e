// HTTP/1.1 for the Router: the only file that sees Beast. One Session a connection:
//
//   waiting --first byte--> reading header --> (100 Continue) --> reading body --> writing --> waiting, or lingering
//   and closed
//
// A session keeps itself alive by its pending operation and ends when that fails: by the peer, by a deadline, or by
// Core::stop().
#include "api/server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <optional>
#include <unordered_set>

#include "api/problem.h"
#include "api/router.h"

namespace segue::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// What of a refused request is read and thrown away, so that the peer gets our answer before the reset (RFC 9112
/// section 9.6).
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::chrono::milliseconds kLinger{1000};
/// With no descriptors left accept() fails at once, again and again; a pause keeps the loop for those who talk.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

Response refusal(const error_code& error) {
  if (error == http::error::body_limit)
    return problem(413, "too-large", "Content too large", "The body is larger than is allowed here.");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, "header-too-large", "Header too large", "The request's header is larger than is allowed here.");
  return problem(400, "malformed-request", "Malformed request", "This is not HTTP/1.1: " + error.message() + ".");
}

bool is_protocol_error(const error_code& error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

class Session;

}  // namespace

struct Server::Core : std::enable_shared_from_this<Server::Core> {
  Core(asio::io_context& loop, Service& service, ServerOptions&& o)
      : acceptor(loop), pause(loop), options(std::move(o)), router(service, options.openapi) {}

  [[nodiscard]] Result<void> open();
  void accept();
  void turn_away(tcp::socket& socket);
  void stop();

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  ServerOptions options;
  Router router;
  std::unordered_set<Session*> sessions;  // each takes itself out
  bool stopped = false;
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Server::Core> core)
      : stream_(std::move(socket)),
        core_(std::move(core)),
        buffer_(core_->options.header_bytes_max + core_->options.body_bytes_max),
        deadline_(stream_.get_executor()) {
    error_code ignored;  // a peer that has gone again has no address
    const auto remote = stream_.socket().remote_endpoint(ignored);
    peer_ = fmt::format("{}:{}", remote.address().to_string(), remote.port());
    core_->sessions.insert(this);
  }
  ~Session() { core_->sessions.erase(this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void wait_for_request();
  void close() { stream_.close(); }

 private:
  void read_header();
  void header_read(error_code error);
  void send_continue();
  void read_body();
  void answer();
  void refuse(const error_code& error);
  void send(Response&& response, bool head, bool keep_alive);
  void linger();
  void limit_reading();
  void note(const Response& response) const;
  /// A handler that holds the session; it runs only while the server stands.
  template <typename Member>
  [[nodiscard]] auto then(Member member) {
    return [self = shared_from_this(), member](error_code error, std::size_t) {
      if (!self->core_->stopped) member(*self, error);
    };
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Server::Core> core_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::size_t lingered_ = 0;
  asio::steady_timer deadline_;  // of what is being read
  bool reading_ = false, late_ = false;
  std::string peer_, asked_;  // for on_refused
};

void Session::wait_for_request() {
  if (buffer_.size() > 0) return read_header();  // pipelined
  stream_.expires_after(core_->options.idle);
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](error_code error, std::size_t bytes) {
    if (error || self->core_->stopped) return;
    self->buffer_.commit(bytes);
    self->read_header();
  });
}

/// The time is not prolonged by trickling bytes. Who is late gets an answer, so it is not the stream that closes.
void Session::limit_reading() {
  stream_.expires_never();
  reading_ = true;
  deadline_.expires_after(core_->options.transfer);
  deadline_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    // It may have been queued already when a next one was set.
    if (error || !self || !self->reading_ || self->deadline_.expiry() > std::chrono::steady_clock::now()) return;
    self->late_ = true;
    self->stream_.cancel();
  });
}

void Session::read_header() {
  asked_.clear();
  parser_.emplace();
  parser_->header_limit(core_->options.header_bytes_max);
  parser_->body_limit(core_->options.body_bytes_max);
  limit_reading();  // one deadline for the header and one for the body
  http::async_read_header(stream_, buffer_, *parser_, then([](Session& s, error_code error) { s.header_read(error); }));
}

void Session::header_read(error_code error) {
  reading_ = false;
  const auto& request = parser_->get();
  const std::string_view target = request.target();
  if (!target.empty()) asked_ = fmt::format("{} {}", std::string_view(request.method_string()), target.substr(0, 200));
  if (error) return refuse(error);
  if (beast::iequals(request[http::field::expect], "100-continue") && !parser_->is_done()) return send_continue();
  read_body();
}

void Session::send_continue() {
  response_.emplace(http::status::continue_, 11);
  serializer_.emplace(*response_);
  stream_.expires_after(core_->options.transfer);
  http::async_write(stream_, *serializer_, then([](Session& s, error_code error) {
                      if (!error) s.read_body();
                    }));
}

void Session::read_body() {
  limit_reading();
  http::async_read(stream_, buffer_, *parser_, then([](Session& s, error_code error) {
                     s.reading_ = false;
                     if (error) return s.refuse(error);
                     s.answer();
                   }));
}

void Session::answer() {
  const auto request = parser_->release();
  const auto text = [&](http::field field) { return std::string(request[field]); };
  const bool head = request.method() == http::verb::head;
  const Request plain{head ? "GET" : std::string(request.method_string()), std::string(request.target()),
                      text(http::field::authorization), text(http::field::content_type), request.body()};
  send(core_->router.handle(plain), head, request.keep_alive());
}

void Session::refuse(const error_code& error) {
  if (late_) return send(problem(408, "slow", "Too slow", "The request did not come in time."), false, false);
  if (is_protocol_error(error)) send(refusal(error), false, false);
  // Else the peer has gone: there is nobody to answer to.
}

void Session::note(const Response& response) const {
  if (response.status < 400 || !core_->options.on_refused) return;
  core_->options.on_refused(response.status, fmt::format("{} from {}: {}", asked_.empty() ? "a request" : asked_, peer_,
                                                         problem_line(response)));
}

void Session::send(Response&& response, bool head, bool keep_alive) {
  note(response);
  response_.emplace(static_cast<http::status>(response.status), 11);
  auto& message = *response_;
  message.set(http::field::date, http_date());
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  if (response.status != 204) {
    message.set(http::field::content_type, response.content_type);
    message.content_length(response.body.size());
  }
  if (!head) message.body() = std::move(response.body);
  serializer_.emplace(message);
  stream_.expires_after(core_->options.transfer);
  http::async_write(stream_, *serializer_, then([keep_alive](Session& s, error_code error) {
                      if (error) return;
                      if (keep_alive) return s.wait_for_request();
                      error_code ignored;  // the peer may have gone already
                      s.stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      s.linger();
                    }));
}

void Session::linger() {
  if (lingered_ == 0) stream_.expires_after(kLinger);
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](error_code error, std::size_t bytes) {
    if (error || self->core_->stopped) return;
    self->lingered_ += bytes;
    if (self->lingered_ < kLingerBytes) self->linger();
  });
}

tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.ip.v6) {
    asio::ip::address_v6::bytes_type bytes{};
    std::copy(endpoint.ip.bytes.begin(), endpoint.ip.bytes.end(), bytes.begin());
    return {asio::ip::address_v6(bytes), endpoint.port};
  }
  asio::ip::address_v4::bytes_type bytes{};
  std::copy_n(endpoint.ip.bytes.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v4(bytes), endpoint.port};
}

}  // namespace

Result<void> Server::Core::open() {
  const auto endpoint = to_asio(options.listen);
  error_code error;
  const auto failed = [&] {
    return fail(ErrorKind::Unavailable,
                fmt::format("cannot listen for HTTP on {}: {}", options.listen.to_string(), error.message()));
  };
  acceptor.open(endpoint.protocol(), error);
  if (error) return failed();
  acceptor.set_option(asio::socket_base::reuse_address(true),
                      error);  // only TIME_WAIT; a second listener is still refused
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed();
  accept();
  return {};
}

void Server::Core::accept() {
  acceptor.async_accept([core = shared_from_this()](error_code error, tcp::socket socket) {
    if (core->stopped) return;
    if (error) {
      if (core->options.on_refused) core->options.on_refused(503, "connections cannot be accepted: " + error.message());
      core->pause.expires_after(kAcceptPause);
      core->pause.async_wait([core](error_code cancelled) {
        if (!cancelled && !core->stopped) core->accept();
      });
      return;
    }
    if (core->sessions.size() < core->options.connections_max) {
      error_code ignored;  // without it answers are only slower
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(std::move(socket), core)->wait_for_request();
    } else {
      core->turn_away(socket);
    }
    core->accept();
  });
}

/// A new connection must not cost those who are served: what the kernel does not take at once is not sent.
void Server::Core::turn_away(tcp::socket& socket) {
  const Response full = problem(503, "exhausted", "A limit is reached", "Too many connections are open.");
  const std::string text = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: {}\r\n"
      "Content-Length: {}\r\n\r\n{}",
      full.content_type, full.body.size(), full.body);
  error_code ignored;  // the peer may have gone already
  const auto remote = socket.remote_endpoint(ignored);
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  if (options.on_refused) {
    options.on_refused(503, fmt::format("a connection from {}: {}", remote.address().to_string(), problem_line(full)));
  }
}

void Server::Core::stop() {
  stopped = true;
  error_code ignored;  // closing what is closed
  acceptor.close(ignored);
  pause.cancel();
  const auto open = sessions;
  for (Session* session : open) session->close();
}

Result<std::unique_ptr<Server>> Server::listen(asio::io_context& loop, Service& service, ServerOptions options) {
  auto core = std::make_shared<Core>(loop, service, std::move(options));
  if (auto opened = core->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Server::~Server() { core_->stop(); }

Endpoint Server::local() const {
  error_code error;
  const auto bound = core_->acceptor.local_endpoint(error);
  Endpoint endpoint = core_->options.listen;
  if (!error) endpoint.port = bound.port();
  return endpoint;
}

std::size_t Server::connections() const { return core_->sessions.size(); }

}  // namespace segue::api
