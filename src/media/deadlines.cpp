#include "media/deadlines.h"

#include "base/assert.h"

namespace segue::media {

void Deadlines::set(std::uint32_t slot, std::optional<Instant> at) {
  SEGUE_ASSERT(slot < position_.size());
  const std::uint32_t i = position_[slot];
  if (at && i == kAbsent) {
    heap_.push_back({});
    place(heap_.size() - 1, {*at, slot});
    up(heap_.size() - 1);
  } else if (at) {
    heap_[i].at = *at;
    up(i);
    down(position_[slot]);
  } else if (i != kAbsent) {
    position_[slot] = kAbsent;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (i == heap_.size()) return;
    place(i, last);
    up(i);
    down(position_[last.slot]);
  }
}

void Deadlines::up(std::size_t i) {
  const Entry entry = heap_[i];
  while (i > 0 && entry.at < heap_[(i - 1) / 2].at) {
    place(i, heap_[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(i, entry);
}

void Deadlines::down(std::size_t i) {
  const Entry entry = heap_[i];
  for (std::size_t child = 2 * i + 1; child < heap_.size(); child = 2 * i + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (heap_[child].at >= entry.at) break;
    place(i, heap_[child]);
    i = child;
  }
  place(i, entry);
}

}  // namespace segue::media
