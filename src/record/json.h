// Call records and flip reports as JSON, both ways: the one shape that the store keeps and the API shows (openapi.yaml
// describes it). Pure. Ids are strings of decimal digits with a prefix ("call_12"), times RFC 3339 with milliseconds in
// UTC, enums snake_case.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "call/record.h"

namespace segue::record {

[[nodiscard]] nlohmann::json to_json(const call::FlipReport& report);
[[nodiscard]] nlohmann::json to_json(const call::FlipRecord& flip);
[[nodiscard]] nlohmann::json to_json(const call::Segment& segment);
[[nodiscard]] nlohmann::json to_json(const call::CallRecord& record);
[[nodiscard]] Result<call::FlipReport> flip_report_from_json(const nlohmann::json& json);
[[nodiscard]] Result<call::CallRecord> call_record_from_json(const nlohmann::json& json);

/// "call_12", "flip_3", "acc_1", "dev_4", "num_2"; an invalid id becomes null in JSON.
[[nodiscard]] std::string id_text(CallId id);
[[nodiscard]] std::string id_text(FlipId id);
[[nodiscard]] std::string id_text(AccountId id);
[[nodiscard]] std::string id_text(DeviceId id);
[[nodiscard]] std::string id_text(NumberId id);
/// NotFound-free: nullopt for anything that is not `prefix` followed by 1 to 19 digits.
[[nodiscard]] std::optional<std::uint64_t> parse_id(std::string_view prefix, std::string_view text);

[[nodiscard]] std::string rfc3339(WallTime t);
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace segue::record
