// A far party's capture made by hand for the tests of its check: eight seconds of a clean call in which A's voice is
// spliced to B's at five seconds, and every part of it open to doctoring before capture() puts it together. Sequence
// and timestamp wrap on the way.
#pragma once

#include <string>
#include <vector>

#include "phone/far_check.h"
#include "phone/sound.h"

namespace segue::phone {

struct FarTape {
  struct Frame {
    Duration at{};  ///< since the start of the call
    Endpoint from{IpAddress::v4(127, 0, 0, 1), 20000};
    std::uint32_t ssrc = 0x5E60E000;
    std::uint8_t payload_type = 0;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::vector<std::int16_t> samples;
  };
  struct Report {
    Duration at{};
    std::uint64_t ntp = 0;
    std::uint32_t rtp = 0, packets = 0;
    std::string cname = "line-1@segue";
    bool bye = false;
  };

  static constexpr std::size_t kFrames = 400;
  static constexpr std::size_t kSplice = 250;   ///< index of the first frame of B
  static constexpr std::size_t kA = 0, kB = 1;  ///< markers

  FarTape();
  [[nodiscard]] Capture capture() const;
  [[nodiscard]] FarSetup setup() const;
  [[nodiscard]] FarFlip flip() const;
  [[nodiscard]] FarBaseline baseline() const;  ///< of the clean call
  [[nodiscard]] call::FlipReport judged() const;
  [[nodiscard]] static Instant time(Duration since_start) { return Instant(1000s) + since_start; }
  void drop(std::size_t first, std::size_t count, bool close_the_sequence);

  std::vector<Frame> frames;
  std::vector<Report> reports;
  std::vector<SipLine> sip;
  std::vector<Pause> pauses;
  std::optional<Instant> a_left;
  bool moved = true;
  bool first_on_line = true;
};

}  // namespace segue::phone
