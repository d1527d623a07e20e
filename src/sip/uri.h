// SIP, SIPS and TEL URIs (RFC 3261 section 19, RFC 3966). Parsed once, compared by the rules of section 19.1.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace segue::sip {

/// One `;name=value` or `;name` (value nullopt). Names compare without case; values keep their spelling, unquoted.
struct Param {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const Param&, const Param&) = default;
};

struct Params {
  std::vector<Param> list;
  [[nodiscard]] const Param* find(std::string_view name) const;     ///< first match, no case
  [[nodiscard]] std::string_view get(std::string_view name) const;  ///< "" if absent or without a value
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  void set(std::string_view name, std::optional<std::string> value);
  void remove(std::string_view name);
  friend bool operator==(const Params&, const Params&) = default;
};

struct Uri {
  std::string scheme = "sip";  ///< lower case; unknown schemes are kept, with all the rest in `opaque`
  std::string user;            ///< unescaped
  std::string password;        ///< unescaped
  std::string host;            ///< lower case; IPv6 in brackets
  std::uint16_t port = 0;      ///< 0: none given
  Params params;
  std::string headers;  ///< what follows '?', as sent
  std::string opaque;   ///< tel: and unknown schemes: everything after the colon

  [[nodiscard]] bool is_sip() const { return scheme == "sip" || scheme == "sips"; }
  [[nodiscard]] std::string to_string() const;
  /// RFC 3261 section 19.1.4.
  [[nodiscard]] bool equivalent(const Uri& other) const;
  /// Errors: InvalidInput that names the offending part.
  [[nodiscard]] static Result<Uri> parse(std::string_view text);
  /// Same spelling in every part; for what RFC 3261 calls equal use equivalent().
  friend bool operator==(const Uri&, const Uri&) = default;
};

}  // namespace segue::sip
