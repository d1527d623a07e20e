// The flip's independent observer: it reads the packets that leave on one line, as bytes with times, and the times and
// numbers of the sources' packets, and computes the report's figures from these, not from what the line meant to do. So
// a fault of the line shows. A figure that could not be measured stays absent. Bounded: kMaxTrace points, about a
// second of steps, no packets kept.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "media/step_meter.h"
#include "media/timeline.h"
#include "media/types.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace segue::media {

inline constexpr std::size_t kMaxTrace = 512;  // 400 ms before and after; three streams of 5 ms packets make 480 points

class FlipMeter {
 public:
  struct Setup {
    FlipId flip;
    LegId line;
    Codec codec = Codec::Pcmu;
    std::uint8_t payload_type = 0;
    std::optional<std::uint8_t> event_payload_type, noise_payload_type;
    std::uint32_t event_clock = 8000;
    std::uint32_t frame_ticks = 160;
    std::uint32_t longest_frame_ticks = 0;       ///< that the line has had: half of it is how late a slot may be
    std::optional<std::uint16_t> last_sequence;  ///< the highest that had left when the watch began
    std::uint32_t end = 0;                       ///< and the timestamp after it
    Duration a_phase{};                          ///< how late A was for its slot when it was placed there
    Timeline slots;  ///< when each timestamp of the line is due; the anchor dates from the line's first packet
  };
  enum class Who : std::uint8_t { A, B };
  struct Arrival {
    Who who = Who::A;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t ssrc = 0;
    std::uint32_t ticks = 160;
    Instant at{};       ///< the kernel's time of receipt
    Instant seen{};     ///< when the worker read it; what it waited before that is the machine's
    bool used = false;  ///< the packet that departs next is made of it
    bool event = false;
  };

  struct Splice {
    Instant at{};
    Instant answered_at{};  ///< B's 200; the epoch where it is not known
    std::optional<Instant> first_packet_of_b;
    bool first_on_line = false;  ///< A had anchored the timeline
    Timeline slots;              ///< as they stand by now: the sources' clocks drift while a device rings
  };

  explicit FlipMeter(Setup setup);

  /// A source's packet; call before departed() for what is made of it.
  void arrived(const Arrival& arrival);
  struct Made {  ///< of a packet that the line made itself
    Instant due{};
    bool for_key = false;  ///< it stands for a key that its source pressed
  };
  /// A packet leaves: made of the packet that arrived() was told of last, if that was used, else by the line.
  void departed(ByteView packet, const Endpoint& to, std::optional<Made> made, Instant now);
  void rtcp_departed(ByteView packet);
  /// The far party wants nothing sent (it holds): slots of that time are silent by its choice.
  void held(bool on, Instant now);
  /// The splice was made: packets of B are the line's from here on.
  void spliced(const Splice& splice);
  [[nodiscard]] FlipId flip() const { return setup_.flip; }
  [[nodiscard]] std::optional<Instant> spliced_at() const { return spliced_at_; }

  [[nodiscard]] std::shared_ptr<const SpliceMeasurement> finish(Instant now);

 private:
  struct Source {  // what has come from one of the two
    bool any = false;
    std::uint16_t highest = 0;
    std::uint32_t end = 0;  // timestamp after the highest packet
    std::uint32_t ssrc = 0;
    Instant last{}, last_used{};
    int unused = 0;        // packets since the last that was sent on
    Duration phase_sum{};  // of arrivals against the line's slots
    int phase_count = 0;
    [[nodiscard]] Duration mean_phase() const { return phase_count > 0 ? phase_sum / phase_count : Duration{}; }
  };
  /// How a packet stands to what its source sent before it.
  struct Step {
    Arrival arrival;
    bool first = false;      // nothing was seen of the source before it
    int sequence = 1;        // ahead of the source's highest before
    std::int32_t pause = 0;  // ticks that the source left out, beyond its losses
    Instant last_of_a{};     // when A's packet that was last sent on had come
    int unused_of_a = 0;     // how many have come since and were not
  };
  struct Point {
    TracePoint::Kind kind = TracePoint::Kind::ToFar;
    Instant at{};
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    bool used = true;
    Duration pause{};              // ToFar: silence by choice before it
    Duration lost{};               // ToFar: what its sources had lost before it
    Duration wait{};               // ToFar: until it was read here
    Duration held{};               // ToFar: from then until it left
    std::optional<Who> cadence{};  // ToFar: audio of this source
  };

  void identity(const rtp::PacketView& packet, const Endpoint& to);
  void order(const rtp::PacketView& packet, std::int32_t ahead, std::int32_t hole, bool switched, Point& point,
             Instant now);
  void holes(std::int32_t extra, bool switched, Point& point, Instant now);
  [[nodiscard]] std::int32_t slots_overdue(Instant now) const;
  void sound(const rtp::PacketView& packet, std::int32_t ahead, std::int32_t hole, bool switched);
  void lateness(const rtp::PacketView& packet, const Point& point, bool switched, Instant now);
  void heard(std::int32_t ahead, std::int32_t hole, const Point& point, Instant now);
  void add(const Point& point);
  [[nodiscard]] std::vector<Point> points() const;
  void report_gaps(const std::vector<Point>& points, Instant middle);
  [[nodiscard]] Instant even(const Point& point) const;
  void report_lateness(const std::vector<Point>& points);
  [[nodiscard]] double ticks_ms(std::uint32_t ticks) const;
  [[nodiscard]] std::uint32_t duration(const rtp::PacketView& packet) const;
  [[nodiscard]] bool audio(const rtp::PacketView& packet) const { return packet.payload_type == setup_.payload_type; }
  [[nodiscard]] std::int32_t frame() const { return static_cast<std::int32_t>(frame_); }

  Setup setup_;
  SpliceMeasurement m_;
  std::optional<StepMeter> steps_;
  std::array<Source, 2> sources_{};
  std::optional<Step> pending_;  // the source packet that the next departure is made of
  int undelivered_ = 0;          // source packets that were to leave and did not
  bool any_ = false;
  std::uint16_t highest_ = 0;
  std::uint32_t end_ = 0;        // timestamp after all that has left
  std::uint32_t heard_end_ = 0;  // the same, of audio made of A's or B's
  std::uint32_t frame_;          // of the last audio packet
  std::int64_t silent_ticks_ = 0;
  std::optional<Instant> held_since_;
  Duration held_{};  // since the last packet
  std::optional<Instant> spliced_at_, answered_at_, first_of_b_;
  bool b_heard_ = false, a_was_active_ = false;
  Duration wait_max_{}, held_max_{};
  Duration b_phase_{};                                    // of B's first packet: the slot was chosen by it
  std::optional<std::uint32_t> b_first_timestamp_;        // B's own, of its first packet
  std::optional<Duration> made_late_max_, made_own_max_;  // of packets that the line made itself
  std::optional<rtp::SenderInfo> last_report_;
  std::vector<Point> before_, after_;
  std::size_t before_next_ = 0;
};

}  // namespace segue::media
