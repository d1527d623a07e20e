// The promise, checked on every packet that leaves on a line (design.md section 1): one SSRC, one address, agreed
// payload types, an unbroken sequence, timestamps on slots, lateness and gaps in bounds, nobody's audio but the
// source's, and all of that. It knows what the line is to carry and what the sources really did (told by the world),
// not what the server meant to do. The only excuses are a source's own: a packet that it lost stands for one number and
// one slot; while it is silent (paused, stopped, not begun) there is nothing to send. Both end with its next packet.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "rtp/packet.h"

namespace segue::sim {

/// What a source has done since its packet that last reached the server.
struct Doings {
  unsigned lost = 0;  ///< packets
  bool silent = true;
  Instant keys_until{};  ///< keys that it has pressed are on the line until then, or noise in their time
};

/// What an excuse was used for; of one line or one flip, as bits.
enum Excuse : unsigned { kNumbers = 1, kSlots = 2, kGap = 4, kLate = 8, kNoise = 16, kSlowProof = 32 };

class LineCheck {
 public:
  struct Terms {
    Duration frame{20ms};  ///< the longest packet time in this world
    Duration jitter{};     ///< the largest of any source
  };
  using Complain = std::function<void(const std::string&)>;

  LineCheck(Terms terms, Complain complain) : terms_(terms), complain_(std::move(complain)) {}

  // ---- what the line is to do
  /// From here on it carries `leg` (0: nobody, or what the server plays itself).
  void source(LegId leg, const Doings& doings);
  void sending(bool sending, Instant at);
  /// Its leg is being released: nobody listens any more, and only the identity and the order of what leaves count.
  void retire(bool retired) { retired_ = retired; }
  // ---- what its source does
  void lost();
  void fell_silent() { doings_.silent = true; }
  void key(Instant until) { doings_.keys_until = std::max(doings_.keys_until, until); }
  /// A packet of the source has reached the server, and nothing left for it.
  void unsent(const rtp::PacketView& in, Instant at);
  // ---- what leaves
  /// `of`: whose audio it is, 0 if the server's own; `in`: that source's last packet; `doings`: since that packet.
  void packet(ByteView bytes, const Endpoint& to, Instant at, LegId of, const rtp::PacketView& in,
              const Doings& doings);

  [[nodiscard]] LegId carries() const { return source_; }
  /// Excuses used since the last call: a flip's report must agree with them.
  unsigned take_excuses() { return std::exchange(excuses_, 0); }
  [[nodiscard]] unsigned excuses() const { return excuses_; }
  double worst_late_ms = 0, worst_gap_ms = 0;
  std::uint64_t strict = 0, excused = 0;  ///< packets that kept every bound, and those that an excuse let pass

 private:
  struct Out {
    rtp::PacketView view;
    Instant at{};
    LegId of;
    const rtp::PacketView& in;
    bool audio = false;
    std::uint32_t ticks = 0;
  };
  void identity(const Out& out, const Endpoint& to);
  void sequence(const Out& out);
  void slot(const Out& out);
  void lateness(const Out& out);
  void gap(const Out& out);
  void who(const Out& out);
  void remember(const Out& out, const Doings& doings);
  [[nodiscard]] bool follows_own(const Out& out) const;
  void excuse_or(bool excuse, Excuse kind, const std::string& what);
  [[nodiscard]] int ticks(Duration d) const { return static_cast<int>(d / std::chrono::microseconds(125)); }

  Terms terms_;
  Complain complain_;
  // what it is to do
  LegId source_;
  bool sending_ = true, retired_ = false;
  Doings doings_;          // of the source, and before its first packet of the last one too
  unsigned own_lost_ = 0;  // by the present source alone
  Instant resumed_{};
  // what has left
  bool any_ = false, excuse_used_ = false;
  unsigned excuses_ = 0;
  std::uint32_t ssrc_ = 0, first_timestamp_ = 0;
  std::uint32_t end_ = 0;       // of what has left
  std::uint32_t end_most_ = 0;  // the same, with the slots in which an event's end was said again
  std::uint16_t sequence_ = 0;
  Endpoint to_;
  Instant first_at_{}, last_at_{};
  std::uint8_t audio_type_ = 0xFF;
  bool event_last_ = false;  // the last packet was a telephone event's
  std::uint32_t event_ = 0;  // its timestamp
  Instant event_at_{};       // and when its first packet left
  LegId last_of_;            // whose audio left last; 0: the server's own, or an event
  bool heard_ = false;       // the source has been heard since it is the source
  bool exact_ = false;       // last_in_ is the packet that the last one was made of
  rtp::PacketView last_in_;  // its header; the payload is gone
  std::uint32_t last_in_end_ = 0;
  Duration unsent_{};  // audio of a source that is not yet heard
};

}  // namespace segue::sim
