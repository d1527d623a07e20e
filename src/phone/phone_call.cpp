// Calls of a test phone: INVITE both ways, re-INVITE, hold, and the audio that follows from what SDP agreed on.
#include <algorithm>
#include <utility>

#include "phone/phone_impl.h"

namespace segue::phone {
namespace {

/// RFC 5373's Answer-Mode and the two older customs that phones obey.
bool asks_for_auto_answer(const sip::Message& invite) {
  const auto mode = sip::ValueParams::parse(invite.get("Answer-Mode"));
  if (mode && sip::iequals(mode->value, "Auto")) return true;
  for (const std::string_view value : invite.all("Call-Info")) {
    if (value.find("answer-after=0") != std::string_view::npos) return true;
  }
  const std::string_view alert = invite.get("Alert-Info");
  return alert.find("auto-answer") != std::string_view::npos ||
         alert.find("alert-autoanswer") != std::string_view::npos;
}

bool sends(sdp::Direction direction) {
  return direction == sdp::Direction::SendRecv || direction == sdp::Direction::SendOnly;
}

std::string_view cause_text(sip::EndCause cause) {
  switch (cause) {
    case sip::EndCause::RemoteBye:
      return "BYE";
    case sip::EndCause::RemoteCancel:
      return "CANCEL";
    case sip::EndCause::Rejected:
      return "rejected";
    case sip::EndCause::NoResponse:
      return "no response";
    case sip::EndCause::NoAck:
      return "no ACK";
    case sip::EndCause::SessionExpired:
      return "session expired";
    case sip::EndCause::LocalHangup:
      return "hung up here";
  }
  return "";
}

}  // namespace

void Phone::Impl::call(const Endpoint& next_hop, const std::string& user, const std::string& host, Now now) {
  if (current || !next_hop.valid()) {
    tell(PhoneEvent::Kind::Ended, now, current ? 486 : 503, current ? "this phone is in a call" : "no server is set");
    return;
  }
  current = Call{};
  current->local = sdp::make_offer(rtp.local(), random.u64() >> 2, config.codecs);
  sip::InviteOptions options;
  options.flow = flow_to(next_hop);
  const auto target = sip::Uri::parse("sip:" + user + "@" + host);
  if (!target) {
    current.reset();
    tell(PhoneEvent::Kind::Ended, now, 400, target.error().text);
    return;
  }
  options.request_uri = *target;
  options.to.uri = *target;
  options.from.uri.user = config.user;
  options.from.uri.host = config.domain;
  options.from.display = config.name;
  options.contact = contact();
  options.sdp = sdp::print(current->local);
  current->session = agent.invite(std::move(options), now);
  agent.set_credentials(current->session, config.user, config.password);
}

void Phone::Impl::answer(Now now) {
  if (!current || !current->incoming || current->talking) return;
  std::string sdp;
  if (current->offer && current->offer->audio) {
    const auto made = sdp::make_answer(*current->offer, rtp.local(), random.u64() >> 2, 1, config.codecs, false);
    if (!made) {
      refuse(488, now);
      return;
    }
    current->local = made->local;
    sdp = sdp::print(made->local, &*current->offer);
    apply(made->agreed, *current->offer->audio, now);
  } else {  // the INVITE had no offer: ours goes into the 200 and their answer comes in the ACK (RFC 3261
            // section 13.2.1)
    current->local = sdp::make_offer(rtp.local(), random.u64() >> 2, config.codecs);
    sdp = sdp::print(current->local);
  }
  current->talking = true;
  agent.answer(current->session, std::move(sdp), {}, now);
  drain(now);  // the 200 leaves before the first audio packet
  tell(PhoneEvent::Kind::Talking, read_clock());
}

void Phone::Impl::refuse(int status, Now now) {
  if (!current || !current->incoming || current->talking) return;
  agent.reject(current->session, status, {}, now);
}

void Phone::Impl::hang_up(Now now) {
  if (!current) return;
  if (current->talker && current->talker->format().rtcp.valid()) {
    rtcp.send(current->talker->format().rtcp, current->talker->goodbye(now));
  }
  current->talker.reset();
  agent.hangup(current->session, {}, now);
}

void Phone::Impl::set_hold(bool on_hold, Now now) {
  if (!current || !current->talking) return;
  current->holding = on_hold;
  ++current->local.version;
  current->local.direction = on_hold ? sdp::Direction::SendOnly : sdp::Direction::SendRecv;
  agent.reinvite(current->session, sdp::print(current->local), now);
}

void Phone::Impl::apply(const sdp::Agreed& agreed, const sdp::RemoteAudio& remote, Now now) {
  TalkFormat format;
  format.law = agreed.codec.codec == Codec::Pcma ? Law::A : Law::Mu;
  format.payload_type = agreed.codec.payload_type;
  if (agreed.event) format.event_payload_type = agreed.event->payload_type;
  format.rtp = remote.rtp;
  format.rtcp = remote.rtcp;
  format.send = sends(agreed.direction) && !current->holding && !remote.rtp.ip.unspecified();
  if (!current->talker) {
    // A phone's audio clock starts whenever its sound card does: anywhere within a frame.
    const Duration phase(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kFrame.count()))));
    current->talker.emplace(random, config.user + "@" + config.domain, now.mono + phase);
    current->talker->play(sound);
  }
  current->talker->set_format(format);
}

