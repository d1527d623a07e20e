// The handlers of the routes, by the file they are in, and what they share.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/body.h"
#include "api/router.h"
#include "api/show.h"

namespace segue::api {

// directory.cpp
Result<Response> list_accounts(const Context&);
Result<Response> create_account(const Context&);
Result<Response> get_account(const Context&);
Result<Response> rename_account(const Context&);
Result<Response> delete_account(const Context&);
Result<Response> list_devices(const Context&);
Result<Response> create_device(const Context&);
Result<Response> get_device(const Context&);
Result<Response> change_device(const Context&);
Result<Response> delete_device(const Context&);
Result<Response> list_numbers(const Context&);
Result<Response> create_number(const Context&);
Result<Response> get_number(const Context&);
Result<Response> delete_number(const Context&);
// calls.cpp
Result<Response> list_calls(const Context&);
Result<Response> get_call(const Context&);
Result<Response> hang_up(const Context&);
Result<Response> start_flip(const Context&);
Result<Response> get_flip(const Context&);
Result<Response> cancel_flip(const Context&);
Result<Response> flip_timeline(const Context&);
Result<Response> list_records(const Context&);
Result<Response> get_record(const Context&);
// system.cpp
Result<Response> list_tokens(const Context&);
Result<Response> create_token(const Context&);
Result<Response> delete_token(const Context&);
Result<Response> get_health(const Context&);
Result<Response> get_openapi(const Context&);

/// The id in the path's place `index`; NotFound for anything that is not one.
template <typename Id>
[[nodiscard]] Result<Id> path_id(const Context& context, std::size_t index, std::string_view prefix);
[[nodiscard]] Result<std::uint64_t> path_number(const Context& context, std::size_t index, std::string_view prefix);

template <typename Id>
Result<Id> path_id(const Context& context, std::size_t index, std::string_view prefix) {
  return path_number(context, index, prefix).map([](std::uint64_t value) { return Id{value}; });
}

/// True for administrators and the account itself.
[[nodiscard]] bool owns(const Context& context, AccountId account);
[[nodiscard]] tl::unexpected<Error> not_found(const char* what);
[[nodiscard]] Response created(const std::string& location, const nlohmann::json& json);
[[nodiscard]] Response no_content();
[[nodiscard]] Response items(nlohmann::json list);

/// What `find` has under the first id of the path, if the asker may see it; else there is no such thing, whatever there
/// is. `account_of` says whose it is.
template <typename Id, typename Find, typename AccountOf>
[[nodiscard]] auto own(const Context& context, std::string_view prefix, const char* what, Find find,
                       AccountOf account_of) {
  auto found = path_id<Id>(context, 0, prefix).and_then(find);
  if (found && !owns(context, account_of(*found))) found = not_found(what);
  return found;
}

/// Those of `list` that the asker may see.
template <typename List, typename AccountOf>
[[nodiscard]] Response own_items(const Context& context, const List& list, AccountOf account_of) {
  nlohmann::json shown = nlohmann::json::array();
  for (const auto& item : list) {
    if (owns(context, account_of(item))) shown.push_back(show(item));
  }
  return items(std::move(shown));
}

/// What `read(Fields&)` makes of the body; else the answer that names all that is wrong with it.
template <typename Read>
[[nodiscard]] auto read_body(const Context& context, Read read)
    -> tl::expected<decltype(read(std::declval<Fields&>())), Response> {
  const auto body = parse_body(context.request);
  if (!body) return tl::unexpected(body.error());
  Fields fields(*body);
  auto wanted = read(fields);
  if (auto wrong = fields.finish()) return tl::unexpected(std::move(*wrong));
  return wanted;
}

}  // namespace segue::api
