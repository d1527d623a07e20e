#include "media/step_meter.h"

#include <algorithm>
#include <cstdlib>

namespace segue::media {

void StepMeter::packet(ByteView payload, Joint joint, bool splice) {
  if (joint == Joint::AfterPause) last_sample_ = 0;  // the listener heard silence, or noise that is next to it
  if (joint == Joint::AfterLoss) last_sample_.reset();
  Packet steps;
  int near_begin = 0, rest = 0;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const int sample = g711::decode(law_, payload[i]);
    const int step = last_sample_ ? std::abs(sample - *last_sample_) : 0;
    last_sample_ = sample;
    int& part = i + kNear < payload.size() ? steps.head : steps.tail;
    part = std::max(part, step);
    int& half = i < kNear ? near_begin : rest;
    half = std::max(half, step);
  }
  if (splice && !spliced_) {
    spliced_ = true;
    at_ = near_begin;
    if (count_ > 0 && joint == Joint::Contiguous) at_ = std::max(*at_, before_[(count_ - 1) % kPackets].tail);
    around_ = rest;
    for (std::size_t i = 0; i < std::min(count_, kPackets); ++i) {
      const bool last = i == (count_ - 1) % kPackets;
      around_ = std::max(*around_, last ? before_[i].head : std::max(before_[i].head, before_[i].tail));
    }
  } else if (spliced_) {
    around_ = std::max({*around_, near_begin, rest});
  } else {
    before_[count_++ % kPackets] = steps;
  }
}

std::optional<double> StepMeter::around() const {
  if (!around_ || count_ == 0) return std::nullopt;  // nothing from before to compare with
  return *around_;
}

}  // namespace segue::media
