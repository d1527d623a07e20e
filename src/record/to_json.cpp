// Records to JSON.
#include <cmath>

#include "record/json.h"
#include "record/words.h"

namespace segue::record {
namespace {

using nlohmann::json;

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
  return {{"key", line.key},
          {"title", line.title},
          {"value", line.value.empty() ? json(nullptr) : json(line.value)},
          {"limit", line.limit},
          {"number", line.number ? figure(*line.number) : json(nullptr)},
          {"kept", line.kept ? json(*line.kept) : json(nullptr)},
          {"note", line.note}};
}

json to_json(const call::ReportPacket& packet) {
  return {{"kind", word(packet.kind)},
          {"at_ms", figure(std::isfinite(packet.at_ms) ? packet.at_ms : 0.0)},
          {"sequence", packet.sequence},
          {"timestamp", packet.timestamp},
          {"used", packet.used}};
}

json party(const call::Identity& identity, AccountId account, DeviceId device) {
  return {{"number", identity.number},
          {"name", identity.name},
          {"account", id_or_null(account)},
          {"device", id_or_null(device)}};
}

}  // namespace

json to_json(const call::FlipReport& report) {
  json lines = json::array(), packets = json::array();
  for (const auto& line : report.lines) lines.push_back(to_json(line));
  for (const auto& packet : report.packets) packets.push_back(to_json(packet));
  return {{"kept", report.kept},
          {"spliced", report.spliced},
          {"frame_ms", figure(std::isfinite(report.frame_ms) ? report.frame_ms : 0.0)},
          {"lines", std::move(lines)},
          {"packets", std::move(packets)}};
}

json to_json(const call::FlipRecord& flip) {
  json targets = json::array();
  for (const auto device : flip.targets) targets.push_back(id_or_null(device));
  return {{"id", id_or_null(flip.id)},
          {"call", id_or_null(flip.call)},
          {"account", id_or_null(flip.account)},
          {"side", word(flip.side)},
          {"trigger", word(flip.trigger)},
          {"mode", word(flip.mode)},
          {"from", id_or_null(flip.from)},
          {"targets", std::move(targets)},
          {"to", id_or_null(flip.to)},
          {"asked_at", rfc3339(flip.asked_at)},
          {"ringing_at", time_or_null(flip.ringing_at)},
          {"answered_at", time_or_null(flip.answered_at)},
          {"spliced_at", time_or_null(flip.spliced_at)},
          {"ended_at", time_or_null(flip.ended_at)},
          {"outcome", word_or_null(flip.outcome)},
          {"state", flip.state},
          {"report", flip.report ? to_json(*flip.report) : json(nullptr)}};
}

json to_json(const call::Segment& segment) {
  return {{"kind", word(segment.kind)},
          {"side", word(segment.side)},
          {"account", id_or_null(segment.account)},
          {"device", id_or_null(segment.device)},
          {"name", segment.name},
          {"from", rfc3339(segment.from)},
          {"to", time_or_null(segment.to)},
          {"cause", word_or_null(segment.cause)},
          {"flip", id_or_null(segment.flip)}};
}

json to_json(const call::CallRecord& record) {
  json segments = json::array(), flips = json::array();
  for (const auto& segment : record.segments) segments.push_back(to_json(segment));
  for (const auto& flip : record.flips) flips.push_back(to_json(flip));
  return {{"id", id_or_null(record.id)},
          {"state", word(record.state)},
          {"caller", party(record.caller, record.caller_account, record.caller_device)},
          {"callee", party(record.callee, record.callee_account, record.callee_device)},
          {"dialled", record.dialled},
          {"codec", record.codec},
          {"started_at", rfc3339(record.started_at)},
          {"answered_at", time_or_null(record.answered_at)},
          {"ended_at", time_or_null(record.ended_at)},
          {"cause", word_or_null(record.cause)},
          // While the call lives nobody has ended it.
          {"ended_by", record.state == call::CallState::Ended ? word(record.ended_by) : json(nullptr)},
          {"segments", std::move(segments)},
          {"flips", std::move(flips)}};
}

}  // namespace segue::record
