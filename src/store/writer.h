// The writer thread: takes call records and bindings off the signalling loop and puts them on disk, a batch in one
// transaction. Waiting things are kept by call and by device, the newest of each; they are let go when they are on disk
// and nothing newer came meanwhile.
//
//            put                    transaction ok
//   idle ----------> writing ------------------------> idle (or the next batch)
//                      |   ^
//       failed (full   |   |  `retry` later, or at once for flush() and the end
//       disk, I/O)     v   |
//                     waiting
//
// What can never succeed (a device that was deleted, a text that the schema refuses) is given up by itself, so that it
// does not hold up the rest.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/store.h"

namespace segue::store {

/// Ids below these are set aside for this run; see Store::first_call_id.
struct ReservedIds {
  std::uint64_t calls = 0, flips = 0;
};
constexpr std::uint64_t kIdsAhead = 100'000;
/// Where they are kept in the settings; the prefix is not for others.
constexpr const char* kOwnSettings = "store.";
constexpr const char* kNextCallId = "store.next_call_id";
constexpr const char* kNextFlipId = "store.next_flip_id";

class Writer {
 public:
  Writer(Database database, const Options& options, ReservedIds reserved);
  ~Writer();  ///< one last attempt
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] Result<void> put(const call::CallRecord& record);
  [[nodiscard]] Result<void> put(DeviceId device, std::vector<Binding> bindings);
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] WriterState state() const;

  [[nodiscard]] std::shared_ptr<const call::CallRecord> waiting_record(CallId id) const;
  [[nodiscard]] std::shared_ptr<const call::CallRecord> waiting_record_with(FlipId id) const;

 private:
  template <typename T>
  struct Waiting {
    std::shared_ptr<const T> value;
    std::uint64_t version = 0;
  };
  using Records = std::map<CallId, Waiting<call::CallRecord>>;
  using Bindings = std::map<DeviceId, Waiting<std::vector<Binding>>>;
  struct Batch {
    Records records;
    Bindings bindings;
  };
  using Clock = std::chrono::steady_clock;

  void run();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void wake_if_due();
  void gather(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Batch take_batch() const;
  [[nodiscard]] Result<void> write(const Batch& batch);
  [[nodiscard]] Result<void> transact(const std::function<Result<void>()>& work);
  [[nodiscard]] Result<void> write_one_by_one(const Batch& batch);
  [[nodiscard]] Result<void> write_record(const call::CallRecord& record);
  [[nodiscard]] Result<void> write_bindings(DeviceId device, const std::vector<Binding>& bindings);
  [[nodiscard]] Result<void> extend_reserve(const call::CallRecord& record);
  void finish(const Batch& batch, const Result<void>& outcome);
  [[nodiscard]] WriterState state_now() const;
  [[nodiscard]] bool anything_waiting() const { return !records_.empty() || !bindings_.empty(); }
  [[nodiscard]] bool waiting_up_to(std::uint64_t version) const;

  const Options options_;
  Database database_;         // the thread's alone after the constructor
  ReservedIds reserved_;      // the thread's alone
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable work_, done_;
  Records records_;
  Bindings bindings_;
  std::uint64_t version_ = 0, attempt_ = 0, failed_attempt_ = 0, lost_ = 0;
  std::optional<Error> error_;
  std::optional<Clock::time_point> retry_at_;
  bool hurry_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace segue::store
