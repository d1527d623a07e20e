#include "store/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "record/json.h"

namespace segue::store {
namespace {

/// One transaction's worth: a few milliseconds of lock, and far past the point where more would save anything (stack.md
/// section 4).
constexpr std::size_t kBatch = 200;

constexpr auto kGather = std::chrono::milliseconds(20);

/// What a later attempt cannot cure. All else (full disk, I/O, locks, damage) is waited out.
bool hopeless(const Error& error) {
  return error.kind == ErrorKind::InvalidInput || error.kind == ErrorKind::NotFound ||
         error.kind == ErrorKind::Conflict;
}

void bind_account(Statement& statement, int index, AccountId account) {
  if (account.valid()) {
    statement.bind(index, account.value);
  } else {
    statement.bind_null(index);
  }
}

std::string path_text(const std::vector<std::string>& path) {
  return nlohmann::json(path).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The packets of each flip's report, which are kept beside the record (kPacketsApart), as texts; empty without a
/// report.
std::vector<std::string> take_packets(nlohmann::json& record) {
  std::vector<std::string> texts;
  for (auto& flip : record["flips"]) {
    auto& report = flip["report"];
    texts.push_back(report.is_null() ? "" : std::exchange(report["packets"], nlohmann::json::array()).dump());
  }
  return texts;
}

}  // namespace

Writer::Writer(Database database, const Options& options, ReservedIds reserved)
    : options_(options), database_(std::move(database)), reserved_(reserved), thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

// ---- the loop's side
// -------------------------------------------------------------------------------------------------

Result<void> Writer::put(const call::CallRecord& record) {
  auto value = std::make_shared<const call::CallRecord>(record);
  const std::lock_guard lock(mutex_);
  if (!records_.contains(record.id) && records_.size() >= options_.records_waiting_max) {
    ++lost_;
    return fail(ErrorKind::Exhausted, "too many call records wait for the disk");
  }
  records_[record.id] = {std::move(value), ++version_};
  wake_if_due();
  return {};
}

Result<void> Writer::put(DeviceId device, std::vector<Binding> bindings) {
  auto value = std::make_shared<const std::vector<Binding>>(std::move(bindings));
  const std::lock_guard lock(mutex_);
  if (!bindings_.contains(device) && bindings_.size() >= options_.bindings_waiting_max)
    return fail(ErrorKind::Exhausted, "too many registrations wait for the disk");
  bindings_[device] = {std::move(value), ++version_};
  wake_if_due();
  return {};
}

/// The first one starts a gathering and a full batch ends it; for those between there is nothing to wake.
void Writer::wake_if_due() {
  const std::size_t waiting = records_.size() + bindings_.size();
  if (waiting == 1 || waiting >= kBatch) work_.notify_one();
}

Result<void> Writer::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t version = version_, attempt = attempt_;
  hurry_ = anything_waiting();
  work_.notify_one();
  done_.wait(lock, [&] { return !waiting_up_to(version) || failed_attempt_ > attempt; });
  if (waiting_up_to(version) && error_) return tl::unexpected(*error_);
  return {};
}

WriterState Writer::state() const {
  const std::lock_guard lock(mutex_);
  return state_now();
}

WriterState Writer::state_now() const {
  return {!error_, error_ ? error_->text : "", records_.size() + bindings_.size(), lost_};
}

std::shared_ptr<const call::CallRecord> Writer::waiting_record(CallId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : found->second.value;
}

std::shared_ptr<const call::CallRecord> Writer::waiting_record_with(FlipId id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [call, waiting] : records_) {
    const auto& flips = waiting.value->flips;
    if (std::any_of(flips.begin(), flips.end(), [&](const auto& flip) { return flip.id == id; })) return waiting.value;
  }
  return nullptr;
}

bool Writer::waiting_up_to(std::uint64_t version) const {
  const auto old = [&](const auto& entry) { return entry.second.version <= version; };
  return std::any_of(records_.begin(), records_.end(), old) || std::any_of(bindings_.begin(), bindings_.end(), old);
}

// ---- the thread's side
// -----------------------------------------------------------------------------------------------

void Writer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wait_for_work(lock);
    if (!anything_waiting()) return;  // stopping, and all is written
    gather(lock);
    Batch batch = take_batch();
    ++attempt_;
    hurry_ = false;
    const bool last = stopping_;
    lock.unlock();
    const auto outcome = write(batch);
    lock.lock();
    const bool was_ok = !error_;
    finish(batch, outcome);
    done_.notify_all();
    if (was_ok != !error_ && options_.on_change) {
      const WriterState now = state_now();
      lock.unlock();
      options_.on_change(now);
      lock.lock();
    }
    if (last && !outcome) return;
  }
}

void Writer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto ready = [this] {
    if (stopping_) return true;
    return anything_waiting() && (!retry_at_ || hurry_ || Clock::now() >= *retry_at_);
  };
  while (!ready()) {
    if (retry_at_ && anything_waiting()) {
      work_.wait_until(lock, *retry_at_);
    } else {
      work_.wait(lock);
    }
  }
}

/// What comes within a moment shares a transaction. Readers see it meanwhile (waiting_record), and flush() does not
/// wait.
void Writer::gather(std::unique_lock<std::mutex>& lock) {
  work_.wait_for(lock, kGather, [this] { return stopping_ || hurry_ || records_.size() + bindings_.size() >= kBatch; });
}

