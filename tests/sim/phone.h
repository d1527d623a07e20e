// A fake phone: a SIP agent and, for each of its calls, an RTP source and an ear. What it does with an INVITE is told
// by the driver beforehand. It talks to the world (network, media plane) through Surroundings only.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/random.h"
#include "rtp/packet.h"
#include "sdp/sdp.h"
#include "sim/clock.h"
#include "sip/agent.h"

namespace segue::sim {

/// What a phone does with the next INVITEs.
struct Manners {
  enum class Kind { Answer, Decline, Busy, NotHere, WrongCodec, Redirect, RingOn, Vanish, Mute } kind = Kind::Answer;
  Duration after{};               ///< from the INVITE to the final response
  bool ring = true;               ///< 180 first
  std::optional<Duration> leave;  ///< hangs up so long after its answer
};

/// How a source sends.
struct Talk {
  unsigned ptime_ms = 20;
  Duration phase{}, jitter{};
  double loss = 0;
  bool dtx = false;
};

class Phone;
struct PhoneCall;

struct Surroundings {
  virtual ~Surroundings() = default;
  virtual void sip_out(Phone& from, std::string bytes) = 0;
  virtual void rtp_out(Phone& from, const Endpoint& source, const Endpoint& to, ByteView packet) = 0;
  enum class Did { Lose, FallSilent, Key };
  /// What a source did, so that what follows on its line is not the server's doing: lost a packet; has nothing to send
  /// until its next packet; sent a packet of a key.
  virtual void source_did(const PhoneCall& call, Did what) = 0;
  virtual void complain(const std::string& what) = 0;
  virtual void note(Phone& who, const std::string& what) = 0;
};

/// One call of a phone.
struct PhoneCall {
  SessionId session;
  TransactionId request;  ///< of an INVITE that rings
  bool incoming = false, answered = false, ended = false, mute = false, held = false;
  bool confirmed = false;  ///< the ACK to our 200 has come, or we sent one
  bool leaving = false;    ///< hung up; its BYE may have to wait for the ACK
  std::string dialled;
  Endpoint rtp;  ///< ours
  sdp::LocalAudio local;
  std::optional<sdp::Description> offer;
  std::optional<sdp::Agreed> agreed;
  Endpoint to;  ///< the server's port for us
  // source
  Talk talk;
  bool sending = false;
  std::uint32_t ssrc = 0, timestamp = 0;
  std::uint16_t sequence = 0;
  std::string keys;  ///< digits still to be sent as telephone events
  unsigned key_ms = 0, key_gap_ms = 0, key_ends = 0;
  bool marker = true;
  unsigned spurt_ms = 1000;
  Instant tick_at{};
  std::optional<Instant> stopped_at;
  // ear
  int hears = -1;  ///< index of the device whose level was heard last
  Instant heard_at{};
};

class Phone {
 public:
  Phone(Clock& clock, Surroundings& world, std::uint64_t seed, int index, DeviceId device, std::string user,
        Endpoint self, Endpoint server);

  void receive(std::string_view bytes);
  void hear(PhoneCall& call, ByteView packet);

  PhoneCall& dial(const std::string& number);
  void hang_up(PhoneCall& call);
  void key(PhoneCall& call, const std::string& digits, bool by_info);
  void hold(PhoneCall& call, bool held);
  [[nodiscard]] PhoneCall* talking();  ///< the call that is answered and goes on; the newest if there are several
  [[nodiscard]] std::size_t talking_count() const;
  [[nodiscard]] bool vanished() const {
    return manners.kind == Manners::Kind::Vanish && clock_.now().mono < vanish_until;
  }
  void settle();  ///< runs the agent's outputs and timers
  /// The linear level by which device `index` is told from others at the far end.
  [[nodiscard]] static int level(int index) { return 600 + 900 * index; }

  Manners manners;
  Talk talk;
  Instant vanish_until{};
  std::optional<Instant> hung_up_at;
  const int index;
  const DeviceId device;
  const std::string user;
  const Endpoint self;
  std::map<std::uint64_t, PhoneCall> calls;  ///< by port: those that have ended stay until sweep()
  std::size_t requests_in_dialog = 0;
  void sweep();
  sip::Agent agent;

 private:
  void handle(const sip::SendMessage& e);
  void handle(const sip::RequestReceived& e);
  void handle(const sip::SessionProgress&) {}
  void handle(const sip::Refused&) {}
  void handle(const sip::SessionAnswered& e);
  void handle(const sip::SessionConfirmed& e);
  void handle(const sip::OfferReceived& e);
  void handle(const sip::OfferAnswered& e);
  void handle(const sip::ResponseReceived&) {}
  void handle(const sip::SessionRequest& e);
  void handle(const sip::SessionEnded& e);
  PhoneCall& new_call();
  PhoneCall* find(SessionId session);
  void answer(std::uint64_t port);
  void finish(std::uint64_t port, int status);
  void start_source(PhoneCall& call);
  void stop_source(PhoneCall& call);
  void tick(std::uint64_t port);
  std::size_t make_packet(PhoneCall& call, MutableBytes out, unsigned& ms);
  std::size_t make_event(PhoneCall& call, MutableBytes out);
  void schedule_tick(PhoneCall& call, unsigned ms);
  void schedule_agent();
  [[nodiscard]] sip::Flow flow() const;
  [[nodiscard]] sip::NameAddr contact() const;

  Clock& clock_;
  Surroundings& world_;
  Random random_;
  const Endpoint server_;
  std::uint16_t next_port_;
  std::optional<Instant> agent_at_;
};

inline constexpr const char* kPassword = "correct horse";
inline constexpr const char* kDomain = "segue.sim";

}  // namespace segue::sim
