// The signalling core: SIP agent, registrar and calls joined into one pure object. It translates: SIP sessions and SDP
// into facts about legs for call::Core; its orders into SIP and media commands; the media plane's messages into facts.
// Bytes, messages and the time in; Output out. No sockets, clocks, threads or files: `segue serve` and the simulator
// run the same object.
//
// Owner: one signalling loop. Bounded by the limits of what it holds (AgentLimits, Policy::max_calls, the port range).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "call/core.h"
#include "engine/directory.h"
#include "engine/registrar.h"
#include "media/types.h"
#include "sip/agent.h"

namespace segue::engine {

/// RTP ports are real sockets, opened by the edge at once, so that a full range is known before anything rings.
class MediaPorts {
 public:
  virtual ~MediaPorts() = default;
  /// The address to advertise for a new leg (RTCP is port + 1), of the family that its peer uses. Errors: Exhausted;
  /// Unavailable if there is no media address of that family.
  virtual Result<Endpoint> allocate(LegId leg, bool v6) = 0;
  /// The media plane has closed the leg (or it was never opened).
  virtual void release(LegId leg) = 0;
};

/// The algorithms of a challenge. A device that is set to SHA-256 is never asked for less.
enum class DigestOffer { Md5, Sha256, Both };

struct EngineConfig {
  std::string domain = "segue.local";  ///< realm, and host of our URIs
  DigestOffer digest = DigestOffer::Md5;
  call::Policy policy;
  sip::AgentConfig agent;
  RegistrarLimits registrar;
};

// ---- outputs
struct SendSip {
  sip::Flow flow;
  std::string bytes;
};
struct ToMedia {
  media::Command command;
};
struct StoreBindings {  ///< read them from registrar()
  DeviceId device;
};
struct StoreRecord {
  call::CallRecord record;
};
struct Log {
  enum class Level { Debug, Info, Warning } level = Level::Info;
  std::string text;
  /// What a peer can cause as often as it likes has a topic of its own, so that the edge can bound its lines.
  enum class Topic { Ours, Malformed, Credentials, Refused, Media, Streams, Rest } topic = Topic::Ours;
};
using Output = std::variant<SendSip, ToMedia, StoreBindings, StoreRecord, Log>;

class Engine {
 public:
  Engine(EngineConfig config, MediaPorts& ports, Random random, call::Core::FirstIds ids);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // ---- input
  void receive(std::string_view bytes, const sip::Flow& from, Now now);
  /// What a stream held when it could no longer be cut into messages; it closes after our answer (`status`) is written.
  void receive_unframed(std::string_view bytes, int status, std::string text, const sip::Flow& from, Now now);
  void flow_failed(const sip::Flow& flow, Now now);
  void connection_closed(const sip::Flow& connection, Now now);
  void on_media(const media::Message& message, Now now);
  /// The media plane could not take a command about this leg (its mailbox is full): the leg ends as overloaded.
  void media_refused(LegId leg, Now now);
  void advance(Now now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  [[nodiscard]] std::optional<Output> poll();

  // ---- requests of people (through the API)
  Result<FlipId> flip(const call::FlipAsked& asked, Now now);
  Result<void> cancel_flip(FlipId flip, Now now);
  Result<void> hang_up(CallId call, Now now);
  /// The server stops: every call ends with a Reason, and new ones get 503.
  void hang_up_all(Now now);
  /// A device's password has changed: who registered with the old one must register anew. Its calls go on.
  void drop_bindings(DeviceId device);
  /// A device or account is gone: its bindings go too.
  void forget_device(DeviceId device);

  [[nodiscard]] Directory& directory();
  [[nodiscard]] Registrar& registrar();
  [[nodiscard]] const call::Core& calls() const;
  [[nodiscard]] const sip::Agent& agent() const;
  struct Sizes {
    std::size_t legs = 0;
    call::Core::Sizes calls;
    sip::Agent::Sizes sip;
  };
  [[nodiscard]] Sizes sizes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::engine
