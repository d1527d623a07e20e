// Finds feature codes among one leg's key presses. Keys that cannot begin a code pass at once; '*' waits for the next
// key, and what turns out to be no code is released in order. RTP events and SIP INFO of the same key count once. Pure;
// owned by one leg.
//
//   idle --'*'--> holding --key that continues a code--> holding
//     ^              |-- complete code, no longer one possible --> CodeDialled, idle
//     |              |-- "**" --> one literal '*', idle
//     |              |-- key that fits no code, or code_wait over --> longest complete code dialled, the rest released
//     '--any other key passes
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace segue::media {

inline constexpr std::size_t kMaxCodes = 64;       // of one leg: flip, park, pull and one a device
inline constexpr std::size_t kMaxCodeLength = 16;  // longer ones nobody keys

class DigitGate {
 public:
  enum class Via : std::uint8_t { Event, Info };
  struct Digit {
    char key = '0';
    unsigned duration_ms = 100;
    friend bool operator==(const Digit&, const Digit&) = default;
  };
  struct Outcome {
    bool passes = false;             ///< the key just pressed goes to the far party unchanged, now
    bool duplicate = false;          ///< the same press, already counted from the other way of signalling
    std::vector<Digit> released;     ///< to be generated anew for the far party, in order
    std::vector<std::string> codes;  ///< dialled; their keys reach nobody
  };

  explicit DigitGate(Duration code_wait) : code_wait_(code_wait) {}

  /// Codes that do not begin with '*', begin with "**", are too long or too many are left out. What is held is
  /// released.
  Outcome configure(bool active, const std::vector<std::string>& codes);
  /// A key goes down. `duration_ms` is what a released copy will last unless key_up says otherwise.
  Outcome key_down(char key, Via via, unsigned duration_ms, Instant now);
  /// The key that went down last came up again: the wait for the next one begins here.
  void key_up(unsigned duration_ms, Instant now);
  Outcome advance(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const { return deadline_; }
  [[nodiscard]] bool holding() const { return !held_.empty(); }

 private:
  struct Seen {
    char key = 0;
    Via via = Via::Event;
    Instant at{};
  };
  [[nodiscard]] bool counted_already(char key, Via via, Instant now);
  [[nodiscard]] bool can_grow() const;
  [[nodiscard]] std::size_t longest_code() const;
  void settle(bool final, Outcome& outcome);

  static constexpr Duration kSameKey = 1s;  // INFO trails or leads its event by a round trip, and rarely by more

  Duration code_wait_;
  bool active_ = false;
  std::vector<std::string> codes_;
  std::string held_;
  std::array<unsigned, kMaxCodeLength + 1> durations_{};  // of held_
  std::array<Seen, 8> seen_{};                            // presses not yet matched by the other way of signalling
  std::size_t next_seen_ = 0;
  std::optional<Instant> deadline_;
};

}  // namespace segue::media
