#include "net/sip_transports.h"

#include <algorithm>

#include "net/tcp_connections.h"
#include "net/udp_listener.h"

namespace segue::net {
namespace {

Endpoint advertised(const SipListener& listener, int fd) {
  const auto bound = local_endpoint(fd);
  return {listener.advertise.value_or(bound.ip), bound.port};
}

}  // namespace

struct SipTransports::Impl : std::enable_shared_from_this<SipTransports::Impl> {
  Loop& loop;
  SipTransportsConfig config;
  SipTransportsEvents events;
  Counters counters;
  DatagramBatch batch;
  std::vector<std::unique_ptr<UdpListener>> udp;
  std::vector<Endpoint> tcp_local;
  std::unique_ptr<TcpConnections> tcp;
  std::vector<sip::Flow> unsendable;  // to be reported in the next turn
  bool flush_posted = false;

  Impl(Loop& l, SipTransportsConfig c, SipTransportsEvents e) : loop(l), config(std::move(c)), events(std::move(e)) {}

  Result<void> open_udp();
  Result<void> open_tcp();
  void send_udp(const sip::Flow& flow, std::string bytes);
  void want_flush();
  void flush();
  void failed(const sip::Flow& flow) {
    ++counters.failed;
    events.on_flow_failed(flow);
  }
};

Result<void> SipTransports::Impl::open_udp() {
  for (const auto& listener : config.udp) {
    auto fd = bind_udp(listener.bind);
    if (!fd) return tl::unexpected<Error>(std::move(fd.error()));
    const int buffer = 4 << 20;  // a thousand REGISTERs at once after a power cut; the kernel caps it by rmem_max
    ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    ::setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    const auto local = advertised(listener, fd->get());
    udp.push_back(std::make_unique<UdpListener>(
        loop, std::move(*fd), local, config.max_queued_datagrams, batch, counters,
        [this](std::string_view bytes, const Endpoint& from, const Endpoint& at) {
          events.on_message(bytes, {sip::TransportKind::Udp, at, from, {}});
        },
        [this](const sip::Flow& flow) { failed(flow); }));
  }
  return {};
}

Result<void> SipTransports::Impl::open_tcp() {
  tcp = std::make_unique<TcpConnections>(
      loop, config, counters,
      TcpConnections::Hooks{[this](std::string_view bytes, const sip::Flow& from) { events.on_message(bytes, from); },
                            [this](const sip::Flow& flow) { failed(flow); },
                            [this](const sip::Flow& flow) { events.on_connection_closed(flow); },
                            [this](std::string_view bytes, const Error& why, const sip::Flow& from) {
                              events.on_stream_broken(bytes, why, from);
                            },
                            [this](const std::string& what) { events.on_trouble(what); }, [this] { want_flush(); }});
  for (const auto& listener : config.tcp) {
    auto fd = listen_tcp(listener.bind);
    if (!fd) return tl::unexpected<Error>(std::move(fd.error()));
    tcp_local.push_back(advertised(listener, fd->get()));
    tcp->add_listener(std::move(*fd), tcp_local.back());
  }
  return {};
}

void SipTransports::Impl::send_udp(const sip::Flow& flow, std::string bytes) {
  auto it = std::find_if(udp.begin(), udp.end(), [&](const auto& l) { return l->local() == flow.local; });
  if (it == udp.end() || (*it)->local().ip.v6 != flow.remote.ip.v6) {
    it = std::find_if(udp.begin(), udp.end(), [&](const auto& l) { return l->local().ip.v6 == flow.remote.ip.v6; });
  }
  if (it == udp.end()) {
    unsendable.push_back(flow);
  } else {
    // A full queue drops, as a network would: the transaction's own timers send again.
    (void)(*it)->queue(flow, std::move(bytes));
  }
  want_flush();
}

/// One flush for all that a turn of the loop wants to send, after the handlers that are already waiting.
void SipTransports::Impl::want_flush() {
  if (std::exchange(flush_posted, true)) return;
  loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->flush();
  });
}

void SipTransports::Impl::flush() {
  flush_posted = false;
  for (const auto& flow : std::exchange(unsendable, {})) failed(flow);
  for (const auto& listener : udp) listener->flush();
  tcp->flush();
}

Result<std::unique_ptr<SipTransports>> SipTransports::open(Loop& loop, SipTransportsConfig config,
                                                           SipTransportsEvents events) {
  auto impl = std::make_shared<Impl>(loop, std::move(config), std::move(events));
  if (auto ok = impl->open_udp(); !ok) return tl::unexpected<Error>(std::move(ok.error()));
  if (auto ok = impl->open_tcp(); !ok) return tl::unexpected<Error>(std::move(ok.error()));
  return std::unique_ptr<SipTransports>(new SipTransports(std::move(impl)));
}

SipTransports::SipTransports(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
SipTransports::~SipTransports() = default;

std::vector<Endpoint> SipTransports::udp() const {
  std::vector<Endpoint> all;
  for (const auto& listener : impl_->udp) all.push_back(listener->local());
  return all;
}

std::vector<Endpoint> SipTransports::tcp() const { return impl_->tcp_local; }

void SipTransports::send(const sip::Flow& flow, std::string bytes) {
  switch (flow.transport) {
    case sip::TransportKind::Udp:
      return impl_->send_udp(flow, std::move(bytes));
    case sip::TransportKind::Tcp:
      return impl_->tcp->queue(flow, std::move(bytes));
    case sip::TransportKind::Tls:
    case sip::TransportKind::Ws:
    case sip::TransportKind::Wss:
      break;  // nothing listens for them, so nothing can be reached through them
  }
  impl_->unsendable.push_back(flow);
  impl_->want_flush();
}

void SipTransports::close(ConnectionId connection) { impl_->tcp->close_when_written(connection); }

SipTransports::Counters SipTransports::counters() const { return impl_->counters; }
std::size_t SipTransports::connections() const { return impl_->tcp->size(); }

}  // namespace segue::net
