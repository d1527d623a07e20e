#include <algorithm>

#include "sip/agent_impl.h"

namespace segue::sip {
namespace {

constexpr Duration kLastRefresh = 2s;  // a refusal this close to the end leaves no time for another try

}  // namespace

void Agent::Impl::add_timer_headers(Message& request, Session& s) const {
  Duration interval{};
  std::string_view refresher;
  if (s.timer_terms) {
    interval = std::max(s.timer_terms->interval, s.min_se);
    refresher = s.timer_terms->we_refresh ? ";refresher=uac" : ";refresher=uas";
  } else if (config.session_expires) {
    interval = std::max(*config.session_expires, s.min_se);
  } else {
    return;
  }
  request.set("Session-Expires", seconds_text(interval).append(refresher));
  request.set("Min-SE", seconds_text(s.min_se));
}

void Agent::Impl::agree_timer(Session& s, std::optional<SessionTimerTerms> terms, Now now) {
  s.timer_terms = terms;
  timers.cancel(s.refresh);
  timers.cancel(s.expiry);
  if (!terms) return;
  if (terms->we_refresh) timers.arm(s.refresh, now.mono + terms->interval / 2, TimerKind::Refresh, s.id.value);
  // Section 10: slightly before the end, so that BYE finds the proxies' state still there.
  const Duration early = std::min<Duration>(32s, terms->interval / 3);
  s.expires_at = now.mono + terms->interval - early;
  timers.arm(s.expiry, s.expires_at, TimerKind::Expiry, s.id.value);
}

/// What should have renewed the timer was refused: once more after Retry-After, or after a quarter of the time left.
/// The waits shrink as the end comes near: some 40 attempts in the longest session, unless the peer asks for more.
void Agent::Impl::refresh_later(Session& s, const Message& refusal, Now now) {
  if (!s.timer_terms || !s.timer_terms->we_refresh || timers.armed(s.refresh)) return;
  const Duration left = s.expires_at - now.mono;
  if (left < kLastRefresh) return;
  const std::string_view asked = refusal.get("Retry-After");  // a comment or parameters may follow
  const auto wait = delta_seconds(asked.substr(0, asked.find_first_not_of("0123456789")));
  timers.arm(s.refresh, now.mono + std::clamp<Duration>(wait.value_or(left / 4), 1s, left / 2), TimerKind::Refresh,
             s.id.value);
}

void Agent::Impl::on_refresh_due(Session& s, Now now) {
  if (s.state != SessionState::Confirmed || s.end_wanted) return;
  // An offer under way or waiting renews the timer as well as a refresh would; if it is refused, on_offer_refused()
  // asks for one.
  if (s.offer_in_flight || s.queued_offer) return;
  if (!s.peer_allows_update) return reinvite(s, OfferToSend{s.sdp_in_force, true}, now);
  const std::string branch = new_branch();
  Message m = s.dialog.make_request("UPDATE", ++s.local_cseq, via_value(s.dialog.flow, branch));
  add_own_headers(m, s);
  add_timer_headers(m, s);
  if (s.credentials) s.credentials->sign(m, random);
  const auto& t = send_request(std::move(m), branch, s.dialog.flow, Purpose::Update, s.id, now);
  s.offer_in_flight = OfferInFlight{t.id, OfferToSend{{}, true}, true};
}

void Agent::Impl::on_expiry(Session& s, Now now) {
  if (s.state == SessionState::Leaving) return;
  leave(s, s.end_wanted ? s.end_cause : EndCause::SessionExpired, 0, Message{}, now);
}

}  // namespace segue::sip
