// Client transactions (RFC 3261 section 17.1 with RFC 6026): sends a request, repeats it on UDP, matches the responses,
// acknowledges a refused INVITE. Owned by TransactionTable; lives at most 64 * T1 beyond the last word of its user.
#pragma once

#include <string>
#include <vector>

#include "sip/transaction_env.h"

namespace segue::sip {

/// Timer C's value (section 16.6): a re-INVITE that got a provisional response and nothing more has failed.
inline constexpr Duration kReInviteLimit = 180s;

/// Who is interested in the final response.
enum class Purpose {
  Request,    ///< Agent::request()
  InSession,  ///< Agent::request_in_session()
  Invite,     ///< the first INVITE of a session
  ReInvite,
  RefreshReInvite,  ///< RFC 4028's, to a peer without UPDATE
  Update,           ///< RFC 4028's too: nothing else is sent by UPDATE
  Bye,
  Detached,  ///< nobody: CANCEL, and the BYE of a fork that lost
};

//  INVITE                                         others
//
//  Calling --1xx--> Proceeding                    Calling --1xx--> Proceeding
//   |  |  A: again   |   |                         |  E: again      |  E: again every T2
//   |  |             |   |                         |                |
//   |  +---2xx-------+---|----> Accepted           +--- 200-699 ----+----> Completed
//   |  +---3xx-6xx---+---|----> Completed          B/F or transport error: the user is told, over
//   |  B or transport error: the user is told      Completed --K--> over
//   Accepted  --M--> over; each 2xx goes to the user (forks, lost ACKs)
//   Completed --D--> over; each 3xx-6xx is acknowledged again
//
// An INVITE that is Proceeding waits as long as its user does, a re-INVITE for kReInviteLimit. On reliable transports
// A, E, D and K are zero.
class ClientTransaction {
 public:
  enum class State { Calling, Proceeding, Completed, Accepted };
  enum class Event { Absorbed, Provisional, Final, MoreSuccess };

  TransactionId id;    ///< this transaction
  TransactionId user;  ///< what the owner knows it by: stays the same when a challenge makes the agent send it again
  Purpose purpose = Purpose::Request;
  SessionId session;
  Flow flow;
  std::string key;        ///< in TransactionTable
  Message request;        ///< whole until a final response, then only what ACK and BYE of forks need
  unsigned attempts = 0;  ///< times it was sent anew for a challenge or 422

  struct SentAck {  ///< one for each fork that answered
    std::string tag, bytes;
    Flow flow;
  };
  std::vector<SentAck> acks;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool pending() const { return state_ == State::Calling || state_ == State::Proceeding; }
  void start(const TransactionEnv& env, Now now);
  [[nodiscard]] Event on_response(const Message& response, const TransactionEnv& env, Now now);
  void on_retransmit(const TransactionEnv& env, Now now);
  /// After the final response has been dealt with: keeps of the request only what later forks' ACK and BYE are made of.
  void release_request();
  void stop(const TransactionEnv& env);

 private:
  void finish(State state, Duration linger, const TransactionEnv& env, Now now);
  void acknowledge(const Message& response, const TransactionEnv& env);
  [[nodiscard]] bool invite() const { return invite_; }
  [[nodiscard]] bool refresh() const { return purpose == Purpose::RefreshReInvite || purpose == Purpose::Update; }

  State state_ = State::Calling;
  bool invite_ = false;
  std::string wire_;  ///< what a retransmission repeats: the request, later the ACK of a refusal
  Duration interval_{};
  TimerHandle retransmit_, end_;
};

}  // namespace segue::sip
