// REGISTER of a test phone: digest (RFC 3261 section 22), refresh at four fifths of the time granted, removal with
// expires 0.
#include <fmt/format.h>

#include <charconv>

#include "phone/phone_impl.h"

namespace segue::phone {
namespace {

/// What the registrar granted: our Contact's expires, else the Expires header, else what we asked for.
Duration granted(const sip::Message& response, const sip::NameAddr& ours, Duration asked) {
  auto seconds_of = [](std::string_view text) -> std::optional<Duration> {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    return std::chrono::seconds(value);
  };
  for (const std::string_view value : sip::list_values(response, "Contact")) {
    const auto bound = sip::NameAddr::parse(value);
    if (!bound || bound->uri.user != ours.uri.user || bound->uri.port != ours.uri.port) continue;
    if (const auto expires = seconds_of(bound->params.get("expires"))) return *expires;
  }
  return seconds_of(response.get("Expires")).value_or(asked);
}

}  // namespace

void Phone::Impl::register_now(Duration expires, Now now) {
  if (!config.server.valid()) return;
  if (registration.call_id.empty()) {
    registration.call_id = random.token(20);
    registration.from_tag = random.token(10);
  }
  registration.expires = expires;
  registration.challenges = 0;
  registration.refresh_at.reset();
  send_register(std::nullopt, now);
}

void Phone::Impl::send_register(std::optional<std::string> authorization, Now now) {
  sip::Message request;
  request.method = "REGISTER";
  request.request_uri.host = config.domain;
  sip::NameAddr self;
  self.uri.user = config.user;
  self.uri.host = config.domain;
  request.add("To", self.to_string());
  self.params.set("tag", registration.from_tag);
  request.add("From", self.to_string());
  request.add("Call-ID", registration.call_id);
  request.add("CSeq", sip::CSeq{++registration.cseq, "REGISTER"}.to_string());
  request.add("Contact", contact().to_string());
  request.add("Expires", fmt::format("{}", registration.expires / 1s));
  if (authorization) request.add("Authorization", *authorization);
  registration.pending = agent.request(std::move(request), flow_to(config.server), now);
}

void Phone::Impl::challenged(const sip::Message& response, Now now) {
  for (const std::string_view value : response.all("WWW-Authenticate")) {
    const auto challenge = sip::DigestChallenge::parse(value);
    if (!challenge) continue;
    if (registration.challenges > 0 && !challenge->stale) break;  // the password is wrong: asking again would not help
    const std::string ha1 = sip::digest_ha1(challenge->algorithm, config.user, challenge->realm, config.password);
    ++registration.challenges;
    const auto credentials =
        sip::digest_answer(*challenge, config.user, ha1, "REGISTER", "sip:" + config.domain, 1, random);
    send_register(credentials.to_string(), now);
    return;
  }
  tell(PhoneEvent::Kind::RegistrationFailed, now, response.status,
       "no challenge that can be answered, or a wrong password");
}

void Phone::Impl::on(const sip::ResponseReceived& m, Now now) {
  if (m.transaction != registration.pending || m.response.status < 200) return;
  constexpr int kMaxChallenges = 3;
  if (m.response.status == 401 && registration.challenges < kMaxChallenges) {
    challenged(m.response, now);
    return;
  }
  if (m.response.status / 100 != 2) {
    tell(PhoneEvent::Kind::RegistrationFailed, now, m.response.status, m.response.reason);
    return;
  }
  if (registration.expires == Duration{}) {
    tell(PhoneEvent::Kind::Unregistered, now, m.response.status);
    return;
  }
  registration.refresh_at = now.mono + granted(m.response, contact(), registration.expires) * 4 / 5;
  tell(PhoneEvent::Kind::Registered, now, m.response.status);
}

}  // namespace segue::phone
