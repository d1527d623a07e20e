// openapi.yaml and the router cannot drift: each names exactly the other's routes; every example in the document is
// sent to the router and does what the document says; every response of every route fits the schema that is given for
// it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/body.h"
#include "api/memory_service.h"
#include "api/router.h"
#include "api/schema_check.h"
#include "api/yaml_reader.h"
#include "record/words.h"

namespace segue::api {
namespace {

using nlohmann::json;
using record::to_string;  // of the enums that call/record.h has no words for

std::string document_text() {
  std::ifstream file(std::string(SEGUE_SOURCE_DIR) + "/openapi.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Contract : public ::testing::Test {
 protected:
  /// The response to a request along a route, checked against what the document says about it.
  Response send(const std::string& method, const std::string& route, const std::string& target,
                const std::string& body = "", const std::string& token = "admin-token") {
    const Response response = router.handle(
        {method, target, token.empty() ? "" : "Bearer " + token, body.empty() ? "" : "application/json", body});
    check(method, route, response);
    return response;
  }

  void check(const std::string& method, const std::string& route, const Response& response) {
    seen.insert(method + " " + route + " " + std::to_string(response.status));
    const json& described = operation(method, route)["responses"];
    const std::string status = std::to_string(response.status);
    ASSERT_TRUE(described.contains(status)) << method << " " << route << " gave " << status << " " << response.body;
    const json& expected = schema.resolve(described[status]);
    if (response.status == 204) {
      EXPECT_FALSE(expected.contains("content"));
      return;
    }
    ASSERT_TRUE(expected["content"].contains(response.content_type)) << response.content_type << " of " << route;
    const json headers = expected.value("headers", json::object());
    for (const auto& [name, header] : headers.items()) {
      EXPECT_TRUE(std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& h) {
        return h.first == name;
      })) << name;
    }
    if (response.content_type.find("json") == std::string::npos) return;
    const json& shape = expected["content"][response.content_type]["schema"];
    EXPECT_EQ(schema.trouble(shape, json::parse(response.body)), "") << method << " " << route << " " << status;
  }

  const json& operation(const std::string& method, const std::string& route) {
    std::string lower = method;
    for (char& c : lower) c = static_cast<char>(c + 32);
    return document.at("paths").at(route).at(lower);
  }

  const json document = YamlReader::read(document_text());
  SchemaCheck schema{document};
  MemoryService service;
  Router router{service, document_text()};
  std::set<std::string> seen;
};

const std::map<std::string, std::string> kTargets = {{"{account}", "acc_1"}, {"{device}", "dev_1"},
                                                     {"{number}", "num_1"},  {"{call}", "call_12"},
                                                     {"{flip}", "flip_1"},   {"{token}", "2"}};

/// The route with `values` in its places.
std::string fill(std::string path, const std::map<std::string, std::string>& values) {
  for (const auto& [place, value] : values) {
    if (const auto at = path.find(place); at != std::string::npos) path.replace(at, place.size(), value);
  }
  return path;
}

TEST_F(Contract, NamesExactlyTheRoutesThatThereAre) {
  std::set<std::string> described, routed;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, description] : item.items()) {
      if (method == "parameters") continue;
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(c - 32);
      described.insert(upper + " " + path);
    }
  }
  for (const Route& route : routes()) routed.insert(std::string(route.method) + " " + std::string(route.path));
  EXPECT_EQ(described, routed);
  EXPECT_EQ(routed.size(), routes().size()) << "a route is in the table twice";
}

TEST_F(Contract, PlacesInPathsAreDescribed) {
  for (const auto& [path, item] : document["paths"].items()) {
    std::set<std::string> places, described;
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1))
      places.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    if (item.contains("parameters")) {
      for (const auto& parameter : item["parameters"])
        described.insert(schema.resolve(parameter)["name"].get<std::string>());
    }
    EXPECT_EQ(places, described) << path;
  }
}

TEST_F(Contract, ProtectionIsAsDescribed) {
  for (const Route& route : routes()) {
    const json& described = operation(std::string(route.method), std::string(route.path));
    const bool open = described.contains("security") && described["security"][0].empty();
    EXPECT_EQ(open, route.access == Access::Everybody) << route.path;
    const bool administrators =
        described["summary"].get<std::string>().find("Administrators only.") != std::string::npos;
    EXPECT_EQ(administrators, route.access == Access::Administrators) << route.method << route.path;
    EXPECT_EQ(described["responses"].contains("403") && administrators, administrators) << route.path;
  }
}

TEST_F(Contract, ExamplesFitTheirSchemasAndDoWhatTheySay) {
  service.begin_call();
  std::size_t examples = 0;
  for (const Route& route : routes()) {
    const json& described = operation(std::string(route.method), std::string(route.path));
    if (!described.contains("requestBody")) {
      EXPECT_TRUE(route.method == "GET" || route.method == "DELETE") << route.path;
      continue;
    }
    const json& media = described["requestBody"]["content"]["application/json"];
    EXPECT_EQ(schema.trouble(media["schema"], media["example"]), "") << route.path;
    const std::string token = route.access == Access::Administrators ? "admin-token" : "ada-token";
    const std::string method(route.method), path(route.path);
    json example = media["example"];
    if (example.contains("username")) example["username"] = "not-taken";
    const auto response = send(method, path, fill(path, kTargets), example.dump(), token);
    EXPECT_LT(response.status, 300U) << response.body;
    send(method, path, fill(path, kTargets), "{", token);
    send(method, path, fill(path, kTargets), R"({"surprise":1})", token);
    check(method, path, router.handle({method, fill(path, kTargets), "Bearer " + token, "text/plain", "x"}));
    ++examples;
  }
  EXPECT_EQ(examples, 7U);
}

