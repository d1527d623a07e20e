#include "app/node.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "app/openapi.h"
#include "net/clock.h"

namespace segue::app {
namespace {

std::string_view transport_name(sip::TransportKind k) {
  switch (k) {
    case sip::TransportKind::Udp:
      return "udp";
    case sip::TransportKind::Tcp:
      return "tcp";
    case sip::TransportKind::Tls:
      return "tls";
    case sip::TransportKind::Ws:
      return "ws";
    case sip::TransportKind::Wss:
      return "wss";
  }
  return "udp";
}

/// Where a stored binding's packets leave from now: the listener it came to, if it is still there.
std::optional<Endpoint> listener_for(const std::vector<Endpoint>& listeners, const store::Binding& b) {
  if (std::find(listeners.begin(), listeners.end(), b.local) != listeners.end()) return b.local;
  const auto it =
      std::find_if(listeners.begin(), listeners.end(), [&](const Endpoint& l) { return l.ip.v6 == b.remote.ip.v6; });
  return it == listeners.end() ? std::nullopt : std::optional(*it);
}

engine::EngineConfig engine_config(const Config& c) {
  engine::EngineConfig e;
  e.domain = c.domain;
  e.policy.ring = c.ring_time;
  e.policy.proof = c.proof_time;
  e.policy.grace = c.grace_time;
  e.policy.answer = c.answer_time;
  e.policy.max_calls = c.max_calls;
  e.policy.pull_code = c.pull_code;
  e.policy.all_code = c.all_code;
  e.agent.session_expires = c.session_expires;
  e.agent.allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";
  e.agent.supported = {"timer"};
  e.registrar = {c.register_min, c.register_max};
  return e;
}

}  // namespace

Node::Node(const Config& config, net::Loop& loop) : config_(config), loop_(loop), started_(net::read_clock().mono) {}

Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const Config& config, net::Loop& loop) {
  std::unique_ptr<Node> node(new Node(config, loop));
  if (auto done = node->open_store(); !done) return tl::unexpected(done.error());
  if (auto done = node->open_edges(); !done) return tl::unexpected(done.error());
  if (auto done = node->load(); !done) return tl::unexpected(done.error());
  if (auto done = node->make_admin_token(); !done) return tl::unexpected(done.error());
  return node;
}

Result<void> Node::open_store() {
  if (::mkdir(config_.data_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorKind::Unavailable, "cannot make the folder " + config_.data_dir + ": " + std::strerror(errno));
  }
  store::Options options;
  options.path = config_.data_dir + "/segue.db";
  auto opened = store::Store::open(options);
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  auto realm = store_->setting("realm");
  if (!realm) return tl::unexpected(realm.error());
  if (!*realm) return store_->set_setting("realm", config_.domain);
  if (**realm == config_.domain) return {};
  return fail(ErrorKind::Conflict, "the passwords in " + options.path + " belong to the domain \"" + **realm +
                                       "\"; set domain to that, or use another data_dir");
}

Result<void> Node::open_edges() {
  auto addresses = find_addresses(config_);
  if (!addresses) return tl::unexpected(addresses.error());
  auto media = MediaPlane::start(config_, addresses->media, loop_, [this](std::vector<media::Message> messages) {
    const Now now = net::read_clock();
    for (const auto& m : messages) engine_->on_media(m, now);
    drain();
  });
  if (!media) return tl::unexpected(media.error());
  media_ = std::move(*media);
  const call::Core::FirstIds ids{store_->first_call_id().value, 1, store_->first_flip_id().value};
  engine_ = std::make_unique<engine::Engine>(engine_config(config_), *media_, Random(net::os_seed()), ids);
  timer_ = std::make_unique<net::Timer>(loop_, [this] {
    engine_->advance(net::read_clock());
    drain();
  });
  net::SipTransportsConfig sip_config;
  sip_config.udp = std::move(addresses->udp);
  sip_config.tcp = std::move(addresses->tcp);
  net::SipTransportsEvents events;
  events.on_message = [this](std::string_view bytes, const sip::Flow& from) {
    engine_->receive(bytes, from, net::read_clock());
    drain();
  };
  events.on_flow_failed = [this](const sip::Flow& flow) {
    spdlog::warn("sip: cannot send to {}", flow.remote.to_string());
    engine_->flow_failed(flow, net::read_clock());
    drain();
  };
  events.on_connection_closed = [this](ConnectionId connection) {
    engine_->connection_closed(connection, net::read_clock());
    drain();
  };
  auto sip = net::SipTransports::open(loop_, std::move(sip_config), std::move(events));
  if (!sip) return tl::unexpected(sip.error());
  sip_ = std::move(*sip);
  api::ServerOptions http_options;
  http_options.listen = config_.http;
  http_options.openapi = std::string(openapi_text());
  auto http = api::Server::listen(loop_.context(), *this, std::move(http_options));
  if (!http) return tl::unexpected(http.error());
  http_ = std::move(*http);
  return {};
}

