#include "api/show.h"

#include "api/body.h"
#include "record/json.h"

namespace segue::api {

using nlohmann::json;
using record::id_text;

json show(const call::Account& account) { return {{"id", id_text(account.id)}, {"name", account.name}}; }

json show(const DeviceStatus& status) {
  const call::Device& device = status.device;
  json codecs = json::array(), bindings = json::array();
  for (const Codec codec : device.codecs) codecs.push_back(std::string(to_string(codec)));
  for (const auto& b : status.bindings) {
    bindings.push_back({{"contact", b.contact},
                        {"received_from", b.received_from},
                        {"transport", b.transport},
                        {"user_agent", b.user_agent},
                        {"expires_at", record::rfc3339(b.expires_at)}});
  }
  return {{"id", id_text(device.id)},
          {"account", id_text(device.account)},
          {"username", device.username},
          {"name", device.name},
          {"kind", std::string(to_string(device.kind))},
          {"flip_digit", device.flip_digit == 0 ? json(nullptr) : json(std::string(1, device.flip_digit))},
          {"auto_answer", device.auto_answer},
          {"proof_by_answer", device.proof_by_answer},
          {"sha256", device.sha256},
          {"codecs", std::move(codecs)},
          {"registered", !status.bindings.empty()},
          {"bindings", std::move(bindings)}};
}

json show(const call::Number& number) {
  return {{"id", id_text(number.id)}, {"account", id_text(number.account)}, {"digits", number.digits}};
}

json show(const Token& token) {
  json shown = {{"id", token.id},
                {"name", token.name},
                {"account", token.account ? json(id_text(*token.account)) : json(nullptr)}};
  if (!token.secret.empty()) shown["secret"] = token.secret;
  return shown;
}

json show(const Health& health) {
  return {{"status", health.store_ok ? "ok" : "degraded"},
          {"version", health.version},
          {"uptime_s", health.uptime_s},
          {"calls", health.calls},
          {"registered_devices", health.registered_devices},
          {"rtp_ports", {{"used", health.rtp_ports_used}, {"total", health.rtp_ports_total}}},
          {"store", {{"ok", health.store_ok}, {"error", health.store_ok ? json(nullptr) : json(health.store_error)}}}};
}

bool concerns(const Principal& principal, const call::CallRecord& record) {
  if (principal.admin) return true;
  return principal.account.valid() &&
         (record.caller_account == principal.account || record.callee_account == principal.account);
}

call::CallRecord cut_for(const Principal& principal, call::CallRecord record) {
  if (principal.admin) return record;
  const auto others = [&](AccountId account) { return account != principal.account; };
  if (others(record.caller_account)) record.caller_account = {}, record.caller_device = {};
  if (others(record.callee_account)) record.callee_account = {}, record.callee_device = {};
  std::erase_if(record.segments, [&](const auto& segment) { return others(segment.account); });
  std::erase_if(record.flips, [&](const auto& flip) { return others(flip.account); });
  return record;
}

json show(const Principal& principal, const call::CallRecord& record, Packets packets) {
  call::CallRecord cut = cut_for(principal, record);
  if (packets == Packets::LeftOut) {
    for (auto& flip : cut.flips) {
      if (flip.report) flip.report->packets.clear();
    }
  }
  return record::to_json(cut);
}

}  // namespace segue::api
