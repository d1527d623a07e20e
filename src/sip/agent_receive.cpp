#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {
namespace {

/// Fills in received and rport of the top Via (RFC 3261 18.2.1, RFC 3581). nullopt if there is no readable Via.
std::optional<Via> note_source(Message& m, const Flow& from) {
  const auto header = std::find_if(m.headers.begin(), m.headers.end(), [](const Header& h) { return h.name == "Via"; });
  if (header == m.headers.end()) return std::nullopt;
  const std::string_view top = first_value(header->value);
  auto via = Via::parse(top);
  if (!via) return std::nullopt;
  const bool asks_port = via->params.has("rport");
  if (!asks_port && IpAddress::parse(via->host) == from.remote.ip) return std::move(*via);
  via->params.set("received", from.remote.ip.to_string());
  if (asks_port) via->params.set("rport", std::to_string(from.remote.port));
  const auto rest = static_cast<std::size_t>(top.data() + top.size() - header->value.data());
  header->value = via->to_string() + header->value.substr(rest);
  return std::move(*via);
}

/// Where responses to a request of this flow go (RFC 3261 18.2.2, RFC 3581): back through the connection, where that
/// has gone by a new one to the sender's own port; on UDP to the source's port if the request asks for it, else to
/// sent-by's. A sent-by address that is not the source's says that a NAT stands between, which would drop all but
/// answers to the source: there the source's port is used unasked.
Flow reply_flow(const Via& via, const Flow& from) {
  const bool behind_nat = IpAddress::parse(via.host).value_or(from.remote.ip) != from.remote.ip;
  Flow reply = from;
  if (reliable(from.transport)) reply.reopen = Endpoint{from.remote.ip, via.port ? via.port : kSipPort};
  if (reliable(from.transport) || via.params.has("rport") || behind_nat) return reply;
  reply.remote.port = via.port != 0 ? via.port : std::uint16_t{5060};
  return reply;
}

/// Responses to us carry our Via and no other (section 8.1.3.3).
bool single_via(const Message& m) {
  const auto count = std::count_if(m.headers.begin(), m.headers.end(), [](const Header& h) { return h.name == "Via"; });
  return count == 1 && first_value(m.get("Via")).size() == m.get("Via").size();
}

bool keep_alive(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return c == '\r' || c == '\n' || c == '\0' || c == ' '; });
}

}  // namespace

void Agent::Impl::receive(std::string_view bytes, const Flow& from, Now now) {
  if (keep_alive(bytes)) return;
  auto parsed = parse_message(bytes);
  if (!parsed) return on_malformed(parsed.error(), from);
  if (parsed->is_request) return on_request(std::move(*parsed), from, now);
  on_response(std::move(*parsed), from, now);
}

void Agent::Impl::on_malformed(const ParseError& error, const Flow& from) {
  if (!error.partial || !error.partial->is_request || error.partial->is("ACK")) return drop_malformed(from, error.text);
  Message m = *error.partial;
  const auto via = note_source(m, from);
  if (!via) return drop_malformed(from, error.text);
  ++counters.malformed_answered;
  out.emplace_back(Refused{from, error.status, error.text});
  send_stateless(m, error.status, reply_flow(*via, from));
}

void Agent::Impl::drop_malformed(const Flow& from, std::string text) {
  ++counters.malformed_dropped;
  out.emplace_back(Refused{from, 0, std::move(text)});
}

void Agent::Impl::receive_unframed(std::string_view bytes, int status, std::string text, const Flow& from) {
  auto parsed = parse_message(bytes.substr(0, kMaxMessageBytes));
  ParseError error{status, std::move(text), std::nullopt};
  if (parsed) {
    error.partial = std::move(*parsed);
  } else {
    error.partial = std::move(parsed.error().partial);
  }
  on_malformed(error, from);
}

void Agent::Impl::send_stateless(const Message& m, int status, const Flow& to) {
  // Repeated requests must get the same tag (section 8.2.7), so it is a function of what was asked.
  const std::size_t hash = TextHash{}(m.get("Via")) ^ TextHash {}(m.get("Call-ID"));
  Message response = make_response(m, status, "s" + std::to_string(hash));
  response.add("Server", config.user_agent);
  if (status == 503) response.add("Retry-After", std::to_string(5 + random.below(10)));
  env.send(to, response.to_string());
}

