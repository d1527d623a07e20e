// The inside of sip::Agent. One object, its member functions spread over files by verb:
//   agent_receive.cpp   what comes in, to whom it goes   session_caller.cpp  INVITE, its responses, ACK, CANCEL, forks
//   agent_refuse.cpp    what is not done here            session_callee.cpp  accept, ring, answer, reject, ACK, CANCEL
//   agent_request.cpp   requests outside of sessions     session_offer.cpp   re-INVITE and UPDATE, both ways
//   session_request.cpp other requests in the dialog     session_refresh.cpp RFC 4028's timers
//                                                        session_end.cpp     hangup, BYE, the end
// Nothing here calls back: outputs are queued, so no member function is ever re-entered.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "sip/agent.h"
#include "sip/session.h"
#include "sip/transaction_table.h"

namespace segue::sip {

struct Agent::Impl {
  Impl(AgentConfig c, Random r);

  // ---- agent_receive.cpp
  void receive(std::string_view bytes, const Flow& from, Now now);
  void advance(Now now);
  void flow_failed(const Flow& flow, Now now);
  void connection_closed(const Flow& connection, Now now);
  void receive_unframed(std::string_view bytes, int status, std::string text, const Flow& from);
  void on_malformed(const ParseError& error, const Flow& from);
  void drop_malformed(const Flow& from, std::string text);
  void on_request(Message m, const Flow& from, Now now);
  void on_new_request(Message m, const Flow& from, std::string_view key, Now now);
  void on_request_outside(Message m, ServerTransaction& t, const Flow& from, Now now);
  void on_request_inside(Message m, ServerTransaction& t, const Flow& from, Now now);
  void on_ack(const Message& m, const Via& via, const Flow& from, Now now);
  void on_cancel(const Message& m, const Via& via, ServerTransaction& t, Now now);
  void on_response(Message m, const Flow& from, Now now);
  void on_provisional(ClientTransaction& t, Message m, const Flow& from, Now now);
  void on_final(ClientTransaction& t, Message m, const Flow& from, Now now);
  /// Gives the user of a pending transaction a final response made here: 408 or 503.
  void fail_client(TransactionId id, int status, Now now);
  void on_timer(const TimerQueue::Due& due, Now now);
  void on_client_end(TransactionId id, Now now);
  void on_server_end(TransactionId id, Now now);
  void send_stateless(const Message& request, int status, const Flow& to);

  // ---- agent_refuse.cpp
  /// Refuses what no handler should see; true if it did.
  [[nodiscard]] bool refuse(const Message& m, ServerTransaction& t, Now now);

  // ---- agent_request.cpp
  TransactionId request(Message m, const Flow& flow, Now now);
  void respond(TransactionId id, int status, std::vector<Header> headers, std::string body, Now now,
               std::string_view reason);
  std::optional<Header> authorize(const Message& response, std::string_view user, std::string_view password,
                                  std::string_view method, const Uri& uri);
  /// A response of the transaction with our To tag and Server; the caller adds to it.
  [[nodiscard]] Message response_to(ServerTransaction& t, int status, std::string_view reason = {});
  /// Sends `m` and, for a 2xx to INVITE, returns its bytes.
  std::string send_response(ServerTransaction& t, const Message& m, Now now);
  void answer_simply(ServerTransaction& t, int status, Now now, std::vector<Header> headers = {});
  [[nodiscard]] std::string new_branch();
  ClientTransaction& send_request(Message m, std::string_view branch, const Flow& flow, Purpose purpose,
                                  SessionId session, Now now);
  /// A response as if the peer had sent it, for what fails before it is sent.
  [[nodiscard]] TransactionId fail_at_once(std::string_view method, int status);

  // ---- session_caller.cpp
  SessionId invite(InviteOptions options, Now now);
  void send_invite(Session& s, InviteOptions options, Now now);
  void on_invite_provisional(Session& s, Message m, const Flow& from, Now now);
  void on_invite_final(ClientTransaction& t, Message m, const Flow& from, Now now);
  void on_invite_answered(Session& s, ClientTransaction& t, Message m, const Flow& from, Now now);
  void on_more_success(ClientTransaction& t, const Message& m, const Flow& from, Now now);
  /// A 2xx of a dialog that nobody wants (fork, session gone): ACK, then BYE where `bye`.
  void acknowledge_unwanted(ClientTransaction& t, const Message& m, const Flow& from, bool bye, Now now);
  /// Remembers what a message of the dialog says about the peer (Allow).
  static void note_peer(Session& s, const Message& m);
  void send_ack(Session& s, ClientTransaction* t, std::uint32_t cseq, std::string sdp);
  [[nodiscard]] bool acknowledge_again(const Message& m);
  void send_cancel(Session& s, Now now);
  void on_cancel_end(Session& s);
  /// Sends the refused request again with what the response asked for (credentials, Min-SE); false if that cannot help.
  [[nodiscard]] bool try_again(Session& s, ClientTransaction& t, const Message& m, Now now);

