// RFC 4028 session timers as pure functions: what a request asks for, what a callee answers, what a caller concludes
// from the answer. The session keeps the terms and its two timers; there is one set of terms a dialog, renewed by every
// re-INVITE and UPDATE.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/time.h"
#include "sip/agent.h"
#include "sip/message.h"

namespace segue::sip {

/// RFC 4028 section 5: no implementation may use less.
inline constexpr Duration kSmallestMinSe = 90s;
/// Longer wishes are cut to this: a day without a refresh is no session timer, and deadlines stay far from overflow.
inline constexpr Duration kLargestSessionExpires = 24h;

struct SessionTimerTerms {
  Duration interval{};
  bool we_refresh = false;
};

struct SessionTimerTooSmall {  ///< answer 422 with Min-SE
  Duration min_se{};
};
struct SessionTimerOff {};
struct SessionTimerAnswer {
  SessionTimerTerms terms;
  bool require = false;  ///< the peer refreshes, so the 2xx has Require: timer
  [[nodiscard]] std::string session_expires() const;
};
using SessionTimerReply = std::variant<SessionTimerOff, SessionTimerTooSmall, SessionTimerAnswer>;

/// The callee's side of section 9, for INVITE and UPDATE.
[[nodiscard]] SessionTimerReply answer_session_timer(const Message& request, const AgentConfig& config);
/// The caller's side of section 7.2: the terms in a 2xx to our request, none if the session has no timer.
[[nodiscard]] std::optional<SessionTimerTerms> agreed_session_timer(const Message& response);
/// Min-SE of a 422, if it asks for more than `asked`: otherwise the peer would refuse for ever.
[[nodiscard]] std::optional<Duration> raised_min_se(const Message& response, Duration asked);

[[nodiscard]] std::string seconds_text(Duration d);
/// Delta-seconds as a duration, at most kLargestSessionExpires; nullopt for anything else.
[[nodiscard]] std::optional<Duration> delta_seconds(std::string_view text);

}  // namespace segue::sip
