#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {

SessionId Agent::Impl::invite(InviteOptions options, Now now) {
  const bool refused = full() || sessions.size() >= config.limits.max_sessions;
  Session& s = new_session(true);
  const SessionId id = s.id;
  if (refused) {
    ++counters.refused_full;
    finish(s, EndCause::NoResponse, 503, Message{});
    return id;
  }
  send_invite(s, std::move(options), now);
  return id;
}

void Agent::Impl::send_invite(Session& s, InviteOptions options, Now now) {
  Dialog& d = s.dialog;
  d.call_id = options.call_id.empty() ? random.token(24) : std::move(options.call_id);
  options.from.params.set("tag", d.local_tag);
  d.local = options.from.to_string();
  d.remote = options.to.to_string();
  d.remote_target = std::move(options.request_uri);
  d.routes = std::move(options.routes);
  d.flow = options.flow;
  s.contact = options.contact.to_string();
  s.local_cseq = static_cast<std::uint32_t>(1 + random.below(10000));
  s.sdp_in_force = options.sdp;

  const std::string branch = new_branch();
  Message m = d.make_request("INVITE", s.local_cseq, via_value(d.flow, branch));
  add_own_headers(m, s);
  add_timer_headers(m, s);
  for (auto& h : options.headers) m.headers.push_back(std::move(h));
  set_sdp(m, std::move(options.sdp));
  s.invite = send_request(std::move(m), branch, d.flow, Purpose::Invite, s.id, now).id;
}

void Agent::Impl::on_invite_provisional(Session& s, Message m, const Flow& from, Now now) {
  if (s.state != SessionState::Calling) return;
  if (s.end_wanted) return send_cancel(s, now);
  if (m.status == 100) return;
  const std::string_view tag = tag_of(m.get("To"));
  if (!tag.empty()) {
    Dialog* d = dialog_of(s, tag);
    if (d != nullptr) {
      d->refresh_target(m);
      d->flow = from;
    } else if (s.early.size() < kMaxEarlyDialogs) {
      s.early.push_back(Dialog::as_caller(s.dialog, m, from));
    }
  }
  std::string sdp(sdp_of(m));
  const int status = m.status;
  out.emplace_back(SessionProgress{s.id, status, std::move(sdp), std::move(m)});
}

void Agent::Impl::on_invite_final(ClientTransaction& t, Message m, const Flow& from, Now now) {
  Session* s = session(t.session);
  if (s == nullptr || s->state != SessionState::Calling || s->invite != t.id) {
    if (success(m)) acknowledge_unwanted(t, m, from, true, now);
    return;
  }
  if (success(m)) return on_invite_answered(*s, t, std::move(m), from, now);
  const int status = m.status;
  if (s->end_wanted) return finish(*s, s->end_cause, status, std::move(m));
  if (try_again(*s, t, m, now)) return;
  // A transaction that is still pending was failed here: by timer B or by the transport.
  const EndCause cause = t.pending() ? EndCause::NoResponse : EndCause::Rejected;
  finish(*s, cause, status, std::move(m));
}

void Agent::Impl::on_invite_answered(Session& s, ClientTransaction& t, Message m, const Flow& from, Now now) {
  Dialog answered = Dialog::as_caller(s.dialog, m, from);
  if (const Dialog* early = dialog_of(s, answered.remote_tag)) {
    answered.remote_cseq = early->remote_cseq;
    // A 2xx without Contact leaves the target that the provisional response had named.
    if (m.find("Contact") == nullptr) answered.remote_target = early->remote_target;
  }
  s.dialog = std::move(answered);
  s.dialog.confirmed = true;
  s.early.clear();
  s.state = SessionState::Confirmed;
  timers.cancel(s.cancel_end);
  const std::uint32_t cseq = cseq_number(t.request).value_or(s.local_cseq);
  if (s.end_wanted) {
    // One ordered unit: nothing can come between the ACK and the BYE (RFC 3261 sections 9.1 and 15).
    send_ack(s, &t, cseq, {});
    const int status = m.status;
    return leave(s, s.end_cause, status, std::move(m), now);
  }
  note_peer(s, m);
  std::string sdp(sdp_of(m));
  s.peer_sdp_hash = TextHash{}(sdp);
  agree_timer(s, agreed_session_timer(m), now);
  if (s.sdp_in_force.empty() && !sdp.empty()) {
    s.unsent_ack = UnsentAck{t.id, cseq};
  } else {
    send_ack(s, &t, cseq, {});
  }
  out.emplace_back(SessionAnswered{s.id, std::move(sdp), std::move(m)});
  send_queued_offer(s, now);
}

void Agent::Impl::send_ack(Session& s, ClientTransaction* t, std::uint32_t cseq, std::string sdp) {
  Message ack = s.dialog.make_request("ACK", cseq, via_value(s.dialog.flow, new_branch()));
  if (t != nullptr) {
    for (const auto& h : t->request.headers) {
      if (h.name == "Authorization" || h.name == "Proxy-Authorization") ack.headers.push_back(h);
    }
  }
  ack.add("User-Agent", config.user_agent);
  s.acked_cseq = cseq;
  s.ack_had_sdp = !sdp.empty();
  set_sdp(ack, std::move(sdp));
  std::string bytes = ack.to_string();
  const Flow flow = with_reopen(s.dialog.flow, ack);
  if (t != nullptr) t->acks.push_back({s.dialog.remote_tag, bytes, flow});
  env.send(flow, std::move(bytes));
}

