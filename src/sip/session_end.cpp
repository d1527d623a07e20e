#include "sip/agent_impl.h"

namespace segue::sip {

void Agent::Impl::hangup(Session& s, std::vector<Header> headers, Now now) {
  if (s.end_wanted || s.state == SessionState::Leaving) return;
  s.end_headers = std::move(headers);
  switch (s.state) {
    case SessionState::Calling:
      s.end_wanted = true;
      return send_cancel(s, now);
    case SessionState::Incoming:
      return reject(s, 603, std::move(s.end_headers), now, {});
    case SessionState::Answered:
      // Section 15: no BYE of the callee before the ACK of its 2xx.
      s.end_wanted = true;
      return;
    case SessionState::Confirmed:
      return leave(s, EndCause::LocalHangup, 0, Message{}, now);
    case SessionState::Leaving:
      return;
  }
}

void Agent::Impl::on_bye(Session& s, ServerTransaction& t, Message m, Now now) {
  answer_simply(t, 200, now);
  if (s.state == SessionState::Calling) {
    // Only an early dialog: the INVITE is still to be ended.
    if (s.end_wanted) return;
    s.end_wanted = true;
    s.end_cause = EndCause::RemoteBye;
    return send_cancel(s, now);
  }
  // Section 15.1.2: requests of the dialog that still wait get 487.
  if (s.peer_offer) {
    ServerTransaction* offer = transactions.server(s.peer_offer->transaction);
    if (offer != nullptr && !offer->answered()) answer_simply(*offer, 487, now);
  }
  finish(s, s.end_wanted ? s.end_cause : EndCause::RemoteBye, 0, std::move(m));
}

void Agent::Impl::on_bye_final(Session& s, ClientTransaction& t, const Message& m, Now now) {
  if (try_again(s, t, m, now)) return;
  erase(s.id);
}

void Agent::Impl::leave(Session& s, EndCause cause, int status, Message message, Now now) {
  if (s.unsent_ack) {
    const UnsentAck pending = *s.unsent_ack;
    s.unsent_ack.reset();
    send_ack(s, transactions.client(pending.transaction), pending.cseq, {});
  }
  if (s.peer_offer) {
    ServerTransaction* offer = transactions.server(s.peer_offer->transaction);
    if (offer != nullptr && !offer->answered()) answer_simply(*offer, 487, now);
    s.peer_offer.reset();
  }
  const std::string branch = new_branch();
  Message m = s.dialog.make_request("BYE", ++s.local_cseq, via_value(s.dialog.flow, branch));
  m.add("User-Agent", config.user_agent);
  for (auto& h : s.end_headers) m.headers.push_back(std::move(h));
  s.end_headers.clear();
  if (s.credentials) s.credentials->sign(m, random);
  (void)send_request(std::move(m), branch, s.dialog.flow, Purpose::Bye, s.id, now);
  stop_timers(s);
  s.awaited_ack.reset();
  s.queued_offer.reset();
  s.state = SessionState::Leaving;
  emit_end(s, cause, status, std::move(message));
}

void Agent::Impl::emit_end(Session& s, EndCause cause, int status, Message message) {
  out.emplace_back(SessionEnded{s.id, cause, status, std::move(message)});
}

void Agent::Impl::finish(Session& s, EndCause cause, int status, Message message) {
  emit_end(s, cause, status, std::move(message));
  erase(s.id);
}

void Agent::Impl::stop_timers(Session& s) {
  for (TimerHandle* handle : {&s.ack_retransmit, &s.ack_missing, &s.provisional_repeat, &s.cancel_end, &s.offer_retry,
                              &s.refresh, &s.expiry}) {
    timers.cancel(*handle);
  }
}

void Agent::Impl::erase(SessionId id) {
  const auto found = sessions.find(id.value);
  if (found == sessions.end()) return;
  stop_timers(found->second);
  session_tags.erase(found->second.dialog.local_tag);
  sessions.erase(found);
}

}  // namespace segue::sip
