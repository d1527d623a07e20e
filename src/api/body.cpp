#include "api/body.h"

#include <algorithm>
#include <array>
#include <map>

#include "record/json.h"
#include "record/svg.h"

namespace segue::api {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 8;
constexpr std::size_t kErrorsMax = 32;  // a body of 64 kB could hold thousands of unknown members

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return type == "application/json";
}

/// What nlohmann's parser accepts and a strict reader does not: members named twice (which of them would count?) and
/// depth.
class Watcher {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys_[depth + 1].clear();
        [[fallthrough]];
      case json::parse_event_t::array_start:
        too_deep = too_deep || depth >= kDepthMax;
        return depth < kDepthMax;
      case json::parse_event_t::key:
        if (!keys_[depth].insert(parsed.get<std::string>()).second && repeated.empty())
          repeated = parsed.get<std::string>();
        return true;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
      case json::parse_event_t::value:
        return true;
    }
    return true;
  }
  bool too_deep = false;
  std::string repeated;

 private:
  std::map<int, std::set<std::string>> keys_;
};

Response malformed(std::string_view body, std::size_t byte) {
  const auto before = body.substr(0, std::min(body.size(), byte == 0 ? 0 : byte - 1));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const auto column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return problem(400, "malformed-json", "Malformed JSON",
                 "The body is not JSON: line " + std::to_string(line) + ", column " + std::to_string(column) + ".");
}

Response bad_shape(std::string_view detail) { return problem(400, "malformed-json", "Malformed JSON", detail); }

bool digit(char c) { return c >= '0' && c <= '9'; }
bool no_controls(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}
bool of_username(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._~+-").find(c) != std::string_view::npos;
  });
}
bool of_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return text.size() >= 2 && text.size() <= 15 && std::all_of(text.begin(), text.end(), digit);
}

constexpr std::array<std::pair<std::string_view, Codec>, 4> kCodecs = {
    {{"pcmu", Codec::Pcmu}, {"pcma", Codec::Pcma}, {"g722", Codec::G722}, {"opus", Codec::Opus}}};
constexpr std::array<std::pair<std::string_view, call::DeviceKind>, 4> kKinds = {
    {{"desk", call::DeviceKind::Desk},
     {"desktop", call::DeviceKind::Desktop},
     {"mobile", call::DeviceKind::Mobile},
     {"browser", call::DeviceKind::Browser}}};
constexpr std::array<std::pair<std::string_view, call::FlipMode>, 2> kModes = {
    {{"ring", call::FlipMode::Ring}, {"auto_answer", call::FlipMode::AutoAnswer}}};

template <typename Words, typename Enum>
std::string_view word_of(const Words& words, Enum value) {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return word;
  }
  return "";
}

}  // namespace

const TextRule kNameRule{1, 100, no_controls, "1 to 100 characters without control characters"};
// RFC 3261 section 25.1, user: of its unreserved characters those that need no care in a shell, a file name or a URI.
const TextRule kUsernameRule{1, 64, of_username, "1 to 64 of the characters A-Z a-z 0-9 . _ ~ + -"};
const TextRule kPasswordRule{8, 128, no_controls, "8 to 128 characters without control characters"};
const TextRule kDigitsRule{2, 16, of_number, "2 to 15 digits, with a + in front if it is an E.164 number"};

std::string_view to_string(Codec codec) { return word_of(kCodecs, codec); }
std::string_view to_string(call::DeviceKind kind) { return word_of(kKinds, kind); }
std::span<const std::pair<std::string_view, Codec>> codec_words() { return kCodecs; }
std::span<const std::pair<std::string_view, call::DeviceKind>> kind_words() { return kKinds; }
std::span<const std::pair<std::string_view, call::FlipMode>> mode_words() { return kModes; }

tl::expected<json, Response> parse_body(const Request& request) {
  if (!is_json(request.content_type))
    return tl::unexpected(problem(415, "media-type", "Unsupported media type", "The body must be application/json."));
  Watcher watcher;
  json body;
  // The library reports positions by exceptions only; none leaves this function.
  try {
    body = json::parse(request.body, std::ref(watcher));
  } catch (const json::parse_error& error) {
    return tl::unexpected(malformed(request.body, error.byte));
  } catch (const json::exception&) {
    return tl::unexpected(bad_shape("The body holds a number that is out of range."));
  }
  if (watcher.too_deep) return tl::unexpected(bad_shape("The body is nested too deeply."));
  if (!watcher.repeated.empty())
    return tl::unexpected(bad_shape("The body has the member \"" + watcher.repeated + "\" twice."));
  if (!body.is_object()) return tl::unexpected(validation_problem({{"#", "must be an object"}}));
  return body;
}

const json* Fields::take(const char* key) {
  taken_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

void Fields::complain(std::string_view key, std::string detail) {
  if (errors_.size() == kErrorsMax) return;
  std::string pointer = "#/";
  for (const char c : key.substr(0, 64)) {  // RFC 6901 section 3; a longer key is cut, it is only shown
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  errors_.push_back({std::move(pointer), std::move(detail)});
}

void Fields::require(const char* key) {
  if (!object_.contains(key)) complain(key, "is missing");
}

std::optional<std::string> Fields::text(const char* key, const TextRule& rule) {
  const json* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const std::size_t length = record::code_points(text);
    if (length >= rule.min && length <= rule.max && rule.allowed(text)) return text;
  }
  complain(key, std::string("must be ") + rule.description);
  return std::nullopt;
}

std::optional<bool> Fields::flag(const char* key) {
  const json* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  complain(key, "must be true or false");
  return std::nullopt;
}

std::optional<char> Fields::flip_digit(const char* key) {
  const json* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_null()) return char{0};
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    if (text.size() == 1 && text[0] >= '1' && text[0] <= '9') return text[0];
  }
  complain(key, "must be \"1\" to \"9\", or null");
  return std::nullopt;
}

std::optional<std::vector<Codec>> Fields::codecs(const char* key) {
  const json* value = take(key);
  if (value == nullptr) return std::nullopt;
  std::vector<Codec> codecs;
  bool good = value->is_array() && value->size() <= kCodecs.size();
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    const auto& item = (*value)[i];
    const auto* found =
        std::find_if(kCodecs.begin(), kCodecs.end(), [&](const auto& w) { return item == std::string(w.first); });
    good = found != kCodecs.end() && std::find(codecs.begin(), codecs.end(), found->second) == codecs.end();
    if (good) codecs.push_back(found->second);
  }
  if (good) return codecs;
  complain(key, "must be a list of pcmu, pcma, g722, opus, each at most once");
  return std::nullopt;
}

std::optional<std::uint64_t> Fields::id(const char* key, const char* prefix, bool or_null) {
  const json* value = take(key);
  if (value == nullptr || (or_null && value->is_null())) return std::nullopt;
  const auto id = value->is_string() ? record::parse_id(prefix, value->get_ref<const std::string&>()) : std::nullopt;
  if (!id) complain(key, std::string("must be an id such as \"") + prefix + "_1\"");
  return id;
}

std::optional<Response> Fields::finish() {
  for (const auto& [key, value] : object_.items()) {
    if (!taken_.contains(key)) complain(key, "is not known here");
  }
  if (errors_.empty()) return std::nullopt;
  return validation_problem(errors_);
}

}  // namespace segue::api
