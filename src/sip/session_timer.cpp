#include "sip/session_timer.h"

#include <algorithm>
#include <charconv>

namespace segue::sip {
namespace {

std::optional<Duration> seconds_header(const Message& m, std::string_view name) {
  const std::string* value = m.find(name);
  if (value == nullptr) return std::nullopt;
  const auto parsed = ValueParams::parse(*value);
  return parsed ? delta_seconds(parsed->value) : std::nullopt;
}

bool supports_timer(const Message& m) {
  const auto options = list_values(m, "Supported");
  return std::any_of(options.begin(), options.end(), [](std::string_view o) { return iequals(o, "timer"); });
}

}  // namespace

std::optional<Duration> delta_seconds(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return kLargestSessionExpires;
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(value), kLargestSessionExpires);
}

std::string seconds_text(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

std::string SessionTimerAnswer::session_expires() const {
  // The parameter speaks of the request's sender as "uac"; we are its receiver.
  return seconds_text(terms.interval) + (terms.we_refresh ? ";refresher=uas" : ";refresher=uac");
}

SessionTimerReply answer_session_timer(const Message& request, const AgentConfig& config) {
  const bool peer_supports = supports_timer(request);
  const auto asked = seconds_header(request, "Session-Expires");
  const Duration floor =
      std::max({config.min_se, kSmallestMinSe, seconds_header(request, "Min-SE").value_or(Duration{0})});
  if (!asked && !(config.session_expires && peer_supports)) return SessionTimerOff{};
  if (asked && peer_supports && *asked < std::max(config.min_se, kSmallestMinSe)) {
    return SessionTimerTooSmall{std::max(config.min_se, kSmallestMinSe)};
  }
  Duration interval = asked.value_or(config.session_expires.value_or(kLargestSessionExpires));
  if (config.session_expires) interval = std::min(interval, *config.session_expires);
  interval = std::max(interval, floor);
  bool we_refresh = !peer_supports;
  if (asked && peer_supports) {
    const auto parsed = ValueParams::parse(request.get("Session-Expires"));
    we_refresh = parsed && iequals(parsed->params.get("refresher"), "uas");
  }
  return SessionTimerAnswer{{interval, we_refresh}, !we_refresh};
}

std::optional<SessionTimerTerms> agreed_session_timer(const Message& response) {
  const auto interval = seconds_header(response, "Session-Expires");
  if (!interval) return std::nullopt;
  const auto parsed = ValueParams::parse(response.get("Session-Expires"));
  // Without the parameter, which section 7.2 forbids, refreshing ourselves is the harmless reading.
  const bool we_refresh = !parsed || !iequals(parsed->params.get("refresher"), "uas");
  return SessionTimerTerms{std::max(*interval, kSmallestMinSe), we_refresh};
}

std::optional<Duration> raised_min_se(const Message& response, Duration asked) {
  const auto minimum = seconds_header(response, "Min-SE");
  if (!minimum || *minimum <= asked) return std::nullopt;
  return minimum;
}

}  // namespace segue::sip
