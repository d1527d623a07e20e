// Live calls, flips and call records.
#include <algorithm>
#include <charconv>

#include "api/body.h"
#include "api/handlers.h"
#include "api/show.h"
#include "record/json.h"
#include "record/picture.h"

namespace segue::api {
namespace {

using nlohmann::json;
using record::id_text;

constexpr std::size_t kPageMax = 200;

/// The live call in the path, if it concerns the asker.
Result<call::CallRecord> own_call(const Context& c) {
  const auto id = path_id<CallId>(c, 0, "call");
  if (!id) return tl::unexpected(id.error());
  auto record = c.service.call(*id);
  if (record && !concerns(c.principal, *record)) return not_found("call");
  return record;
}

/// The flip in the path, if it is the asker's. The other party of the call must not even learn that there was one.
Result<call::FlipRecord> own_flip(const Context& c) {
  const auto find = [&](FlipId id) { return c.service.flip_record(id); };
  return own<FlipId>(c, "flip", "flip", find, [](const auto& flip) { return flip.account; });
}

Response flip_response(unsigned status, const call::FlipRecord& flip) {
  Response response = json_response(status, record::to_json(flip));
  response.headers.emplace_back("Location", "/v1/flips/" + id_text(flip.id));
  return response;
}

/// An account flips for itself, and to a device of its own.
Result<void> may_flip(const Context& c, const FlipRequest& flip) {
  if (c.principal.admin) return {};
  if (flip.account && *flip.account != c.principal.account)
    return fail(ErrorKind::Forbidden, "An account can move its own side of a call only.");
  if (!flip.device) return {};
  const auto status = c.service.device(*flip.device);
  if (!status || !owns(c, status->device.account)) return not_found("device");
  return {};
}

tl::expected<FlipRequest, Response> parse_flip(const Context& c, CallId call) {
  const auto body = parse_body(c.request);
  if (!body) return tl::unexpected(body.error());
  Fields fields(*body);
  FlipRequest flip;
  flip.call = call;
  fields.require("device");
  if (const auto* device = fields.take("device"); device != nullptr && *device != "all") {
    const auto id = device->is_string() ? record::parse_id("dev", device->get_ref<const std::string&>()) : std::nullopt;
    if (id) {
      flip.device = DeviceId{*id};
    } else {
      fields.complain("device", "must be an id such as \"dev_1\", or \"all\"");
    }
  }
  flip.mode = fields.choice("mode", mode_words()).value_or(call::FlipMode::Ring);
  if (const auto account = fields.id("account", "acc", true)) flip.account = AccountId{*account};
  if (auto wrong = fields.finish()) return tl::unexpected(*wrong);
  return flip;
}

std::string device_name(const Context& c, DeviceId id) {
  if (!id.valid()) return "nobody";
  const auto status = c.service.device(id);
  return status ? status->device.name : id_text(id);
}

record::PictureNames names_of(const Context& c, const call::FlipRecord& flip) {
  record::PictureNames names{"the far party", device_name(c, flip.from), device_name(c, flip.to)};
  if (!flip.to.valid() && flip.targets.size() == 1) names.to = device_name(c, flip.targets.front());
  if (!flip.to.valid() && flip.targets.size() > 1) names.to = std::to_string(flip.targets.size()) + " devices";
  auto call = c.service.call(flip.call);
  if (!call) call = c.service.record(flip.call);
  if (!call) return names;
  const call::Identity& far = flip.side == call::Side::Caller ? call->callee : call->caller;
  const std::string text = far.name.empty() || far.number.empty() ? far.name + far.number : far.name + " " + far.number;
  if (!text.empty()) names.far = text;
  return names;
}

tl::unexpected<Response> bad_parameter(const std::string& detail) {
  return tl::unexpected(problem(400, "parameter", "Bad parameter", detail));
}

struct RecordsQuery {
  Page page;
  std::optional<AccountId> account;
};

tl::expected<RecordsQuery, Response> parse_query(const Target& target) {
  RecordsQuery query;
  for (const auto& [key, value] : target.query) {
    if (key == "cursor") {
      if (value.size() > 64) return bad_parameter("cursor is not one of ours.");
      query.page.cursor = value;
    } else if (key == "limit") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), query.page.limit);
      if (error != std::errc{} || end != value.data() + value.size() || query.page.limit < 1 ||
          query.page.limit > kPageMax)
        return bad_parameter("limit must be 1 to 200.");
    } else if (key == "account") {
      const auto id = record::parse_id("acc", value);
      if (!id) return bad_parameter("account must be an id such as acc_1.");
      query.account = AccountId{*id};
    } else {
      return bad_parameter("There are cursor, limit and account; \"" + key.substr(0, 64) + "\" is not known.");
    }
  }
  return query;
}

}  // namespace

