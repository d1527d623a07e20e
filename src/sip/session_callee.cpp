#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {
namespace {

/// Responses that make or confirm a dialog carry the route by which they came (section 12.1.1).
void copy_record_route(const Message& request, Message& response) {
  for (const auto& h : request.headers) {
    if (h.name == "Record-Route") response.headers.push_back(h);
  }
}

void append(Message& m, std::vector<Header> headers) {
  for (auto& h : headers) m.headers.push_back(std::move(h));
}

}  // namespace

SessionId Agent::Impl::accept_invite(TransactionId id, const NameAddr& contact, Now now) {
  ServerTransaction* t = transactions.server(id);
  if (t == nullptr || !t->invite() || t->session.valid() || (t->answered() && !t->cancelled)) return SessionId{};
  Session& s = new_session(false);
  const SessionId sid = s.id;
  if (t->cancelled) {
    // A CANCEL came between the request and its acceptance; the owner still gets its one SessionEnded.
    finish(s, EndCause::RemoteCancel, 487, Message{});
    return sid;
  }
  if (t->to_tag.empty()) t->to_tag = random.token(15);
  session_tags.erase(s.dialog.local_tag);
  Flow source = t->flow;
  source.remote.port = t->source_port;
  s.dialog = Dialog::as_callee(t->request, t->to_tag, source);
  session_tags.emplace(s.dialog.local_tag, s.id.value);
  s.state = SessionState::Incoming;
  s.invite = id;
  s.contact = contact.to_string();
  s.local_cseq = static_cast<std::uint32_t>(random.below(10000));
  t->session = s.id;
  note_peer(s, t->request);
  t->wait_for_owner(env);
  (void)send_response(*t, make_response(t->request, 100), now);
  s.peer_offer = PeerOffer{id, answer_session_timer(t->request, config)};
  return sid;
}

void Agent::Impl::ring(Session& s, int status, std::string sdp, std::vector<Header> headers, Now now) {
  ServerTransaction* t = transactions.server(s.invite);
  if (s.state != SessionState::Incoming || t == nullptr || status <= 100 || status >= 200) return;
  Message m = response_to(*t, status);
  copy_record_route(t->request, m);
  add_own_headers(m, s);
  append(m, std::move(headers));
  if (!sdp.empty()) s.sdp_in_force = sdp;
  set_sdp(m, std::move(sdp));
  (void)send_response(*t, m, now);
  timers.arm(s.provisional_repeat, now.mono + 60s, TimerKind::ProvisionalRepeat, s.id.value);
}

void Agent::Impl::repeat_provisional(Session& s, Now now) {
  ServerTransaction* t = transactions.server(s.invite);
  if (s.state != SessionState::Incoming || t == nullptr) return;
  t->repeat(env);
  timers.arm(s.provisional_repeat, now.mono + 60s, TimerKind::ProvisionalRepeat, s.id.value);
}

void Agent::Impl::answer(Session& s, std::string sdp, std::vector<Header> headers, Now now) {
  ServerTransaction* t = transactions.server(s.invite);
  if (s.state != SessionState::Incoming || t == nullptr || !s.peer_offer) return;
  timers.cancel(s.provisional_repeat);
  // The answer of an unreliable provisional response has to be in the 2xx too (section 13.2.1).
  if (sdp.empty()) sdp = s.sdp_in_force;
  s.state = SessionState::Answered;
  s.dialog.confirmed = true;
  const PeerOffer offer = std::move(*s.peer_offer);
  s.peer_offer.reset();
  send_success(s, *t, std::move(sdp), std::move(headers), offer.timer, now);
}

