#include "sip/agent_impl.h"

namespace segue::sip {

// Offers after the first (RFC 3261 section 14, 3311, 6337). One offer at a time:
//
//   quiet --reinvite()--> in flight --2xx--> quiet          --491--> waits for its role's time --> in flight
//   quiet --offer from the peer--> peer_offer --answer_offer()/reject_offer(), CANCEL--> quiet
//   in flight or awaiting an ACK with the answer: the peer's offer gets 491
//   peer_offer: the peer's next offer gets 500 with Retry-After; reinvite() is queued

void Agent::Impl::reinvite(Session& s, OfferToSend offer, Now now) {
  if (s.state == SessionState::Leaving || s.end_wanted) return;
  // The newest wish wins; a back-off that runs goes on, or the glare would come again.
  s.queued_offer = std::move(offer);
  send_queued_offer(s, now);
}

void Agent::Impl::send_queued_offer(Session& s, Now now) {
  if (!s.queued_offer || s.state != SessionState::Confirmed || s.end_wanted) return;
  if (s.offer_in_flight || s.peer_offer || s.awaited_ack || s.unsent_ack || timers.armed(s.offer_retry)) return;
  OfferToSend offer = std::move(*s.queued_offer);
  s.queued_offer.reset();
  const std::string branch = new_branch();
  Message m = s.dialog.make_request("INVITE", ++s.local_cseq, via_value(s.dialog.flow, branch));
  add_own_headers(m, s);
  add_timer_headers(m, s);
  set_sdp(m, offer.sdp);
  if (s.credentials) s.credentials->sign(m, random);
  const Purpose purpose = offer.refresh ? Purpose::RefreshReInvite : Purpose::ReInvite;
  const auto& t = send_request(std::move(m), branch, s.dialog.flow, purpose, s.id, now);
  s.offer_in_flight = OfferInFlight{t.id, std::move(offer), false};
}

void Agent::Impl::on_offer_final(Session& s, ClientTransaction& t, Message m, const Flow& from, Now now) {
  if (try_again(s, t, m, now)) return;
  if (!s.offer_in_flight || s.offer_in_flight->transaction != t.id) return;
  OfferInFlight sent = std::move(*s.offer_in_flight);
  s.offer_in_flight.reset();
  if (success(m)) return on_offer_accepted(s, t, std::move(sent), m, from, now);
  on_offer_refused(s, std::move(sent), std::move(m), now);
}

void Agent::Impl::on_offer_accepted(Session& s, ClientTransaction& t, OfferInFlight sent, const Message& m,
                                    const Flow& from, Now now) {
  s.offer_retries = 0;
  s.dialog.refresh_target(m);
  s.dialog.flow = from;
  note_peer(s, m);
  agree_timer(s, agreed_session_timer(m), now);
  if (sent.update) return send_queued_offer(s, now);

  std::string sdp(sdp_of(m));
  const std::uint32_t cseq = cseq_number(t.request).value_or(s.local_cseq);
  if (sent.offer.sdp.empty() && !sdp.empty()) {
    s.unsent_ack = UnsentAck{t.id, cseq};
  } else {
    if (!sent.offer.sdp.empty()) s.sdp_in_force = std::move(sent.offer.sdp);
    send_ack(s, &t, cseq, {});
  }
  const std::size_t hash = TextHash{}(sdp);
  const bool news = !sent.offer.refresh || hash != s.peer_sdp_hash;
  s.peer_sdp_hash = hash;
  if (news) out.emplace_back(OfferAnswered{s.id, m.status, std::move(sdp)});
  send_queued_offer(s, now);
}

void Agent::Impl::on_offer_refused(Session& s, OfferInFlight sent, Message m, Now now) {
  const int status = m.status;
  if (sent.update) sent.offer.sdp = s.sdp_in_force;  // what cannot be an UPDATE now becomes a re-INVITE
  if (status == 491 && s.offer_retries < kMaxOfferRetries) return retry_offer_later(s, std::move(sent.offer), now);
  s.offer_retries = 0;
  if (!sent.offer.refresh) out.emplace_back(OfferAnswered{s.id, status, {}});
  if (status == 481) {
    // The peer has no such dialog any more (section 12.2.1.2).
    return leave(s, EndCause::Rejected, status, std::move(m), now);
  }
  if (status == 408 && sent.offer.refresh) return leave(s, EndCause::SessionExpired, status, std::move(m), now);
  if (sent.update && m.find("Retry-After") == nullptr) {
    // Peers that list UPDATE and do not mean it still know re-INVITE.
    s.peer_allows_update = false;
    if (!s.queued_offer) s.queued_offer = std::move(sent.offer);
  }
  send_queued_offer(s, now);
  if (!s.offer_in_flight && !s.queued_offer) refresh_later(s, m, now);
}

void Agent::Impl::retry_offer_later(Session& s, OfferToSend offer, Now now) {
  ++s.offer_retries;
  // A newer offer of the owner replaces the refused one and waits in its stead.
  if (!s.queued_offer) s.queued_offer = std::move(offer);
  const Duration step = 10ms;
  const Duration wait = s.caller ? 2100ms + step * static_cast<std::int64_t>(random.below(191))
                                 : step * static_cast<std::int64_t>(random.below(201));
  timers.arm(s.offer_retry, now.mono + wait, TimerKind::OfferRetry, s.id.value);
}

void Agent::Impl::refuse_second_offer(ServerTransaction& t, Now now) {
  answer_simply(t, 500, now, {{"Retry-After", std::to_string(random.below(11))}});
}

void Agent::Impl::on_reinvite(Session& s, ServerTransaction& t, Message m, const Flow& from, Now now) {
  if (s.state == SessionState::Incoming || s.peer_offer) return refuse_second_offer(t, now);
  const bool ours_open =
      s.state == SessionState::Calling || s.unsent_ack || (s.awaited_ack && s.awaited_ack->carries_offer);
  if (ours_open || s.offer_in_flight) return answer_simply(t, 491, now);
  if (s.awaited_ack) {
    // Who sends a re-INVITE has our 2xx; its ACK is only late or lost (RFC 5407 section 3.1.5).
    const bool first = s.state == SessionState::Answered;
    clear_awaited_ack(s);
    s.state = SessionState::Confirmed;
    if (s.end_wanted) {
      answer_simply(t, 487, now);
      return leave(s, s.end_cause, 0, Message{}, now);
    }
    if (first) out.emplace_back(SessionConfirmed{s.id, {}});
  }
  SessionTimerReply timer = answer_session_timer(m, config);
  if (const auto* small = std::get_if<SessionTimerTooSmall>(&timer)) {
    return answer_simply(t, 422, now, {{"Min-SE", seconds_text(small->min_se)}});
  }
  s.dialog.refresh_target(m);
  note_peer(s, m);
  s.peer_offer = PeerOffer{t.id, std::move(timer)};
  std::string sdp(sdp_of(m));
  s.peer_sdp_hash = TextHash{}(sdp);
  out.emplace_back(OfferReceived{s.id, std::move(sdp), std::move(m), from});
}

void Agent::Impl::on_update(Session& s, Dialog& d, ServerTransaction& t, Message m, const Flow& from, Now now) {
  const bool ours_open = s.state == SessionState::Calling || s.unsent_ack || s.offer_in_flight ||
                         (s.awaited_ack && s.awaited_ack->carries_offer);
  if (t.offer) {
    if (s.peer_offer) return refuse_second_offer(t, now);
    if (ours_open) return answer_simply(t, 491, now);
  }
  SessionTimerReply timer = answer_session_timer(m, config);
  if (const auto* small = std::get_if<SessionTimerTooSmall>(&timer)) {
    return answer_simply(t, 422, now, {{"Min-SE", seconds_text(small->min_se)}});
  }
  d.refresh_target(m);
  note_peer(s, m);
  if (!t.offer) {
    // The session timer of an early dialog begins with the 2xx to its INVITE.
    if (s.state == SessionState::Calling || s.state == SessionState::Incoming) timer = SessionTimerOff{};
    return send_success(s, t, {}, {}, timer, now);
  }
  s.peer_offer = PeerOffer{t.id, std::move(timer)};
  std::string sdp(sdp_of(m));
  s.peer_sdp_hash = TextHash{}(sdp);
  out.emplace_back(OfferReceived{s.id, std::move(sdp), std::move(m), from});
}

void Agent::Impl::answer_offer(Session& s, std::string sdp, Now now) {
  if (s.unsent_ack) {
    const UnsentAck pending = *s.unsent_ack;
    s.unsent_ack.reset();
    if (!sdp.empty()) s.sdp_in_force = sdp;
    send_ack(s, transactions.client(pending.transaction), pending.cseq, std::move(sdp));
    return send_queued_offer(s, now);
  }
  if (!s.peer_offer || s.state == SessionState::Incoming || s.state == SessionState::Leaving) return;
  const PeerOffer offer = std::move(*s.peer_offer);
  s.peer_offer.reset();
  ServerTransaction* t = transactions.server(offer.transaction);
  if (t == nullptr || t->answered()) return;
  send_success(s, *t, std::move(sdp), {}, offer.timer, now);
  send_queued_offer(s, now);
}

void Agent::Impl::reject_offer(Session& s, int status, Now now, std::vector<Header> headers) {
  // An offer in a 2xx cannot be refused any more: the call ends (section 14.1).
  if (s.unsent_ack) return hangup(s, {}, now);
  if (!s.peer_offer || s.state == SessionState::Incoming || s.state == SessionState::Leaving || status < 300) return;
  const TransactionId id = s.peer_offer->transaction;
  s.peer_offer.reset();
  if (ServerTransaction* t = transactions.server(id); t != nullptr && !t->answered()) {
    answer_simply(*t, status, now, std::move(headers));
  }
  send_queued_offer(s, now);
}

}  // namespace segue::sip
