#include "phone/phone.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "phone/phone_impl.h"

namespace segue::phone {
namespace {

sip::AgentConfig agent_config() {
  sip::AgentConfig config;
  config.user_agent = "Segue test phone";
  config.limits = {.max_transactions = 256, .max_sessions = 16};
  return config;
}

Random fork(Random& random) {
  Random::Seed seed{};
  for (auto& word : seed) word = random.u32();
  return Random(seed);
}

}  // namespace

// ---- Phone: commands from any thread -------------------------------------------------------------------------------

Phone::Phone(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Phone::~Phone() = default;

const std::string& Phone::name() const { return impl_->config.name; }
Endpoint Phone::sip_address() const { return impl_->sip.local(); }
Endpoint Phone::rtp_address() const { return impl_->rtp.local(); }
const Journal& Phone::journal() const { return impl_->journal; }
void Phone::forget_before(Instant t) { impl_->journal.forget_before(t); }

void Phone::register_now() {
  impl_->post([p = impl_.get()](Now now) { p->register_now(p->config.register_expires, now); });
}
void Phone::unregister() {
  impl_->post([p = impl_.get()](Now now) { p->register_now(Duration{}, now); });
}
void Phone::call(std::string number) {
  impl_->post([p = impl_.get(), number = std::move(number)](Now now) {
    p->call(p->config.server, number, p->config.domain, now);
  });
}
void Phone::call_to(Endpoint peer, std::string user) {
  impl_->post([p = impl_.get(), peer, user = std::move(user)](Now now) { p->call(peer, user, peer.to_string(), now); });
}
void Phone::answer() {
  impl_->post([p = impl_.get()](Now now) { p->answer(now); });
}
void Phone::decline(int status) {
  impl_->post([p = impl_.get(), status](Now now) { p->refuse(status, now); });
}
void Phone::hang_up() {
  impl_->post([p = impl_.get()](Now now) { p->hang_up(now); });
}
void Phone::set_answering(Answering answering) {
  impl_->post([p = impl_.get(), answering](Now) { p->answering = answering; });
}
void Phone::digits(std::string digits, DigitWay way) {
  impl_->post([p = impl_.get(), digits = std::move(digits), way](Now) { p->dial(digits, way); });
}
void Phone::hold() {
  impl_->post([p = impl_.get()](Now now) { p->set_hold(true, now); });
}
void Phone::resume() {
  impl_->post([p = impl_.get()](Now now) { p->set_hold(false, now); });
}
void Phone::play(std::shared_ptr<const Sound> sound) {
  impl_->post([p = impl_.get(), sound = std::move(sound)](Now) {
    p->sound = sound;
    if (p->current && p->current->talker) p->current->talker->play(sound);
  });
}

// ---- Impl: sockets, timers, media ----------------------------------------------------------------------------------

Phone::Impl::Impl(PhoneConfig config_in, UdpSocket sip_in, UdpSocket rtp_in, UdpSocket rtcp_in, Random random_in,
                  Post post_in)
    : config(std::move(config_in)),
      journal(config.limits),
      sip(std::move(sip_in)),
      rtp(std::move(rtp_in)),
      rtcp(std::move(rtcp_in)),
      random(std::move(random_in)),
      post(std::move(post_in)),
      agent(agent_config(), fork(random)),
      answering(config.answering),
      sound(config.sound) {}

void Phone::Impl::receive_sip(Now now) {
  while (auto datagram = sip.receive()) {
    journal.sip({datagram->at, true, datagram->from, std::string(as_text(datagram->bytes))});
    agent.receive(as_text(datagram->bytes), flow_to(datagram->from), now);
  }
}

void Phone::Impl::receive_rtp() {
  while (auto datagram = rtp.receive()) {
    const Instant at = datagram->at;
    journal.rtp(std::move(*datagram));
    if (current && current->talking && !std::exchange(current->heard, true)) {
      journal.event({PhoneEvent::Kind::Heard, at, 0, {}});
    }
  }
}

void Phone::Impl::receive_rtcp() {
  while (auto datagram = rtcp.receive()) journal.rtcp(std::move(*datagram));
}

void Phone::Impl::advance(Now now) {
  agent.advance(now);
  if (current && current->pick_up_at && *current->pick_up_at <= now.mono) {
    current->pick_up_at.reset();
    if (answering.pickup == Pickup::Decline)
      refuse(603, now);
    else
      answer(now);
  }
  if (registration.refresh_at && *registration.refresh_at <= now.mono) register_now(registration.expires, now);
  send_info_digits(now);
  drain(now);
  if (!current || !current->talker) return;
  auto out = current->talker->advance(now);
  for (auto& packet : out.packets) {
    (packet.rtcp ? rtcp : rtp).send(packet.to, packet.bytes);
    if (!packet.record) continue;
    packet.record->at = read_clock().mono;
    journal.sent(*packet.record);
  }
  for (const Pause& pause : out.pauses) journal.pause(pause);
  if (out.digits_done) tell(PhoneEvent::Kind::DigitsDone, now);
}

std::optional<Instant> Phone::Impl::next_deadline() const {
  std::optional<Instant> next = agent.next_deadline();
  next = earlier(next, registration.refresh_at);
  next = earlier(next, next_info_at);
  if (current) {
    next = earlier(next, current->pick_up_at);
    if (current->talker) next = earlier(next, current->talker->next_deadline());
  }
  return next;
}

void Phone::Impl::dial(const std::string& digits, DigitWay way) {
  if (!current || !current->talker) return;
  if (way == DigitWay::Rfc4733) {
    current->talker->dial(digits);
    return;
  }
  if (info_digits.size() + digits.size() > kMaxQueuedDigits) return;
  info_digits.insert(info_digits.end(), digits.begin(), digits.end());
  if (!next_info_at) next_info_at = read_clock().mono;
}

void Phone::Impl::send_info_digits(Now now) {
  constexpr Duration kBetweenDigits = 200ms;
  if (!next_info_at || *next_info_at > now.mono) return;
  if (info_digits.empty() || !current) {
    info_digits.clear();
    next_info_at.reset();
    return;
  }
  const std::string body = std::string("Signal=") + info_digits.front() + "\r\nDuration=100\r\n";
  info_digits.pop_front();
  agent.request_in_session(current->session, "INFO", {{"Content-Type", "application/dtmf-relay"}}, body, now);
  next_info_at = info_digits.empty() ? std::nullopt : std::optional(now.mono + kBetweenDigits);
  if (info_digits.empty()) tell(PhoneEvent::Kind::DigitsDone, now);
}

void Phone::Impl::drain(Now now) {
  while (auto output = agent.poll()) {
    std::visit([&](const auto& m) { on(m, now); }, *output);
  }
}

void Phone::Impl::tell(PhoneEvent::Kind kind, Now now, int status, std::string text) {
  journal.event({kind, now.mono, status, std::move(text)});
}

sip::NameAddr Phone::Impl::contact() const {
  sip::NameAddr out;
  out.uri.user = config.user;
  out.uri.host = sip.local().ip.v6 ? "[" + sip.local().ip.to_string() + "]" : sip.local().ip.to_string();
  out.uri.port = sip.local().port;
  return out;
}

sip::Flow Phone::Impl::flow_to(const Endpoint& remote) const {
  return {sip::TransportKind::Udp, sip.local(), remote, {}};
}

}  // namespace segue::phone
