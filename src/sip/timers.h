// The timers of one sip::Agent: an indexed binary heap of (deadline, kind, owner), so that arming, re-arming and
// cancelling cost O(log n) and nothing stays behind when an owner goes. Equal deadlines fire in the order they were
// armed (the simulator depends on it). Owned by the agent; bounded by its transactions and sessions (at most two timers
// a transaction, six a session).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace segue::sip {

enum class TimerKind : std::uint8_t {
  ClientRetransmit,   ///< RFC 3261 timers A and E
  ClientEnd,          ///< B, F (failure) and D, K, M (the transaction is over)
  ServerRetransmit,   ///< G
  ServerEnd,          ///< H, I, J, L, and the guard of a request that its owner never answered
  AckRetransmit,      ///< our 2xx goes out again (section 13.3.1.4)
  AckMissing,         ///< 64 * T1 without an ACK
  ProvisionalRepeat,  ///< a ringing response every minute (section 13.3.1.1)
  CancelEnd,          ///< 64 * T1 after our CANCEL without a final response (section 9.1)
  OfferRetry,         ///< back-off after 491 (section 14.1)
  Refresh,            ///< RFC 4028: our turn to refresh
  Expiry,             ///< RFC 4028: nobody has refreshed
};

/// Names an armed timer. A handle whose timer fired or was cancelled is stale and harmless.
struct TimerHandle {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 0: never armed
};

class TimerQueue {
 public:
  struct Due {
    TimerKind kind{};
    std::uint64_t owner = 0;
  };

  /// Arms `handle`; one that is armed already moves to the new deadline.
  void arm(TimerHandle& handle, Instant at, TimerKind kind, std::uint64_t owner);
  void cancel(TimerHandle& handle);
  [[nodiscard]] bool armed(const TimerHandle& handle) const;
  /// Removes and returns the earliest timer that is due at `now`.
  [[nodiscard]] std::optional<Due> pop(Instant now);
  [[nodiscard]] std::optional<Instant> next() const;
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Instant at;
    std::uint64_t order;
    std::uint32_t slot;
    [[nodiscard]] bool before(const Entry& other) const { return at != other.at ? at < other.at : order < other.order; }
  };
  struct Slot {
    std::uint32_t position = 0;
    std::uint32_t generation = 1;
    Due due;
  };
  void place(std::size_t position, const Entry& entry);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  void remove_at(std::size_t position);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t order_ = 0;
};

}  // namespace segue::sip