void Agent::Impl::on_request(Message m, const Flow& from, Now now) {
  const auto via = note_source(m, from);
  if (!via) return drop_malformed(from, "no readable Via");
  if (m.is("ACK")) return on_ack(m, *via, from, now);
  const std::string_view key = transactions.server_key(m, *via, m.method);
  if (ServerTransaction* t = transactions.find_server(key)) return t->on_request(env);

  const bool inside = !tag_of(m.get("To")).empty();
  // Requests of calls that exist may use twice the bound: refusing a BYE would keep alive what fills the table.
  const std::size_t in_use = transactions.clients() + transactions.servers();
  const std::size_t bound = config.limits.max_transactions * (inside ? 2 : 1);
  const bool no_session = !inside && m.is("INVITE") && sessions.size() >= config.limits.max_sessions;
  if (in_use >= bound || no_session) {
    ++counters.refused_full;
    out.emplace_back(Refused{from, 503, no_session ? "too many sessions" : "too many transactions"});
    return send_stateless(m, 503, reply_flow(*via, from));
  }
  ServerTransaction& t = transactions.add_server(key, m, reply_flow(*via, from), now);
  t.source_port = from.remote.port;
  if (m.is("CANCEL")) return on_cancel(m, *via, t, now);
  if (!cseq_number(m)) return answer_simply(t, 400, now);
  if (inside) return on_request_inside(std::move(m), t, from, now);
  on_request_outside(std::move(m), t, from, now);
}

void Agent::Impl::on_request_outside(Message m, ServerTransaction& t, const Flow& from, Now now) {
  if (transactions.merged(m)) return answer_simply(t, 482, now);
  transactions.remember_for_merge(t, m);
  if (m.is("INVITE")) t.offer = !sdp_of(m).empty();
  // Max-Forwards is for those who forward: what has arrived is served (RFC 4475 section 3.3.11).
  if (!m.request_uri.is_sip()) return answer_simply(t, 416, now);
  if (refuse(m, t, now)) return;
  if (m.is("INVITE")) {
    const SessionTimerReply timer = answer_session_timer(m, config);
    if (const auto* small = std::get_if<SessionTimerTooSmall>(&timer)) {
      return answer_simply(t, 422, now, {{"Min-SE", seconds_text(small->min_se)}});
    }
  }
  const bool in_dialog_only = m.is("BYE") || m.is("UPDATE") || m.is("PRACK") || m.is("INFO") || m.is("NOTIFY");
  if (in_dialog_only) return answer_simply(t, 481, now);
  out.emplace_back(RequestReceived{t.id, std::move(m), from});
}

void Agent::Impl::on_request_inside(Message m, ServerTransaction& t, const Flow& from, Now now) {
  Session* s = session_by_tag(tag_of(m.get("To")), m.get("Call-ID"));
  Dialog* d = s == nullptr ? nullptr : dialog_of(*s, tag_of(m.get("From")));
  if (d == nullptr) return answer_simply(t, 481, now);
  t.session = s->id;
  if (s->state == SessionState::Leaving) return answer_simply(t, m.is("BYE") ? 200 : 481, now);
  if (!d->accept_cseq(*cseq_number(m))) return answer_simply(t, 500, now);
  d->flow = from;
  if (m.is("INVITE") || m.is("UPDATE")) t.offer = !sdp_of(m).empty();
  if (refuse(m, t, now)) return;
  if (m.is("BYE")) return on_bye(*s, t, std::move(m), now);
  if (m.is("INVITE")) return on_reinvite(*s, t, std::move(m), from, now);
  if (m.is("UPDATE")) return on_update(*s, *d, t, std::move(m), from, now);
  on_session_request(*s, t, std::move(m), now);
}

void Agent::Impl::on_ack(const Message& m, const Via& via, const Flow& from, Now now) {
  ServerTransaction* t = transactions.find_server(transactions.server_key(m, via, "INVITE"));
  if (t != nullptr && t->on_ack(env, now)) return;
  Session* s = session_by_tag(tag_of(m.get("To")), m.get("Call-ID"));
  if (s == nullptr || s->dialog.remote_tag != tag_of(m.get("From"))) return;
  on_session_ack(*s, m, from, now);
}

void Agent::Impl::on_response(Message m, const Flow& from, Now now) {
  ClientTransaction* t = nullptr;
  if (single_via(m)) {
    const auto via = Via::parse(m.get("Via"));
    if (via) t = transactions.find_client(via->branch(), m.method);
    if (t == nullptr && via && acknowledge_again(m)) return;
  }
  if (t == nullptr) {
    ++counters.stray_responses;
    return;
  }
  switch (t->on_response(m, env, now)) {
    case ClientTransaction::Event::Absorbed:
      ++counters.retransmissions_absorbed;
      return;
    case ClientTransaction::Event::Provisional:
      return on_provisional(*t, std::move(m), from, now);
    case ClientTransaction::Event::Final:
      transactions.settle(*t);
      on_final(*t, std::move(m), from, now);
      t->release_request();
      return;
    case ClientTransaction::Event::MoreSuccess:
      return on_more_success(*t, m, from, now);
  }
}