Result<Response> list_calls(const Context& c) {
  json list = json::array();
  for (const auto& record : c.service.calls()) {
    if (concerns(c.principal, record)) list.push_back(show(c.principal, record, Packets::LeftOut));
  }
  return items(std::move(list));
}

Result<Response> get_call(const Context& c) {
  return own_call(c).map(
      [&](const auto& record) { return json_response(200, show(c.principal, record, Packets::Shown)); });
}

Result<Response> hang_up(const Context& c) {
  return own_call(c).and_then([&](const auto& record) { return c.service.hang_up(record.id); }).map(no_content);
}

Result<Response> start_flip(const Context& c) {
  const auto call = own_call(c);
  if (!call) return tl::unexpected(call.error());
  const auto request = parse_flip(c, call->id);
  if (!request) return request.error();
  if (auto allowed = may_flip(c, *request); !allowed) return tl::unexpected(allowed.error());
  const auto flip = c.service.flip(c.principal, *request);
  if (!flip) return tl::unexpected(flip.error());
  const auto& before = call->flips;
  const bool running = std::any_of(before.begin(), before.end(), [&](const auto& old) { return old.id == flip->id; });
  return flip_response(running ? 200 : 201, *flip);
}

Result<Response> get_flip(const Context& c) {
  return own_flip(c).map([](const auto& flip) { return json_response(200, record::to_json(flip)); });
}

Result<Response> cancel_flip(const Context& c) {
  return own_flip(c)
      .and_then([&](const auto& flip) { return c.service.cancel_flip(flip.id); })
      .map([](const auto& flip) { return json_response(200, record::to_json(flip)); });
}

Result<Response> flip_timeline(const Context& c) {
  return own_flip(c).map([&](const auto& flip) {
    // No script runs in it and nothing is loaded by it, whatever a browser does with it.
    return Response{200,
                    "image/svg+xml",
                    {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}},
                    record::flip_picture(flip, names_of(c, flip))};
  });
}

Result<Response> list_records(const Context& c) {
  auto query = parse_query(c.target);
  if (!query) return query.error();
  if (!c.principal.admin) {
    if (query->account && *query->account != c.principal.account)
      return fail(ErrorKind::Forbidden, "An account can read its own records only.");
    query->account = c.principal.account;
  }
  return c.service.records(query->page, query->account).map([&](const Records& records) {
    json list = json::array();
    for (const auto& record : records.items) list.push_back(show(c.principal, record, Packets::LeftOut));
    return json_response(200,
                         {{"items", std::move(list)},
                          {"next_cursor", records.next_cursor.empty() ? json(nullptr) : json(records.next_cursor)}});
  });
}

Result<Response> get_record(const Context& c) {
  const auto id = path_id<CallId>(c, 0, "call");
  if (!id) return tl::unexpected(id.error());
  const auto record = c.service.record(*id);
  if (!record) return tl::unexpected(record.error());
  if (!concerns(c.principal, *record)) return not_found("record");
  return json_response(200, show(c.principal, *record, Packets::Shown));
}

}  // namespace segue::api
