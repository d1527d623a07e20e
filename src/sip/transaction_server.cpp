#include "sip/transaction_server.h"

#include <algorithm>

namespace segue::sip {

void ServerTransaction::start(const TransactionEnv& env, Now now) {
  invite_ = request.is("INVITE");
  state_ = invite_ ? State::Proceeding : State::Trying;
  env.timers.arm(end_, now.mono + env.limit(), TimerKind::ServerEnd, id.value);
}

void ServerTransaction::on_request(const TransactionEnv& env) {
  ++env.counters.retransmissions_absorbed;
  switch (state_) {
    case State::Trying:
      return;
    case State::Proceeding:
      // The peer repeats an INVITE only as long as it has heard nothing.
      if (wire_.empty()) wire_ = make_response(request, 100).to_string();
      break;
    case State::Completed:
      break;
    case State::Accepted:
    case State::Confirmed:
      return;
  }
  ++env.counters.retransmissions_sent;
  env.send(flow, wire_);
}

bool ServerTransaction::on_ack(const TransactionEnv& env, Now now) {
  switch (state_) {
    case State::Completed:
      state_ = State::Confirmed;
      env.timers.cancel(retransmit_);
      env.timers.arm(end_, now.mono + (repeats() ? env.config.t4 : Duration{0}), TimerKind::ServerEnd, id.value);
      wire_.clear();
      wire_.shrink_to_fit();
      return true;
    case State::Confirmed:
      return true;
    case State::Accepted:
      return false;
    case State::Trying:
    case State::Proceeding:
      // There is nothing yet that could be acknowledged.
      return true;
  }
  return true;
}

std::string ServerTransaction::respond(const Message& response, const TransactionEnv& env, Now now) {
  std::string bytes = response.to_string();
  if (response.status < 200) {
    state_ = State::Proceeding;
    wire_ = bytes;
    env.send(flow, std::move(bytes));
    return {};
  }
  enter_final(response.status, env, now);
  if (state_ == State::Accepted) {
    wire_.clear();
    wire_.shrink_to_fit();
    env.send(flow, bytes);
    return bytes;
  }
  wire_ = bytes;
  env.send(flow, std::move(bytes));
  return {};
}

void ServerTransaction::enter_final(int status, const TransactionEnv& env, Now now) {
  request = Message{};  // half a minute is long: only the response stays, where it may have to be repeated
  if (!invite_) {
    state_ = State::Completed;
    env.timers.arm(end_, now.mono + (repeats() ? env.limit() : Duration{0}), TimerKind::ServerEnd, id.value);
    return;
  }
  env.timers.arm(end_, now.mono + env.limit(), TimerKind::ServerEnd, id.value);
  if (status < 300) {
    state_ = State::Accepted;
    return;
  }
  state_ = State::Completed;
  if (!repeats()) return;
  interval_ = env.config.t1;
  env.timers.arm(retransmit_, now.mono + interval_, TimerKind::ServerRetransmit, id.value);
}

void ServerTransaction::repeat(const TransactionEnv& env) {
  if (state_ == State::Proceeding && !wire_.empty()) env.send(flow, wire_);
}

void ServerTransaction::on_retransmit(const TransactionEnv& env, Now now) {
  interval_ = std::min(2 * interval_, env.config.t2);
  env.timers.arm(retransmit_, now.mono + interval_, TimerKind::ServerRetransmit, id.value);
  ++env.counters.retransmissions_sent;
  env.send(flow, wire_);
}

void ServerTransaction::stop(const TransactionEnv& env) {
  env.timers.cancel(retransmit_);
  env.timers.cancel(end_);
}

Message keep_for_responses(const Message& request) {
  Message kept;
  kept.method = request.method;
  kept.headers.reserve(10);
  for (const auto& h : request.headers) {
    const bool basic = h.name == "Via" || h.name == "From" || h.name == "To" || h.name == "Call-ID" || h.name == "CSeq";
    const bool dialog = h.name == "Record-Route" || h.name == "Contact" || h.name == "Session-Expires" ||
                        h.name == "Min-SE" || h.name == "Supported" || h.name == "Allow";
    if (basic || (dialog && (request.is("INVITE") || request.is("UPDATE")))) kept.headers.push_back(h);
  }
  return kept;
}

}  // namespace segue::sip
