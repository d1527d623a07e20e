#include "sip/timers.h"

namespace segue::sip {

void TimerQueue::arm(TimerHandle& handle, Instant at, TimerKind kind, std::uint64_t owner) {
  cancel(handle);
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].due = Due{kind, owner};
  handle = TimerHandle{slot, slots_[slot].generation};
  heap_.push_back(Entry{at, order_++, slot});
  slots_[slot].position = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

bool TimerQueue::armed(const TimerHandle& handle) const {
  return handle.generation != 0 && slots_[handle.slot].generation == handle.generation;
}

void TimerQueue::cancel(TimerHandle& handle) {
  if (armed(handle)) remove_at(slots_[handle.slot].position);
  handle = TimerHandle{};
}

std::optional<TimerQueue::Due> TimerQueue::pop(Instant now) {
  if (heap_.empty() || heap_.front().at > now) return std::nullopt;
  const Due due = slots_[heap_.front().slot].due;
  remove_at(0);
  return due;
}

std::optional<Instant> TimerQueue::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

void TimerQueue::place(std::size_t position, const Entry& entry) {
  heap_[position] = entry;
  slots_[entry.slot].position = static_cast<std::uint32_t>(position);
}

void TimerQueue::sift_up(std::size_t position) {
  const Entry entry = heap_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerQueue::sift_down(std::size_t position) {
  const Entry entry = heap_[position];
  for (;;) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

void TimerQueue::remove_at(std::size_t position) {
  Slot& slot = slots_[heap_[position].slot];
  // A generation of 0 would look like a handle that was never armed.
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(heap_[position].slot);
  const Entry last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size()) return;
  place(position, last);
  sift_up(position);
  sift_down(slots_[last.slot].position);
}

}  // namespace segue::sip
