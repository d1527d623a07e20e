// Call records and bindings of the Store: what goes to the writer thread, and the reads.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "record/json.h"
#include "store/parts.h"

namespace segue::store {
namespace {

constexpr std::size_t kPageMax = 1000, kDeletedAtOnce = 1000;

Result<nlohmann::json> parse_text(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorKind::Internal, "call record on disk is not JSON");
  return json;
}

Result<call::CallRecord> record_of(const nlohmann::json& json) {
  auto record = record::call_record_from_json(json);
  if (!record) return fail(ErrorKind::Internal, record.error().text);
  return record;
}

/// What the flips table keeps of each report's packets, back into its place.
Result<void> put_packets(Database& database, nlohmann::json& record) {
  for (auto& flip : record["flips"]) {
    const auto id = flip.is_object() ? record::parse_id("flip", flip.value("id", "")) : std::nullopt;
    if (!id || !flip.contains("report") || !flip["report"].is_object()) continue;
    auto select = database.prepare("SELECT packets FROM flips WHERE id=?1");
    const auto row = select.bind(1, *id).step();
    if (!row) return tl::unexpected(row.error());
    if (!*row || select.text(0).empty()) continue;  // written before packets were kept apart
    auto packets = parse_text(select.text(0));
    if (!packets) return tl::unexpected(packets.error());
    flip["report"]["packets"] = std::move(*packets);
  }
  return {};
}

Result<call::CallRecord> read_record(Database& database, std::string_view sql, std::uint64_t id, const char* missing) {
  auto select = database.prepare(sql);
  const auto row = select.bind(1, id).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorKind::NotFound, missing);
  auto json = parse_text(select.text(0));
  if (!json) return tl::unexpected(json.error());
  if (auto put = put_packets(database, *json); !put) return tl::unexpected(put.error());
  return record_of(*json);
}

Result<call::FlipRecord> flip_in(const call::CallRecord& record, FlipId id) {
  const auto found =
      std::find_if(record.flips.begin(), record.flips.end(), [&](const auto& flip) { return flip.id == id; });
  if (found == record.flips.end()) return fail(ErrorKind::NotFound, "no such flip");
  return *found;
}

std::vector<std::string> parse_path(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::string> path;
  if (!json.is_array()) return path;
  for (const auto& item : json) {
    if (item.is_string()) path.push_back(item.get<std::string>());
  }
  return path;
}

Binding binding_of(const Statement& row) {
  Binding b;
  b.contact = row.text(1);
  b.transport = row.text(2);
  b.local = Endpoint::parse(row.text(3)).value_or(Endpoint{});
  b.remote = Endpoint::parse(row.text(4)).value_or(Endpoint{});
  b.received_from = row.text(5);
  b.path = parse_path(row.text(6));
  b.call_id = row.text(7);
  b.cseq = static_cast<std::uint32_t>(row.integer(8));
  b.instance_id = row.text(9);
  b.reg_id = static_cast<std::uint32_t>(row.integer(10));
  b.expires_at = WallTime{Duration{row.integer(11)}};
  b.user_agent = row.text(12);
  return b;
}

/// Each half of an account's records comes from an index of its own, so a page costs what a page holds, however many
/// records there are.
constexpr const char* kPageOfAccount =
    "SELECT id, json FROM records WHERE id IN ("
    "SELECT id FROM (SELECT id FROM records WHERE caller_account=?3 AND id<?1 ORDER BY id DESC LIMIT ?2) UNION "
    "SELECT id FROM (SELECT id FROM records WHERE callee_account=?3 AND id<?1 ORDER BY id DESC LIMIT ?2)) "
    "ORDER BY id DESC LIMIT ?2";
constexpr const char* kPage = "SELECT id, json FROM records WHERE id<?1 ORDER BY id DESC LIMIT ?2";

}  // namespace

Result<void> Store::save_record(const call::CallRecord& record) { return parts_->writer->put(record); }

Result<void> Store::save_bindings(DeviceId device, std::vector<Binding> bindings) {
  return parts_->writer->put(device, std::move(bindings));
}

Result<void> Store::flush() { return parts_->writer->flush(); }
WriterState Store::writer_state() const { return parts_->writer->state(); }

Result<std::vector<DeviceBindings>> Store::bindings(WallTime now) {
  auto select = parts_->database.prepare(
      "SELECT device, contact, transport, local, remote, received_from, path, call_id, cseq, instance_id, reg_id, "
      "expires_ns, "
      "user_agent FROM bindings WHERE expires_ns>?1 ORDER BY device, position");
  select.bind(1, std::int64_t{now.time_since_epoch().count()});
  std::vector<DeviceBindings> all;
  while (true) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return all;
    const DeviceId device{select.id(0)};
    if (all.empty() || all.back().device != device) all.push_back({device, {}});
    all.back().bindings.push_back(binding_of(select));
  }
}

Result<call::CallRecord> Store::record(CallId id) {
  if (const auto waiting = parts_->writer->waiting_record(id)) return *waiting;
  return read_record(parts_->database, "SELECT json FROM records WHERE id=?1", id.value, "no such call record");
}

Result<call::FlipRecord> Store::flip(FlipId id) {
  if (const auto waiting = parts_->writer->waiting_record_with(id)) return flip_in(*waiting, id);
  const auto record =
      read_record(parts_->database, "SELECT json FROM records JOIN flips ON flips.record=records.id WHERE flips.id=?1",
                  id.value, "no such flip");
  if (!record) return tl::unexpected(record.error());
  return flip_in(*record, id);
}

Result<RecordPage> Store::records(std::optional<CallId> before, std::size_t limit, std::optional<AccountId> account) {
  limit = std::clamp<std::size_t>(limit, 1, kPageMax);
  auto select = parts_->database.prepare(account ? kPageOfAccount : kPage);
  // One more than asked for tells whether there is another page.
  select.bind(1, std::min(before ? before->value : UINT64_MAX, std::uint64_t{INT64_MAX}))
      .bind(2, std::uint64_t{limit + 1});
  if (account) select.bind(3, account->value);
  RecordPage page;
  CallId last;
  for (std::size_t rows = 0;; ++rows) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return page;
    if (rows == limit) {
      page.before = last;
      return page;
    }
    last = CallId{select.id(0)};
    const auto json = parse_text(select.text(1));
    if (!json) continue;
    if (auto record = record_of(*json)) page.items.push_back(std::move(*record));
  }
}

Result<std::uint64_t> Store::delete_records_before(WallTime time) {
  auto erase = parts_->database.prepare(
      "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE started_ms<?1 ORDER BY started_ms LIMIT ?2)");
  if (auto done = erase.bind(1, std::int64_t{unix_ms(time)}).bind(2, std::uint64_t{kDeletedAtOnce}).run(); !done)
    return tl::unexpected(done.error());
  return parts_->database.changes();
}

}  // namespace segue::store
