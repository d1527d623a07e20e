// What happens in SIP sessions, as facts for the calls.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/engine_impl.h"

namespace segue::engine {

call::Cause cause_of(int status) {
  switch (status) {
    case 486:
    case 600:
      return call::Cause::Busy;
    case 603:
    case 403:
    case 401:
    case 407:
      return call::Cause::Declined;
    case 404:
    case 410:
    case 480:
    case 503:
      return call::Cause::Unreachable;
    case 408:
      return call::Cause::NoAnswer;
    case 415:
    case 488:
    case 606:
      return call::Cause::NoCommonCodec;
    case 487:
      return call::Cause::Cancelled;
    default:
      return status >= 600 ? call::Cause::Declined : call::Cause::Unreachable;
  }
}

namespace {

/// How a request in a dialog is refused that nobody here serves.
int refusal_of(std::string_view method) {
  if (method == "INFO" || method == "NOTIFY") return 481;  // of a call that is over, of a subscription that is none
  if (method == "SUBSCRIBE") return 489;
  if (method == "REFER") return 603;
  const bool known = method == "MESSAGE" || method == "PUBLISH" || method == "REGISTER" || method == "OPTIONS";
  return known ? 405 : 501;
}

}  // namespace

void Engine::Impl::handle(sip::SendMessage& e, Now) {
  if (!watches.empty() && !e.refresh) count_for_watches(e.bytes);
  out(SendSip{e.flow, std::move(e.bytes)});
}

/// Requests of ours to the far party while a flip is measured. The session timer's are not of the flip, nor is OPTIONS:
/// nothing but the far party's own silence makes us send it (hear(MediaDead)).
void Engine::Impl::count_for_watches(std::string_view bytes) {
  if (bytes.starts_with("SIP/2.0") || bytes.starts_with("ACK ") || bytes.starts_with("OPTIONS ")) return;
  const auto at = bytes.find("\r\nCall-ID: ");
  if (at == std::string_view::npos) return;
  const auto value = bytes.substr(at + 11, bytes.find("\r\n", at + 11) - at - 11);
  for (auto& [flip, watch] : watches) {
    const Leg* far = find(watch.far);
    if (far != nullptr && !far->released && far->call_id == value) ++watch.requests;
  }
}

void Engine::Impl::handle(const sip::ResponseReceived& e, Now now) {
  if (heard_after(e)) return;
  const auto probe = probes.find(e.transaction);
  if (probe == probes.end() || e.response.status < 200) return;
  const LegId id = probe->second;
  probes.erase(probe);
  if (Leg* leg = find(id)) leg->probe = {};
  // 481 and 408 mean that the dialog is gone (RFC 5057); any other answer shows that the device lives and is silent by
  // its own choice.
  if (e.response.status != 481 && e.response.status != 408 && e.response.status != 503) return;
  core.on_left(id, call::Cause::MediaTimeout, now);
}

void Engine::Impl::handle(const sip::SessionRequest& e, Now now) {
  const Leg* leg = find(e.session);
  if (leg != nullptr && e.request.is("INFO")) return handle_info(*leg, e, now);
  const int status = refusal_of(e.request.method);
  std::vector<sip::Header> headers;
  if (status == 405) headers.push_back({"Allow", config.agent.allow});
  if (status == 489) headers.push_back({"Allow-Events", "telephone-event"});
  agent.respond(e.transaction, status, std::move(headers), "", now);
}

/// Digits by INFO: application/dtmf-relay ("Signal=5\r\nDuration=160") and application/dtmf ("5").
void Engine::Impl::handle_info(const Leg& leg, const sip::SessionRequest& e, Now now) {
  std::string_view type = e.request.get("Content-Type");
  type = type.substr(0, type.find_first_of("; \t"));
  const bool relay = sip::iequals(type, "application/dtmf-relay");  // RFC 2045 section 5.1: without case
  const std::string_view body = e.request.body;
  if (!relay && !sip::iequals(type, "application/dtmf")) {
    const int status = body.empty() ? 200 : 415;
    return agent.respond(e.transaction, status,
                         status == 415
                             ? std::vector<sip::Header>{{"Accept", "application/dtmf-relay, application/dtmf"}}
                             : std::vector<sip::Header>{},
                         "", now);
  }
  const auto field = [&](std::string_view name) -> std::string_view {
    const auto at = body.find(name);
    if (at == std::string_view::npos) return {};
    auto value = body.substr(at + name.size());
    value.remove_prefix(std::min(value.find_first_not_of(" =\t"), value.size()));
    return value.substr(0, value.find_first_of("\r\n"));
  };
  const std::string_view signal = relay ? field("Signal") : body.substr(0, body.find_first_of("\r\n"));
  const std::string_view duration = field("Duration");
  unsigned ms = 100;
  std::from_chars(duration.data(), duration.data() + duration.size(), ms);
  const char digit =
      signal.empty()
          ? '\0'
          : static_cast<char>(signal.front() >= 'a' && signal.front() <= 'd' ? signal.front() - 32 : signal.front());
  if (digit == '\0' || std::string_view("0123456789*#ABCD").find(digit) == std::string_view::npos) {
    return agent.respond(e.transaction, 400, {}, "", now, "No such digit");
  }
  agent.respond(e.transaction, 200, {}, "", now);
  if (!leg.released) out(ToMedia{media::InjectDigit{leg.id, digit, std::clamp(ms, 40U, 2000U)}});
}

void Engine::Impl::handle(const sip::SessionProgress& e, Now now) {
  Leg* leg = find(e.session);
  if (leg == nullptr || leg->released || e.status < 180) return;
  std::optional<Codec> early;
  if (!e.sdp.empty() && apply_answer(*leg, e.sdp)) early = leg->agreed->codec.codec;
  core.on_ringing(leg->id, early, now);
}

void Engine::Impl::handle(const sip::SessionAnswered& e, Now now) {
  Leg* leg = find(e.session);
  if (leg == nullptr || leg->released) return;  // hung up meanwhile: the agent sends ACK and BYE
  leg->answered = true;
  if (apply_answer(*leg, e.sdp)) {
    tell_hold(*leg, now);
    return core.on_answered(leg->id, leg->agreed->codec.codec, now);
  }
  const auto* device = directory.device(leg->device);
  log(Log::Level::Warning,
      fmt::format("{} answered without usable audio", device != nullptr ? device->username : "a device"));
  core.on_refused(leg->id, e.sdp.empty() ? call::Cause::NoMedia : call::Cause::NoCommonCodec, now);
}

void Engine::Impl::handle(const sip::SessionConfirmed& e, Now now) {
  Leg* leg = find(e.session);
  if (leg == nullptr || leg->released || !leg->ours_is_offer) return;
  leg->ours_is_offer = false;
  if (e.sdp.empty() || !apply_answer(*leg, e.sdp)) return core.on_left(leg->id, call::Cause::NoCommonCodec, now);
  tell_hold(*leg, now);
}

/// re-INVITE or UPDATE of one party: answered here, at once. The other party is not told.
void Engine::Impl::handle(const sip::OfferReceived& e, Now now) {
  Leg* leg = find(e.session);
  if (leg == nullptr || leg->released || !leg->agreed) return agent.reject_offer(e.session, 488, now);
  leg->flow = e.flow;
  if (e.sdp.empty()) {
    leg->ours_is_offer = true;
    if (leg->local.direction != sdp::Direction::SendRecv) {  // RFC 3264 section 8.4: who held may take us back with it
      leg->local.direction = sdp::Direction::SendRecv;
      ++leg->local.version;
    }
    // With each section that has ever been offered: their number never falls (RFC 3264 section 8).
    return agent.answer_offer(e.session, sdp::print(leg->local, leg->offer ? &*leg->offer : nullptr), now);
  }
  auto offer = sdp::parse(e.sdp);
  if (!offer) return reject_offer(*leg, 400, "399 segue \"" + offer.error().text + "\"", now);
  if (!offer->audio) return reject_offer(*leg, 488, "304 segue \"No usable audio\"", now);
  auto in_force = std::exchange(leg->offer, std::move(*offer));
  const std::string answer = local_answer(*leg, with_other_law(leg->agreed->codec.codec));
  if (answer.empty()) {
    leg->offer = std::move(in_force);
    return reject_offer(*leg, 488, "305 segue \"Not the codec of this call\"", now);
  }
  agent.answer_offer(e.session, answer, now);
  apply_remote(*leg, *leg->offer->audio);
  tell_hold(*leg, now);
}

/// The session goes on as it was (RFC 3261 section 14.2).
void Engine::Impl::reject_offer(const Leg& leg, int status, std::string_view why, Now now) {
  const auto* device = directory.device(leg.device);
  log(Log::Level::Warning,
      fmt::format("offer of {} in its call refused with {}: {}", device != nullptr ? device->username : "a device",
                  status, why),
      Log::Topic::Refused);
  agent.reject_offer(leg.session, status, now, {{"Warning", std::string(why)}});
}

// We make no offers in running sessions yet but the timer's refresh, whose result concerns the agent alone.
void Engine::Impl::handle(const sip::OfferAnswered&, Now) {}

void Engine::Impl::handle(const sip::SessionEnded& e, Now now) {
  Leg* leg = find(e.session);
  if (leg == nullptr) return;
  const LegId id = leg->id;
  leg_of.erase(e.session);
  leg->session = {};
  if (!leg->incoming && !leg->answered && e.status == 408) ask_after(leg->device, leg->flow, now);
  if (!leg->released) {
    leg->released = true;
    switch (e.cause) {
      case sip::EndCause::RemoteBye:
        core.on_left(id, call::Cause::NormalClearing, now);
        break;
      case sip::EndCause::RemoteCancel:
        core.on_left(id, call::Cause::Cancelled, now);
        break;
      case sip::EndCause::Rejected:
        core.on_refused(id, cause_of(e.status), now);
        break;
      case sip::EndCause::NoResponse:
        leg->answered ? core.on_left(id, call::Cause::Unreachable, now)
                      : core.on_refused(id, call::Cause::Unreachable, now);
        break;
      case sip::EndCause::NoAck:
        core.on_left(id, call::Cause::Unreachable, now);
        break;
      case sip::EndCause::SessionExpired:
        core.on_left(id, call::Cause::SessionExpired, now);
        break;
      case sip::EndCause::LocalHangup:
        core.on_left(id, call::Cause::ProtocolError, now);
        break;
    }
    close_media(*leg);
  }
  drop_if_over(id);
}

void Engine::Impl::drop_if_over(LegId id) {
  const Leg* leg = find(id);
  if (leg == nullptr || leg->session || leg->media_open) return;
  legs.erase(id);
  ports.release(id);
}

// ---- SDP to media

bool Engine::Impl::apply_answer(Leg& leg, std::string_view text) {
  auto description = sdp::parse(text);
  if (!description || !description->audio) return false;
  auto agreed = sdp::accept_answer(leg.local, *description);
  if (!agreed) return false;
  leg.agreed = std::move(*agreed);
  apply_remote(leg, *description->audio);
  return true;
}

/// A party holds us where it wants to send only, or nothing at all: our side of it is recvonly or inactive.
void Engine::Impl::tell_hold(const Leg& leg, Now now) {
  const auto ours = leg.agreed->direction;
  core.on_hold(leg.id, ours == sdp::Direction::RecvOnly || ours == sdp::Direction::Inactive, now);
}

void Engine::Impl::apply_remote(Leg& leg, const sdp::RemoteAudio& remote) {
  const auto& a = *leg.agreed;
  media::SetRemote set;
  set.leg = leg.id;
  set.format.codec = a.codec.codec;
  set.format.send_pt = a.codec.payload_type;
  set.format.receive_pt = a.receive_pt;
  set.format.receive_other_law_pt = a.receive_other_law_pt;
  if (a.event) set.format.send_event_pt = a.event->payload_type, set.format.event_clock = a.event->clock;
  if (a.receive_event) set.format.receive_event_pt = a.receive_event->payload_type;
  set.format.receive_cn_pt = remote.comfort_noise;
  set.format.ptime_ms = remote.ptime_ms;
  set.address.rtp = remote.rtp;
  set.address.rtcp = remote.rtcp;
  set.address.rtcp_mux = a.rtcp_mux;
  set.address.signalling_ip = leg.flow.remote.ip;
  set.send = a.direction == sdp::Direction::SendRecv || a.direction == sdp::Direction::SendOnly;
  set.receive = a.direction == sdp::Direction::SendRecv || a.direction == sdp::Direction::RecvOnly;
  if (remote.rtp.ip.unspecified()) set.send = false;  // hold in the old style
  out(ToMedia{std::move(set)});
}

}  // namespace segue::engine
