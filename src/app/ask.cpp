// `segue calls` and `segue report`: what a running server says, in tables for people.
#include <fmt/core.h>
#include <algorithm>

#include <fstream>

#include "app/commands.h"
#include "app/rest_client.h"

namespace segue::app {
namespace {

using nlohmann::json;

std::string token_of(const ClientOptions& options) {
  if (!options.token.empty()) return options.token;
  std::string line;
  std::ifstream in("segue-data/admin.token");
  std::getline(in, line);
  return line;
}

int could_not(const Error& error) {
  fmt::print(stderr, "segue: {}\n", error.text);
  if (error.kind == ErrorKind::Unavailable)
    fmt::print(stderr, "Is `segue serve` running there? --server says where.\n");
  if (error.kind == ErrorKind::Unauthorized) {
    fmt::print(stderr,
               "The server's token is in its data folder, in admin.token: give it by --token or $SEGUE_TOKEN.\n");
  }
  return 2;
}

std::string text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::string party(const json& call, const char* key) {
  const auto& p = call.value(key, json::object());
  const std::string name = text(p, "name"), number = text(p, "number"), device = text(p, "device");
  return fmt::format("{} {}{}", number, name, device.empty() ? "" : " on " + device);
}

void print_line(const json& line) {
  const auto& kept = line.at("kept");
  const char* mark = kept.is_null() ? "  - " : kept.get<bool>() ? " ok " : "RED ";
  const std::string value = text(line, "value");
  fmt::print("  {} {:<52} {:<34} {}\n", mark, text(line, "title"), value.empty() ? "not measured" : value,
             text(line, "limit"));
  if (const auto note = text(line, "note"); !note.empty()) fmt::print("       {:<52} {}\n", "", note);
}

}  // namespace

int run_report(const ClientOptions& options, const std::string& flip_id) {
  const RestClient client(options.server, token_of(options));
  auto flip = client.get("/v1/flips/" + flip_id);
  if (!flip) return could_not(flip.error());
  fmt::print("{} of {}: {} to {}, asked by {}, {}\n", flip_id, text(*flip, "call"), text(*flip, "from"),
             text(*flip, "to").empty() ? "nobody" : text(*flip, "to"), text(*flip, "trigger"),
             text(*flip, "outcome").empty() ? text(*flip, "state") : text(*flip, "outcome"));
  const auto& report = flip->at("report");
  if (report.is_null()) {
    fmt::print("There is no report yet: it comes a second after the flip has ended.\n");
    return 2;
  }
  for (const auto& line : report.at("lines")) print_line(line);
  const bool kept = report.at("kept").get<bool>();
  const auto& lines = report.at("lines");
  const bool red = std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.at("kept") == false; });
  fmt::print("{}\n", kept  ? "The far party heard nothing change."
                     : red ? "The promise was not kept: see the red lines."
                           : "Not proven: some of it could not be measured.");
  return kept ? 0 : 1;
}

int run_calls(const ClientOptions& options) {
  const RestClient client(options.server, token_of(options));
  auto calls = client.get("/v1/calls");
  if (!calls) return could_not(calls.error());
  const auto& items = calls->at("items");
  if (items.empty()) fmt::print("There is no live call.\n");
  for (const auto& call : items) {
    fmt::print("{:<10} {:<8} {:<6} {:<36} -> {:<36} {} flips\n", text(call, "id"), text(call, "state"),
               text(call, "codec"), party(call, "caller"), party(call, "callee"), call.at("flips").size());
  }
  return 0;
}

}  // namespace segue::app
