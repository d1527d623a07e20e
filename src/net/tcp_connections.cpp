#include "net/tcp_connections.h"

#include <fmt/core.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/clock.h"
#include "sip/message.h"

namespace segue::net {
namespace {

constexpr std::size_t kReadBytes = 65536;
constexpr int kBacklog = 1024;
constexpr int kAcceptsPerWake = 64;
/// Bytes that nobody reads make the close a reset, which would take our last answer from the peer: so long we read on.
constexpr Duration kLinger = 1s;
constexpr std::size_t kMaxUnsentFlows = 64;  // flows that share one connection differ only in stale connection ids

void set(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

/// A dead peer is found in two minutes, which also keeps NATs from forgetting a phone that sends no pings.
void tune(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

bool out_of_files(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS || error_number == ENOMEM;
}

}  // namespace

struct TcpConnections::Listener {
  FdWatch watch;
  Endpoint advertised;
  bool paused = false;  // no files left: tried again by the timer, because the queue would call us at once, for ever
};

struct TcpConnections::Connection {
  FdWatch watch;
  sip::Flow flow;
  bool accepted = false;
  bool connecting = false;
  bool open = true;
  bool close_when_written = false;
  bool waiting_to_write = false;
  bool to_write = false;  // stands in to_write_
  bool had_message = false;
  sip::StreamFramer framer{};
  std::string out{};
  std::size_t written = 0;  // of out
  std::vector<sip::Flow> unsent{};
  Instant opened{}, active{};
  std::optional<Instant> message_begun{}, blocked{};
  std::optional<Instant> broken{};  // what comes is thrown away
};

Result<Fd> listen_tcp(const Endpoint& at) {
  Fd fd(::socket(at.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.valid()) return tl::unexpected<Error>(bind_error("cannot make a TCP socket for", at, errno));
  set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (at.ip.v6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const SockAddr address(at);
  if (::bind(fd.get(), &address.any, address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return tl::unexpected<Error>(bind_error("cannot listen on TCP", at, errno));
  }
  return fd;
}

TcpConnections::TcpConnections(Loop& loop, const SipTransportsConfig& config, SipTransports::Counters& counters,
                               Hooks hooks)
    : loop_(loop),
      config_(config),
      counters_(counters),
      hooks_(std::move(hooks)),
      room_(kReadBytes),
      tick_(std::clamp(std::min({config.idle_timeout, config.first_message_timeout, config.message_timeout,
                                 config.write_timeout, config.connect_timeout}) /
                           4,
                       Duration{10ms}, Duration{1s})),
      timer_(loop, [this] { look_after_all(); }) {
  timer_.wake_at(read_clock().mono + tick_);
}

TcpConnections::~TcpConnections() = default;

// ---- opening

void TcpConnections::add_listener(Fd fd, const Endpoint& advertised) {
  listeners_.push_back(std::unique_ptr<Listener>(new Listener{{loop_, std::move(fd)}, advertised}));
  auto& listener = *listeners_.back();
  listener.watch.when_readable([this, &listener] { acceptable(listener); });
}

void TcpConnections::acceptable(Listener& listener) {
  for (int i = 0; i < kAcceptsPerWake; ++i) {
    SockAddr from;
    from.length = sizeof from.v6;
    Fd fd(::accept4(listener.watch.fd(), &from.any, &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      accept_one(listener, std::move(fd), to_endpoint(from));
      continue;
    }
    if (out_of_files(errno)) {
      const int why = errno;
      hooks_.trouble(
          fmt::format("connections to {} cannot be accepted: {}", listener.advertised.to_string(), std::strerror(why)));
      listener.paused = true;
      return;
    }
    if (errno == EAGAIN) break;
  }
  listener.watch.when_readable([this, &listener] { acceptable(listener); });
}

void TcpConnections::accept_one(Listener& listener, Fd fd, const Endpoint& remote) {
  const auto held = per_source_.find({remote.ip, 0});
  const bool source_full = held != per_source_.end() && held->second >= config_.max_connections_per_source;
  if (open_.size() >= config_.max_connections || source_full) {
    ++counters_.refused_full;
    hooks_.trouble(fmt::format("connection from {} refused: too many connections{}", remote.to_string(),
                               source_full ? " from this address" : ""));
    return;
  }
  ++counters_.accepted;
  ++per_source_[{remote.ip, 0}];
  const auto c = add(std::move(fd), {sip::TransportKind::Tcp, listener.advertised, remote, {}}, true);
  when_readable(*c);
}

TcpConnections::Ref TcpConnections::add(Fd fd, sip::Flow flow, bool accepted) {
  tune(fd.get());
  const auto now = read_clock().mono;
  flow.connection = ConnectionId{++last_id_};
  auto c = std::shared_ptr<Connection>(new Connection{{loop_, std::move(fd)}, flow, accepted});
  c->opened = c->active = now;
  open_[flow.connection] = c;
  by_remote_[flow.remote] = flow.connection;
  return c;
}

Endpoint TcpConnections::local_for(const sip::Flow& flow) const {
  for (const auto& listener : listeners_) {
    if (listener->advertised == flow.local) return flow.local;
  }
  for (const auto& listener : listeners_) {
    if (listener->advertised.ip.v6 == flow.remote.ip.v6) return listener->advertised;
  }
  return flow.local;
}

/// Nullptr if it cannot even be tried.
TcpConnections::Ref TcpConnections::connect(const sip::Flow& flow) {
  if (open_.size() >= config_.max_connections) {
    ++counters_.refused_full;
    return nullptr;
  }
  const Endpoint remote = flow.reopen.value_or(flow.remote);
  Fd fd(::socket(remote.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.valid()) return nullptr;
  const SockAddr to(remote);
  if (::connect(fd.get(), &to.any, to.length) != 0 && errno != EINPROGRESS) return nullptr;
  auto c = add(std::move(fd), {sip::TransportKind::Tcp, local_for(flow), remote, {}}, false);
  c->connecting = true;
  when_writable(*c);
  return c;
}

// The watches ask by id: a handler that held the connection would keep it, and its descriptor, alive for ever.
void TcpConnections::when_readable(Connection& c) {
  c.watch.when_readable([this, id = c.flow.connection] {
    if (const auto it = open_.find(id); it != open_.end()) readable(Ref(it->second));
  });
}

void TcpConnections::when_writable(Connection& c) {
  c.watch.when_writable([this, id = c.flow.connection] {
    if (const auto it = open_.find(id); it != open_.end()) writable(Ref(it->second));
  });
}

void TcpConnections::writable(const Ref& c) {
  if (c->connecting) return connected(c);
  c->waiting_to_write = false;
  write(c);
}

void TcpConnections::connected(const Ref& c) {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(c->watch.fd(), SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number != 0) return close(c);
  c->connecting = false;
  ++counters_.connected;
  when_readable(*c);
  write(c);
}

// ---- reading

void TcpConnections::readable(const Ref& c) {
  const auto got = ::recv(c->watch.fd(), room_.data(), room_.size(), 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return close(c);
  if (got > 0) take_frames(c, {room_.data(), static_cast<std::size_t>(got)});
  if (c->open) when_readable(*c);
}

void TcpConnections::take_frames(const Ref& c, std::string_view bytes) {
  if (c->broken) return;
  const auto now = read_clock().mono;
  c->active = now;
  const auto sound = c->framer.push(bytes);
  bool whole = false;
  while (c->open) {
    const auto frame = c->framer.next();
    if (!frame) break;
    whole = true;
    if (frame->ping) {
      ++counters_.keep_alives;
      enqueue(c, "\r\n", nullptr);
      continue;
    }
    c->had_message = true;
    ++counters_.received;
    hooks_.message(frame->message, c->flow);
  }
  // A message that follows a whole one has its own time, also if both came together.
  if (whole || !c->framer.begun()) c->message_begun.reset();
  if (!c->message_begun && c->framer.begun()) c->message_begun = now;
  if (!sound && c->open) give_up(c, sound.error());
}

/// The stream cannot be cut any more: its owner may answer, then it closes.
void TcpConnections::give_up(const Ref& c, const Error& why) {
  ++counters_.closed_malformed;
  c->broken = read_clock().mono;
  hooks_.broken(c->framer.broken(), why, c->flow);
  c->close_when_written = true;
  if (c->open && c->out.empty()) close(c);
}

// ---- writing

TcpConnections::Ref TcpConnections::find(const sip::Flow& flow) const {
  if (const auto it = open_.find(flow.connection); it != open_.end() && it->second->flow.remote == flow.remote)
    return it->second;
  auto id = by_remote_.find(flow.remote);
  if (id == by_remote_.end() && flow.reopen) id = by_remote_.find(*flow.reopen);
  return id == by_remote_.end() ? nullptr : open_.at(id->second);
}

void TcpConnections::queue(const sip::Flow& flow, const std::string& bytes) {
  auto c = find(flow);
  if (!c || c->close_when_written) c = connect(flow);
  if (c) {
    enqueue(c, bytes, &flow);
  } else {
    unreachable_.push_back(flow);
  }
  hooks_.want_flush();
}

void TcpConnections::enqueue(const Ref& c, std::string_view bytes, const sip::Flow* flow) {
  if (flow && std::find(c->unsent.begin(), c->unsent.end(), *flow) == c->unsent.end()) {
    if (c->unsent.size() == kMaxUnsentFlows) c->unsent.erase(c->unsent.begin());
    c->unsent.push_back(*flow);
  }
  if (c->out.size() - c->written + bytes.size() > config_.max_queued_bytes) {
    doomed_.push_back(c);
  } else {
    c->out += bytes;
    if (flow) ++counters_.sent;
    if (!c->to_write) to_write_.push_back(c);
    c->to_write = true;
  }
  hooks_.want_flush();
}

void TcpConnections::flush() {
  for (const auto& flow : std::exchange(unreachable_, {})) hooks_.failed(flow);
  for (const auto& c : std::exchange(doomed_, {})) close_slow(c, "closed: it does not read what it is sent");
  for (const auto& c : std::exchange(to_write_, {})) {
    c->to_write = false;
    write(c);
  }
}

void TcpConnections::write(const Ref& c) {
  if (!c->open || c->connecting || c->waiting_to_write) return;
  while (c->written < c->out.size()) {
    const auto sent = ::send(c->watch.fd(), c->out.data() + c->written, c->out.size() - c->written, MSG_NOSIGNAL);
    if (sent > 0) {
      c->written += static_cast<std::size_t>(sent);
      c->blocked.reset();
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return close(c);
    if (!c->blocked) c->blocked = read_clock().mono;
    c->out.erase(0, std::exchange(c->written, 0));
    c->waiting_to_write = true;
    when_writable(*c);
    return;
  }
  c->active = read_clock().mono;
  c->out.clear();
  c->written = 0;
  c->unsent.clear();
  if (!c->close_when_written) return;
  if (!c->broken) return close(c);
  ::shutdown(c->watch.fd(), SHUT_WR);
}

// ---- closing

void TcpConnections::close_when_written(ConnectionId id) {
  const auto it = open_.find(id);
  if (it == open_.end()) return;
  it->second->close_when_written = true;
  if (!it->second->to_write) to_write_.push_back(it->second);
  it->second->to_write = true;
  hooks_.want_flush();
}

void TcpConnections::close_slow(const Ref& c, std::string_view why) {
  if (!c->open) return;
  hooks_.trouble(fmt::format("connection from {} {}", c->flow.remote.to_string(), why));
  ++counters_.closed_slow;
  close(c);
}

/// Takes the connection out of all tables and reports. The descriptor itself closes with the last Ref.
void TcpConnections::close(const Ref& c) {
  if (!c->open) return;
  c->open = false;
  ++counters_.closed;
  const auto id = c->flow.connection;
  open_.erase(id);
  if (const auto it = by_remote_.find(c->flow.remote); it != by_remote_.end() && it->second == id) by_remote_.erase(it);
  if (c->accepted) {
    const auto it = per_source_.find({c->flow.remote.ip, 0});
    if (--it->second == 0) per_source_.erase(it);
  }
  for (const auto& flow : std::exchange(c->unsent, {})) hooks_.failed(flow);
  hooks_.closed(c->flow);
}

/// Why its time is over; "" if it is not.
std::string_view TcpConnections::overdue(const Connection& c, Instant now) const {
  if (c.connecting) return now - c.opened > config_.connect_timeout ? "closed: it does not answer our call" : "";
  if (c.blocked && now - *c.blocked > config_.write_timeout) return "closed: it does not read what it is sent";
  if (c.message_begun && now - *c.message_begun > config_.message_timeout) {
    return "closed: a message was begun and not finished in time";
  }
  if (c.accepted && !c.had_message && now - c.opened > config_.first_message_timeout) {
    return "closed: no message came in time";
  }
  return now - c.active > config_.idle_timeout ? "closed: idle" : "";
}

void TcpConnections::look_after_all() {
  const auto now = read_clock().mono;
  std::vector<Ref> late;
  for (const auto& [id, c] : open_) {
    if (c->broken ? now - *c->broken > kLinger : !overdue(*c, now).empty()) late.push_back(c);
  }
  for (const auto& c : late) {
    c->broken ? close(c) : close_slow(c, overdue(*c, now));
  }
  for (auto& listener : listeners_) {
    if (std::exchange(listener->paused, false)) acceptable(*listener);
  }
  timer_.wake_at(now + tick_);
}

}  // namespace segue::net
