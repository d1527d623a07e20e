// Records to JSON.
#include <cmath>

#include "record/json.h"
#include "record/words.h"

namespace segue::record {
namespace {

using nlohmann::json;

/// An object, member by member. An initializer list would make an array of each pair first.
class Object {
 public:
  template <typename Value>
  Object&& with(const char* name, Value&& value) && {
    members_.emplace(name, std::forward<Value>(value));
    return std::move(*this);
  }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a json under construction
  operator json() && { return std::move(members_); }

 private:
  json::object_t members_;
};

template <typename Id>
json id_or_null(Id id) {
  return id.valid() ? json(id_text(id)) : json(nullptr);
}

json time_or_null(const std::optional<WallTime>& t) { return t ? json(rfc3339(*t)) : json(nullptr); }

template <typename Enum>
json word_or_null(const std::optional<Enum>& value) {
  return value ? json(std::string(to_string(*value))) : json(nullptr);
}

template <typename Enum>
json word(Enum value) {
  return word_or_null(std::optional<Enum>(value));
}

/// JSON has no infinities; three decimals of a millisecond are more than any figure here is worth.
json figure(double value) { return std::isfinite(value) ? json(std::round(value * 1000.0) / 1000.0) : json(nullptr); }

json to_json(const call::ReportLine& line) {
  return Object()
      .with("key", line.key)
      .with("title", line.title)
      .with("value", line.value.empty() ? json(nullptr) : json(line.value))
      .with("limit", line.limit)
      .with("number", line.number ? figure(*line.number) : json(nullptr))
      .with("kept", line.kept ? json(*line.kept) : json(nullptr))
      .with("note", line.note);
}

json to_json(const call::ReportPacket& packet) {
  return Object()
      .with("kind", word(packet.kind))
      .with("at_ms", figure(std::isfinite(packet.at_ms) ? packet.at_ms : 0.0))
      .with("sequence", packet.sequence)
      .with("timestamp", packet.timestamp)
      .with("used", packet.used);
}

json party(const call::Identity& identity, AccountId account, DeviceId device) {
  return Object()
      .with("number", identity.number)
      .with("name", identity.name)
      .with("account", id_or_null(account))
      .with("device", id_or_null(device));
}

}  // namespace

json to_json(const call::FlipReport& report) {
  json lines = json::array(), packets = json::array();
  for (const auto& line : report.lines) lines.push_back(to_json(line));
  for (const auto& packet : report.packets) packets.push_back(to_json(packet));
  return Object()
      .with("kept", report.kept)
      .with("spliced", report.spliced)
      .with("frame_ms", figure(std::isfinite(report.frame_ms) ? report.frame_ms : 0.0))
      .with("lines", std::move(lines))
      .with("packets", std::move(packets));
}

json to_json(const call::FlipRecord& flip) {
  json targets = json::array();
  for (const auto device : flip.targets) targets.push_back(id_or_null(device));
  return Object()
      .with("id", id_or_null(flip.id))
      .with("call", id_or_null(flip.call))
      .with("account", id_or_null(flip.account))
      .with("side", word(flip.side))
      .with("trigger", word(flip.trigger))
      .with("mode", word(flip.mode))
      .with("from", id_or_null(flip.from))
      .with("targets", std::move(targets))
      .with("to", id_or_null(flip.to))
      .with("asked_at", rfc3339(flip.asked_at))
      .with("ringing_at", time_or_null(flip.ringing_at))
      .with("answered_at", time_or_null(flip.answered_at))
      .with("spliced_at", time_or_null(flip.spliced_at))
      .with("ended_at", time_or_null(flip.ended_at))
      .with("outcome", word_or_null(flip.outcome))
      .with("state", flip.state)
      .with("report", flip.report ? to_json(*flip.report) : json(nullptr));
}

json to_json(const call::Segment& segment) {
  return Object()
      .with("kind", word(segment.kind))
      .with("side", word(segment.side))
      .with("account", id_or_null(segment.account))
      .with("device", id_or_null(segment.device))
      .with("name", segment.name)
      .with("from", rfc3339(segment.from))
      .with("to", time_or_null(segment.to))
      .with("cause", word_or_null(segment.cause))
      .with("flip", id_or_null(segment.flip));
}

json to_json(const call::CallRecord& record) {
  json segments = json::array(), flips = json::array();
  for (const auto& segment : record.segments) segments.push_back(to_json(segment));
  for (const auto& flip : record.flips) flips.push_back(to_json(flip));
  return Object()
      .with("id", id_or_null(record.id))
      .with("state", word(record.state))
      .with("caller", party(record.caller, record.caller_account, record.caller_device))
      .with("callee", party(record.callee, record.callee_account, record.callee_device))
      .with("dialled", record.dialled)
      .with("codec", record.codec)
      .with("started_at", rfc3339(record.started_at))
      .with("answered_at", time_or_null(record.answered_at))
      .with("ended_at", time_or_null(record.ended_at))
      .with("cause", word_or_null(record.cause))
      // While the call lives nobody has ended it.
      .with("ended_by", record.state == call::CallState::Ended ? word(record.ended_by) : json(nullptr))
      .with("segments", std::move(segments))
      .with("flips", std::move(flips));
}

}  // namespace segue::record
