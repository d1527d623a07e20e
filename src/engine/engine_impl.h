// Inside of engine::Engine. Split by direction: requests.cpp (SIP requests outside of dialogs), reach.cpp (phones that
// do not answer), sessions.cpp (what happens in SIP sessions, as facts for the calls), orders.cpp (what the calls
// order, as SIP and media commands). Private to this folder.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "engine/engine.h"
#include "sdp/sdp.h"
#include "sip/digest.h"

namespace segue::engine {

/// One SIP dialog and its media, as the engine sees it. Lives from the INVITE until both session and media are closed.
struct Leg {
  LegId id;
  SessionId session;
  DeviceId device;
  sip::Flow flow;
  bool incoming = false;
  bool answered = false;
  bool released = false;  ///< the domain has let it go
  bool media_open = false;
  std::string call_id;                    ///< to count what is sent to it
  std::optional<sdp::Description> offer;  ///< of an incoming leg; nullopt: delayed offer
  sdp::LocalAudio local;                  ///< ours in force
  std::optional<sdp::Agreed> agreed;
  Endpoint rtp;                ///< ours
  bool ours_is_offer = false;  ///< the answer is still to come (delayed offer: in the ACK)
  TransactionId probe;         ///< OPTIONS after silence, while it is not answered
};

struct Watch {  ///< SIP towards the far party of a flip
  LegId far;
  unsigned requests = 0;
};

struct AskedAfter {  ///< OPTIONS to a binding that had not answered an INVITE
  DeviceId device;
  sip::Flow flow;
  Instant expires{};  ///< of the binding then: a REGISTER since has shown that the phone lives
};

struct Engine::Impl {
  Impl(EngineConfig c, MediaPorts& p, Random r, call::Core::FirstIds ids)
      : config(std::move(c)),
        ports(p),
        random(r),
        registrar(config.registrar),
        directory(registrar),
        core(directory, config.policy, ids),
        agent(config.agent, Random(random.u64())),
        digest(config.domain, Random(random.u64())) {
    directory.ask_for_flows([this](LegId id) {
      const Leg* leg = find(id);
      return leg == nullptr ? nullptr : &leg->flow;
    });
  }

  EngineConfig config;
  MediaPorts& ports;
  Random random;
  Registrar registrar;
  Directory directory;
  call::Core core;
  sip::Agent agent;
  sip::DigestServer digest;
  std::unordered_map<LegId, Leg> legs;
  std::unordered_map<SessionId, LegId> leg_of;
  std::unordered_map<TransactionId, LegId> probes;
  std::unordered_map<TransactionId, AskedAfter> asked_after;
  std::unordered_map<FlipId, Watch> watches;
  std::deque<Output> outputs;
  bool stopping = false;  ///< no new calls

  void pump(Now now);
  void out(Output o) { outputs.push_back(std::move(o)); }
  void log(Log::Level level, std::string text, Log::Topic topic = Log::Topic::Ours) {
    out(Log{level, std::move(text), topic});
  }
  [[nodiscard]] Leg* find(LegId id);
  [[nodiscard]] Leg* find(SessionId id);
  void drop_if_over(LegId id);
  void count_for_watches(std::string_view bytes);

  // ---- requests.cpp
  void handle(const sip::RequestReceived& e, Now now);
  void handle_register(const sip::RequestReceived& e, Now now);
  void handle_invite(const sip::RequestReceived& e, Now now);
  [[nodiscard]] const call::Device* authenticate(const sip::RequestReceived& e, Now now);
  [[nodiscard]] bool sha256_only(const call::Device* device) const;
  void challenge(const sip::RequestReceived& e, const call::Device* device, bool stale, Now now);

  // ---- reach.cpp
  void ask_after(DeviceId device, const sip::Flow& flow, Now now);
  [[nodiscard]] bool heard_after(const sip::ResponseReceived& e);

  // ---- sessions.cpp
  void handle(sip::SendMessage& e, Now now);
  void handle(const sip::ResponseReceived& e, Now now);
  void handle(const sip::SessionRequest& e, Now now);
  void handle(const sip::SessionProgress& e, Now now);
  void handle(const sip::SessionAnswered& e, Now now);
  void handle(const sip::SessionConfirmed& e, Now now);
  void handle(const sip::OfferReceived& e, Now now);
  void handle(const sip::OfferAnswered& e, Now now);
  void handle(const sip::SessionEnded& e, Now now);
  void handle(const sip::Refused& e, Now now);
  void handle_info(const Leg& leg, const sip::SessionRequest& e, Now now);
  void apply_remote(Leg& leg, const sdp::RemoteAudio& remote);
  [[nodiscard]] bool apply_answer(Leg& leg, std::string_view sdp);
  void tell_hold(const Leg& leg, Now now);  ///< what the SDP in force says

  // ---- orders.cpp
  void carry_out(const call::RingLeg& o, Now now);
  void carry_out(const call::ShowRinging& o, Now now);
  void carry_out(const call::AnswerLeg& o, Now now);
  void carry_out(const call::ReleaseLeg& o, Now now);
  void carry_out(const call::SetAudio& o, Now now);
  void carry_out(const call::ReadDigits& o, Now now);
  void carry_out(const call::WatchFlip& o, Now now);
  void carry_out(const call::ArmSplice& o, Now now);
  void carry_out(const call::DisarmSplice& o, Now now);
  void carry_out(const call::UnwatchFlip& o, Now now);
  void carry_out(const call::CallChanged& o, Now now);
  void carry_out(call::CallOver& o, Now now);
  void reject_offer(const Leg& leg, int status, std::string_view why, Now now);
  void open_media(Leg& leg);
  void close_media(Leg& leg);
  [[nodiscard]] std::string local_answer(Leg& leg, const std::vector<Codec>& allowed);

  // ---- media.cpp
  void hear(const media::SpliceProven& m, Now now);
  void hear(const media::Spliced& m, Now now);
  void hear(const media::SpliceDisarmed& m, Now now);
  void hear(const media::SpliceMeasured& m, Now now);
  void hear(const media::CodeDialled& m, Now now);
  void hear(const media::MediaDead& m, Now now);
  void hear(const media::MediaAlive& m, Now now);
  void hear(const media::PacketsRefused& m, Now now);
  void hear(const media::LegClosed& m, Now now);

  [[nodiscard]] sip::NameAddr our_contact(const sip::Flow& flow) const;
};

/// A SIP final response as a typed cause.
[[nodiscard]] call::Cause cause_of(int status);

}  // namespace segue::engine
