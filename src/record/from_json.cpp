// Records from JSON: what the store reads back. Strict about types and words; the error names the place.
#include <fmt/format.h>

#include "record/json.h"
#include "record/words.h"

namespace segue::record {
namespace {

using nlohmann::json;

/// Reads members of one object; the first trouble is kept in `error`, later reads leave their targets alone.
class Reader {
 public:
  Reader(const json& object, std::string place, std::string& error)
      : object_(object), place_(std::move(place)), error_(error) {
    if (!object_.is_object()) complain("", "must be an object");
  }

  void read(const char* key, std::string& to, bool null_is_empty = false) {
    const json* value = find(key);
    if (value == nullptr || (null_is_empty && value->is_null())) return;
    if (!value->is_string()) return complain(key, "must be a string");
    to = value->get_ref<const std::string&>();
  }

  void read(const char* key, bool& to) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return complain(key, "must be true or false");
    to = value->get<bool>();
  }

  void read(const char* key, std::optional<bool>& to) {
    if (is_null(key)) return;
    bool value = false;
    read(key, value);
    to = value;
  }

  void read(const char* key, double& to) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_number()) return complain(key, "must be a number");
    to = value->get<double>();
  }

  void read(const char* key, std::optional<double>& to) {
    if (is_null(key)) return;
    double value = 0;
    read(key, value);
    to = value;
  }

  template <std::unsigned_integral Int>
  void read_integer(const char* key, Int& to) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > std::numeric_limits<Int>::max())
      return complain(key, "must be a whole number in range");
    to = static_cast<Int>(value->get<std::uint64_t>());
  }

  void read(const char* key, WallTime& to) {
    std::string text;
    read(key, text);
    if (!ok()) return;
    const auto time = parse_rfc3339(text);
    if (!time) return complain(key, "must be an RFC 3339 time");
    to = *time;
  }

  void read(const char* key, std::optional<WallTime>& to) {
    if (is_null(key)) return;
    WallTime time{};
    read(key, time);
    to = time;
  }

  template <typename Id>
  void read_id(const char* key, const char* prefix, Id& to) {
    if (is_null(key)) return;
    std::string text;
    read(key, text);
    if (!ok()) return;
    const auto id = parse_id(prefix, text);
    if (!id) return complain(key, "is not an id of its kind");
    to.value = *id;
  }

  template <typename Enum>
  void read_word(const char* key, Enum& to) {
    std::string text;
    read(key, text);
    if (!ok()) return;
    const auto value = parse_word<Enum>(text);
    if (!value) return complain(key, "is an unknown word");
    to = *value;
  }

  template <typename Enum>
  void read_word(const char* key, std::optional<Enum>& to) {
    if (is_null(key)) return;
    Enum value{};
    read_word(key, value);
    to = value;
  }

  /// `element(reader)` for each element of an array of objects.
  template <typename Element>
  void each(const char* key, Element element) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return complain(key, "must be an array");
    for (std::size_t i = 0; i < value->size() && ok(); ++i) {
      Reader reader((*value)[i], fmt::format("{}/{}/{}", place_, key, i), error_);
      if (ok()) element(reader);
    }
  }

  template <typename Element>
  void nested(const char* key, Element element) {
    const json* value = find(key);
    if (value == nullptr) return;
    Reader reader(*value, fmt::format("{}/{}", place_, key), error_);
    if (ok()) element(reader);
  }

  [[nodiscard]] bool is_null(const char* key) const {
    const json* value = ok() ? member(key) : nullptr;
    return value != nullptr && value->is_null();
  }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const json* raw(const char* key) { return find(key); }
  void complain(const char* key, std::string_view what) {
    if (ok()) error_ = fmt::format("{}/{} {}", place_, key, what);
  }

 private:
  [[nodiscard]] const json* member(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  [[nodiscard]] const json* find(const char* key) {
    if (!ok()) return nullptr;
    const json* value = member(key);
    if (value == nullptr) complain(key, "is missing");
    return value;
  }

  const json& object_;
  std::string place_;
  std::string& error_;
};

call::ReportLine read_line(Reader& in) {
  call::ReportLine line;
  in.read("key", line.key);
  in.read("title", line.title);
  in.read("value", line.value, true);
  in.read("limit", line.limit);
  in.read("number", line.number);
  in.read("kept", line.kept);
  in.read("note", line.note);
  return line;
}