/// The directory and the registrations, as they were when the server stopped.
Result<void> Node::load() {
  auto accounts = store_->accounts();
  auto devices = store_->devices();
  auto numbers = store_->numbers();
  const Now now = net::read_clock();
  auto bindings = store_->bindings(now.wall);
  if (!accounts) return tl::unexpected(accounts.error());
  if (!devices) return tl::unexpected(devices.error());
  if (!numbers) return tl::unexpected(numbers.error());
  if (!bindings) return tl::unexpected(bindings.error());
  auto& directory = engine_->directory();
  for (auto& a : *accounts) directory.put(std::move(a));
  for (auto& d : *devices) directory.put(std::move(d));
  for (auto& n : *numbers) directory.put(std::move(n));
  for (auto& stored : *bindings) {
    std::vector<engine::Binding> restored;
    for (auto& b : stored.bindings) {
      auto uri = sip::Uri::parse(b.contact);
      if (!uri) continue;
      engine::Binding binding;
      binding.contact = std::move(*uri);
      binding.flow.transport = b.transport == "tcp" ? sip::TransportKind::Tcp : sip::TransportKind::Udp;
      const auto local = listener_for(binding.flow.transport == sip::TransportKind::Tcp ? sip_->tcp() : sip_->udp(), b);
      if (!local) continue;  // nothing listens in its family any more
      binding.flow.local = *local;
      binding.flow.remote = b.remote;
      binding.path = std::move(b.path);
      binding.call_id = std::move(b.call_id);
      binding.cseq = b.cseq;
      binding.instance = std::move(b.instance_id);
      binding.reg_id = b.reg_id;
      binding.expires_wall = b.expires_at;
      binding.expires = now.mono + (b.expires_at - now.wall);
      binding.user_agent = std::move(b.user_agent);
      restored.push_back(std::move(binding));
    }
    engine_->registrar().restore(stored.device, std::move(restored));
  }
  drain();
  return {};
}

/// Made at first start; a person reads it from the file (mode 0600), the store keeps its digest.
Result<void> Node::make_admin_token() {
  const std::string path = config_.data_dir + "/admin.token";
  if (std::ifstream in(path); in && std::getline(in, admin_token_) && authenticate(admin_token_)) return {};
  auto token = new_token("administrator (made at start)", std::nullopt);
  if (!token) return tl::unexpected(token.error());
  admin_token_ = token->secret;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string line = admin_token_ + "\n";
  const bool written = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (fd >= 0) ::close(fd);
  if (written) return {};
  return fail(ErrorKind::Unavailable, "cannot write " + path + ": " + std::strerror(errno));
}

// ---- carrying out

void Node::drain() {
  const auto hold = media_->hold();
  while (auto o = engine_->poll()) {
    std::visit([this](auto&& output) { carry_out(std::forward<decltype(output)>(output)); }, std::move(*o));
  }
  timer_->wake_at(engine_->next_deadline());
}

void Node::carry_out(engine::SendSip&& o) { sip_->send(o.flow, std::move(o.bytes)); }

void Node::carry_out(engine::ToMedia&& o) {
  if (auto posted = media_->post(std::move(o.command)); !posted) spdlog::error("media: {}", posted.error().text);
}

void Node::carry_out(engine::StoreBindings&& o) {
  std::vector<store::Binding> bindings;
  for (const auto& b : engine_->registrar().bindings(o.device)) {
    store::Binding s;
    s.contact = b.contact.to_string();
    s.transport = transport_name(b.flow.transport);
    s.local = b.flow.local;
    s.remote = b.flow.remote;
    s.path = b.path;
    s.call_id = b.call_id;
    s.cseq = b.cseq;
    s.instance_id = b.instance;
    s.reg_id = b.reg_id;
    s.expires_at = b.expires_wall;
    s.user_agent = b.user_agent;
    bindings.push_back(std::move(s));
  }
  if (auto saved = store_->save_bindings(o.device, std::move(bindings)); !saved)
    spdlog::error("store: {}", saved.error().text);
}

void Node::carry_out(engine::StoreRecord&& o) {
  if (auto saved = store_->save_record(o.record); !saved) spdlog::error("store: {}", saved.error().text);
}

void Node::carry_out(engine::Log&& o) {
  switch (o.level) {
    case engine::Log::Level::Debug:
      return spdlog::debug("{}", o.text);
    case engine::Log::Level::Info:
      return spdlog::info("{}", o.text);
    case engine::Log::Level::Warning:
      return spdlog::warn("{}", o.text);
  }
}

void Node::begin_stop() {
  engine_->hang_up_all(net::read_clock());
  drain();
}

bool Node::idle() const { return engine_->sizes().legs == 0 && engine_->calls().sizes().calls == 0; }

Server::Residue Node::residue() const {
  const auto sizes = engine_->sizes();
  return {sizes.calls.calls,  sizes.legs,
          sizes.sip.sessions, sizes.sip.client_transactions + sizes.sip.server_transactions,
          sizes.sip.timers,   media_->ports_used()};
}

}  // namespace segue::app
