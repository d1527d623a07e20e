// A network of sip::Agents on virtual time for the tests: every message takes `latency`, `lose` decides which never
// arrive, all that was sent is kept in `log`. A Peer is a hand-written party at an address of its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "sip/agent.h"
#include "sip/dialog.h"

namespace segue::sip::testing {

inline constexpr std::string_view kOffer =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
inline constexpr std::string_view kAnswer =
    "v=0\r\no=- 7 7 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";
inline constexpr std::string_view kHold =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";

inline Endpoint at(std::string_view text) { return *Endpoint::parse(text); }
inline NameAddr name_addr(std::string_view text) { return *NameAddr::parse(text); }

using Names = std::vector<std::string>;  ///< of messages, as Net::sent_by() gives them

struct Sent {
  Instant at;
  Flow flow;  ///< as the sender sees it
  Message m;
  std::string bytes;
  bool refresh = false;
};

struct Node {
  Node(AgentConfig config, std::uint64_t seed, Endpoint where)
      : agent(std::move(config), Random(seed)), address(where) {}
  Agent agent;
  Endpoint address;
  std::list<Output> events;

  /// Removes and returns the first event of this type.
  template <typename T>
  std::optional<T> take() {
    for (auto it = events.begin(); it != events.end(); ++it) {
      if (!std::holds_alternative<T>(*it)) continue;
      T found = std::move(std::get<T>(*it));
      events.erase(it);
      return found;
    }
    return std::nullopt;
  }
  template <typename T>
  T expect() {
    auto found = take<T>();
    EXPECT_TRUE(found.has_value()) << "the expected event is missing";
    return found ? std::move(*found) : T{};
  }
  template <typename T>
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<T>(e);
    return n;
  }
};

class Net {
 public:
  Duration latency = 10ms;
  TransportKind transport = TransportKind::Udp;
  std::function<bool(const Sent&)> lose = [](const Sent&) { return false; };
  std::vector<Sent> log;
  bool hostile = false;  ///< damaged messages are injected
  Now now{Instant{} + 1000s, WallTime{}};

  Node& add(std::string_view address, AgentConfig config = {}) {
    nodes_.emplace_back(std::move(config), nodes_.size() + 1, at(address));
    return nodes_.back();
  }

  [[nodiscard]] Flow flow(const Node& from, std::string_view to) const {
    return Flow{transport, from.address, at(to), ConnectionId{reliable(transport) ? 1U : 0U}};
  }

  /// A hand-written message, as if it came from that address.
  void inject(std::string_view from, Node& to, const std::string& bytes) {
    to.agent.receive(bytes, Flow{transport, to.address, at(from), ConnectionId{reliable(transport) ? 1U : 0U}}, now);
    collect();
  }

  void run_for(Duration d) {
    const Instant end = now.mono + d;
    collect();
    for (;;) {
      std::optional<Instant> next;
      if (!in_flight_.empty()) next = in_flight_.begin()->first;
      for (const auto& n : nodes_) next = earlier(next, n.agent.next_deadline());
      if (!next || *next > end) break;
      advance_to(*next);
    }
    advance_to(end);
  }
  /// Long enough for a dozen messages, short enough for no retransmission.
  void settle() { run_for(200ms); }

  /// What this node sent: "INVITE", "200 INVITE", "ACK" ...
  [[nodiscard]] std::vector<std::string> sent_by(const Node& n) const {
    std::vector<std::string> names;
    for (const auto& s : log) {
      if (s.flow.local == n.address) names.push_back(name_of(s.m));
    }
    return names;
  }
  [[nodiscard]] std::size_t count(const Node& n, std::string_view name) const {
    const auto names = sent_by(n);
    return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
  }
  /// The last message of this name that the node sent.
  [[nodiscard]] Message last(const Node& n, std::string_view name) const {
    for (auto it = log.rbegin(); it != log.rend(); ++it) {
      if (it->flow.local == n.address && name_of(it->m) == name) return it->m;
    }
    ADD_FAILURE() << "no " << name << " was sent";
    return {};
  }
  [[nodiscard]] std::vector<Duration> times(const Node& n, std::string_view name) const {
    std::vector<Duration> list;
    std::optional<Instant> first;
    for (const auto& s : log) {
      if (s.flow.local != n.address || name_of(s.m) != name) continue;
      if (!first) first = s.at;
      list.push_back(s.at - *first);
    }
    return list;
  }
  [[nodiscard]] static std::string name_of(const Message& m) {
    return m.is_request ? m.method : std::to_string(m.status) + " " + m.method;
  }
  void collect() {
    for (auto& n : nodes_) {
      while (auto output = n.agent.poll()) {
        if (auto* send = std::get_if<SendMessage>(&*output)) {
          transmit(std::move(*send));
        } else {
          n.events.push_back(std::move(*output));
        }
      }
    }
  }

