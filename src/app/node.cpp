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
#include "record/json.h"

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

/// What peers send stands in log lines: no control characters, so that no line can pretend to be another.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
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
  if (c.digest == "sha-256") e.digest = engine::DigestOffer::Sha256;
  if (c.digest == "both") e.digest = engine::DigestOffer::Both;
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

/// A TCP connection does not outlive the server. Only a phone that is not behind a NAT, and does not keep its flows by
/// itself (RFC 5626), can be called anew at its Contact (RFC 3261 section 18.1.1); anything else would be a stranger's
/// port.
bool reachable_anew(const store::Binding& b, const sip::Uri& contact) {
  const auto host = Endpoint::parse(contact.host + ":5060");
  return b.reg_id == 0 && host && host->ip == b.remote.ip && contact.port != b.remote.port;
}

/// From the writer's thread.
void log_writer(const store::WriterState& now) {
  if (now.ok) return spdlog::info("store: writing again");
  spdlog::error("store: cannot write: {}; {} records and registrations wait in memory, calls go on", now.error,
                now.waiting);
}

spdlog::level::level_enum level_of(engine::Log::Level level) {
  switch (level) {
    case engine::Log::Level::Debug:
      return spdlog::level::debug;
    case engine::Log::Level::Info:
      return spdlog::level::info;
    case engine::Log::Level::Warning:
      return spdlog::level::warn;
  }
  return spdlog::level::info;
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
  options.on_change = log_writer;
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
  auto media = MediaPlane::start(config_, addresses->media, loop_, [this](const std::vector<media::Message>& messages) {
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
    complain(engine::Log::Topic::Streams, engine::Log::Level::Warning,
             fmt::format("SIP: cannot send to {}", flow.remote.to_string()));
    engine_->flow_failed(flow, net::read_clock());
    drain();
  };
  events.on_stream_broken = [this](std::string_view bytes, const Error& why, const sip::Flow& from) {
    engine_->receive_unframed(bytes, why.kind == ErrorKind::Exhausted ? 513 : 400, why.text, from, net::read_clock());
    drain();
  };
  events.on_trouble = [this](const std::string& what) {
    complain(engine::Log::Topic::Streams, engine::Log::Level::Warning, "SIP " + what);
  };
  events.on_connection_closed = [this](const sip::Flow& connection) {
    engine_->connection_closed(connection, net::read_clock());
    drain();
  };
  auto sip = net::SipTransports::open(loop_, std::move(sip_config), std::move(events));
  if (!sip) return tl::unexpected(sip.error());
  sip_ = std::move(*sip);
  api::ServerOptions http_options;
  http_options.listen = config_.http;
  http_options.openapi = std::string(openapi_text());
  http_options.on_refused = [this](unsigned status, const std::string& what) {
    // 404, 409 and 422 are what people meet every day.
    const bool strange = status == 400 || status == 401 || status == 403 || status == 408 || status > 422;
    complain(engine::Log::Topic::Rest, strange ? engine::Log::Level::Warning : engine::Log::Level::Info,
             "REST: " + what);
  };
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
  std::size_t kept = 0;
  for (auto& stored : *bindings) {
    std::vector<engine::Binding> list;
    for (auto& b : stored.bindings) {
      auto uri = sip::Uri::parse(b.contact);
      if (!uri) continue;
      if (b.transport == "tcp" && !reachable_anew(b, *uri)) {
        spdlog::info("{} registered over a TCP connection that is gone: it must register again", b.contact);
        continue;
      }
      const auto local = listener_for(b.transport == "tcp" ? sip_->tcp() : sip_->udp(), b);
      if (!local) continue;  // nothing listens in its family any more
      list.push_back(restored(b, std::move(*uri), *local, now));
    }
    kept += list.size();
    engine_->registrar().restore(stored.device, std::move(list));
  }
  if (kept > 0) spdlog::info("{} registrations are as they were", kept);
  drain();
  return {};
}

engine::Binding Node::restored(const store::Binding& b, sip::Uri contact, const Endpoint& local, Now now) {
  engine::Binding binding;
  const bool tcp = b.transport == "tcp";
  binding.flow.transport = tcp ? sip::TransportKind::Tcp : sip::TransportKind::Udp;
  binding.flow.local = local;
  binding.flow.remote = b.remote;
  if (tcp) binding.flow.remote.port = contact.port == 0 ? 5060 : contact.port;
  binding.contact = std::move(contact);
  binding.path = b.path;
  binding.call_id = b.call_id;
  binding.cseq = b.cseq;
  binding.instance = b.instance_id;
  binding.reg_id = b.reg_id;
  binding.expires_wall = b.expires_at;
  binding.expires = now.mono + (b.expires_at - now.wall);
  binding.user_agent = b.user_agent;
  return binding;
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
  while (auto o = engine_->poll()) {
    std::visit([this](auto&& output) { carry_out(std::forward<decltype(output)>(output)); }, std::move(*o));
  }
  timer_->wake_at(engine_->next_deadline());
}

void Node::carry_out(engine::SendSip&& o) { sip_->send(o.flow, std::move(o.bytes)); }

void Node::carry_out(engine::ToMedia&& o) {
  media::LegClosed refused;
  refused.leg = media::subject(o.command);
  const bool opens = std::holds_alternative<media::OpenLeg>(o.command);
  const auto posted = media_->post(std::move(o.command));
  if (posted) return;
  spdlog::error("media: {}", posted.error().text);
  // A leg that the worker never had is closed already; any other ends, and its CloseLeg is always taken.
  opens ? engine_->on_media(refused, net::read_clock()) : engine_->media_refused(refused.leg, net::read_clock());
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
    complain(engine::Log::Topic::Ours, engine::Log::Level::Warning, "store: " + saved.error().text);
}

void Node::carry_out(engine::StoreRecord&& o) {
  if (auto saved = store_->save_record(o.record); saved) return;
  // The last place where it can be kept.
  spdlog::error("store: the record of call {} is lost: {}", o.record.id.value,
                record::to_json(o.record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Node::carry_out(engine::Log&& o) {
  if (o.topic != engine::Log::Topic::Ours) return complain(o.topic, o.level, std::move(o.text));
  spdlog::log(level_of(o.level), "{}", printable(std::move(o.text)));
}

void Node::complain(engine::Log::Topic topic, engine::Log::Level level, std::string text) {
  if (!spdlog::should_log(level_of(level))) return;
  if (const auto line = throttles_[topic].admit(std::move(text), net::read_clock().mono)) {
    spdlog::log(level_of(level), "{}", printable(*line));
  }
}

void Node::begin_stop() {
  engine_->hang_up_all(net::read_clock());
  drain();
}

void Node::finish_writing() {
  if (const auto written = store_->flush(); !written) {
    spdlog::error("store: {} records and registrations are lost: {}", store_->writer_state().waiting,
                  written.error().text);
  }
}

bool Node::idle() const {
  const auto sizes = engine_->sizes();  // a session stays until its BYE is answered
  return sizes.legs == 0 && sizes.calls.calls == 0 && sizes.sip.sessions == 0;
}

Server::Residue Node::residue() const {
  const auto sizes = engine_->sizes();
  return {sizes.calls.calls,  sizes.legs,
          sizes.sip.sessions, sizes.sip.client_transactions + sizes.sip.server_transactions,
          sizes.sip.timers,   media_->ports_used()};
}

}  // namespace segue::app
