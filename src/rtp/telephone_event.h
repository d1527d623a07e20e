// The telephone-event payload of RFC 4733 section 2.3: one key press as a series of packets with one timestamp, a
// growing duration and an end mark that is sent three times. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace segue::rtp {

inline constexpr std::size_t kTelephoneEventBytes = 4;

struct TelephoneEvent {
  std::uint8_t code = 0;  ///< 0-9 digits, 10 '*', 11 '#', 12-15 'A'-'D', 16 flash; others are signals we pass on
  bool end = false;
  std::uint8_t volume = 10;    ///< dBm0 without its minus sign, 0 to 63
  std::uint16_t duration = 0;  ///< so far, in ticks of the event's clock
  friend bool operator==(const TelephoneEvent&, const TelephoneEvent&) = default;
};

/// nullopt for fewer than four bytes; what follows the first event in a packet is not read (RFC 4733 allows one here).
[[nodiscard]] std::optional<TelephoneEvent> parse_telephone_event(ByteView payload);
/// Writes four bytes to the front of `out`, which must hold them.
void write_telephone_event(MutableBytes out, const TelephoneEvent& event);

/// '0'-'9', '*', '#', 'A'-'D' (small letters too) to and from the event code; nullopt for what is no key.
[[nodiscard]] std::optional<std::uint8_t> event_code(char digit);
[[nodiscard]] std::optional<char> event_digit(std::uint8_t code);

}  // namespace segue::rtp
