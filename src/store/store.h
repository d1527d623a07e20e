// The server's memory on disk: accounts, devices, numbers, tokens, settings, bindings and call records, in one SQLite
// database.
//
// Owner: the application; all public functions belong to one thread (the signalling loop). Reads and administrative
// writes run at once on that thread and are on disk when they return (WAL, synchronous=FULL). Call records and bindings
// go to one writer thread (synchronous=NORMAL) and cost the caller no disk: they are merged by call and by device, so
// their number is bounded by Options; past a bound a new one is refused and counted. A full disk makes the writer keep
// what it has, try again every `retry`, and say so in writer_state(); calls do not suffer. Only digests are kept: HA1
// of passwords (RFC 7616 section 3.4.2), SHA-256 of tokens. The file is readable by its owner alone, and one process at
// a time can have it open.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "call/directory.h"
#include "call/record.h"

namespace segue::store {

struct WriterState {
  bool ok = true;
  std::string error;        ///< of the last attempt, while it is not ok
  std::size_t waiting = 0;  ///< records and devices' bindings that are not on disk yet
  std::uint64_t lost = 0;   ///< records refused or given up since the start
};

struct Options {
  std::string path{};                        ///< a file; its folder must exist
  std::chrono::milliseconds retry{1000};     ///< how long the writer waits after a failure
  std::size_t records_waiting_max = 2048;    ///< some 50 kB each at worst: 100 MB while the disk is full
  std::size_t bindings_waiting_max = 65536;  ///< devices with changed bindings
  /// Told from the writer's thread when writing has begun to fail, and when it succeeds again.
  std::function<void(const WriterState&)> on_change{};
  std::optional<std::uint32_t> pages_max{};  ///< bound of the records' share of the file, in 4 kB pages; nullopt: none
};

/// How a device can be reached, as its REGISTER said it. Registrations survive a restart of the server.
struct Binding {
  std::string contact{};            ///< the Contact's URI
  std::string transport{};          ///< "udp", "tcp", "tls", "ws", "wss"
  Endpoint local{}, remote{};       ///< the flow; its connection is gone after a restart
  std::string received_from{};      ///< as seen by us, if it is not what the Via says
  std::vector<std::string> path{};  ///< RFC 3327, outermost first
  std::string call_id{};
  std::uint32_t cseq = 0;
  std::string instance_id{};  ///< RFC 5626 +sip.instance; "" without
  std::uint32_t reg_id = 0;   ///< 0: none
  WallTime expires_at{};
  std::string user_agent{};
  friend bool operator==(const Binding&, const Binding&) = default;
};
struct DeviceBindings {
  DeviceId device{};
  std::vector<Binding> bindings{};  ///< in the order they were given
};

struct Token {
  std::uint64_t id = 0;
  std::string name;
  std::optional<AccountId> account;  ///< nullopt: an administrator
};

/// Newest first. `before` goes into the next read; nullopt at the end.
struct RecordPage {
  std::vector<call::CallRecord> items;
  std::optional<CallId> before;
};

class Store {
 public:
  /// Makes the database if there is none, and brings an older one up to date. Errors name the file and the trouble: no
  /// such folder, no permission, not a database of Segue's, damaged, written by a newer Segue, or open in another
  /// process.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const Options& options);
  /// Writes what waits (one attempt), then closes.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // ---- directory; ids given here are never given again, even after a deletion ----
  [[nodiscard]] Result<std::vector<call::Account>> accounts();
  [[nodiscard]] Result<call::Account> add_account(std::string name);
  [[nodiscard]] Result<void> rename_account(AccountId id, const std::string& name);  ///< NotFound
  [[nodiscard]] Result<void> delete_account(
      AccountId id);  ///< with its devices, numbers, tokens and bindings; records stay. NotFound

  [[nodiscard]] Result<std::vector<call::Device>> devices();  ///< all, in the order they were added
  /// Takes all but the id from `device`. Conflict: username or flip digit taken; NotFound: no such account;
  /// InvalidInput: an HA1 that is not hex.
  [[nodiscard]] Result<call::Device> add_device(call::Device device);
  [[nodiscard]] Result<void> update_device(
      const call::Device& device);  ///< all but its account; NotFound, Conflict, InvalidInput
  [[nodiscard]] Result<void> delete_device(DeviceId id);

  [[nodiscard]] Result<std::vector<call::Number>> numbers();  ///< in the order they were added
  [[nodiscard]] Result<call::Number> add_number(
      AccountId account, const std::string& digits);  ///< Conflict: taken; NotFound: no such account
  [[nodiscard]] Result<void> delete_number(NumberId id);

  // ---- tokens ----
  /// `sha256` is 64 hex digits of the secret's digest; the secret itself never comes here.
  [[nodiscard]] Result<Token> add_token(const std::string& name, std::optional<AccountId> account,
                                        const std::string& sha256);
  [[nodiscard]] Result<Token> find_token(const std::string& sha256);  ///< NotFound
  [[nodiscard]] Result<std::vector<Token>> tokens();
  [[nodiscard]] Result<void> delete_token(std::uint64_t id);

  // ---- settings: realm, secrets ... ----
  [[nodiscard]] Result<std::optional<std::string>> setting(const std::string& key);
  [[nodiscard]] Result<void> set_setting(const std::string& key, const std::string& value);

  /// Count from here. Higher than every id of earlier runs (a run sets 100,000 ids aside at its start and more as it
  /// uses them up).
  [[nodiscard]] CallId first_call_id() const;
  [[nodiscard]] FlipId first_flip_id() const;

  // ---- through the writer thread ----
  /// The latest state of a call; a later one of the same call replaces it. Exhausted: too many wait (the record is lost
  /// and counted).
  [[nodiscard]] Result<void> save_record(const call::CallRecord& record);
  /// All live bindings of a device, instead of those that were; empty: none.
  [[nodiscard]] Result<void> save_bindings(DeviceId device, std::vector<Binding> bindings);
  /// Waits until all that was given before is on disk (or found to belong to a deleted device), or until a new attempt
  /// has failed.
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] WriterState writer_state() const;

  // ---- reads ----
  [[nodiscard]] Result<std::vector<DeviceBindings>> bindings(WallTime now);  ///< those that have not expired, on disk
  [[nodiscard]] Result<call::CallRecord> record(CallId id);                  ///< sees waiting ones too; NotFound
  [[nodiscard]] Result<call::FlipRecord> flip(FlipId id);                    ///< sees waiting ones too; NotFound
  /// Those on disk, newest call first, their reports without packets; of one account only if given. limit 1 to 1,000. A
  /// damaged record is left out.
  [[nodiscard]] Result<RecordPage> records(std::optional<CallId> before, std::size_t limit,
                                           std::optional<AccountId> account);
  /// Deletes records of calls that started earlier, the oldest first, 1,000 a time so that the loop is not held up; how
  /// many it were. Makes room on a full disk (the file is used again, not shortened).
  [[nodiscard]] Result<std::uint64_t> delete_records_before(WallTime time);

 private:
  struct Parts;
  explicit Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace segue::store