 private:
  void transmit(SendMessage send) {
    auto parsed = parse_message(send.bytes);
    // The refusal of a damaged message repeats its damage.
    const bool refusal = send.bytes.starts_with("SIP/2.0 400 ") || send.bytes.starts_with("SIP/2.0 505 ");
    if (!parsed && hostile && refusal) return;
    ASSERT_TRUE(parsed.has_value()) << send.bytes;
    log.push_back(Sent{now.mono, send.flow, std::move(*parsed), send.bytes, send.refresh});
    if (!lose(log.back())) in_flight_.emplace(now.mono + latency, std::move(send));
  }
  void advance_to(Instant t) {
    now.wall += t - now.mono;
    now.mono = t;
    while (!in_flight_.empty() && in_flight_.begin()->first <= t) {
      SendMessage arrived = std::move(in_flight_.begin()->second);
      in_flight_.erase(in_flight_.begin());
      deliver(arrived);
    }
    for (auto& n : nodes_) n.agent.advance(now);
    collect();
  }
  void deliver(const SendMessage& arrived) {
    for (auto& n : nodes_) {
      if (n.address != arrived.flow.remote) continue;
      Flow seen = arrived.flow;
      std::swap(seen.local, seen.remote);
      n.agent.receive(arrived.bytes, seen, now);
    }
    collect();
  }

  std::list<Node> nodes_;
  std::multimap<Instant, SendMessage> in_flight_;
};

/// Alice calls Bob.
struct TwoParties {
  static constexpr std::string_view kAlice = "192.0.2.1:5060", kBob = "192.0.2.2:5060";
  explicit TwoParties(AgentConfig alice_config = {}, AgentConfig bob_config = {})
      : alice(net.add(kAlice, std::move(alice_config))), bob(net.add(kBob, std::move(bob_config))) {}

  Net net;
  Node& alice;
  Node& bob;
  SessionId a, b;

  [[nodiscard]] InviteOptions options() const {
    InviteOptions o;
    o.flow = net.flow(alice, kBob);
    o.request_uri = *Uri::parse("sip:bob@192.0.2.2");
    o.from = name_addr("\"Alice\" <sip:alice@example.com>");
    o.to = name_addr("<sip:bob@example.com>");
    o.contact = name_addr("<sip:alice@192.0.2.1:5060>");
    o.sdp = kOffer;
    return o;
  }
  void invite() { a = alice.agent.invite(options(), net.now); }
  void accept() {
    b = bob.agent.accept_invite(bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2:5060>"),
                                net.now);
  }
  void ring() { bob.agent.ring(b, 180, {}, {}, net.now); }
  void answer() { bob.agent.answer(b, std::string(kAnswer), {}, net.now); }
  void until_ringing() {
    invite();
    net.settle();
    accept();
    ring();
    net.settle();
  }
  /// A call that both know to be up.
  void talk() {
    until_ringing();
    answer();
    net.settle();
    alice.expect<SessionProgress>();
    alice.expect<SessionAnswered>();
    bob.expect<SessionConfirmed>();
  }
  /// After a time in which every timer ends nothing may be left.
  void expect_clean() {
    net.run_for(200s);
    for (Node* n : {&alice, &bob}) {
      const auto sizes = n->agent.sizes();
      EXPECT_EQ(sizes.client_transactions, 0U);
      EXPECT_EQ(sizes.server_transactions, 0U);
      EXPECT_EQ(sizes.sessions, 0U);
      EXPECT_EQ(sizes.timers, 0U);
    }
  }
};