void Agent::Impl::on_provisional(ClientTransaction& t, Message m, const Flow& from, Now now) {
  switch (t.purpose) {
    case Purpose::Request:
    case Purpose::InSession:
      out.emplace_back(ResponseReceived{t.user, std::move(m)});
      return;
    case Purpose::Invite:
      if (Session* s = session(t.session)) on_invite_provisional(*s, std::move(m), from, now);
      return;
    case Purpose::ReInvite:
    case Purpose::RefreshReInvite:
    case Purpose::Update:
    case Purpose::Bye:
    case Purpose::Detached:
      return;
  }
}

void Agent::Impl::on_final(ClientTransaction& t, Message m, const Flow& from, Now now) {
  Session* s = session(t.session);
  switch (t.purpose) {
    case Purpose::Request:
      out.emplace_back(ResponseReceived{t.user, std::move(m)});
      return;
    case Purpose::InSession:
      if (s != nullptr && try_again(*s, t, m, now)) return;
      if (s != nullptr && success(m)) s->dialog.flow = from;
      out.emplace_back(ResponseReceived{t.user, std::move(m)});
      return;
    case Purpose::Invite:
      return on_invite_final(t, std::move(m), from, now);
    case Purpose::ReInvite:
    case Purpose::RefreshReInvite:
    case Purpose::Update:
      if (s != nullptr && s->state != SessionState::Leaving) return on_offer_final(*s, t, std::move(m), from, now);
      // The session ended meanwhile; a 2xx to the re-INVITE still has to be acknowledged.
      if (t.purpose == Purpose::Update || !success(m)) return;
      if (s != nullptr) return send_ack(*s, &t, cseq_number(t.request).value_or(0), {});
      return acknowledge_unwanted(t, m, from, false, now);
    case Purpose::Bye:
      if (s != nullptr) on_bye_final(*s, t, m, now);
      return;
    case Purpose::Detached:
      return;
  }
}

void Agent::Impl::fail_client(TransactionId id, int status, Now now) {
  ClientTransaction* t = transactions.client(id);
  if (t == nullptr) return;
  on_final(*t, make_response(t->request, status), t->flow, now);
  transactions.erase_client(id);
}

void Agent::Impl::flow_failed(const Flow& flow, Now now) {
  for (const TransactionId id : transactions.pending_on(flow)) fail_client(id, 503, now);
}

void Agent::Impl::connection_closed(const Flow& connection, Now now) {
  for (const TransactionId id : transactions.unanswered_on(connection)) fail_client(id, 503, now);
}

void Agent::Impl::on_client_end(TransactionId id, Now now) {
  const ClientTransaction* t = transactions.client(id);
  if (t == nullptr) return;
  if (t->pending()) return fail_client(id, 408, now);
  transactions.erase_client(id);
}

void Agent::Impl::on_server_end(TransactionId id, Now now) {
  ServerTransaction* t = transactions.server(id);
  if (t == nullptr) return;
  if (!t->invite() || t->answered()) return transactions.erase_server(id);
  // An INVITE that its owner neither accepted nor answered: the transaction now waits for the ACK of this.
  answer_simply(*t, 500, now);
  Session* s = session(t->session);
  if (s == nullptr) return;
  if (s->peer_offer && s->peer_offer->transaction == id) s->peer_offer.reset();
  send_queued_offer(*s, now);
}

void Agent::Impl::advance(Now now) {
  while (const auto due = timers.pop(now.mono)) on_timer(*due, now);
}

void Agent::Impl::on_timer(const TimerQueue::Due& due, Now now) {
  const TransactionId id{due.owner};
  Session* s = session(SessionId{due.owner});
  switch (due.kind) {
    case TimerKind::ClientRetransmit:
      if (auto* t = transactions.client(id)) t->on_retransmit(env, now);
      return;
    case TimerKind::ClientEnd:
      return on_client_end(id, now);
    case TimerKind::ServerRetransmit:
      if (auto* t = transactions.server(id)) t->on_retransmit(env, now);
      return;
    case TimerKind::ServerEnd:
      return on_server_end(id, now);
    case TimerKind::AckRetransmit:
      return s == nullptr ? void() : on_ack_retransmit(*s, now);
    case TimerKind::AckMissing:
      return s == nullptr ? void() : on_ack_missing(*s, now);
    case TimerKind::ProvisionalRepeat:
      return s == nullptr ? void() : repeat_provisional(*s, now);
    case TimerKind::CancelEnd:
      return s == nullptr ? void() : on_cancel_end(*s);
    case TimerKind::OfferRetry:
      return s == nullptr ? void() : send_queued_offer(*s, now);
    case TimerKind::Refresh:
      return s == nullptr ? void() : on_refresh_due(*s, now);
    case TimerKind::Expiry:
      return s == nullptr ? void() : on_expiry(*s, now);
  }
}

}  // namespace segue::sip
