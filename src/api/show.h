// What the API shows: directory values as JSON, and call records cut to what the asker may see. An account sees its own
// seat whole; of the other party it sees what a phone shows, number and name, never devices or flips (design.md section
// 2: a number is what others see).
#pragma once

#include <nlohmann/json.hpp>

#include "api/service.h"

namespace segue::api {

[[nodiscard]] nlohmann::json show(const call::Account& account);
[[nodiscard]] nlohmann::json show(const DeviceStatus& status);
[[nodiscard]] nlohmann::json show(const call::Number& number);
[[nodiscard]] nlohmann::json show(const Token& token);
[[nodiscard]] nlohmann::json show(const Health& health);

[[nodiscard]] bool concerns(const Principal& principal, const call::CallRecord& record);
[[nodiscard]] call::CallRecord cut_for(const Principal& principal, call::CallRecord record);
/// Lists leave the packets of flip reports out: they are most of a record, and only its picture needs them.
enum class Packets { Shown, LeftOut };
[[nodiscard]] nlohmann::json show(const Principal& principal, const call::CallRecord& record, Packets packets);

}  // namespace segue::api
