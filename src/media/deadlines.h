// When each leg wants to be called again: an indexed binary heap over leg slots. No linear scan, no stale entries;
// memory is reserved once for kMaxLegs. Owned by one Exchange.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace segue::media {

class Deadlines {
 public:
  explicit Deadlines(std::size_t slots) : position_(slots, kAbsent) { heap_.reserve(slots); }

  /// nullopt removes the slot.
  void set(std::uint32_t slot, std::optional<Instant> at);
  [[nodiscard]] std::optional<Instant> next() const {
    return heap_.empty() ? std::nullopt : std::optional{heap_.front().at};
  }
  /// The slot that is due first; only with next().
  [[nodiscard]] std::uint32_t first() const { return heap_.front().slot; }

 private:
  static constexpr std::uint32_t kAbsent = UINT32_MAX;
  struct Entry {
    Instant at;
    std::uint32_t slot;
  };
  void place(std::size_t i, Entry entry) {
    heap_[i] = entry;
    position_[entry.slot] = static_cast<std::uint32_t>(i);
  }
  void up(std::size_t i);
  void down(std::size_t i);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> position_;  // slot -> index in heap_
};

}  // namespace segue::media
