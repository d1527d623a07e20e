// A fake phone's SIP side. Its source and its ear are in phone_media.cpp.
#include "sim/phone.h"

#include <algorithm>

namespace segue::sim {
namespace {

sip::AgentConfig agent_config(const std::string& user) {
  sip::AgentConfig config;
  config.user_agent = "sim/" + user;
  return config;
}

}  // namespace

Phone::Phone(Clock& clock, Surroundings& world, std::uint64_t seed, int i, DeviceId d, std::string u, Endpoint s,
             Endpoint server)
    : index(i),
      device(d),
      user(std::move(u)),
      self(s),
      agent(agent_config(user), Random(seed)),
      clock_(clock),
      world_(world),
      random_(seed ^ 0x9e3779b97f4a7c15ULL),
      server_(server),
      next_port_(static_cast<std::uint16_t>(10000 + 2 * random_.below(5000))) {}

sip::Flow Phone::flow() const { return {sip::TransportKind::Udp, self, server_, {}}; }

sip::NameAddr Phone::contact() const {
  sip::NameAddr c;
  c.uri.user = user;
  c.uri.host = self.ip.to_string();
  c.uri.port = self.port;
  return c;
}

void Phone::receive(std::string_view bytes) {
  if (vanished()) return;
  agent.receive(bytes, flow(), clock_.now());
  settle();
}

void Phone::settle() {
  while (auto output = agent.poll()) {
    std::visit([&](const auto& e) { handle(e); }, *output);
  }
  schedule_agent();
}

void Phone::schedule_agent() {
  const auto due = agent.next_deadline();
  if (!due || (agent_at_ && *agent_at_ <= *due)) return;
  agent_at_ = due;
  clock_.at(*due, [this, at = *due] {
    if (agent_at_ != at) return;  // an earlier one took its place
    agent_at_.reset();
    agent.advance(clock_.now());
    settle();
  });
}

PhoneCall& Phone::new_call() {
  next_port_ = static_cast<std::uint16_t>(next_port_ >= 60000 ? 10000 : next_port_ + 2);
  PhoneCall& call = calls[next_port_];
  call.rtp = {self.ip, next_port_};
  call.talk = talk;
  call.ssrc = random_.u32();
  call.timestamp = random_.u32();
  call.sequence = static_cast<std::uint16_t>(random_.u32());
  return call;
}

PhoneCall* Phone::find(SessionId session) {
  for (auto& [port, call] : calls) {
    if (call.session == session) return &call;
  }
  return nullptr;
}

PhoneCall* Phone::talking() {
  // One whose 200 was never seen at the other end (lost time and again, beside a CANCEL) is no call yet.
  PhoneCall* found = nullptr;
  for (auto& [port, call] : calls) {
    if (call.answered && !call.ended && (found == nullptr || call.confirmed || !found->confirmed)) found = &call;
  }
  return found;
}

std::size_t Phone::talking_count() const {
  return static_cast<std::size_t>(std::count_if(
      calls.begin(), calls.end(), [](const auto& entry) { return entry.second.answered && !entry.second.ended; }));
}

void Phone::sweep() {
  std::erase_if(calls, [](const auto& entry) { return entry.second.ended; });
}

PhoneCall& Phone::dial(const std::string& number) {
  PhoneCall& call = new_call();
  call.dialled = number;
  call.local = sdp::make_offer(
      call.rtp, random_.u32() | 1U,
      random_.chance(0.5) ? std::vector{Codec::Pcma, Codec::Pcmu} : std::vector{Codec::Pcmu, Codec::Pcma});
  sip::InviteOptions options;
  options.flow = flow();
  options.request_uri.user = number;
  options.request_uri.host = kDomain;
  options.from.uri.user = user;
  options.from.uri.host = kDomain;
  options.to.uri = options.request_uri;
  options.contact = contact();
  options.sdp = sdp::print(call.local);
  call.session = agent.invite(std::move(options), clock_.now());
  agent.set_credentials(call.session, user, kPassword);
  settle();
  return call;
}

void Phone::hang_up(PhoneCall& call) {
  if (call.ended) return;
  call.leaving = true;
  hung_up_at = clock_.now().mono;
  stop_source(call);
  if (call.incoming && !call.answered && !call.session) {
    finish(call.rtp.port, 603);
    return;
  }
  agent.hangup(call.session, {}, clock_.now());
  settle();
}

void Phone::hold(PhoneCall& call, bool held) {
  if (call.ended || !call.answered || call.held == held || !call.agreed) return;
  call.held = held;
  call.local.direction = held ? sdp::Direction::SendOnly : sdp::Direction::SendRecv;
  ++call.local.version;
  if (held) {
    stop_source(call);
  } else {
    start_source(call);
  }
  agent.reinvite(call.session, sdp::print(call.local), clock_.now());
  settle();
}

void Phone::key(PhoneCall& call, const std::string& digits, bool by_info) {
  if (!by_info) {
    call.keys += digits;
    return;
  }
  for (std::size_t i = 0; i < digits.size(); ++i) {
    clock_.after(i * 150ms, [this, port = call.rtp.port, digit = digits[i]] {
      const auto it = calls.find(port);
      if (it == calls.end() || it->second.ended) return;
      agent.request_in_session(it->second.session, "INFO", {{"Content-Type", "application/dtmf-relay"}},
                               std::string("Signal=") + digit + "\r\nDuration=120\r\n", clock_.now());
      settle();
    });
  }
}

// ---- what comes from the agent

void Phone::handle(const sip::SendMessage& e) {
  if (!vanished()) world_.sip_out(*this, e.bytes);
}

void Phone::handle(const sip::RequestReceived& e) {
  if (!e.request.is("INVITE")) return agent.respond(e.transaction, 200, {}, "", clock_.now());
  PhoneCall& call = new_call();
  call.incoming = true;
  call.request = e.transaction;
  if (auto offer = sdp::parse(sip::sdp_of(e.request)); offer && offer->audio) call.offer = std::move(*offer);
  if (!call.offer) world_.complain(user + ": an INVITE without usable SDP");
  const std::uint64_t port = call.rtp.port;
  call.session = agent.accept_invite(e.transaction, contact(), clock_.now());
  switch (manners.kind) {
    case Manners::Kind::Answer:
    case Manners::Kind::Mute:
      if (manners.ring && manners.after > Duration::zero()) agent.ring(call.session, 180, "", {}, clock_.now());
      call.mute = manners.kind == Manners::Kind::Mute;
      clock_.after(manners.after, [this, port] { answer(port); });
      break;
    case Manners::Kind::Decline:
    case Manners::Kind::Busy:
    case Manners::Kind::NotHere:
    case Manners::Kind::WrongCodec:
    case Manners::Kind::Redirect: {
      static constexpr int kStatus[] = {200, 603, 486, 480, 488, 302};
      if (manners.ring) agent.ring(call.session, 180, "", {}, clock_.now());
      clock_.after(manners.after,
                   [this, port, status = kStatus[static_cast<int>(manners.kind)]] { finish(port, status); });
      break;
    }
    case Manners::Kind::RingOn:
      agent.ring(call.session, 180, "", {}, clock_.now());
      break;
    case Manners::Kind::Vanish:
      break;
  }
}

void Phone::answer(std::uint64_t port) {
  const auto it = calls.find(port);
  if (it == calls.end() || it->second.ended || it->second.answered || !it->second.offer) return;
  PhoneCall& call = it->second;
  const auto law = random_.chance(0.5) ? Codec::Pcma : Codec::Pcmu;
  const auto other = law == Codec::Pcma ? Codec::Pcmu : Codec::Pcma;
  auto answer = sdp::make_answer(*call.offer, call.rtp, random_.u32() | 1U, 1, {law, other}, true);
  if (!answer) return world_.complain(user + ": no common codec in an INVITE");
  call.local = answer->local;
  call.agreed = answer->agreed;
  call.to = call.offer->audio->rtp;
  call.answered = true;
  agent.answer(call.session, sdp::print(call.local, &*call.offer), {}, clock_.now());
  start_source(call);
  if (manners.leave) {
    clock_.after(*manners.leave, [this, port] {
      const auto again = calls.find(port);
      if (again != calls.end()) hang_up(again->second);
    });
  }
  settle();
}

void Phone::finish(std::uint64_t port, int status) {
  const auto it = calls.find(port);
  if (it == calls.end() || it->second.ended || it->second.answered) return;
  agent.reject(it->second.session, status, {}, clock_.now());
  settle();
}

void Phone::handle(const sip::SessionAnswered& e) {
  PhoneCall* call = find(e.session);
  if (call == nullptr || call->ended) return;
  auto answer = sdp::parse(e.sdp);
  if (!answer || !answer->audio) return world_.complain(user + ": a 200 without usable SDP");
  auto agreed = sdp::accept_answer(call->local, *answer);
  if (!agreed) return world_.complain(user + ": a 200 with a codec that was not offered");
  call->agreed = *agreed;
  call->to = answer->audio->rtp;
  call->answered = call->confirmed = true;
  start_source(*call);
}

void Phone::handle(const sip::SessionConfirmed& e) {
  if (PhoneCall* call = find(e.session)) call->confirmed = true;
}

void Phone::handle(const sip::OfferReceived& e) {
  ++requests_in_dialog;
  world_.complain(user + ": an offer in a running call: " + e.request.method);
  agent.reject_offer(e.session, 488, clock_.now());
}

/// An INFO that overtook the lost re-INVITE makes it out of order (500, RFC 3261 section 12.2.2). This phone gives up.
void Phone::handle(const sip::OfferAnswered& e) {
  PhoneCall* call = find(e.session);
  if (call != nullptr && !call->ended && e.status != 200) hang_up(*call);
}

void Phone::handle(const sip::SessionRequest& e) {
  ++requests_in_dialog;
  world_.complain(user + ": a request in a running call: " + e.request.method);
  agent.respond(e.transaction, 200, {}, "", clock_.now());
}

void Phone::handle(const sip::SessionEnded& e) {
  PhoneCall* call = find(e.session);
  if (call == nullptr) return;
  stop_source(*call);
  call->ended = true;
  call->session = {};
}

}  // namespace segue::sim
