// Looks for a click: the largest step between neighbouring samples near a splice, and in the audio around it that has
// none. G.711 only (other codecs' samples depend on decoder state that no observer shares). A value; owned by one
// FlipMeter.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "media/g711.h"

namespace segue::media {

class StepMeter {
 public:
  explicit StepMeter(g711::Law law) : law_(law) {}

  enum class Joint : std::uint8_t { Contiguous, AfterPause, AfterLoss };
  /// The next packet in order. `splice`: it is the new source's first one.
  void packet(ByteView payload, Joint joint, bool splice);
  [[nodiscard]] std::optional<double> at_splice() const { return at_; }
  [[nodiscard]] std::optional<double> around() const;

 private:
  static constexpr std::size_t kNear = 40;     // 5 ms on each side
  static constexpr std::size_t kPackets = 64;  // about a second of 20 ms

  struct Packet {
    int head = 0, tail = 0;  // largest steps before and within the last kNear samples
  };
  g711::Law law_;
  std::array<Packet, kPackets> before_{};
  std::size_t count_ = 0;
  std::optional<int> last_sample_;
  bool spliced_ = false;
  std::optional<int> at_, around_;
};

}  // namespace segue::media
