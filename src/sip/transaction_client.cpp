#include "sip/transaction_client.h"

#include <algorithm>

namespace segue::sip {

void ClientTransaction::start(const TransactionEnv& env, Now now) {
  invite_ = request.is("INVITE");
  std::string bytes = request.to_string();
  if (!reliable(flow.transport)) {
    wire_ = bytes;
    interval_ = env.config.t1;
    env.timers.arm(retransmit_, now.mono + interval_, TimerKind::ClientRetransmit, id.value);
  }
  env.timers.arm(end_, now.mono + env.limit(), TimerKind::ClientEnd, id.value);
  env.send(flow, std::move(bytes), refresh());
}

ClientTransaction::Event ClientTransaction::on_response(const Message& response, const TransactionEnv& env, Now now) {
  switch (state_) {
    case State::Calling:
    case State::Proceeding:
      break;
    case State::Completed:
      if (invite() && response.status >= 300) {
        env.send(flow, wire_);
        ++env.counters.retransmissions_sent;
      }
      return Event::Absorbed;
    case State::Accepted:
      return response.status >= 200 && response.status < 300 ? Event::MoreSuccess : Event::Absorbed;
  }
  if (response.status < 200) {
    state_ = State::Proceeding;
    if (invite()) {
      env.timers.cancel(retransmit_);
      env.timers.cancel(end_);
      // Nobody rings for a re-INVITE, and its session may end before it: it does not wait for ever.
      if (purpose != Purpose::Invite) env.timers.arm(end_, now.mono + kReInviteLimit, TimerKind::ClientEnd, id.value);
      wire_.clear();
    }
    return Event::Provisional;
  }
  const bool repeats = !reliable(flow.transport);
  if (!invite()) {
    finish(State::Completed, repeats ? env.config.t4 : Duration{0}, env, now);
  } else if (response.status < 300) {
    finish(State::Accepted, env.limit(), env, now);
  } else {
    acknowledge(response, env);
    finish(State::Completed, repeats ? std::max<Duration>(env.limit(), 32s) : Duration{0}, env, now);
  }
  return Event::Final;
}

void ClientTransaction::finish(State state, Duration linger, const TransactionEnv& env, Now now) {
  state_ = state;
  env.timers.cancel(retransmit_);
  env.timers.arm(end_, now.mono + linger, TimerKind::ClientEnd, id.value);
  if (state == State::Accepted || !invite()) {
    wire_.clear();
    wire_.shrink_to_fit();
  }
}

/// Section 17.1.1.3: the ACK of a refusal belongs to the transaction: same branch, same route, the response's To.
void ClientTransaction::acknowledge(const Message& response, const TransactionEnv& env) {
  Message ack;
  ack.method = "ACK";
  ack.request_uri = request.request_uri;
  ack.headers.reserve(12);
  ack.add("Via", request.headers.front().value);
  for (const auto& h : request.headers) {
    if (h.name == "Route" || h.name == "From" || h.name == "Call-ID" || h.name == "Max-Forwards")
      ack.headers.push_back(h);
  }
  ack.add("To", std::string(response.get("To")));
  const std::string_view cseq = request.get("CSeq");
  ack.add("CSeq", std::string(cseq.substr(0, cseq.find(' '))) + " ACK");
  wire_ = ack.to_string();
  env.send(flow, wire_);
}

void ClientTransaction::on_retransmit(const TransactionEnv& env, Now now) {
  // Timer A doubles for ever, E stops at T2 and is T2 once a provisional has come.
  interval_ = invite() ? 2 * interval_ : std::min(2 * interval_, env.config.t2);
  if (!invite() && state_ == State::Proceeding) interval_ = env.config.t2;
  env.timers.arm(retransmit_, now.mono + interval_, TimerKind::ClientRetransmit, id.value);
  ++env.counters.retransmissions_sent;
  env.send(flow, wire_, refresh());
}

void ClientTransaction::release_request() {
  if (state_ != State::Accepted) {
    request = Message{};
    return;
  }
  std::erase_if(request.headers, [](const Header& h) {
    return h.name != "From" && h.name != "To" && h.name != "Call-ID" && h.name != "CSeq" && h.name != "Authorization" &&
           h.name != "Proxy-Authorization";
  });
  request.body.clear();
  request.body.shrink_to_fit();
}

void ClientTransaction::stop(const TransactionEnv& env) {
  env.timers.cancel(retransmit_);
  env.timers.cancel(end_);
}

}  // namespace segue::sip
