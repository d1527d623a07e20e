// Inside of a test phone; included by phone*.cpp only. Everything in Phone::Impl but `journal` and the constants
// belongs to the rig's thread; `post` is how other threads reach it.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "phone/phone.h"
#include "phone/sockets.h"
#include "phone/talker.h"
#include "sdp/sdp.h"
#include "sip/agent.h"
#include "sip/digest.h"

namespace segue::phone {

struct Phone::Impl {
  using Post = std::function<void(std::function<void(Now)>)>;

  Impl(PhoneConfig config_in, UdpSocket sip_in, UdpSocket rtp_in, UdpSocket rtcp_in, Random random_in, Post post_in);

  // ---- by the rig
  void receive_sip(Now now);
  void receive_rtp();
  void receive_rtcp();
  void advance(Now now);  ///< timers, frames, and everything that the agent has to say
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // ---- commands, on the rig's thread
  void register_now(Duration expires, Now now);
  void call(const Endpoint& next_hop, const std::string& user, const std::string& host, Now now);
  void answer(Now now);
  void refuse(int status, Now now);
  void hang_up(Now now);
  void dial(const std::string& digits, DigitWay way);
  void set_hold(bool on, Now now);

  // ---- what the agent tells
  void drain(Now now);
  void on(const sip::SendMessage& m, Now now);
  void on(const sip::Refused&, Now) {}  // what is malformed or too much is the sender's trouble
  void on(const sip::RequestReceived& m, Now now);
  void on(const sip::ResponseReceived& m, Now now);
  void on(const sip::SessionRequest& m, Now now);
  void on(const sip::SessionProgress& m, Now now);
  void on(const sip::SessionAnswered& m, Now now);
  void on(const sip::SessionConfirmed& m, Now now);
  void on(const sip::OfferReceived& m, Now now);
  void on(const sip::OfferAnswered& m, Now now);
  void on(const sip::SessionEnded& m, Now now);

  void incoming(const sip::RequestReceived& m, Now now);
  void challenged(const sip::Message& response, Now now);
  void send_register(std::optional<std::string> authorization, Now now);
  void apply_answer(std::string_view sdp, Now now);
  void apply(const sdp::Agreed& agreed, const sdp::RemoteAudio& remote, Now now);
  void send_info_digits(Now now);
  void tell(PhoneEvent::Kind kind, Now now, int status = 0, std::string text = {});
  [[nodiscard]] sip::NameAddr contact() const;
  [[nodiscard]] sip::Flow flow_to(const Endpoint& remote) const;

  struct Registration {
    std::string call_id, from_tag;
    std::uint32_t cseq = 0;
    Duration expires{};
    TransactionId pending;
    int challenges = 0;  // of this attempt; a second one that is not stale means a wrong password
    std::optional<sip::DigestChallenge> challenge;
    std::uint32_t nonce_count = 0;
    std::optional<Instant> refresh_at;
  };
  struct Call {
    SessionId session;
    bool incoming = false;
    bool talking = false;
    bool holding = false;
    bool heard = false;
    sdp::LocalAudio local;
    std::optional<sdp::Description> offer;  // theirs, until it is answered
    std::optional<Instant> pick_up_at;
    std::optional<Talker> talker;
  };

  const PhoneConfig config;
  Journal journal;
  UdpSocket sip, rtp, rtcp;
  Random random;
  Post post;
  sip::Agent agent;
  Answering answering;
  std::shared_ptr<const Sound> sound;
  Registration registration;
  std::optional<Call> current;
  std::deque<char> info_digits;
  std::optional<Instant> next_info_at;
};

}  // namespace segue::phone
