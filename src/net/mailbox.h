// A bounded queue of values between two threads: any thread puts, one takes all at once. A lock held for a few moves,
// touched only when there is something in it: the packet path never comes here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace segue::net {

template <typename T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  enum class Put { First, Behind, Full };  ///< First: it was empty, so the taker must be woken
  /// `always`: past the capacity too, for values that are bounded otherwise.
  [[nodiscard]] Put put(T&& value, bool always = false) {
    const std::scoped_lock lock(mutex_);
    if (values_.size() >= capacity_ && !always) return Put::Full;
    values_.push_back(std::move(value));
    return values_.size() == 1 ? Put::First : Put::Behind;
  }
  /// Moves as many as fit, in order; `values` is left empty. `dropped` says how many did not fit.
  [[nodiscard]] Put put_all(std::vector<T>& values, std::size_t& dropped) {
    const std::scoped_lock lock(mutex_);
    const bool was_empty = values_.empty();
    const auto room = std::min(values.size(), capacity_ - std::min(capacity_, values_.size()));
    values_.insert(values_.end(), std::make_move_iterator(values.begin()),
                   std::make_move_iterator(values.begin() + static_cast<std::ptrdiff_t>(room)));
    dropped = values.size() - room;
    values.clear();
    if (room == 0) return Put::Full;
    return was_empty ? Put::First : Put::Behind;
  }
  /// Everything, in order. `into` is cleared first; its memory is swapped in for the next values.
  void take(std::vector<T>& into) {
    into.clear();
    const std::scoped_lock lock(mutex_);
    values_.swap(into);
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::vector<T> values_;
};

}  // namespace segue::net
