#include "rtp/telephone_event.h"

#include <string_view>

#include "base/assert.h"

namespace segue::rtp {

namespace {

constexpr std::string_view kKeys = "0123456789*#ABCD";

}  // namespace

std::optional<TelephoneEvent> parse_telephone_event(ByteView payload) {
  if (payload.size() < kTelephoneEventBytes) return std::nullopt;
  TelephoneEvent event;
  event.code = payload[0];
  event.end = (payload[1] & 0x80) != 0;
  event.volume = payload[1] & 0x3F;
  event.duration = read_u16(&payload[2]);
  return event;
}

void write_telephone_event(MutableBytes out, const TelephoneEvent& event) {
  SEGUE_ASSERT(out.size() >= kTelephoneEventBytes);
  out[0] = event.code;
  out[1] = static_cast<std::uint8_t>((event.end ? 0x80 : 0) | (event.volume & 0x3F));
  write_u16(&out[2], event.duration);
}

std::optional<std::uint8_t> event_code(char digit) {
  if (digit >= 'a' && digit <= 'd') digit = static_cast<char>(digit - 'a' + 'A');
  const auto at = kKeys.find(digit);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

std::optional<char> event_digit(std::uint8_t code) {
  if (code >= kKeys.size()) return std::nullopt;
  return kKeys[code];
}

}  // namespace segue::rtp
