// The words of enums in JSON, both ways: to_string from call/record.h, and this header's parse_word back. Pure.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "call/record.h"

namespace segue::record {

[[nodiscard]] std::string_view to_string(call::Side side);
[[nodiscard]] std::string_view to_string(call::Party party);
[[nodiscard]] std::string_view to_string(call::ReportPacket::Kind kind);

[[nodiscard]] std::span<const call::Side> all_values(call::Side);
[[nodiscard]] std::span<const call::Party> all_values(call::Party);
[[nodiscard]] std::span<const call::ReportPacket::Kind> all_values(call::ReportPacket::Kind);
[[nodiscard]] std::span<const call::Cause> all_values(call::Cause);
[[nodiscard]] std::span<const call::FlipTrigger> all_values(call::FlipTrigger);
[[nodiscard]] std::span<const call::FlipMode> all_values(call::FlipMode);
[[nodiscard]] std::span<const call::FlipOutcome> all_values(call::FlipOutcome);
[[nodiscard]] std::span<const call::SegmentKind> all_values(call::SegmentKind);
[[nodiscard]] std::span<const call::CallState> all_values(call::CallState);

/// The enumerator with this word; nullopt for any other text.
template <typename Enum>
[[nodiscard]] std::optional<Enum> parse_word(std::string_view word) {
  for (const Enum value : all_values(Enum{})) {
    if (to_string(value) == word) return value;
  }
  return std::nullopt;
}

}  // namespace segue::record