void Phone::Impl::apply_answer(std::string_view sdp, Now now) {
  const auto answer_sdp = sdp::parse(sdp);
  const auto agreed = answer_sdp ? sdp::accept_answer(current->local, *answer_sdp) : tl::unexpected(answer_sdp.error());
  if (!agreed || !answer_sdp->audio) {
    hang_up(now);
    return;
  }
  apply(*agreed, *answer_sdp->audio, now);
}

// ---- what the agent tells ------------------------------------------------------------------------------------------

void Phone::Impl::on(const sip::SendMessage& m, Now now) {
  journal.sip({now.mono, false, m.flow.remote, m.bytes});
  sip.send(m.flow.remote, as_bytes(m.bytes));
}

void Phone::Impl::on(const sip::RequestReceived& m, Now now) {
  if (m.request.is("INVITE")) {
    incoming(m, now);
    return;
  }
  const bool harmless = m.request.is("OPTIONS") || m.request.is("NOTIFY") || m.request.is("MESSAGE");
  agent.respond(m.transaction, harmless ? 200 : 405, {}, {}, now);
}

void Phone::Impl::incoming(const sip::RequestReceived& m, Now now) {
  if (answering.pickup == Pickup::Vanish) return;
  const SessionId session = agent.accept_invite(m.transaction, contact(), now);
  if (current || answering.pickup == Pickup::Busy) {
    agent.reject(session, 486, {}, now);
    return;
  }
  current = Call{};
  current->session = session;
  current->incoming = true;
  const auto from = sip::NameAddr::parse(m.request.get("From"));
  tell(PhoneEvent::Kind::Ringing, now, 180, from ? from->uri.user : "");
  if (const std::string_view body = sip::sdp_of(m.request); !body.empty()) {
    auto offer = sdp::parse(body);
    if (!offer) {
      agent.reject(session, 488, {}, now);
      return;
    }
    current->offer = std::move(*offer);
  }
  agent.ring(session, 180, {}, {}, now);
  if (answering.obey_auto_answer && asks_for_auto_answer(m.request))
    current->pick_up_at = now.mono;
  else if (answering.pickup != Pickup::Ring)
    current->pick_up_at = now.mono + answering.after;
}

void Phone::Impl::on(const sip::SessionRequest& m, Now now) {
  const bool harmless =
      m.request.is("INFO") || m.request.is("NOTIFY") || m.request.is("OPTIONS") || m.request.is("MESSAGE");
  agent.respond(m.transaction, harmless ? 200 : 603, {}, {}, now);
}

void Phone::Impl::on(const sip::SessionProgress& m, Now now) {
  if (current && current->session == m.session) tell(PhoneEvent::Kind::Progress, now, m.status);
}

void Phone::Impl::on(const sip::SessionAnswered& m, Now now) {
  if (!current || current->session != m.session) return;
  current->talking = true;
  tell(PhoneEvent::Kind::Talking, now, 200);
  apply_answer(m.sdp, now);
}

void Phone::Impl::on(const sip::SessionConfirmed& m, Now now) {
  if (current && current->session == m.session && !current->talker) apply_answer(m.sdp, now);
}

void Phone::Impl::on(const sip::OfferReceived& m, Now now) {
  if (!current || current->session != m.session) {
    agent.reject_offer(m.session, 488, now);
    return;
  }
  ++current->local.version;
  if (m.sdp.empty()) {
    agent.answer_offer(m.session, sdp::print(current->local), now);
    return;
  }
  const auto offer = sdp::parse(m.sdp);
  if (!offer || !offer->audio) {
    agent.reject_offer(m.session, 488, now);
    return;
  }
  const auto made =
      sdp::make_answer(*offer, rtp.local(), current->local.session_id, current->local.version, config.codecs, false);
  if (!made) {
    agent.reject_offer(m.session, 488, now);
    return;
  }
  current->local = made->local;
  agent.answer_offer(m.session, sdp::print(made->local, &*offer), now);
  apply(made->agreed, *offer->audio, now);
  tell(PhoneEvent::Kind::Reinvited, now);
}

void Phone::Impl::on(const sip::OfferAnswered& m, Now now) {
  if (!current || current->session != m.session) return;
  if (m.status == 200) apply_answer(m.sdp, now);
  tell(PhoneEvent::Kind::HoldDone, now, m.status);
}

void Phone::Impl::on(const sip::SessionEnded& m, Now now) {
  if (!current || current->session != m.session) return;
  current.reset();
  info_digits.clear();
  std::string why(cause_text(m.cause));
  if (const std::string_view reason = m.message.get("Reason"); !reason.empty()) why += ", " + std::string(reason);
  tell(PhoneEvent::Kind::Ended, now, m.status, std::move(why));
}

}  // namespace segue::phone
