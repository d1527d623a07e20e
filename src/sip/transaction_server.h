// Server transactions (RFC 3261 section 17.2 with RFC 6026): absorb repeated requests, repeat the last response, take
// the ACK of a refusal. Owned by TransactionTable; a request that its owner neither answers nor accepts ends after 64 *
// T1.
#pragma once

#include <string>
#include <string_view>

#include "sip/transaction_env.h"

namespace segue::sip {

//  INVITE                                                    others
//
//  Proceeding --1xx--> Proceeding                            Trying --1xx--> Proceeding
//   | again: last 1xx, 100 if there is none                   |                |   again: last 1xx
//   | 64 * T1, not accepted by its owner: 500                 |                |
//   +--2xx-----> Accepted  --L--> over                        +---- 200-699 ---+---> Completed --J--> over
//   +--3xx-6xx-> Completed --H--> over (no ACK)               64 * T1 without an answer: over   again: last response
//                 | G, again: the response
//                 +--ACK--> Confirmed --I--> over
//
// Accepted: the session repeats the 2xx itself; repeated INVITEs are absorbed. On reliable transports G, I and J are
// zero.
class ServerTransaction {
 public:
  enum class State { Trying, Proceeding, Accepted, Completed, Confirmed };

  TransactionId id;
  SessionId session;              ///< the session to which the request belongs, none outside of dialogs
  Flow flow;                      ///< where responses go (RFC 3261 section 18.2.2)
  std::uint16_t source_port = 0;  ///< the request's own: a dialog's requests go there
  std::string key, merge_key;     ///< in TransactionTable
  Message request;                ///< only what responses and a new dialog are made of, until it is answered
  std::string to_tag;             ///< ours, for a request that came without one
  bool offer = false;             ///< the request had SDP
  bool cancelled = false;         ///< CANCEL came before our final response

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool invite() const { return invite_; }
  [[nodiscard]] bool answered() const { return state_ != State::Trying && state_ != State::Proceeding; }

  void start(const TransactionEnv& env, Now now);
  /// The same request again.
  void on_request(const TransactionEnv& env);
  /// ACK with the transaction's branch: true if it was for a refusal, false if it belongs to the dialog.
  [[nodiscard]] bool on_ack(const TransactionEnv& env, Now now);
  /// Sends a response made from `request`; the bytes of a 2xx to INVITE are returned for the session to repeat.
  std::string respond(const Message& response, const TransactionEnv& env, Now now);
  /// From now on the final response may take as long as a person needs.
  void wait_for_owner(const TransactionEnv& env) { env.timers.cancel(end_); }
  /// The last provisional response once more (section 13.3.1.1).
  void repeat(const TransactionEnv& env);
  void on_retransmit(const TransactionEnv& env, Now now);
  void stop(const TransactionEnv& env);

 private:
  void enter_final(int status, const TransactionEnv& env, Now now);
  [[nodiscard]] bool repeats() const { return !reliable(flow.transport); }

  State state_ = State::Trying;
  bool invite_ = false;
  std::string wire_;  ///< the last response
  Duration interval_{};
  TimerHandle retransmit_, end_;
};

/// Copies what responses and a dialog need; the rest of the request goes to the owner.
[[nodiscard]] Message keep_for_responses(const Message& request);

}  // namespace segue::sip