/// A party written by hand: it says exactly what a test wants, right or wrong.
struct Peer {
  std::string address = "192.0.2.9:5060";
  std::string call_id = "peer-call";
  std::string from = "<sip:peer@example.com>;tag=peer";
  std::string to = "<sip:bob@example.com>";

  [[nodiscard]] Message request(std::string_view method, int cseq, std::string_view branch,
                                std::string sdp = {}) const {
    Message m;
    m.method = method;
    m.request_uri = *Uri::parse("sip:bob@192.0.2.2");
    m.add("Via", "SIP/2.0/UDP " + address + ";rport;branch=z9hG4bK" + std::string(branch));
    m.add("Max-Forwards", "70");
    m.add("From", from);
    m.add("To", to);
    m.add("Call-ID", call_id);
    m.add("CSeq", std::to_string(cseq) + " " + std::string(method));
    m.add("Contact", "<sip:peer@" + address + ">");
    if (!sdp.empty()) m.add("Content-Type", "application/sdp");
    m.body = std::move(sdp);
    return m;
  }
  [[nodiscard]] Message response(const Message& to_request, int status, std::string_view tag,
                                 std::string sdp = {}) const {
    Message m = make_response(to_request, status, tag);
    if (status > 100) m.add("Contact", "<sip:peer@" + address + ">");
    if (!sdp.empty()) m.add("Content-Type", "application/sdp");
    m.body = std::move(sdp);
    return m;
  }
};

/// A hand-written peer and one agent, which calls it or is called by it.
struct PeerAndAgent {
  explicit PeerAndAgent(AgentConfig config = {}, TransportKind transport = TransportKind::Udp)
      : bob(net.add("192.0.2.2:5060", std::move(config))) {
    net.transport = transport;
  }
  Net net;
  Node& bob;
  Peer peer;
  SessionId s;

  void says(const Message& m) { net.inject(peer.address, bob, m.to_string()); }
  void says_from(std::string_view address, const Message& m) { net.inject(address, bob, m.to_string()); }
  void responds(int status, std::string_view tag, std::string sdp = {}, std::string_view to = "INVITE") {
    says(peer.response(net.last(bob, to), status, tag, std::move(sdp)));
  }
  [[nodiscard]] InviteOptions options() const {
    InviteOptions o;
    o.flow = net.flow(bob, peer.address);
    o.request_uri = *Uri::parse("sip:peer@192.0.2.9");
    o.from = name_addr("<sip:bob@example.com>");
    o.to = name_addr("<sip:peer@example.com>");
    o.contact = name_addr("<sip:bob@192.0.2.2:5060>");
    o.sdp = kOffer;
    return o;
  }
  void invite() {
    s = bob.agent.invite(options(), net.now);
    net.collect();
  }
  /// The peer's INVITE arrives and is accepted; its dialog is `peer` from now on.
  void called(std::string sdp = std::string(kOffer)) {
    says(peer.request("INVITE", 1, "invite", std::move(sdp)));
    s = bob.agent.accept_invite(bob.expect<RequestReceived>().transaction, name_addr("<sip:bob@192.0.2.2:5060>"),
                                net.now);
    net.collect();
  }
  void answer() {
    bob.agent.answer(s, std::string(kAnswer), {}, net.now);
    net.collect();
    peer.to = net.last(bob, "200 INVITE").get("To");
  }
  void ack(int cseq = 1, std::string sdp = {}) {
    says(peer.request("ACK", cseq, "ack" + std::to_string(cseq), std::move(sdp)));
  }
  void talk() {
    called();
    answer();
    ack();
    bob.expect<SessionConfirmed>();
    net.log.clear();
  }
  void expect_clean() {
    net.run_for(200s);
    const auto sizes = bob.agent.sizes();
    EXPECT_EQ(sizes.client_transactions, 0U);
    EXPECT_EQ(sizes.server_transactions, 0U);
    EXPECT_EQ(sizes.sessions, 0U);
    EXPECT_EQ(sizes.timers, 0U);
  }
};

}  // namespace segue::sip::testing