void Agent::Impl::send_success(Session& s, ServerTransaction& t, std::string sdp, std::vector<Header> headers,
                               const SessionTimerReply& timer, Now now) {
  Message m = response_to(t, 200);
  if (t.invite()) copy_record_route(t.request, m);
  add_own_headers(m, s);
  if (const auto* terms = std::get_if<SessionTimerAnswer>(&timer)) {
    m.add("Session-Expires", terms->session_expires());
    if (terms->require) m.add("Require", "timer");
    agree_timer(s, terms->terms, now);
  } else {
    agree_timer(s, std::nullopt, now);
  }
  append(m, std::move(headers));
  if (!sdp.empty()) s.sdp_in_force = sdp;
  const bool offers = !t.offer && !sdp.empty();
  set_sdp(m, std::move(sdp));
  const auto cseq = cseq_number(t.request).value_or(0);
  std::string bytes = send_response(t, m, now);
  if (!t.invite()) return;
  s.awaited_ack = AwaitedAck{cseq, std::move(bytes), t.flow, config.t1, offers};
  timers.arm(s.ack_retransmit, now.mono + config.t1, TimerKind::AckRetransmit, s.id.value);
  timers.arm(s.ack_missing, now.mono + env.limit(), TimerKind::AckMissing, s.id.value);
}

void Agent::Impl::reject(Session& s, int status, std::vector<Header> headers, Now now, std::string_view reason) {
  ServerTransaction* t = transactions.server(s.invite);
  if (s.state != SessionState::Incoming || t == nullptr || status < 300) return;
  Message m = response_to(*t, status, reason);
  append(m, std::move(headers));
  (void)send_response(*t, m, now);
  finish(s, EndCause::LocalHangup, status, Message{});
}

void Agent::Impl::on_session_ack(Session& s, const Message& m, const Flow& from, Now now) {
  // A repeated ACK of an older 2xx is told apart by its CSeq.
  if (!s.awaited_ack || cseq_number(m) != s.awaited_ack->cseq) return;
  s.dialog.flow = from;
  const bool carries_answer = s.awaited_ack->carries_offer;
  clear_awaited_ack(s);
  const bool first = s.state == SessionState::Answered;
  if (first) s.state = SessionState::Confirmed;
  if (s.end_wanted) return leave(s, s.end_cause, 0, Message{}, now);
  std::string sdp(carries_answer ? sdp_of(m) : std::string_view{});
  if (carries_answer) s.peer_sdp_hash = TextHash{}(sdp);
  if (first || carries_answer) out.emplace_back(SessionConfirmed{s.id, std::move(sdp)});
  send_queued_offer(s, now);
}

void Agent::Impl::clear_awaited_ack(Session& s) {
  s.awaited_ack.reset();
  timers.cancel(s.ack_retransmit);
  timers.cancel(s.ack_missing);
}

void Agent::Impl::on_ack_retransmit(Session& s, Now now) {
  if (!s.awaited_ack) return;
  AwaitedAck& a = *s.awaited_ack;
  a.interval = std::min(2 * a.interval, config.t2);
  timers.arm(s.ack_retransmit, now.mono + a.interval, TimerKind::AckRetransmit, s.id.value);
  ++counters.retransmissions_sent;
  env.send(a.flow, a.bytes);
}

void Agent::Impl::on_ack_missing(Session& s, Now now) {
  clear_awaited_ack(s);
  leave(s, s.end_wanted ? s.end_cause : EndCause::NoAck, 0, Message{}, now);
}

void Agent::Impl::on_cancel(const Message& m, const Via& via, ServerTransaction& t, Now now) {
  ServerTransaction* invite = transactions.find_server(transactions.server_key(m, via, "INVITE"));
  if (invite == nullptr) return answer_simply(t, 481, now);
  if (invite->to_tag.empty() && tag_of(m.get("To")).empty()) invite->to_tag = random.token(15);
  t.to_tag = invite->to_tag;
  answer_simply(t, 200, now);
  // A CANCEL that comes after our final response changes nothing (section 9.2).
  if (invite->answered()) return;
  invite->cancelled = true;
  answer_simply(*invite, 487, now);
  Session* s = session(invite->session);
  if (s == nullptr) return;
  if (s->state == SessionState::Incoming && s->invite == invite->id) return finish(*s, EndCause::RemoteCancel, 487, m);
  if (s->peer_offer && s->peer_offer->transaction == invite->id) s->peer_offer.reset();
  send_queued_offer(*s, now);
}

}  // namespace segue::sip
