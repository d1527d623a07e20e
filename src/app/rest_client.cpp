#include "app/rest_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace segue::app {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// Whether the socket became ready before the deadline.
bool ready(int fd, short events, Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd p{fd, events, 0};
  return left > 0 && ::poll(&p, 1, static_cast<int>(left) + 1) > 0;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Socket> connect_one(const addrinfo& address, Deadline deadline) {
  Socket made(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made.fd() < 0) return fail(ErrorKind::Unavailable, std::strerror(errno));
  if (::connect(made.fd(), address.ai_addr, address.ai_addrlen) == 0) return made;
  if (errno != EINPROGRESS) return fail(ErrorKind::Unavailable, std::strerror(errno));
  if (!ready(made.fd(), POLLOUT, deadline)) return fail(ErrorKind::Unavailable, "no answer in time");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(made.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(ErrorKind::Unavailable, std::strerror(error));
  return made;
}

Result<Socket> connect_to(const std::string& host, const std::string& port, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(ErrorKind::Unavailable, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  Result<Socket> last = fail(ErrorKind::Unavailable, "no address");
  for (const addrinfo* a = list.get(); a != nullptr; a = a->ai_next) {
    auto made = connect_one(*a, deadline);
    if (made) return made;
    last = tl::unexpected(made.error());
  }
  return last;
}

Result<void> send_all(int fd, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return fail(ErrorKind::Unavailable, std::strerror(errno));
    } else if (!ready(fd, POLLOUT, deadline)) {
      return fail(ErrorKind::Unavailable, "it did not take the request in time");
    }
  }
  return {};
}

struct Answer {
  int status = 0;
  std::optional<std::size_t> length;  ///< Content-Length
  std::size_t body_at = 0;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// nullopt until the head is whole; status 0 if it is no HTTP.
std::optional<Answer> read_head(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  Answer out;
  out.body_at = end + 4;
  const std::string head = lower(bytes.substr(0, end + 2));
  if (!head.starts_with("http/1.") || head.size() < 12) return out;
  std::from_chars(head.data() + 9, head.data() + 12, out.status);
  if (const auto at = head.find("\r\ncontent-length:"); at != std::string::npos) {
    const char* from = head.data() + at + 17;
    const char* const to = head.data() + head.size();
    while (from < to && *from == ' ') ++from;
    std::size_t length = 0;
    if (std::from_chars(from, to, length).ec == std::errc{}) out.length = length;
  }
  return out;
}

struct Received {
  int status = 0;
  std::string body;
};

/// Reads up to Content-Length or, without one, until the server closes.
Result<Received> receive_answer(int fd, Deadline deadline) {
  std::string bytes;
  std::array<char, 65536> part{};
  std::optional<Answer> head;
  for (;;) {
    const ssize_t size = ::recv(fd, part.data(), part.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!ready(fd, POLLIN, deadline)) return fail(ErrorKind::Unavailable, "it did not answer in time");
      continue;
    }
    if (size < 0) return fail(ErrorKind::Unavailable, std::strerror(errno));
    bytes.append(part.data(), static_cast<std::size_t>(size));
    if (bytes.size() > kMaxRestAnswer) return fail(ErrorKind::Unavailable, "its answer is too large");
    if (!head) head = read_head(bytes);
    const bool whole = head && head->length && bytes.size() >= head->body_at + *head->length;
    if (size != 0 && !whole) continue;
    if (!head || head->status == 0) return fail(ErrorKind::Unavailable, "what answers there does not speak HTTP");
    if (head->length && !whole)
      return fail(ErrorKind::Unavailable, "it closed the connection in the middle of its answer");
    return Received{head->status, bytes.substr(head->body_at, head->length.value_or(std::string::npos))};
  }
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
      return ErrorKind::Unauthorized;
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 409:
      return ErrorKind::Conflict;
    case 503:
      return ErrorKind::Unavailable;
    default:
      return status >= 500 ? ErrorKind::Internal : ErrorKind::InvalidInput;
  }
}

/// "409 Conflict: the call is on that device already", with what each wrong field should have been.
std::string problem_text(int status, const std::string& body) {
  const json problem = json::parse(body, nullptr, false);
  if (!problem.is_object()) return fmt::format("the server answered {}", status);
  const auto text = [](const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  std::string out = fmt::format("{} {}: {}", status, text(problem, "title"), text(problem, "detail"));
  if (const auto errors = problem.find("errors"); errors != problem.end() && errors->is_array()) {
    for (const json& error : *errors) {
      if (error.is_object()) out += fmt::format(" {} {};", text(error, "pointer"), text(error, "detail"));
    }
  }
  return out;
}

}  // namespace

RestClient::RestClient(std::string server, std::string token, Duration timeout)
    : host_(std::move(server)), port_("8080"), token_(std::move(token)), timeout_(timeout) {
  const auto colon = host_.rfind(':');
  if (colon != std::string::npos && host_.find(']', colon) == std::string::npos) {
    port_ = host_.substr(colon + 1);
    host_.resize(colon);
  }
  if (host_.size() > 2 && host_.front() == '[' && host_.back() == ']') host_ = host_.substr(1, host_.size() - 2);
}

Result<std::string> RestClient::ask(std::string_view method, std::string_view path, std::string_view body) const {
  const Deadline deadline = Clock::now() + timeout_;
  const auto where = [&](const Error& e) {
    return fail(e.kind, fmt::format("no answer from the server at {}:{}: {}", host_, port_, e.text));
  };
  unsigned port = 0;
  const auto [end, error] = std::from_chars(port_.data(), port_.data() + port_.size(), port);
  if (error != std::errc{} || end != port_.data() + port_.size() || port == 0 || port > 65535) {
    return fail(ErrorKind::InvalidInput, fmt::format("\"{}\" is no port: the server is given as HOST:PORT", port_));
  }
  const auto socket = connect_to(host_, port_, deadline);
  if (!socket) return where(socket.error());
  std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nAccept: */*\r\n", method, path, host_, port_);
  if (!token_.empty()) request += "Authorization: Bearer " + token_ + "\r\n";
  if (!body.empty()) request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  request += "\r\n";
  request += body;
  if (const auto sent = send_all(socket->fd(), request, deadline); !sent) return where(sent.error());
  auto answer = receive_answer(socket->fd(), deadline);
  if (!answer) return where(answer.error());
  if (answer->status / 100 != 2) return fail(kind_of(answer->status), problem_text(answer->status, answer->body));
  return std::move(answer->body);
}

Result<json> RestClient::ask_json(std::string_view method, std::string_view path, std::string_view body) const {
  const auto text = ask(method, path, body);
  if (!text) return tl::unexpected(text.error());
  if (text->empty()) return json();
  json parsed = json::parse(*text, nullptr, false);
  if (parsed.is_discarded())
    return fail(ErrorKind::Internal, fmt::format("{} {}: the answer is not JSON", method, path));
  return parsed;
}

Result<json> RestClient::get(std::string_view path) const { return ask_json("GET", path, {}); }
Result<json> RestClient::post(std::string_view path, const json& body) const {
  return ask_json("POST", path, body.dump());
}
Result<json> RestClient::patch(std::string_view path, const json& body) const {
  return ask_json("PATCH", path, body.dump());
}
Result<json> RestClient::remove(std::string_view path) const { return ask_json("DELETE", path, {}); }
Result<std::string> RestClient::get_text(std::string_view path) const { return ask("GET", path, {}); }

}  // namespace segue::app
