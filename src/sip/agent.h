// The SIP user agent core: transactions (RFC 3261 section 17 with RFC 6026), dialogs and INVITE sessions (sections 12
// to 15), UPDATE (3311), session timers (4028), CANCEL and forking races, as one pure object. Input: bytes and the
// time. Output: poll(). No sockets, clocks or locks: the server, the demo's phones and the simulator run the same code.
//
// Owner: one event loop. Bounded by AgentLimits; past a limit new requests get 503 with Retry-After, and nothing is
// lost of the old. Calling commands between poll()s is always allowed; outputs are queued in order.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "sip/message.h"
#include "sip/transport.h"

namespace segue::sip {

struct AgentLimits {
  // A call of two legs, one of them challenged, leaves three transactions for 64 * T1 (32 s: both INVITEs, the caller's
  // BYE) and two for 5 s: 106 transactions a call a second. This is 2,470 calls a second, a core's worth; 3 kB each.
  std::size_t max_transactions = 262144;
  std::size_t max_sessions = 16384;
};

struct AgentConfig {
  std::string user_agent = "Segue";  ///< Server and User-Agent header
  Duration t1 = 500ms;               ///< RFC 3261 17.1.1.1
  Duration t2 = 4s;
  Duration t4 = 5s;
  std::optional<Duration> session_expires =
      1800s;  ///< RFC 4028; nullopt: do not ask for it (a peer's wish is still honoured)
  Duration min_se = 90s;
  std::vector<std::string> supported = {"timer"};
  std::string allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY";
  AgentLimits limits;
};

/// What ends a session. Exactly one SessionEnded is emitted for each session, whatever crosses on the wire.
enum class EndCause {
  RemoteBye,
  RemoteCancel,  ///< CANCEL of an INVITE that we had not answered (487 was sent by the agent)
  Rejected,      ///< our INVITE got 3xx to 6xx (status says which); or a re-INVITE got 481: the peer has no such dialog
  NoResponse,    ///< timer B, or the transport failed (status 408 or 503)
  NoAck,         ///< our 2xx was never acknowledged; the agent sent BYE (section 13.3.1.4)
  SessionExpired,  ///< RFC 4028: no refresh; the agent sent BYE
  LocalHangup,     ///< hangup(), cancel() or reject() of ours has taken effect
};

// ---- outputs -------------------------------------------------------------------------------------------------------

struct SendMessage {
  Flow flow;
  std::string bytes;
  bool refresh = false;  ///< a request that the session timer alone has caused (RFC 4028)
};

/// A request outside of any dialog: REGISTER, OPTIONS, INVITE, SUBSCRIBE, MESSAGE, unknown methods ... Answer it with
/// respond(), or for INVITE with accept_invite() and then ring/answer/reject. Retransmissions are absorbed. A request
/// without a matching dialog but with a To tag got 481 already; CANCEL, ACK and merged requests (482) are handled
/// inside.
struct RequestReceived {
  TransactionId transaction;
  Message request;
  Flow flow;  ///< where it came from; top Via has received/rport filled in (RFC 3581)
};

/// A response to a request() of ours (final or provisional), or a timeout as a locally made 408, a failed transport as
/// 503.
struct ResponseReceived {
  TransactionId transaction;  ///< as returned by request()
  Message response;
};

/// A request inside a session's dialog that is not part of the INVITE usage: INFO, REFER, NOTIFY, MESSAGE, OPTIONS with
/// body ... (plain OPTIONS gets 200 by the agent). Answer with respond().
struct SessionRequest {
  SessionId session;
  TransactionId transaction;
  Message request;
};

struct SessionProgress {  ///< 1xx with status > 100 to our INVITE
  SessionId session;
  int status = 180;
  std::string sdp;  ///< "" if none
  Message response;
};

/// First 2xx to our INVITE. ACK has been sent already; further forks' 2xx are ACKed and BYEd inside. Only after an
/// INVITE without SDP the 2xx brings the offer, and the ACK goes out with answer_offer().
struct SessionAnswered {
  SessionId session;
  std::string sdp;
  Message response;
};

/// ACK to our 2xx arrived. For a re-INVITE only where the 2xx carried the offer, so that the ACK brings the answer.
struct SessionConfirmed {
  SessionId session;
  std::string sdp;  ///< the answer, where our 2xx carried the offer (delayed offer)
};

/// re-INVITE or UPDATE with an offer ("" for a re-INVITE without SDP: answer with an offer). Answer with answer_offer()
/// or reject_offer().
struct OfferReceived {
  SessionId session;
  std::string sdp;
  Message request;
  Flow flow;
};

/// Result of our reinvite(): status 200 with the answer, or the failure (491 is retried inside by role: 2.1 to 4 s for
/// the owner of the Call-ID, 0 to 2 s for the other, section 14.1). After a reinvite() without SDP the answer given
/// here is the peer's offer, and the ACK goes out with answer_offer(). Also emitted where the answer to a refresh of
/// ours has changed.
struct OfferAnswered {
  SessionId session;
  int status = 0;
  std::string sdp;
};

struct SessionEnded {
  SessionId session;
  EndCause cause = EndCause::LocalHangup;
  int status = 0;   ///< for Rejected and NoResponse
  Message message;  ///< the BYE, CANCEL or final response; empty if there was none
};

/// A message that the agent dealt with by itself and that somebody should know of: malformed, or refused past a limit.
/// A peer can cause as many as it likes: who logs them bounds the lines.
struct Refused {
  Flow flow;
  int status = 0;    ///< of our answer; 0: dropped in silence, because it says not where an answer would go
  std::string text;  ///< why
};

using Output = std::variant<SendMessage, RequestReceived, ResponseReceived, SessionRequest, SessionProgress,
                            SessionAnswered, SessionConfirmed, OfferReceived, OfferAnswered, SessionEnded, Refused>;

// ---- commands ------------------------------------------------------------------------------------------------------

struct InviteOptions {
  Flow flow;  ///< where to send (next hop)
  Uri request_uri;
  NameAddr from;  ///< without tag
  NameAddr to;
  NameAddr contact;                 ///< ours
  std::vector<std::string> routes;  ///< Route header values, in order
  std::vector<Header> headers;      ///< added as they are
  std::string sdp;                  ///< the offer; "" for a delayed offer
  std::string call_id;              ///< "" : the agent makes one
};

class Agent {
 public:
  Agent(AgentConfig config, Random random);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // ---- input from the edge
  /// One datagram or framed message. Malformed ones are answered or dropped as RFC 4475 says; the number of both is
  /// counted.
  void receive(std::string_view bytes, const Flow& from, Now now);
  /// What a stream held when it could no longer be cut into messages (StreamFramer): a request is answered with
  /// `status` before the edge closes the connection (RFC 4475 section 3.1.2.3), anything else is dropped.
  void receive_unframed(std::string_view bytes, int status, std::string text, const Flow& from);
  /// The edge could not send to this flow: its pending client transactions fail with a local 503.
  void flow_failed(const Flow& flow, Now now);
  /// A stream connection has closed (its flow as the edge gave it). Requests sent on it that nobody has answered fail
  /// with a local 503: they may have been written to a peer that was gone. A peer that has said 1xx has the request,
  /// and may give its final response on a new connection (RFC 3261 section 18.2.2).
  void connection_closed(const Flow& connection, Now now);
  /// Fires all timers due at `now`.
  void advance(Now now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  [[nodiscard]] std::optional<Output> poll();

  // ---- requests outside of sessions
  /// Sends a request (REGISTER, OPTIONS, SUBSCRIBE, MESSAGE). Via, CSeq (if absent), Call-ID (if absent), From tag (if
  /// absent), Max-Forwards and User-Agent are added.
  TransactionId request(Message request, const Flow& flow, Now now);
  /// Answers a RequestReceived or SessionRequest. Unknown or already finally answered transactions are ignored (they
  /// may have been cancelled meanwhile). Headers are added as they are.
  void respond(TransactionId transaction, int status, std::vector<Header> headers, std::string body, Now now,
               std::string_view reason = {});

  /// The header that answers the 401 or 407 to a request() (REGISTER, for one); send the request again with it, with
  /// the same Call-ID and From tag and a CSeq one higher. nullopt if there is no challenge that can be answered.
  [[nodiscard]] std::optional<Header> authorize(const Message& response, std::string_view user,
                                                std::string_view password, std::string_view method, const Uri& uri);

  // ---- sessions, as caller
  SessionId invite(InviteOptions options, Now now);
  /// Credentials for this session's challenges (401, 407): the agent answers each realm once by itself, also in its
  /// later requests. 422 is retried with the peer's Min-SE (RFC 4028 section 7.4).
  void set_credentials(SessionId session, std::string user, std::string password);

  // ---- sessions, as callee
  /// Takes an INVITE that was RequestReceived; sends 100 at once. `contact` is ours for the dialog. If a CANCEL came
  /// first, the session returned ends at once with RemoteCancel; none is returned for a transaction that is unknown or
  /// answered. An INVITE that is neither accepted nor answered gets 500 after 64 * T1.
  SessionId accept_invite(TransactionId transaction, const NameAddr& contact, Now now);
  void ring(SessionId session, int status, std::string sdp, std::vector<Header> headers, Now now);
  void answer(SessionId session, std::string sdp, std::vector<Header> headers, Now now);
  void reject(SessionId session, int status, std::vector<Header> headers, Now now, std::string_view reason = {});

  // ---- sessions, both
  /// Ends a session in the way its state needs: CANCEL (after the first provisional, RFC 3261 9.1; a crossing 200 is
  /// ACKed and BYEd as one ordered unit), 487 or 603 for an unanswered incoming one, BYE otherwise (after the ACK of
  /// our 2xx, section 15). `headers` (e.g. Reason, RFC 3326) go into the CANCEL or BYE. Safe in every state, also
  /// twice.
  void hangup(SessionId session, std::vector<Header> headers, Now now);
  /// Answers an OfferReceived, or the offer in a 2xx to our INVITE without SDP (its ACK is sent now).
  void answer_offer(SessionId session, std::string sdp, Now now);
  void reject_offer(SessionId session, int status, Now now, std::vector<Header> headers = {});
  /// Sends the offer as soon as the session is quiet (after the ACK, after an offer under way, after a back-off); a
  /// newer one replaces one that still waits. Dropped when the session ends.
  void reinvite(SessionId session, std::string sdp, Now now);
  /// INFO, NOTIFY, REFER, OPTIONS, MESSAGE in the dialog; the result is a ResponseReceived with the returned id.
  TransactionId request_in_session(SessionId session, std::string_view method, std::vector<Header> headers,
                                   std::string body, Now now);

  // ---- what is known
  struct DialogInfo {
    std::string call_id, local_tag, remote_tag;
    Uri remote_target;
    Flow flow;
    bool confirmed = false;
  };
  [[nodiscard]] std::optional<DialogInfo> dialog(SessionId session) const;
  /// For Replaces (RFC 3891) and dialog matching: the session with these identifiers, none if there is none.
  [[nodiscard]] SessionId find_dialog(std::string_view call_id, std::string_view local_tag,
                                      std::string_view remote_tag) const;

  struct Counters {
    std::uint64_t malformed_answered = 0, malformed_dropped = 0, retransmissions_absorbed = 0, retransmissions_sent = 0,
                  stray_responses = 0, refused_full = 0;
  };
  [[nodiscard]] const Counters& counters() const;
  struct Sizes {  ///< all return to 0 when nothing goes on: leak checks rely on it
    std::size_t client_transactions = 0, server_transactions = 0, sessions = 0, timers = 0;
  };
  [[nodiscard]] Sizes sizes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::sip
