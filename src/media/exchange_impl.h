// The inside of Exchange, shared by its source files: the legs of one worker in fixed slots, and what each wants next.
// A leg's packets go to the lines that listen to it; the list is short (kMaxListeners) and cleaned when it is next
// used.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "media/deadlines.h"
#include "media/digit_gate.h"
#include "media/exchange.h"
#include "media/flip_meter.h"
#include "media/latch.h"
#include "media/line.h"
#include "media/receiver.h"
#include "rtp/telephone_event.h"

namespace segue::media {

inline constexpr std::size_t kMaxListeners = 8;   // A, B, a recorder and a spare, each twice while sources change
inline constexpr int kRtcpSilence = 3;            // intervals without RTCP from its source: it may come from another
inline constexpr Duration kEventTimeout = 1s;     // a telephone event without packets for so long is over
inline constexpr Duration kEventRetry = 20ms;     // how often a splice that waits for an event's end looks again
inline constexpr unsigned kUnknownDigitMs = 100;  // of a key whose end has not been seen

/// One packet proves B, one may be spent on finding a free slot (the promise: heard within two frames).
inline constexpr int kMaxPostponed = 1;

struct Armed {
  LegId to;
  FlipId flip;
  Instant answered_at{};
  bool proof_by_answer = false;
  bool proven = false;
  int postponed = 0;  ///< packets let go because the old source was late with its own
  std::optional<Instant> first_packet;
  std::optional<Instant> retry_at;        ///< proof by answer: an event was on the line
  std::optional<std::uint16_t> sequence;  // of the last packet looked at
  std::uint32_t ssrc = 0;
};

/// The telephone event that a leg is sending us.
struct IncomingEvent {
  bool active = false, ended = false;
  bool direct = false;  ///< its packets pass through; otherwise they are withheld
  bool replay = false;  ///< it passes, but must be made anew when it has ended
  char key = 0;
  std::uint32_t ssrc = 0, timestamp = 0;
  std::uint16_t duration = 0;
  Instant last{};
};

struct Leg {
  Leg(const OpenLeg& opened, const ClipLibrary& clips, const ExchangeConfig& config, const Now& now)
      : id(opened.leg),
        cname(opened.cname),
        line(opened, clips),
        gate(config.code_wait),
        wall_offset(now.wall.time_since_epoch() - now.mono.time_since_epoch()) {}

  LegId id;
  std::uint32_t slot = 0;
  std::string cname;
  LegFormat format;
  LegAddress address;
  bool has_remote = false, send = true, receive = true;
  Latch latch;
  std::optional<Endpoint> to;         // where RTP goes now
  std::optional<Endpoint> rtcp_from;  // where RTCP has come from, last at rtcp_last
  std::uint32_t rtcp_ssrc = 0;
  Instant rtcp_last{};
  std::uint32_t reports = 0;  // that we have sent

  Line line;
  std::optional<Armed> armed;      // of this leg's line
  std::optional<FlipMeter> meter;  // of this leg's line
  DigitGate gate;
  IncomingEvent event;
  Receiver receiver;
  std::uint32_t usual_ticks = 0;  ///< of its last audio packet
  std::array<std::uint32_t, kMaxListeners> listeners{};
  std::size_t listener_count = 0;

  bool alive_told = false, dead_told = false, malformed_told = false, stranger_told = false;
  Instant last_packet{};
  std::optional<Instant> dead_check, next_rtcp, scheduled;
  Duration wall_offset;  // one wall clock for the leg's life: NTP times do not jump when the machine's clock is set
  Bytes last_rtcp;       // what was sent last, for a meter that begins between two reports
  LegClosed totals;
};

struct Exchange::Impl {
  Impl(ExchangeConfig configuration, std::shared_ptr<const ClipLibrary> library)
      : config(configuration), clips(std::move(library)), deadlines(kMaxLegs), slots(kMaxLegs) {
    for (std::uint32_t i = kMaxLegs; i > 0; --i) free.push_back(i - 1);
  }

  // exchange.cpp: commands
  void open(const OpenLeg& c, Now now, Sink& sink);
  void set_remote(const SetRemote& c, Now now);
  void set_source(const SetSource& c, Now now);
  void watch(const WatchLine& c, Now now, Sink& sink);
  void arm(const ArmSplice& c, Now now, Sink& sink);
  void disarm(const DisarmSplice& c, Sink& sink);
  void unwatch(const UnwatchLine& c, Now now, Sink& sink);
  void close(LegId id, Now now, Sink& sink);
  // exchange_packets.cpp
  void rtp(Leg& leg, const Endpoint& from, ByteView datagram, Instant arrived, Now now, Sink& sink);
  void refuse_malformed(Leg& leg, const Endpoint& from, Sink& sink);
  void refuse_stranger(Leg& leg, const Endpoint& from, Sink& sink);
  void fan_out(Leg& leg, const SourcePacket& in, bool skip, Now now, Sink& sink);
  void to_line(Leg& leg, const SourcePacket& in, bool skip, Now now, Sink& sink);
  bool consider_splice(Leg& leg, const SourcePacket& in, Now now, Sink& sink);
  void fire_splice(Leg& leg, const SourcePacket* in, Now now, Sink& sink);
  void depart(Leg& leg, ByteView packet, std::optional<FlipMeter::Made> made, Now now, Sink& sink);
  void pace(Leg& leg, Now now, Sink& sink);
  // exchange_digits.cpp
  void event_packet(Leg& leg, const SourcePacket& in, Now now, Sink& sink);
  void begin_event(Leg& leg, const SourcePacket& in, const rtp::TelephoneEvent& event, Now now, Sink& sink);
  void end_event(Leg& leg, Now now, Sink& sink);
  void inject(const InjectDigit& c, Now now, Sink& sink);
  void apply(Leg& leg, const DigitGate::Outcome& outcome, Now now, Sink& sink);
  template <typename F>
  void each_line(Leg& leg, F&& f) {
    for (std::size_t i = 0; i < leg.listener_count; ++i) {
      Leg* other = slots_at(leg.listeners[i]);
      if (other != nullptr && other->line.source_leg() == leg.id) f(*other);
    }
  }
  // exchange_rtcp.cpp
  void rtcp(Leg& leg, const Endpoint& from, ByteView datagram, Now now, Sink& sink);
  [[nodiscard]] bool admit_rtcp(Leg& leg, const Endpoint& from, std::uint32_t ssrc, Now now) const;
  void send_rtcp(Leg& leg, bool bye, Now now, Sink& sink);
  [[nodiscard]] Duration rtcp_wait(const Leg& leg) const;
  // exchange.cpp: house-keeping
  [[nodiscard]] Leg* find(LegId id);
  [[nodiscard]] Leg* slots_at(std::uint32_t slot) { return slots[slot].get(); }
  bool listen(LegId source, const Leg& line);
  [[nodiscard]] bool listens(const Leg& line, LegId source) const;
  void refresh_address(Leg& leg, Now now);
  void finish_meter(Leg& leg, Now now, Sink& sink);
  void touch(Leg& leg);
  void due(Leg& leg, Now now, Sink& sink);

  ExchangeConfig config;
  std::shared_ptr<const ClipLibrary> clips;
  Deadlines deadlines;
  std::vector<std::unique_ptr<Leg>> slots;
  std::vector<std::uint32_t> free;
  std::unordered_map<std::uint64_t, std::uint32_t> by_id;
  Scratch scratch{};
};

}  // namespace segue::media
