#include <algorithm>

#include "engine/engine_harness.h"
#include "sip/digest.h"

namespace segue::engine::testing {
namespace {

EngineConfig config(DigestOffer digest) {
  EngineConfig c;
  c.domain = kDomain;
  c.digest = digest;
  return c;
}

}  // namespace

const sip::Message* Phone::last_request(std::string_view method) const {
  const auto it = std::find_if(received.rbegin(), received.rend(),
                               [&](const auto& m) { return m.is_request && m.method == method; });
  return it == received.rend() ? nullptr : &*it;
}

const sip::Message* Phone::last_response(std::string_view method) const {
  const auto it = std::find_if(received.rbegin(), received.rend(),
                               [&](const auto& m) { return !m.is_request && m.method == method && m.status >= 200; });
  return it == received.rend() ? nullptr : &*it;
}

std::size_t Phone::requests(std::string_view method) const {
  return static_cast<std::size_t>(std::count_if(received.begin(), received.end(),
                                                [&](const auto& m) { return m.is_request && m.method == method; }));
}

Server::Server(DigestOffer digest, sip::AgentConfig bobs)
    : engine(config(digest), static_cast<MediaPorts&>(*this), Random(7), {}), bob("bob", 21, std::move(bobs)) {
  auto& directory = engine.directory();
  directory.put(call::Account{kAda, "Ada Lovelace"});
  directory.put(call::Account{kBob, "Bob"});
  directory.put(call::Number{NumberId{1}, kAda, "1001"});
  directory.put(call::Number{NumberId{2}, kBob, "1002"});
  const auto add = [&](DeviceId id, AccountId account, const Phone& p, char digit) {
    call::Device d;
    d.id = id;
    d.account = account;
    d.username = p.user;
    d.name = p.user + " device";
    d.flip_digit = digit;
    d.auto_answer = true;
    d.ha1_md5 = sip::digest_ha1(sip::DigestAlgorithm::Md5, p.user, kDomain, kPassword);
    d.ha1_sha256 = sip::digest_ha1(sip::DigestAlgorithm::Sha256, p.user, kDomain, kPassword);
    directory.put(std::move(d));
  };
  add(kDesk, kAda, desk, '1');
  add(kMobile, kAda, mobile, '2');
  add(kBobDesk, kBob, bob, '1');
}

Result<Endpoint> Server::allocate(LegId leg, bool v6) {
  if (v6 && !has_v6) return fail(ErrorKind::Unavailable, "no media address of that family");
  if (ports.size() >= max_ports) return fail(ErrorKind::Exhausted, "no port is free");
  ports.insert(leg);
  next_port_ = static_cast<std::uint16_t>(next_port_ + 2);
  return Endpoint{v6 ? *IpAddress::parse("2001:db8::1") : server_.ip, next_port_};
}

// ---- the wire

void Server::run() {
  while (step()) {
  }
  for (const auto& broken : engine.calls().broken_invariants()) ADD_FAILURE() << broken;
}

bool Server::step() {
  if (auto output = engine.poll()) {
    carry_out(std::move(*output));
    return true;
  }
  for (Phone* p : {&desk, &mobile, &bob}) {
    auto output = p->agent.poll();
    if (!output) continue;
    if (const auto* send = std::get_if<sip::SendMessage>(&*output)) {
      if (!p->gone) engine.receive(send->bytes, flow_of(*p), now());
    } else {
      p->said.push_back(std::move(*output));
    }
    return true;
  }
  return false;
}

void Server::carry_out(Output output) {
  if (auto* sip = std::get_if<SendSip>(&output)) {
    for (Phone* p : {&desk, &mobile, &bob}) {
      if (p->seen() != sip->flow.remote || p->gone) continue;
      if (auto message = sip::parse_message(sip->bytes)) {
        p->received.push_back(*message);
        p->ways.push_back(sip->flow);
      }
      p->agent.receive(sip->bytes, flow(*p), now());
    }
  } else if (auto* command = std::get_if<ToMedia>(&output)) {
    const auto* close = std::get_if<media::CloseLeg>(&command->command);
    if (media_full && close == nullptr) return engine.media_refused(media::subject(command->command), now());
    to_media.push_back(command->command);
    if (close != nullptr) {
      media::LegClosed closed;
      closed.leg = close->leg;
      engine.on_media(closed, now());
    }
  } else if (auto* record = std::get_if<StoreRecord>(&output)) {
    records.push_back(std::move(record->record));
  } else if (const auto* bindings = std::get_if<StoreBindings>(&output)) {
    stored.push_back(bindings->device);
  } else if (auto* line = std::get_if<Log>(&output)) {
    logged.push_back(std::move(*line));
  }
}

void Server::passes(Duration time) {
  const Instant end = at + time;
  for (;;) {
    std::optional<Instant> next = engine.next_deadline();
    for (Phone* p : {&desk, &mobile, &bob}) next = earlier(next, p->agent.next_deadline());
    if (!next || *next > end) break;
    at = std::max(at, *next);
    engine.advance(now());
    for (Phone* p : {&desk, &mobile, &bob}) p->agent.advance(now());
    run();
  }
  at = end;
}

void Server::raw(Phone& p, std::string_view bytes) {
  engine.receive(bytes, flow_of(p), now());
  run();
}

void Server::closes(Phone& p) {
  engine.connection_closed(flow_of(p), now());
  run();
}

void Server::media(media::Message message) {
  engine.on_media(message, now());
  run();
}

// ---- what phones do

sip::Message Server::registers(Phone& p, std::string_view aor, std::vector<sip::Header> headers,
                               std::string_view password, sip::DigestAlgorithm algorithm) {
  sip::Message m;
  m.method = "REGISTER";
  m.request_uri = *sip::Uri::parse("sip:" + std::string(kDomain));
  m.add("From", "<sip:" + std::string(aor) + "@" + kDomain + ">;tag=r" + p.user);
  m.add("To", "<sip:" + std::string(aor) + "@" + kDomain + ">");
  m.add("Call-ID", "register-" + p.user);
  for (auto& h : headers) m.add(h.name, h.value);
  static std::uint32_t cseq = 0;
  if (m.find("CSeq") == nullptr) m.add("CSeq", std::to_string(++cseq) + " REGISTER");
  (void)p.agent.request(m, flow(p), now());
  run();
  const auto* first = p.last<sip::ResponseReceived>();
  if (first == nullptr || first->response.status != 401) return first == nullptr ? sip::Message{} : first->response;
  const auto challenge = sip::DigestChallenge::parse(first->response.get("WWW-Authenticate"));
  EXPECT_TRUE(challenge);
  EXPECT_EQ(challenge->algorithm, algorithm);
  Random random(5);
  const auto ha1 = sip::digest_ha1(challenge->algorithm, p.user, kDomain, password);
  m.add("Authorization",
        sip::digest_answer(*challenge, p.user, ha1, "REGISTER", m.request_uri.to_string(), 1, random).to_string());
  (void)p.agent.request(m, flow(p), now());
  run();
  return p.last<sip::ResponseReceived>()->response;
}

sip::Message Server::registers(Phone& p, std::string expires) {
  return registers(p, p.user,
                   {{"Contact", "<sip:" + p.user + "@" + p.self.to_string() + ">"}, {"Expires", std::move(expires)}},
                   kPassword);
}

sip::Message Server::asks(Phone& p, const sip::Message& request) {
  (void)p.agent.request(request, flow(p), now());
  run();
  const auto* response = p.last<sip::ResponseReceived>();
  return response == nullptr ? sip::Message{} : response->response;
}

std::string Server::offer(const Phone& p, sdp::Direction direction) {
  auto local = sdp::make_offer({p.self.ip, 40000}, 99, {Codec::Pcma, Codec::Pcmu});
  local.direction = direction;
  return sdp::print(local);
}

SessionId Server::dials(Phone& p, std::string number, std::string sdp, std::vector<sip::Header> headers) {
  sip::InviteOptions o;
  o.flow = flow(p);
  o.request_uri.user = std::move(number);
  o.request_uri.host = kDomain;
  o.from.uri.user = p.user;
  o.from.uri.host = kDomain;
  o.to.uri = o.request_uri;
  o.contact.uri.user = p.user;
  o.contact.uri.host = p.self.ip.to_string();
  o.sdp = std::move(sdp);
  o.headers = std::move(headers);
  const SessionId s = p.agent.invite(std::move(o), now());
  p.agent.set_credentials(s, p.user, kPassword);
  run();
  return s;
}

SessionId Server::takes(Phone& p) {
  const auto* invite = p.last<sip::RequestReceived>();
  EXPECT_NE(invite, nullptr);
  sip::NameAddr contact;
  contact.uri.user = p.user;
  contact.uri.host = p.self.ip.to_string();
  const SessionId s = p.agent.accept_invite(invite->transaction, contact, now());
  run();
  return s;
}

SessionId Server::answers(Phone& p, sdp::Direction direction) {
  const auto* invite = p.last<sip::RequestReceived>();
  const auto offered = sdp::parse(sip::sdp_of(invite->request));
  EXPECT_TRUE(offered && offered->audio);
  auto answer = sdp::make_answer(*offered, {p.self.ip, 40000}, 7, 1, {Codec::Pcma, Codec::Pcmu}, false)->local;
  answer.direction = direction;
  return answers(p, sdp::print(answer, &*offered));
}

SessionId Server::answers(Phone& p, std::string sdp) {
  const SessionId s = takes(p);
  p.agent.answer(s, std::move(sdp), {}, now());
  run();
  return s;
}

bool Server::hears_music(LegId leg) const {
  bool music = false;
  for (const auto& set : commands<media::SetSource>()) {
    if (set.line != leg) continue;
    const auto* clip = std::get_if<media::FromClip>(&set.source);
    music = clip != nullptr && clip->clip == media::Clip::Music;
  }
  return music;
}

void Server::bob_and_ada_talk() {
  for (Phone* p : {&desk, &bob}) EXPECT_EQ(registers(*p).status, 200);
  bob_session = dials(bob, "1001");
  ada_session = answers(desk);
}

}  // namespace segue::engine::testing