Writer::Batch Writer::take_batch() const {
  Batch batch;
  const auto copy = [](const auto& from, auto& to) {
    for (auto it = from.begin(); it != from.end() && to.size() < kBatch; ++it) to.insert(*it);
  };
  copy(bindings_, batch.bindings);
  copy(records_, batch.records);
  return batch;
}

void Writer::finish(const Batch& batch, const Result<void>& outcome) {
  if (!outcome) {
    error_ = outcome.error();
    failed_attempt_ = attempt_;
    retry_at_ = Clock::now() + options_.retry;
    return;
  }
  error_.reset();
  retry_at_.reset();
  const auto let_go = [](const auto& written, auto& waiting) {
    for (const auto& [id, entry] : written) {
      const auto found = waiting.find(id);
      if (found != waiting.end() && found->second.version == entry.version) waiting.erase(found);
    }
  };
  let_go(batch.records, records_);
  let_go(batch.bindings, bindings_);
}

/// A transaction that is rolled back takes back what it set aside, too.
Result<void> Writer::transact(const std::function<Result<void>()>& work) {
  const ReservedIds before = reserved_;
  auto done = database_.transaction(work);
  if (!done) reserved_ = before;
  return done;
}

Result<void> Writer::write(const Batch& batch) {
  auto done = transact([&]() -> Result<void> {
    for (const auto& [device, waiting] : batch.bindings) {
      if (auto written = write_bindings(device, *waiting.value); !written) return written;
    }
    for (const auto& [id, waiting] : batch.records) {
      if (auto written = write_record(*waiting.value); !written) return written;
    }
    return {};
  });
  if (!done && hopeless(done.error())) return write_one_by_one(batch);
  return done;
}

Result<void> Writer::write_one_by_one(const Batch& batch) {
  for (const auto& [device, waiting] : batch.bindings) {
    auto done = transact([&] { return write_bindings(device, *waiting.value); });
    if (!done && !hopeless(done.error())) return done;
  }
  for (const auto& [id, waiting] : batch.records) {
    auto done = transact([&] { return write_record(*waiting.value); });
    if (!done && !hopeless(done.error())) return done;
    if (!done) {
      const std::lock_guard lock(mutex_);
      ++lost_;
    }
  }
  return {};
}

Result<void> Writer::write_record(const call::CallRecord& record) {
  if (auto done = extend_reserve(record); !done) return done;
  auto insert = database_.prepare(
      "INSERT INTO records (id, started_ms, caller_account, callee_account, json) VALUES (?1, ?2, ?3, ?4, ?5) ON "
      "CONFLICT(id) DO "
      "UPDATE SET started_ms=?2, caller_account=?3, callee_account=?4, json=?5");
  insert.bind(1, record.id.value).bind(2, unix_ms(record.started_at));
  bind_account(insert, 3, record.caller_account);
  bind_account(insert, 4, record.callee_account);
  auto json = record::to_json(record);
  const auto packets = take_packets(json);
  // Names come from the wire; what is not UTF-8 in them is replaced, not a reason to lose the record.
  insert.bind(5, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (auto done = insert.run(); !done) return done;
  for (std::size_t i = 0; i < record.flips.size(); ++i) {
    auto link = database_.prepare("INSERT OR REPLACE INTO flips (id, record, packets) VALUES (?1, ?2, ?3)");
    link.bind(1, record.flips[i].id.value).bind(2, record.id.value).bind(3, packets[i]);
    if (auto done = link.run(); !done) return done;
  }
  return {};
}

Result<void> Writer::write_bindings(DeviceId device, const std::vector<Binding>& bindings) {
  auto clear = database_.prepare("DELETE FROM bindings WHERE device=?1");
  if (auto done = clear.bind(1, device.value).run(); !done) return done;
  std::int64_t position = 0;
  for (const auto& b : bindings) {
    auto insert =
        database_.prepare("INSERT INTO bindings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    insert.bind(1, device.value).bind(2, position++).bind(3, b.contact).bind(4, b.transport);
    insert.bind(5, b.local.to_string())
        .bind(6, b.remote.to_string())
        .bind(7, b.received_from)
        .bind(8, path_text(b.path));
    insert.bind(9, b.call_id).bind(10, std::int64_t{b.cseq}).bind(11, b.instance_id).bind(12, std::int64_t{b.reg_id});
    insert.bind(13, std::int64_t{b.expires_at.time_since_epoch().count()}).bind(14, b.user_agent);
    if (auto done = insert.run(); !done) return done;
  }
  return {};
}

/// Before the ids of this run come near to what was set aside for it, more is set aside: a crash then cannot make a
/// later run repeat one.
Result<void> Writer::extend_reserve(const call::CallRecord& record) {
  const auto extend = [this](const char* key, std::uint64_t& reserved, std::uint64_t used) -> Result<void> {
    if (used + kIdsAhead / 2 < reserved) return {};
    const std::uint64_t next = used + kIdsAhead;
    auto set = database_.prepare("INSERT INTO settings VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2");
    if (auto done = set.bind(1, key).bind(2, std::to_string(next)).run(); !done) return done;
    reserved = next;
    return {};
  };
  if (auto done = extend(kNextCallId, reserved_.calls, record.id.value); !done) return done;
  for (const auto& flip : record.flips) {
    if (auto done = extend(kNextFlipId, reserved_.flips, flip.id.value); !done) return done;
  }
  return {};
}

}  // namespace segue::store
