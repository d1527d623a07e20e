#include "media/digit_gate.h"

#include <algorithm>

namespace segue::media {

DigitGate::Outcome DigitGate::configure(bool active, const std::vector<std::string>& codes) {
  Outcome outcome;
  if (!held_.empty()) settle(true, outcome);
  deadline_.reset();
  codes_.clear();
  for (const auto& code : codes) {
    const bool usable = code.size() <= kMaxCodeLength && code.starts_with('*') && !code.starts_with("**");
    if (active && usable && codes_.size() < kMaxCodes) codes_.push_back(code);
  }
  active_ = active && !codes_.empty();
  return outcome;
}

bool DigitGate::counted_already(char key, Via via, Instant now) {
  for (auto& seen : seen_) {
    if (seen.key == key && seen.via != via && now - seen.at <= kSameKey) {
      seen.key = 0;  // one press matches one press: the next same key is a new one
      return true;
    }
  }
  seen_[next_seen_] = {key, via, now};
  next_seen_ = (next_seen_ + 1) % seen_.size();
  return false;
}

DigitGate::Outcome DigitGate::key_down(char key, Via via, unsigned duration_ms, Instant now) {
  Outcome outcome;
  outcome.duplicate = counted_already(key, via, now);
  if (outcome.duplicate) return outcome;
  if (!active_ || (held_.empty() && key != '*')) {
    outcome.passes = true;
    return outcome;
  }
  durations_[held_.size()] = duration_ms;
  held_.push_back(key);
  deadline_.reset();  // a key that is down keeps the code open
  settle(false, outcome);
  return outcome;
}

void DigitGate::key_up(unsigned duration_ms, Instant now) {
  if (held_.empty()) return;
  durations_[held_.size() - 1] = duration_ms;
  deadline_ = now + code_wait_;
}

DigitGate::Outcome DigitGate::advance(Instant now) {
  Outcome outcome;
  if (deadline_ && now >= *deadline_) {
    deadline_.reset();
    settle(true, outcome);
  }
  return outcome;
}

bool DigitGate::can_grow() const {
  return std::any_of(codes_.begin(), codes_.end(),
                     [this](const std::string& code) { return code.size() > held_.size() && code.starts_with(held_); });
}

std::size_t DigitGate::longest_code() const {
  std::size_t longest = 0;
  for (const auto& code : codes_) {
    if (code.size() > longest && held_.starts_with(code)) longest = code.size();
  }
  return longest;
}

void DigitGate::settle(bool final, Outcome& outcome) {
  const auto drop = [this](std::size_t n) {
    held_.erase(0, n);
    std::copy(durations_.begin() + static_cast<std::ptrdiff_t>(n), durations_.end(), durations_.begin());
  };
  while (!held_.empty()) {
    if (held_.starts_with("**")) {
      outcome.released.push_back({'*', durations_[1]});
      drop(2);
      continue;
    }
    const bool may_begin = held_ == "*" || can_grow();
    if (!final && may_begin) return;
    if (const std::size_t n = longest_code(); n > 0) {
      outcome.codes.push_back(held_.substr(0, n));
      drop(n);
    } else {
      outcome.released.push_back({held_[0], durations_[0]});
      drop(1);
    }
  }
}

}  // namespace segue::media
