// One INVITE session: the state that spans its dialogs, transactions, offers and timers (RFC 3261 sections 13 to 15,
// 3311, 4028). Plain data owned by Agent::Impl, whose session_*.cpp files hold one verb each. Exactly one SessionEnded
// leaves for each. Bounded: kMaxEarlyDialogs, kMaxForks, kMaxOfferRetries.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sip/agent.h"
#include "sip/dialog.h"
#include "sip/session_auth.h"
#include "sip/session_timer.h"
#include "sip/timers.h"

namespace segue::sip {

inline constexpr std::size_t kMaxEarlyDialogs = 16;  // more branches of one INVITE than any hunt group rings at once
inline constexpr std::size_t kMaxForks = 16;         // late 2xx of one INVITE that are acknowledged
inline constexpr unsigned kMaxOfferRetries = 8;      // 491 in a row: at up to 4 s each longer than a person waits
inline constexpr unsigned kMaxResends = 6;           // challenges, stale nonces and 422 to one request

//                 caller                                        callee
//        invite()                                    RequestReceived, accept_invite()
//           |                                                  |
//        Calling --3xx-6xx, no answer--> (gone)             Incoming --reject(), CANCEL, BYE--> (gone)
//           |   hangup(): CANCEL, stays until the final        |
//           | 2xx: ACK                                         | answer(): 2xx
//           |                                                Answered --no ACK: BYE--> Leaving
//           |                                                  | ACK
//           +--------------------> Confirmed <-----------------+
//                                   |      |
//              BYE from the peer    |      |  hangup(), expiry: BYE
//                    (gone) <-------+      +--------> Leaving --BYE answered or timed out--> (gone)
//
// SessionEnded is emitted on the way into Leaving or (gone). Leaving only answers a crossing BYE and a challenge to
// ours.
enum class SessionState { Calling, Incoming, Answered, Confirmed, Leaving };

/// Our 2xx to an INVITE or re-INVITE, repeated until its ACK comes.
struct AwaitedAck {
  std::uint32_t cseq = 0;
  std::string bytes;
  Flow flow;
  Duration interval{};
  bool carries_offer = false;
};

/// A 2xx that carried the offer: its ACK has to wait for our answer.
struct UnsentAck {
  TransactionId transaction;
  std::uint32_t cseq = 0;
};

struct PeerOffer {  ///< re-INVITE or UPDATE that the owner has not answered
  TransactionId transaction;
  SessionTimerReply timer;
};

struct OfferToSend {
  std::string sdp;
  bool refresh = false;  ///< made by the agent for RFC 4028: its answer is nobody's news unless the peer's SDP changed
};

struct OfferInFlight {
  TransactionId transaction;
  OfferToSend offer;
  bool update = false;
};

struct Session {
  SessionId id;
  SessionState state = SessionState::Calling;
  bool caller = false;  ///< we own the Call-ID
  bool peer_allows_update = false;

  Dialog dialog;              ///< the one dialog; while Calling: the INVITE's side of it, without a peer
  std::vector<Dialog> early;  ///< while Calling: one a fork
  std::uint32_t local_cseq = 0;
  std::string contact;   ///< our Contact value
  TransactionId invite;  ///< while Calling the client, while Incoming the server transaction

  std::string sdp_in_force;  ///< what we sent last and the peer accepted
  std::size_t peer_sdp_hash = 0;

  bool end_wanted = false;  ///< hangup() waits for a provisional, a final response or an ACK
  bool cancel_sent = false;
  EndCause end_cause = EndCause::LocalHangup;
  std::vector<Header> end_headers;

  std::optional<AwaitedAck> awaited_ack;
  std::optional<UnsentAck> unsent_ack;
  std::uint32_t acked_cseq = 0;  ///< of the last 2xx that we acknowledged
  bool ack_had_sdp = false;

  std::optional<PeerOffer> peer_offer;
  std::optional<OfferToSend> queued_offer;
  std::optional<OfferInFlight> offer_in_flight;
  unsigned offer_retries = 0;

  std::optional<SessionTimerTerms> timer_terms;
  Instant expires_at{};
  Duration min_se = kSmallestMinSe;  ///< raised by a 422

  std::unique_ptr<SessionCredentials> credentials;

  TimerHandle ack_retransmit, ack_missing, provisional_repeat, cancel_end, offer_retry, refresh, expiry;
};

}  // namespace segue::sip