call::ReportPacket read_packet(Reader& in) {
  call::ReportPacket packet;
  in.read_word("kind", packet.kind);
  in.read("at_ms", packet.at_ms);
  in.read_integer("sequence", packet.sequence);
  in.read_integer("timestamp", packet.timestamp);
  in.read("used", packet.used);
  return packet;
}

call::FlipReport read_report(Reader& in) {
  call::FlipReport report;
  in.read("kept", report.kept);
  in.read("spliced", report.spliced);
  in.read("frame_ms", report.frame_ms);
  in.each("lines", [&](Reader& line) { report.lines.push_back(read_line(line)); });
  in.each("packets", [&](Reader& packet) { report.packets.push_back(read_packet(packet)); });
  return report;
}

void read_targets(Reader& in, std::vector<DeviceId>& targets) {
  const json* list = in.raw("targets");
  if (list == nullptr) return;
  if (!list->is_array()) return in.complain("targets", "must be an array");
  for (const auto& item : *list) {
    const auto id = item.is_string() ? parse_id("dev", item.get_ref<const std::string&>()) : std::nullopt;
    if (!id) return in.complain("targets", "must hold device ids");
    targets.push_back(DeviceId{*id});
  }
}

call::FlipRecord read_flip(Reader& in) {
  call::FlipRecord flip;
  in.read_id("id", "flip", flip.id);
  in.read_id("call", "call", flip.call);
  in.read_id("account", "acc", flip.account);
  in.read_word("side", flip.side);
  in.read_word("trigger", flip.trigger);
  in.read_word("mode", flip.mode);
  in.read_id("from", "dev", flip.from);
  read_targets(in, flip.targets);
  in.read_id("to", "dev", flip.to);
  in.read("asked_at", flip.asked_at);
  in.read("ringing_at", flip.ringing_at);
  in.read("answered_at", flip.answered_at);
  in.read("spliced_at", flip.spliced_at);
  in.read("ended_at", flip.ended_at);
  in.read_word("outcome", flip.outcome);
  in.read("state", flip.state);
  if (!in.is_null("report")) in.nested("report", [&](Reader& report) { flip.report = read_report(report); });
  return flip;
}

call::Segment read_segment(Reader& in) {
  call::Segment segment;
  in.read_word("kind", segment.kind);
  in.read_word("side", segment.side);
  in.read_id("account", "acc", segment.account);
  in.read_id("device", "dev", segment.device);
  in.read("name", segment.name);
  in.read("from", segment.from);
  in.read("to", segment.to);
  in.read_word("cause", segment.cause);
  in.read_id("flip", "flip", segment.flip);
  return segment;
}

void read_party(Reader& in, call::Identity& identity, AccountId& account, DeviceId& device) {
  in.read("number", identity.number);
  in.read("name", identity.name);
  in.read_id("account", "acc", account);
  in.read_id("device", "dev", device);
}

}  // namespace

Result<call::FlipReport> flip_report_from_json(const json& json) {
  std::string error;
  Reader in(json, "", error);
  call::FlipReport report = read_report(in);
  if (!error.empty()) return fail(ErrorKind::InvalidInput, "flip report: " + error);
  return report;
}

Result<call::CallRecord> call_record_from_json(const json& json) {
  std::string error;
  call::CallRecord record;
  Reader in(json, "", error);
  in.read_id("id", "call", record.id);
  in.read_word("state", record.state);
  in.nested("caller", [&](Reader& r) { read_party(r, record.caller, record.caller_account, record.caller_device); });
  in.nested("callee", [&](Reader& r) { read_party(r, record.callee, record.callee_account, record.callee_device); });
  in.read("dialled", record.dialled);
  in.read("codec", record.codec);
  in.read("started_at", record.started_at);
  in.read("answered_at", record.answered_at);
  in.read("ended_at", record.ended_at);
  in.read_word("cause", record.cause);
  if (!in.is_null("ended_by")) in.read_word("ended_by", record.ended_by);
  in.each("segments", [&](Reader& segment) { record.segments.push_back(read_segment(segment)); });
  in.each("flips", [&](Reader& flip) { record.flips.push_back(read_flip(flip)); });
  if (!error.empty()) return fail(ErrorKind::InvalidInput, "call record: " + error);
  return record;
}

}  // namespace segue::record
