#include "media/timeline.h"

#include <algorithm>

namespace segue::media {

void Timeline::anchor(Instant at, std::uint32_t timestamp, std::uint32_t clock) {
  anchored_ = true;
  settling_ = true;
  anchor_time_ = at;
  anchor_timestamp_ = timestamp;
  clock_ = clock;
  drift_ = {};
  phase_ = {};
  learned_ = 0;
}

std::uint32_t Timeline::ideal(Instant t) const {
  // Through microseconds, so that neither centuries nor 48 kHz overflow: both clocks are whole kilohertz.
  const std::int64_t us = (t - anchor_time_ - drift_).count() / 1000;
  return anchor_timestamp_ + static_cast<std::uint32_t>(us * (clock_ / 1000) / 1000);
}

Duration Timeline::length(std::int64_t ticks) const {
  return Duration{ticks * 1000000 / static_cast<std::int64_t>(clock_ / 1000)};
}

Instant Timeline::time_of(std::uint32_t timestamp, Instant near) const {
  return near + length(static_cast<std::int32_t>(timestamp - ideal(near)));
}

void Timeline::new_source() {
  settling_ = false;
  phase_ = {};
  learned_ = 0;
}

void Timeline::observe(std::uint32_t timestamp, Instant arrived) {
  const Duration late = length(static_cast<std::int32_t>(ideal(arrived) - timestamp));
  if (learned_ < kLearn) ++learned_;
  const Duration step = (late - phase_) / learned_;
  // A source's mean phase belongs to it and stays; what the mean then still moves is its clock, and that moves the
  // timeline.
  if (settling_ || learned_ == kLearn) {
    drift_ += step;
  } else {
    phase_ += step;
  }
}

}  // namespace segue::media
