// SIP requests outside of any dialog: who is it (digest), and what is wanted.
#include <fmt/core.h>

#include <algorithm>

#include "engine/engine_impl.h"

namespace segue::engine {
namespace {

constexpr const char* kAllow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER";

/// Whether the answer was made for this request (RFC 7616 section 3.4.6). Segue goes by the user part alone, which a
/// proxy does not change and a forger would; some phones leave it out, and in REGISTER some give their own address.
bool made_for(const sip::DigestCredentials& c, const sip::Message& request) {
  // Whatever it is, without a user it says nothing that Segue routes by (sipp writes IPv6 addresses without brackets).
  if (c.uri.find('@') == std::string::npos) return c.uri.starts_with("sip");
  const auto uri = sip::Uri::parse(c.uri);
  if (!uri || !uri->is_sip()) return false;
  if (uri->user.empty() || uri->user == request.request_uri.user) return true;
  const auto to = sip::NameAddr::parse(request.get("To"));
  return request.is("REGISTER") && to && uri->user == to->uri.user;
}

}  // namespace

void Engine::Impl::handle(const sip::RequestReceived& e, Now now) {
  const auto& method = e.request.method;
  if (method == "REGISTER") return handle_register(e, now);
  if (method == "INVITE") return handle_invite(e, now);
  if (method == "OPTIONS") {
    return agent.respond(e.transaction, 200, {{"Allow", kAllow}, {"Accept", "application/sdp"}, {"Supported", "timer"}},
                         "", now);
  }
  if (method == "SUBSCRIBE" || method == "PUBLISH") {
    return agent.respond(e.transaction, 489, {{"Allow-Events", "telephone-event"}}, "", now);
  }
  const bool known = method == "MESSAGE" || method == "REFER";  // what belongs in a dialog got 481 from the agent
  agent.respond(e.transaction, known ? 405 : 501, {{"Allow", kAllow}}, "", now);
}

/// The device whose secret made the Authorization header; nullptr after a challenge or a refusal has been sent.
const call::Device* Engine::Impl::authenticate(const sip::RequestReceived& e, Now now) {
  const auto from = sip::NameAddr::parse(e.request.get("From"));
  const call::Device* claimed = from ? directory.device_by_username(from->uri.user) : nullptr;
  std::optional<sip::DigestCredentials> credentials;
  for (const auto text : e.request.all("Authorization")) {
    auto parsed = sip::DigestCredentials::parse(text);
    if (parsed && parsed->realm == config.domain) credentials = std::move(*parsed);
  }
  if (!credentials) {
    challenge(e, claimed, false, now);
    return nullptr;
  }
  if (!made_for(*credentials, e.request)) {
    log(Log::Level::Warning,
        fmt::format("digest of {} from {} is for another Request-URI", e.request.method, e.flow.remote.to_string()),
        Log::Topic::Credentials);
    agent.respond(e.transaction, 400, {}, "", now, "Digest uri is not the Request-URI");
    return nullptr;
  }
  const call::Device* device = directory.device_by_username(credentials->username);
  const bool sha256 = credentials->algorithm == sip::DigestAlgorithm::Sha256;
  // An unknown user is checked against a secret nobody has, so that an answer tells nothing about which users exist.
  static const std::string kNobody(64, '0');
  const std::string& ha1 = device == nullptr ? kNobody : sha256 ? device->ha1_sha256 : device->ha1_md5;
  const auto verdict = digest.check(*credentials, e.request.method, ha1.empty() ? kNobody : ha1, now.mono);
  // A right answer by MD5 where only SHA-256 will do: its From did not say which device it is, so the challenge was
  // another's. It is asked again as after a stale nonce, so that the phone does not bother its user.
  const bool downgraded = device != nullptr && !sha256 && sha256_only(device);
  const bool right = verdict == sip::DigestServer::Verdict::Ok;
  if (verdict == sip::DigestServer::Verdict::Stale || (right && downgraded)) {
    challenge(e, device, true, now);
    return nullptr;
  }
  if (!right || device == nullptr) {
    log(Log::Level::Warning,
        fmt::format("wrong credentials for \"{}\" from {}", credentials->username.substr(0, 64),
                    e.flow.remote.to_string()),
        Log::Topic::Credentials);
    agent.respond(e.transaction, 403, {}, "", now, "Wrong user name or password");
    return nullptr;
  }
  return device;
}

bool Engine::Impl::sha256_only(const call::Device* device) const {
  return config.digest == DigestOffer::Sha256 || (device != nullptr && device->sha256);
}

/// One challenge an algorithm, the stronger first (RFC 8760 section 2.4).
void Engine::Impl::challenge(const sip::RequestReceived& e, const call::Device* device, bool stale, Now now) {
  const bool sha256_alone = sha256_only(device);
  std::vector<sip::Header> headers;
  const auto add = [&](sip::DigestAlgorithm algorithm) {
    headers.push_back({"WWW-Authenticate", digest.challenge(algorithm, stale, now.mono).to_string()});
  };
  if (sha256_alone || config.digest == DigestOffer::Both) add(sip::DigestAlgorithm::Sha256);
  if (!sha256_alone) add(sip::DigestAlgorithm::Md5);
  agent.respond(e.transaction, 401, std::move(headers), "", now);
}

void Engine::Impl::handle_register(const sip::RequestReceived& e, Now now) {
  const call::Device* device = authenticate(e, now);
  if (device == nullptr) return;
  const auto to = sip::NameAddr::parse(e.request.get("To"));
  if (!to || to->uri.user != device->username) {
    log(Log::Level::Warning, fmt::format("REGISTER of {} refused with 403: for another's device", device->username),
        Log::Topic::Refused);
    return agent.respond(e.transaction, 403, {}, "", now, "Register your own device only");
  }
  const bool was = !registrar.bindings(device->id).empty();
  auto reply = registrar.handle(device->id, e.request, e.flow, now);
  if (reply.changed) out(StoreBindings{device->id});
  const bool is = !registrar.bindings(device->id).empty();
  if (reply.status != 200) {
    log(Log::Level::Warning, fmt::format("REGISTER of {} refused with {}", device->username, reply.status),
        Log::Topic::Refused);
  } else if (was != is) {
    log(Log::Level::Info,
        fmt::format("{} {} from {}", device->username, is ? "registered" : "unregistered", e.flow.remote.to_string()));
  }
  agent.respond(e.transaction, reply.status, std::move(reply.headers), "", now);
}

void Engine::Impl::handle_invite(const sip::RequestReceived& e, Now now) {
  const call::Device* device = authenticate(e, now);
  if (device == nullptr) return;
  const auto refuse = [&](int status, std::vector<sip::Header> headers, std::string_view why) {
    log(Log::Level::Warning, fmt::format("INVITE of {} refused with {}: {}", device->username, status, why),
        Log::Topic::Refused);
    agent.respond(e.transaction, status, std::move(headers), "", now, why);
  };
  if (stopping) return refuse(503, {{"Retry-After", "5"}}, "The server is stopping");
  call::Arrival arrival{core.new_leg(), device->account, device->id, e.request.request_uri.user, {}};
  std::optional<sdp::Description> offer;
  bool held = false;  // a first offer may hold us already
  if (const auto text = sip::sdp_of(e.request); !text.empty()) {
    auto parsed = sdp::parse(text);
    if (!parsed)
      return refuse(400, {{"Warning", "399 segue \"" + parsed.error().text + "\""}}, "Bad session description");
    if (!parsed->audio) return refuse(488, {{"Warning", "304 segue \"No usable audio\""}}, "No usable audio");
    for (const auto& c : parsed->audio->codecs) arrival.offered.push_back(c.codec);
    if (arrival.offered.empty()) return refuse(488, {{"Warning", "305 segue \"No known codec\""}}, "No known codec");
    held = parsed->audio->direction == sdp::Direction::SendOnly || parsed->audio->direction == sdp::Direction::Inactive;
    offer = std::move(*parsed);
  } else if (!e.request.body.empty()) {
    return refuse(415, {{"Accept", "application/sdp"}}, "Only application/sdp");
  } else {
    arrival.offered = device->codecs.empty() ? std::vector{Codec::Pcma, Codec::Pcmu} : device->codecs;
  }
  // A phone may signal by one family and have its audio at the other.
  auto rtp = ports.allocate(arrival.leg, offer ? offer->audio->rtp.ip.v6 : e.flow.local.ip.v6);
  if (!rtp && rtp.error().kind == ErrorKind::Unavailable) {
    return refuse(488, {{"Warning", "301 segue \"" + rtp.error().text + "\""}},
                  "Its address family is not served here");
  }
  if (!rtp) {
    return refuse(503, {{"Retry-After", "5"}, {"Reason", call::reason_header(call::Cause::NoPorts)}},
                  "No RTP port is free: " + rtp.error().text);
  }
  Leg leg;
  leg.id = arrival.leg;
  leg.device = device->id;
  leg.flow = e.flow;
  leg.incoming = true;
  leg.offer = std::move(offer);
  leg.call_id = std::string(e.request.get("Call-ID"));
  leg.rtp = *rtp;
  leg.session = agent.accept_invite(e.transaction, our_contact(e.flow), now);
  leg_of[leg.session] = leg.id;
  open_media(legs[arrival.leg] = std::move(leg));
  core.on_arrival(arrival, now);
  core.on_hold(arrival.leg, held, now);
}

void Engine::Impl::handle(const sip::Refused& e, Now) {
  const std::string from = fmt::format("{} ({})", e.flow.remote.to_string(), sip::via_name(e.flow.transport));
  if (e.status == 503) {
    return log(Log::Level::Warning, fmt::format("SIP from {} refused with 503: {}", from, e.text), Log::Topic::Refused);
  }
  const std::string done = e.status == 0 ? "dropped" : fmt::format("answered with {}", e.status);
  log(Log::Level::Warning, fmt::format("malformed SIP from {} {}: {}", from, done, e.text), Log::Topic::Malformed);
}

}  // namespace segue::engine