void Agent::Impl::on_more_success(ClientTransaction& t, const Message& m, const Flow& from, Now now) {
  const std::string_view tag = tag_of(m.get("To"));
  const auto sent = std::find_if(t.acks.begin(), t.acks.end(), [&](const auto& a) { return a.tag == tag; });
  if (sent != t.acks.end()) {
    ++counters.retransmissions_absorbed;
    return env.send(sent->flow, sent->bytes);
  }
  const Session* s = session(t.session);
  if (s != nullptr && s->unsent_ack && s->unsent_ack->transaction == t.id && s->dialog.remote_tag == tag) return;
  // Another fork answered too, behind a proxy that lets more than one through.
  acknowledge_unwanted(t, m, from, t.purpose == Purpose::Invite, now);
}

void Agent::Impl::acknowledge_unwanted(ClientTransaction& t, const Message& m, const Flow& from, bool bye, Now now) {
  if (t.acks.size() >= kMaxForks) return;
  Dialog base;
  base.call_id = t.request.get("Call-ID");
  base.local = t.request.get("From");
  base.local_tag = tag_of(base.local);
  base.remote_target = t.request.request_uri;
  const Dialog d = Dialog::as_caller(base, m, from);
  const std::uint32_t cseq = cseq_number(t.request).value_or(1);
  Message ack = d.make_request("ACK", cseq, via_value(from, new_branch()));
  std::string bytes = ack.to_string();
  t.acks.push_back({d.remote_tag, bytes, from});
  env.send(from, std::move(bytes));
  if (!bye) return;
  const std::string branch = new_branch();
  Message request = d.make_request("BYE", cseq + 1, via_value(from, branch));
  request.add("User-Agent", config.user_agent);
  (void)send_request(std::move(request), branch, from, Purpose::Detached, SessionId{}, now);
}

bool Agent::Impl::acknowledge_again(const Message& m) {
  if (!m.is("INVITE") || !success(m)) return false;
  Session* s = session_by_tag(tag_of(m.get("From")), m.get("Call-ID"));
  if (s == nullptr || s->acked_cseq == 0 || s->dialog.remote_tag != tag_of(m.get("To"))) return false;
  if (cseq_number(m) != s->acked_cseq) return false;
  send_ack(*s, nullptr, s->acked_cseq, s->ack_had_sdp ? s->sdp_in_force : std::string{});
  return true;
}

void Agent::Impl::send_cancel(Session& s, Now now) {
  const ClientTransaction* t = transactions.client(s.invite);
  if (s.cancel_sent || t == nullptr || t->state() != ClientTransaction::State::Proceeding) return;
  s.cancel_sent = true;
  Message m;
  m.method = "CANCEL";
  m.request_uri = t->request.request_uri;
  m.headers.reserve(12);
  for (const auto& h : t->request.headers) {
    const bool copied = h.name == "Via" || h.name == "Route" || h.name == "Max-Forwards" || h.name == "From" ||
                        h.name == "To" || h.name == "Call-ID";
    if (copied) m.headers.push_back(h);
  }
  m.add("CSeq", std::to_string(cseq_number(t->request).value_or(s.local_cseq)) + " CANCEL");
  m.add("User-Agent", config.user_agent);
  for (const auto& h : s.end_headers) m.headers.push_back(h);
  const auto via = Via::parse(t->request.get("Via"));
  const Flow flow = t->flow;
  timers.arm(s.cancel_end, now.mono + env.limit(), TimerKind::CancelEnd, s.id.value);
  if (via) (void)send_request(std::move(m), via->branch(), flow, Purpose::Detached, SessionId{}, now);
}

void Agent::Impl::on_cancel_end(Session& s) {
  // Section 9.1: a peer that answers the CANCEL but never the INVITE is not waited for.
  transactions.erase_client(s.invite);
  finish(s, s.end_cause, 408, Message{});
}

bool Agent::Impl::try_again(Session& s, ClientTransaction& t, const Message& m, Now now) {
  if (t.pending() || t.attempts >= kMaxResends) return false;
  const bool challenged = m.status == 401 || m.status == 407;
  if (challenged) {
    if (!s.credentials || !s.credentials->learn(m, t.request, t.attempts == 0)) return false;
  } else if (m.status == 422 && t.request.find("Session-Expires") != nullptr) {
    const auto raised = raised_min_se(m, s.min_se);
    if (!raised) return false;
    s.min_se = *raised;
  } else {
    return false;
  }
  ClientTransaction next;
  next.request = std::move(t.request);
  next.user = t.user;
  next.purpose = t.purpose;
  next.session = t.session;
  next.flow = t.flow;
  next.attempts = t.attempts + 1;
  const std::string branch = new_branch();
  next.request.headers.front().value = via_value(next.flow, branch);
  next.request.set("CSeq", std::to_string(++s.local_cseq) + " " + next.request.method);
  if (next.request.find("Session-Expires") != nullptr) add_timer_headers(next.request, s);
  if (s.credentials) s.credentials->sign(next.request, random);
  const TransactionId id = transactions.send(std::move(next), branch, now).id;
  if (s.invite == t.id) s.invite = id;
  if (s.offer_in_flight && s.offer_in_flight->transaction == t.id) s.offer_in_flight->transaction = id;
  return true;
}

}  // namespace segue::sip
