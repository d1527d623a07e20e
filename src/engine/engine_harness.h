// The real engine with hand-written phones on sip::Agent, joined without delay on a virtual clock. Ada has a desk phone
// and a mobile at 1001, Bob a desk phone at 1002. For tests of this folder only.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "engine/engine.h"
#include "sdp/sdp.h"
#include "sip/digest.h"

namespace segue::engine::testing {

inline constexpr AccountId kAda{1}, kBob{2};
inline constexpr DeviceId kDesk{1}, kMobile{2}, kBobDesk{3};
inline constexpr const char* kDomain = "segue.test";
inline constexpr const char* kPassword = "tea at four";

/// One phone: everything that its agent said is kept by kind.
struct Phone {
  Phone(std::string name, std::uint8_t host, sip::AgentConfig config = {})
      : user(std::move(name)), self{IpAddress::v4(192, 0, 2, host), 5060}, agent(std::move(config), Random(host)) {}
  std::string user;
  Endpoint self;
  std::optional<Endpoint> nat;  ///< where its packets seem to come from
  sip::TransportKind transport = sip::TransportKind::Udp;
  ConnectionId connection;  ///< of a stream
  sip::Agent agent;
  std::vector<sip::Message> received;  ///< every message from the server
  std::vector<sip::Flow> ways;         ///< the server's flow of each
  std::vector<sip::Output> said;
  bool gone = false;  ///< hears and says nothing
  template <typename T>
  [[nodiscard]] const T* last() const {
    for (auto it = said.rbegin(); it != said.rend(); ++it) {
      if (const auto* t = std::get_if<T>(&*it)) return t;
    }
    return nullptr;
  }
  [[nodiscard]] Endpoint seen() const { return nat.value_or(self); }
  [[nodiscard]] const sip::Message* last_request(std::string_view method) const;
  [[nodiscard]] const sip::Message* last_response(std::string_view method) const;
  [[nodiscard]] std::size_t requests(std::string_view method) const;
};

class Server : private MediaPorts {
 public:
  explicit Server(DigestOffer digest = DigestOffer::Md5, sip::AgentConfig bobs = {});

  // ---- what phones do
  sip::Message registers(Phone& p, std::string_view aor, std::vector<sip::Header> headers, std::string_view password,
                         sip::DigestAlgorithm algorithm = sip::DigestAlgorithm::Md5);
  sip::Message registers(Phone& p, std::string expires = "600");
  SessionId dials(Phone& p, std::string number, std::string sdp, std::vector<sip::Header> headers = {});
  SessionId dials(Phone& p, std::string number) { return dials(p, std::move(number), offer(p)); }
  /// Answers the INVITE that the phone got last.
  SessionId answers(Phone& p, sdp::Direction direction = sdp::Direction::SendRecv);
  SessionId answers(Phone& p, std::string sdp);
  /// A request outside of any dialog, as it is; returns the response.
  sip::Message asks(Phone& p, const sip::Message& request);
  SessionId takes(Phone& p);  ///< accept_invite() of it, without an answer yet
  void bob_and_ada_talk();
  static std::string offer(const Phone& p, sdp::Direction direction = sdp::Direction::SendRecv);
  void media(media::Message message);
  void passes(Duration time);
  void run();  ///< until nobody has anything to say
  void raw(Phone& p, std::string_view bytes);

  // ---- what was seen
  template <typename T>
  [[nodiscard]] std::vector<T> commands() const {
    std::vector<T> found;
    for (const auto& c : to_media) {
      if (const auto* t = std::get_if<T>(&c)) found.push_back(*t);
    }
    return found;
  }
  /// The phone's flow, as the server sees it.
  [[nodiscard]] sip::Flow flow_of(const Phone& p) const { return {p.transport, server_, p.seen(), p.connection}; }
  void closes(Phone& p);  ///< its connection
  [[nodiscard]] Now now() const { return {at, WallTime{at.time_since_epoch()}}; }

  [[nodiscard]] bool hears_music(LegId leg) const;
  Instant at{1000s};
  std::size_t max_ports = 100;
  bool media_full = false;  ///< the media plane refuses every command but CloseLeg
  bool has_v6 = false;      ///< a media address of that family too: 2001:db8::1
  std::set<LegId> ports;
  Engine engine;
  Phone desk{"desk", 11}, mobile{"mobile", 12}, bob;
  std::vector<media::Command> to_media;
  std::vector<call::CallRecord> records;
  std::vector<DeviceId> stored;  ///< whose bindings, in order
  std::vector<Log> logged;
  SessionId bob_session, ada_session;

 private:
  Result<Endpoint> allocate(LegId leg, bool v6) override;
  void release(LegId leg) override { ports.erase(leg); }
  bool step();
  void carry_out(Output output);
  void hear(Phone& p);
  [[nodiscard]] sip::Flow flow(const Phone& p) const { return {p.transport, p.self, server_, p.connection}; }

  Endpoint server_{IpAddress::v4(192, 0, 2, 1), 5060};
  std::uint16_t next_port_ = 20000;
};

}  // namespace segue::engine::testing
