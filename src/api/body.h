// Reading JSON bodies strictly: every member is of the right type, length and alphabet, and there are no others. All
// that is wrong is collected, so that a caller sees it at once. Bounds: the body's size is the server's business; here
// at most 8 levels.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.h"
#include "api/problem.h"
#include "api/service.h"

namespace segue::api {

/// The body as a JSON object; else the problem to answer with: 415 (not application/json), 400 (malformed, with its
/// position; a member named twice; too deep), 422 (not an object).
[[nodiscard]] tl::expected<nlohmann::json, Response> parse_body(const Request& request);

struct TextRule {
  std::size_t min = 0, max = 0;  ///< characters
  bool (*allowed)(std::string_view) = nullptr;
  const char* description = "";  ///< completes "must be ..."
};
extern const TextRule kNameRule, kUsernameRule, kPasswordRule, kDigitsRule;

/// Takes members out of an object one by one; what is not taken at the end is unknown and thus an error.
class Fields {
 public:
  explicit Fields(const nlohmann::json& object) : object_(object) {}

  [[nodiscard]] std::optional<std::string> text(const char* key, const TextRule& rule);
  [[nodiscard]] std::optional<bool> flag(const char* key);
  /// "1" to "9" or null, which gives 0.
  [[nodiscard]] std::optional<char> flip_digit(const char* key);
  /// Words without repetition.
  [[nodiscard]] std::optional<std::vector<Codec>> codecs(const char* key);
  /// An id with this prefix, or null if that is allowed, which counts as absent.
  [[nodiscard]] std::optional<std::uint64_t> id(const char* key, const char* prefix, bool or_null = false);

  template <typename Enum>
  [[nodiscard]] std::optional<Enum> choice(const char* key, std::span<const std::pair<std::string_view, Enum>> words) {
    const auto* value = take(key);
    if (value == nullptr) return std::nullopt;
    std::string list;
    for (const auto& [word, meaning] : words) {
      if (value->is_string() && value->get_ref<const std::string&>() == word) return meaning;
      list += (list.empty() ? "" : ", ") + std::string(word);
    }
    complain(key, "must be one of " + list);
    return std::nullopt;
  }

  /// Complains if it is absent.
  void require(const char* key);
  /// Complains about all that nobody asked for; nullopt: all is well.
  [[nodiscard]] std::optional<Response> finish();
  void complain(std::string_view key, std::string detail);
  [[nodiscard]] const nlohmann::json* take(const char* key);  ///< nullptr if absent

 private:
  const nlohmann::json& object_;
  std::set<std::string> taken_;
  std::vector<FieldError> errors_;
};

[[nodiscard]] std::string_view to_string(Codec codec);
[[nodiscard]] std::string_view to_string(call::DeviceKind kind);
[[nodiscard]] std::span<const std::pair<std::string_view, Codec>> codec_words();
[[nodiscard]] std::span<const std::pair<std::string_view, call::DeviceKind>> kind_words();
[[nodiscard]] std::span<const std::pair<std::string_view, call::FlipMode>> mode_words();

}  // namespace segue::api
