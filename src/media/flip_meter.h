// The flip's independent observer: it reads the packets that leave on one line, as bytes with times, and the times and
// numbers of the sources' packets, and computes the report's figures from these, not from what the line meant to do. So
// a fault of the line shows. A figure that could not be measured stays absent. Bounded: kMaxTrace points, about a
// second of steps, no packets kept.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "media/timeline.h"
#include "media/types.h"
#include "rtp/packet.h"

namespace segue::media {

inline constexpr std::size_t kMaxTrace =
    512;  // 400 ms before and after, three streams at 20 ms are 120; 5 ms packets fit

class FlipMeter {
 public:
  struct Setup {
    FlipId flip;
    LegId line;
    Codec codec = Codec::Pcmu;
    std::uint8_t payload_type = 0;
    std::optional<std::uint8_t> event_payload_type, noise_payload_type;
    std::uint32_t frame_ticks = 160;
    Timeline slots;  ///< when each timestamp of the line is due; the anchor dates from the line's first packet
  };
  enum class Who : std::uint8_t { A, B };
  struct Arrival {
    Who who = Who::A;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t ssrc = 0;
    std::uint32_t ticks = 160;
    Instant at{};
    bool used = false;  ///< the packet that departs next is made of it
    bool event = false;
  };

  explicit FlipMeter(Setup setup);

  /// A source's packet; call before departed() for what is made of it.
  void arrived(const Arrival& arrival);
  void departed(ByteView packet, const Endpoint& to, std::optional<Instant> arrived, Instant now);
  void rtcp_departed(ByteView packet);
  /// The splice was made: packets of `B` are the line's from here on.
  void spliced(Instant at, Instant answered_at, std::optional<Instant> first_packet_of_b);
  [[nodiscard]] FlipId flip() const { return setup_.flip; }
  [[nodiscard]] std::optional<Instant> spliced_at() const { return spliced_at_; }

  [[nodiscard]] std::shared_ptr<const SpliceMeasurement> finish(Instant now);

 private:
  struct Source {  // what has come from one of the two
    bool any = false, any_used = false;
    std::uint16_t highest = 0;
    std::uint32_t end = 0;  // timestamp after the last packet
    std::uint32_t ssrc = 0;
    Instant last{};
    std::uint16_t last_used = 0;
    double phase_sum = 0;
    std::uint32_t phase_count = 0;
  };
  struct Point {
    TracePoint::Kind kind;
    Instant at;
    std::uint16_t sequence;
    std::uint32_t timestamp;
    bool used;
  };

  Setup setup_;
  SpliceMeasurement m_;
  std::optional<Instant> spliced_at_;
  std::vector<Point> points_;
};

}  // namespace segue::media