TEST_F(Contract, EveryRouteGivesWhatIsDescribed) {
  service.begin_call();
  service.keep_record(record::samples::call(11, 10));
  send("POST", "/v1/calls/{call}/flips", "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token");
  send("POST", "/v1/calls/{call}/flips", "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token");
  const auto get_all = [&] {
    for (const Route& route : routes()) {
      if (route.method != "GET") continue;
      for (const char* token : {"admin-token", "ada-token", "", "wrong"})
        send("GET", std::string(route.path), fill(std::string(route.path), kTargets), "", token);
      if (route.path.find('{') != std::string_view::npos)
        send("GET", std::string(route.path),
             fill(std::string(route.path), {{"{account}", "acc_9"},
                                            {"{device}", "dev_9"},
                                            {"{number}", "num_9"},
                                            {"{call}", "call_9"},
                                            {"{flip}", "flip_9"}}));
    }
  };
  get_all();  // with a live call and a running flip
  send("DELETE", "/v1/flips/{flip}", "/v1/flips/flip_1");
  send("DELETE", "/v1/flips/{flip}", "/v1/flips/flip_1");
  send("DELETE", "/v1/accounts/{account}", "/v1/accounts/acc_1");
  send("DELETE", "/v1/calls/{call}", "/v1/calls/call_12");
  get_all();  // with a record and a report
  send("GET", "/v1/records", "/v1/records?limit=0");
  send("GET", "/v1/records", "/v1/records?limit=1");
  send("GET", "/v1/records", "/v1/records?cursor=x");
  send("GET", "/v1/records", "/v1/records?account=acc_2", "", "ada-token");
  service.health_now.store_ok = false;
  send("GET", "/v1/health", "/v1/health");
  send("GET", "/v1/records", "/v1/records");
  for (const Route& route : routes()) {
    if (route.method != "DELETE") continue;
    const std::string path(route.path);
    for (const char* token : {"", "ada-token", "admin-token", "admin-token"})
      send("DELETE", path, fill(path, kTargets), "", token);
  }
  // Each success that the document names was seen here or with the examples.
  for (const auto& [path, item] : document["paths"].items()) {
    if (!item.contains("get")) continue;
    EXPECT_TRUE(seen.contains("GET " + path + " 200")) << path;
  }
}

TEST_F(Contract, IsServedAsItIs) {
  const auto response = send("GET", "/openapi.yaml", "/openapi.yaml", "", "");
  EXPECT_EQ(response.body, document_text());
  EXPECT_EQ(Router(service, "").handle({"GET", "/openapi.yaml", "", "", ""}).status, 404U);
}

/// The words of `schema` (without null) are those of the enum.
template <typename Enum>
void expect_words(const json& schema, Enum example) {
  std::set<std::string> described, known;
  for (const auto& word : schema["enum"]) {
    if (!word.is_null()) described.insert(word.get<std::string>());
  }
  for (const auto value : record::all_values(example)) known.emplace(to_string(value));
  EXPECT_EQ(described, known);
}

TEST_F(Contract, KnowsTheWordsOfEveryEnum) {
  using namespace record;
  const json& schemas = document["components"]["schemas"];
  expect_words(schemas["Cause"], call::Cause{});
  expect_words(schemas["Side"], call::Side{});
  expect_words(schemas["Call"]["properties"]["state"], call::CallState{});
  expect_words(schemas["Call"]["properties"]["ended_by"], call::Party{});
  expect_words(schemas["Segment"]["properties"]["kind"], call::SegmentKind{});
  expect_words(schemas["Flip"]["properties"]["trigger"], call::FlipTrigger{});
  expect_words(schemas["Flip"]["properties"]["mode"], call::FlipMode{});
  expect_words(schemas["Flip"]["properties"]["outcome"], call::FlipOutcome{});
  expect_words(schemas["ReportPacket"]["properties"]["kind"], call::ReportPacket::Kind{});
  const auto words = [](auto list) {
    json all = json::array();
    for (const auto& [word, value] : list) all.push_back(std::string(word));
    return all;
  };
  EXPECT_EQ(schemas["Codec"]["enum"], words(codec_words()));
  EXPECT_EQ(schemas["Kind"]["enum"], words(kind_words()));
  EXPECT_EQ(schemas["FlipInput"]["properties"]["mode"]["enum"], words(mode_words()));
}

TEST_F(Contract, TheCheckItselfCanFail) {
  const json& account = document["components"]["schemas"]["Account"];
  EXPECT_EQ(schema.trouble(account, {{"id", "acc_1"}, {"name", "Ada"}}), "");
  EXPECT_NE(schema.trouble(account, {{"id", "dev_1"}, {"name", "Ada"}}), "");
  EXPECT_NE(schema.trouble(account, {{"id", "acc_1"}}), "");
  EXPECT_NE(schema.trouble(account, {{"id", "acc_1"}, {"name", "Ada"}, {"secret", "x"}}), "");
  EXPECT_NE(schema.trouble(account, {{"id", "acc_1"}, {"name", ""}}), "");
  EXPECT_THROW(YamlReader::read("a: [1\n"), std::runtime_error);
  EXPECT_THROW(YamlReader::read("a: 1\na: 2\n"), std::runtime_error);
}

}  // namespace
}  // namespace segue::api