  // ---- session_callee.cpp
  SessionId accept_invite(TransactionId id, const NameAddr& contact, Now now);
  void ring(Session& s, int status, std::string sdp, std::vector<Header> headers, Now now);
  void answer(Session& s, std::string sdp, std::vector<Header> headers, Now now);
  void reject(Session& s, int status, std::vector<Header> headers, Now now, std::string_view reason);
  void send_success(Session& s, ServerTransaction& t, std::string sdp, std::vector<Header> headers,
                    const SessionTimerReply& timer, Now now);
  void on_session_ack(Session& s, const Message& m, const Flow& from, Now now);
  void on_ack_retransmit(Session& s, Now now);
  void on_ack_missing(Session& s, Now now);
  void repeat_provisional(Session& s, Now now);
  void clear_awaited_ack(Session& s);

  // ---- session_offer.cpp
  void reinvite(Session& s, OfferToSend offer, Now now);
  void send_queued_offer(Session& s, Now now);
  void on_offer_final(Session& s, ClientTransaction& t, Message m, const Flow& from, Now now);
  void on_offer_accepted(Session& s, ClientTransaction& t, OfferInFlight sent, const Message& m, const Flow& from,
                         Now now);
  void on_offer_refused(Session& s, OfferInFlight sent, Message m, Now now);
  void on_reinvite(Session& s, ServerTransaction& t, Message m, const Flow& from, Now now);
  void on_update(Session& s, Dialog& d, ServerTransaction& t, Message m, const Flow& from, Now now);
  void answer_offer(Session& s, std::string sdp, Now now);
  void reject_offer(Session& s, int status, Now now, std::vector<Header> headers);
  void retry_offer_later(Session& s, OfferToSend offer, Now now);
  void refuse_second_offer(ServerTransaction& t, Now now);

  // ---- session_refresh.cpp
  void add_timer_headers(Message& request, Session& s) const;
  void agree_timer(Session& s, std::optional<SessionTimerTerms> terms, Now now);
  void on_refresh_due(Session& s, Now now);
  void refresh_later(Session& s, const Message& refusal, Now now);
  void on_expiry(Session& s, Now now);

  // ---- session_request.cpp
  TransactionId request_in_session(Session& s, std::string_view method, std::vector<Header> headers, std::string body,
                                   Now now);
  void on_session_request(Session& s, ServerTransaction& t, Message m, Now now);

  // ---- session_end.cpp
  void hangup(Session& s, std::vector<Header> headers, Now now);
  void on_bye(Session& s, ServerTransaction& t, Message m, Now now);
  void on_bye_final(Session& s, ClientTransaction& t, const Message& m, Now now);
  /// Sends BYE and ends the session; it stays as Leaving until the BYE is answered.
  void leave(Session& s, EndCause cause, int status, Message message, Now now);
  /// Emits the one SessionEnded.
  void emit_end(Session& s, EndCause cause, int status, Message message);
  void finish(Session& s, EndCause cause, int status, Message message);
  void stop_timers(Session& s);
  void erase(SessionId id);

  // ---- sessions
  [[nodiscard]] Session* session(SessionId id);
  [[nodiscard]] Session* session_by_tag(std::string_view local_tag, std::string_view call_id);
  /// The dialog of `s` with this peer, nullptr if there is none.
  [[nodiscard]] static Dialog* dialog_of(Session& s, std::string_view remote_tag);
  Session& new_session(bool caller);
  void add_own_headers(Message& m, const Session& s) const;
  [[nodiscard]] bool full() const;

  AgentConfig config;
  Random random;
  TimerQueue timers;
  std::deque<Output> out;
  Counters counters;
  TransactionEnv env{config, timers, out, counters};
  TransactionTable transactions{env};
  std::unordered_map<std::uint64_t, Session> sessions;
  TextMap<std::uint64_t> session_tags;  ///< by our tag: it is ours, so it is unique
  std::uint64_t last_session = 0;
  std::string supported_list;  ///< config.supported as one header value
};

[[nodiscard]] inline bool success(const Message& m) { return m.status >= 200 && m.status < 300; }
void set_sdp(Message& m, std::string sdp);

}  // namespace segue::sip
