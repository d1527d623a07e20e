// What the calls order, as SIP and media commands.
#include <fmt/core.h>

#include "engine/engine_impl.h"

namespace segue::engine {
namespace {

sip::NameAddr name_addr(const call::Identity& who, const std::string& domain) {
  sip::NameAddr n;
  n.display = who.name;
  n.uri.user = who.number;
  n.uri.host = domain;
  return n;
}

}  // namespace

void Engine::Impl::open_media(Leg& leg) {
  media::OpenLeg open;
  open.leg = leg.id;
  open.cname = random.token(16) + "@" + config.domain;
  open.ssrc = random.u32();
  open.first_sequence =
      static_cast<std::uint16_t>(random.u32() & 0x7fff);  // RFC 3711 3.3.1: not near the wrap at the start
  open.first_timestamp = random.u32();
  leg.media_open = true;
  out(ToMedia{std::move(open)});
}

void Engine::Impl::close_media(Leg& leg) {
  if (leg.media_open) out(ToMedia{media::CloseLeg{leg.id}});
}

void Engine::Impl::carry_out(const call::RingLeg& o, Now now) {
  const auto* device = directory.device(o.device);
  const auto& bindings = registrar.bindings(o.device);
  if (device == nullptr || o.binding >= bindings.size()) return core.on_refused(o.leg, call::Cause::Unreachable, now);
  const Binding& binding = bindings[o.binding];
  auto rtp = ports.allocate(o.leg, binding.flow.local.ip.v6);
  if (!rtp) {
    log(Log::Level::Warning, "no RTP port to ring " + device->username + ": " + rtp.error().text, Log::Topic::Refused);
    return core.on_refused(o.leg, call::Cause::NoPorts, now);
  }
  Leg leg;
  leg.id = o.leg;
  leg.device = o.device;
  leg.flow = binding.flow;
  leg.rtp = *rtp;
  leg.local = sdp::make_offer(*rtp, random.u32(), o.codecs);
  leg.local.rtcp_mux = true;
  sip::InviteOptions invite;
  invite.flow = binding.flow;
  invite.request_uri = binding.contact;
  invite.from = name_addr(o.show, config.domain);
  invite.to.uri.user = device->username;
  invite.to.uri.host = config.domain;
  invite.contact = our_contact(binding.flow);
  invite.routes = binding.path;
  invite.sdp = sdp::print(leg.local);
  invite.call_id = random.token(26);
  leg.call_id = invite.call_id;
  if (o.auto_answer) {  // RFC 5373 and the two headers that phones really know
    invite.headers.push_back({"Answer-Mode", "Auto"});
    invite.headers.push_back({"Call-Info", "<sip:" + config.domain + ">;answer-after=0"});
    invite.headers.push_back({"Alert-Info", "<http://" + config.domain + ">;info=alert-autoanswer;delay=0"});
  }
  leg.session = agent.invite(std::move(invite), now);
  leg_of[leg.session] = o.leg;
  open_media(legs[o.leg] = std::move(leg));
}

void Engine::Impl::carry_out(const call::ShowRinging& o, Now now) {
  Leg* leg = find(o.leg);
  if (leg == nullptr || leg->released) return;
  const Leg* early = o.early_from ? find(o.early_from) : nullptr;
  if (early == nullptr || !early->agreed || !leg->offer) return agent.ring(leg->session, 180, "", {}, now);
  const std::string answer = local_answer(*leg, with_other_law(early->agreed->codec.codec));
  if (answer.empty()) return agent.ring(leg->session, 180, "", {}, now);
  apply_remote(*leg, *leg->offer->audio);
  out(ToMedia{media::SetSource{leg->id, media::FromLeg{early->id}}});
  agent.ring(leg->session, 183, answer, {}, now);
}

/// Our answer to the offer in force, kept in leg.local; "" if no codec fits. The version of o= grows only if anything
/// else changed.
std::string Engine::Impl::local_answer(Leg& leg, const std::vector<Codec>& allowed) {
  const bool first = leg.local.session_id == 0;
  const std::uint64_t session_id = first ? random.u32() | 1U : leg.local.session_id;
  auto answer = sdp::make_answer(*leg.offer, leg.rtp, session_id, first ? 1 : leg.local.version, allowed, true);
  if (!answer) return {};
  sdp::take_mux(*leg.offer, *answer);
  if (!first && sdp::print(answer->local, &*leg.offer) != sdp::print(leg.local, &*leg.offer)) ++answer->local.version;
  leg.local = std::move(answer->local);
  leg.agreed = answer->agreed;
  return sdp::print(leg.local, &*leg.offer);
}

void Engine::Impl::carry_out(const call::AnswerLeg& o, Now now) {
  Leg* leg = find(o.leg);
  if (leg == nullptr || leg->released) return;
  leg->answered = true;
  if (!leg->offer) {  // delayed offer: ours goes in the 200, the answer comes in the ACK
    leg->local = sdp::make_offer(leg->rtp, random.u32() | 1U, with_other_law(o.codec));
    leg->local.rtcp_mux = true;
    leg->ours_is_offer = true;
    return agent.answer(leg->session, sdp::print(leg->local), {}, now);
  }
  const std::string answer = local_answer(*leg, with_other_law(o.codec));
  if (answer.empty()) return core.on_left(leg->id, call::Cause::NoCommonCodec, now);
  apply_remote(*leg, *leg->offer->audio);
  agent.answer(leg->session, answer, {}, now);
}

void Engine::Impl::carry_out(const call::ReleaseLeg& o, Now now) {
  Leg* leg = find(o.leg);
  if (leg == nullptr) return ports.release(o.leg);
  if (leg->released) return;  // it left by itself: its session and media are closing
  leg->released = true;
  std::vector<sip::Header> headers{{"Reason", call::reason_header(o.cause)}};
  if (leg->session) {
    if (leg->incoming && !leg->answered) {
      const int status = call::sip_status(o.cause);
      if (status == 503) headers.push_back({"Retry-After", "5"});
      if (status == 488) headers.push_back({"Warning", "305 segue \"No codec that all devices concerned can do\""});
      agent.reject(leg->session, status < 300 ? 480 : status, std::move(headers), now);
    } else {
      agent.hangup(leg->session, std::move(headers), now);
    }
  }
  close_media(*leg);
  drop_if_over(o.leg);
}

void Engine::Impl::carry_out(const call::SetAudio& o, Now) {
  media::SetSource set{o.leg, media::FromNothing{}};
  if (o.from) {
    set.source = media::FromLeg{o.from};
  } else if (o.filler == call::Filler::ComfortNoise) {
    set.source = media::FromClip{media::Clip::ComfortNoise, true};
  } else if (o.filler == call::Filler::Music) {
    set.source = media::FromClip{media::Clip::Music, true};
  }
  out(ToMedia{std::move(set)});
}

void Engine::Impl::carry_out(const call::ReadDigits& o, Now) {
  out(ToMedia{media::SetDigitGate{o.leg, true, o.codes}});
}

void Engine::Impl::carry_out(const call::WatchFlip& o, Now) {
  watches[o.flip].far = o.far;
  out(ToMedia{media::WatchLine{o.far, o.flip}});
}

void Engine::Impl::carry_out(const call::ArmSplice& o, Now now) {
  out(ToMedia{media::ArmSplice{o.far, o.to, o.flip, o.proof_by_answer, now.mono}});
}

void Engine::Impl::carry_out(const call::DisarmSplice& o, Now) { out(ToMedia{media::DisarmSplice{o.far, o.flip}}); }
void Engine::Impl::carry_out(const call::UnwatchFlip& o, Now) { out(ToMedia{media::UnwatchLine{o.far, o.flip}}); }

// Events for listeners come with the event stream; the API reads the calls themselves.
void Engine::Impl::carry_out(const call::CallChanged&, Now) {}

void Engine::Impl::carry_out(call::CallOver& o, Now) {
  for (const auto& flip : o.record.flips) watches.erase(flip.id);
  log(Log::Level::Info,
      fmt::format("call {} from {} to {} ended: {}", o.record.id.value, o.record.caller.number, o.record.dialled,
                  call::to_string(o.record.cause.value_or(call::Cause::NormalClearing))));
  out(StoreRecord{std::move(o.record)});
}

}  // namespace segue::engine
