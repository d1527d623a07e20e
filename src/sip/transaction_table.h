// All transactions of one sip::Agent, found by id, by branch and method (RFC 3261 sections 17.1.3 and 17.2.3; by the
// fields of 17.2.3's second list where the branch lacks the magic cookie), and, for merged requests (8.2.2.2), by the
// request's identity. Owned by Agent::Impl. Bounded by AgentLimits::max_transactions, which the agent checks before it
// adds.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sip/transaction_client.h"
#include "sip/transaction_server.h"

namespace segue::sip {

/// Lets the maps be searched with a string_view into a scratch buffer. Not noexcept: the standard library then keeps
/// each key's hash beside it and need not hash its neighbours again in every search.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

class TransactionTable {
 public:
  explicit TransactionTable(TransactionEnv env) : env_(env) {}

  [[nodiscard]] TransactionId new_id() { return TransactionId{++last_id_}; }

  // ---- client side
  /// `t` has user, purpose, session, flow and request; sends it.
  ClientTransaction& send(ClientTransaction t, std::string_view branch, Now now);
  [[nodiscard]] ClientTransaction* find_client(std::string_view branch, std::string_view method);
  [[nodiscard]] ClientTransaction* client(TransactionId id);
  void erase_client(TransactionId id);
  /// Those that still wait for a final response from this flow, oldest first; costs what waits on its remote address.
  [[nodiscard]] std::vector<TransactionId> pending_on(const Flow& flow) const;
  /// Those that have had no response at all and went out on this stream connection.
  [[nodiscard]] std::vector<TransactionId> unanswered_on(const Flow& connection) const;
  /// The final response of `t` has come.
  void settle(const ClientTransaction& t);

  // ---- server side
  /// Identity of a request; `method` INVITE finds what an ACK or CANCEL belongs to.
  [[nodiscard]] std::string_view server_key(const Message& request, const Via& via, std::string_view method);
  [[nodiscard]] ServerTransaction* find_server(std::string_view key);
  [[nodiscard]] ServerTransaction* server(TransactionId id);
  ServerTransaction& add_server(std::string_view key, const Message& request, const Flow& flow, Now now);
  void erase_server(TransactionId id);
  /// True if the same request came by another way (the request has no To tag); remembers it for `t` otherwise.
  [[nodiscard]] bool merged(const Message& request);
  void remember_for_merge(ServerTransaction& t, const Message& request);
  void forget_for_merge(ServerTransaction& t);

  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  [[nodiscard]] std::size_t servers() const { return servers_.size(); }

 private:
  /// The addresses by which a client transaction is found while it waits: its peer's and where that one listens.
  template <typename Change>
  static void at_places(const ClientTransaction& t, const Change& change);
  template <typename Wanted>
  [[nodiscard]] std::vector<TransactionId> pending_where(const Endpoint& remote, const Wanted& wanted) const;
  std::string_view merge_key(const Message& request);

  TransactionEnv env_;
  std::uint64_t last_id_ = 0;
  std::string scratch_;
  std::unordered_map<std::uint64_t, ClientTransaction> clients_;
  std::unordered_map<Endpoint, std::unordered_set<std::uint64_t>> pending_;  // clients, by at_places()
  std::unordered_map<std::uint64_t, ServerTransaction> servers_;
  TextMap<std::uint64_t> client_keys_, server_keys_, merge_keys_;
};

}  // namespace segue::sip
