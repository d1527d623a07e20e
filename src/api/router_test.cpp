#include "api/router.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/memory_service.h"

namespace segue::api {
namespace {

using nlohmann::json;

class Api : public ::testing::Test {
 protected:
  Response send(std::string method, std::string target, const std::string& body = "",
                std::string token = "admin-token") {
    return router.handle({std::move(method), std::move(target), token.empty() ? "" : "Bearer " + token,
                          body.empty() ? "" : "application/json; charset=utf-8", body});
  }
  Response get(std::string target, std::string token = "admin-token") {
    return send("GET", std::move(target), "", std::move(token));
  }
  static json body(const Response& response) { return json::parse(response.body); }
  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  /// A problem of this status whose type ends in `slug`; its errors name `pointers`.
  static void expect_problem(const Response& response, unsigned status, const std::string& slug,
                             std::vector<std::string> pointers = {}) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.content_type, "application/problem+json");
    const json problem = body(response);
    EXPECT_EQ(problem["type"], "urn:segue:problem:" + slug);
    EXPECT_EQ(problem["status"], status);
    EXPECT_TRUE(problem["title"].is_string() && problem["detail"].is_string());
    std::vector<std::string> found;
    const json errors = problem.value("errors", json::array());
    for (const auto& error : errors) found.push_back(error["pointer"]);
    std::sort(found.begin(), found.end());
    std::sort(pointers.begin(), pointers.end());
    EXPECT_EQ(found, pointers);
  }
  std::vector<std::string> ids(const Response& response) {
    std::vector<std::string> all;
    const json page = body(response);
    for (const auto& item : page.at("items")) all.push_back(item["id"]);
    return all;
  }
  using Ids = std::vector<std::string>;
  MemoryService service;
  Router router{service, "openapi: 3.1.0\n"};
};

TEST_F(Api, AccountsAreMadeRenamedAndRemoved) {
  const auto made = send("POST", "/v1/accounts", R"({"name":"Mary \u00e9"})");
  EXPECT_EQ(made.status, 201U);
  EXPECT_EQ(header(made, "Location"), "/v1/accounts/acc_3");
  EXPECT_EQ(body(get("/v1/accounts/acc_3"))["name"], "Mary \u00e9");
  EXPECT_EQ(body(send("PATCH", "/v1/accounts/acc_3", R"({"name":"Mary"})"))["name"], "Mary");
  EXPECT_EQ(ids(get("/v1/accounts")), (Ids{"acc_1", "acc_2", "acc_3"}));
  const auto gone = send("DELETE", "/v1/accounts/acc_3");
  EXPECT_EQ(gone.status, 204U);
  EXPECT_TRUE(gone.body.empty());
  expect_problem(get("/v1/accounts/acc_3"), 404, "not-found");
  service.begin_call();
  expect_problem(send("DELETE", "/v1/accounts/acc_1"), 409, "conflict");
}

TEST_F(Api, DevicesShowAllButTheirSecrets) {
  const auto made =
      send("POST", "/v1/accounts/acc_1/devices", R"({"username":"ada-web","password":"correct horse","name":"Browser",
      "kind":"browser","flip_digit":"3","auto_answer":true,"proof_by_answer":true,"sha256":true,"codecs":["opus","pcma"]})");
  ASSERT_EQ(made.status, 201U) << made.body;
  EXPECT_EQ(header(made, "Location"), "/v1/devices/dev_4");
  const json device = body(get("/v1/devices/dev_4"));
  EXPECT_EQ(device, body(made));
  EXPECT_EQ(device["kind"], "browser");
  EXPECT_EQ(device["codecs"], (json{"opus", "pcma"}));
  EXPECT_EQ(device["registered"], false);
  for (const auto& [key, value] : device.items()) EXPECT_TRUE(key != "password" && !key.starts_with("ha1")) << key;
  expect_problem(
      send("POST", "/v1/accounts/acc_1/devices", R"({"username":"ada-web","password":"correct horse","name":"x"})"),
      409, "conflict");
  expect_problem(
      send("POST", "/v1/accounts/acc_9/devices", R"({"username":"new","password":"correct horse","name":"x"})"), 404,
      "not-found");
  EXPECT_EQ(ids(get("/v1/accounts/acc_1/devices")), (Ids{"dev_1", "dev_2", "dev_4"}));
  const json registered = body(get("/v1/devices/dev_1"));
  EXPECT_EQ(registered["registered"], true);
  EXPECT_EQ(registered["bindings"][0]["user_agent"], "phone/\uFFFD") << "what is not UTF-8 is replaced";
  EXPECT_EQ(send("DELETE", "/v1/devices/dev_4").status, 204U);
}

TEST_F(Api, DevicesChangeOnlyWhatIsGiven) {
  auto changed = body(send("PATCH", "/v1/devices/dev_1", R"({"flip_digit":null,"kind":"mobile","codecs":[]})"));
  EXPECT_TRUE(changed["flip_digit"].is_null());
  EXPECT_EQ(changed["kind"], "mobile");
  EXPECT_EQ(changed["name"], "ada-desk");
  EXPECT_EQ(send("PATCH", "/v1/devices/dev_1", "{}").status, 200U);
  expect_problem(send("PATCH", "/v1/devices/dev_1", R"({"username":"other"})"), 422, "invalid", {"#/username"});
}

TEST_F(Api, NumbersRingAnAccount) {
  const auto made = send("POST", "/v1/numbers", R"({"account":"acc_1","digits":"+4930123456"})");
  EXPECT_EQ(made.status, 201U) << made.body;
  EXPECT_EQ(body(get(header(made, "Location")))["digits"], "+4930123456");
  expect_problem(send("POST", "/v1/numbers", R"({"account":"acc_1","digits":"1001"})"), 409, "conflict");
  for (const char* bad : {"1", "+1", "1234567890123456", "12+4", "++12", "12a4", " 1001", ""})
    expect_problem(send("POST", "/v1/numbers", json{{"account", "acc_1"}, {"digits", bad}}.dump()), 422, "invalid",
                   {"#/digits"});
  EXPECT_EQ(send("DELETE", "/v1/numbers/num_3").status, 204U);
}

TEST_F(Api, TokensShowTheirSecretOnce) {
  const auto made = send("POST", "/v1/tokens", R"({"name":"app","account":"acc_1"})");
  ASSERT_EQ(made.status, 201U) << made.body;
  const std::string secret = body(made)["secret"];
  EXPECT_EQ(get("/v1/accounts/acc_1", secret).status, 200U);
  const json tokens = body(get("/v1/tokens"))["items"];
  EXPECT_EQ(tokens.size(), 4U);
  for (const auto& token : tokens) EXPECT_FALSE(token.contains("secret"));
  EXPECT_EQ(send("DELETE", header(made, "Location")).status, 204U);
  EXPECT_EQ(get("/v1/accounts/acc_1", secret).status, 401U);
  expect_problem(send("POST", "/v1/tokens", R"({"name":"app"})"), 422, "invalid", {"#/account"});
  EXPECT_TRUE(body(send("POST", "/v1/tokens", R"({"name":"app","account":null})"))["account"].is_null());
}

TEST_F(Api, AFlipBeginsRunsAndIsCancelled) {
  service.begin_call();
  const auto begun = send("POST", "/v1/calls/call_12/flips", R"({"device":"dev_2","mode":"auto_answer"})", "ada-token");
  ASSERT_EQ(begun.status, 201U) << begun.body;
  EXPECT_EQ(header(begun, "Location"), "/v1/flips/flip_1");
  EXPECT_EQ(body(begun)["mode"], "auto_answer");
  const auto again = send("POST", "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token");
  EXPECT_EQ(again.status, 200U);
  EXPECT_EQ(header(again, "Location"), "/v1/flips/flip_1");
  expect_problem(send("POST", "/v1/calls/call_12/flips", R"({"device":"dev_1"})", "ada-token"), 409, "conflict");
  EXPECT_EQ(body(get("/v1/flips/flip_1", "ada-token"))["outcome"], nullptr);
  EXPECT_EQ(body(send("DELETE", "/v1/flips/flip_1", "", "ada-token"))["outcome"], "cancelled");
  expect_problem(send("DELETE", "/v1/flips/flip_1", "", "ada-token"), 409, "conflict");
  const auto all = send("POST", "/v1/calls/call_12/flips", R"({"device":"all","account":"acc_1"})", "ada-token");
  EXPECT_EQ(all.status, 201U) << all.body;
  const auto picture = get("/v1/flips/flip_1/timeline.svg", "ada-token");
  EXPECT_EQ(picture.content_type, "image/svg+xml");
  EXPECT_NE(picture.body.find("Grace Hopper 1002"), std::string::npos);
  EXPECT_NE(picture.body.find("ada-mobile"), std::string::npos);
  EXPECT_NE(header(picture, "Content-Security-Policy").find("default-src 'none'"), std::string::npos);
}

TEST_F(Api, AFlipIsRefusedWithTheReason) {
  const auto flip = [&](const char* what, const char* token = "ada-token") {
    return send("POST", "/v1/calls/call_12/flips", what, token);
  };
  expect_problem(flip(R"({"device":"dev_2"})"), 404, "not-found");
  service.begin_call(call::CallState::Ringing);
  expect_problem(flip(R"({"device":"dev_2"})"), 409, "conflict");
  service.begin_call();
  expect_problem(flip(R"({"device":"dev_2"})", "admin-token"), 422, "invalid");
  EXPECT_EQ(flip(R"({"device":"dev_2","account":"acc_1"})", "admin-token").status, 201U);
  expect_problem(flip(R"({"device":"dev_3"})"), 404, "not-found");
  expect_problem(flip(R"({"device":"dev_2","account":"acc_2"})"), 403, "forbidden");
  expect_problem(flip(R"({"device":2,"mode":"loud","account":"x","extra":1})"), 422, "invalid",
                 {"#/device", "#/mode", "#/account", "#/extra"});
  expect_problem(flip("{}"), 422, "invalid", {"#/device"});
}

TEST_F(Api, CallsAreSeenAndHungUp) {
  service.begin_call();
  EXPECT_EQ(ids(get("/v1/calls")), Ids{"call_12"});
  EXPECT_EQ(body(get("/v1/calls/call_12"))["state"], "talking");
  EXPECT_EQ(send("DELETE", "/v1/calls/call_12", "", "ada-token").status, 204U);
  expect_problem(get("/v1/calls/call_12"), 404, "not-found");
  EXPECT_EQ(body(get("/v1/records/call_12"))["state"], "ended");
}

TEST_F(Api, RecordsComeInPages) {
  for (std::uint64_t n = 1; n <= 5; ++n) service.keep_record(record::samples::call(n, n));
  auto page = body(get("/v1/records?limit=2"));
  EXPECT_EQ(page["items"][0]["id"], "call_5");
  EXPECT_TRUE(page["items"][0]["flips"][0]["report"]["packets"].empty()) << "lists leave packets out";
  EXPECT_FALSE(page["items"][0]["flips"][0]["report"]["lines"].empty());
  page = body(get("/v1/records?limit=4&cursor=" + page["next_cursor"].get<std::string>()));
  EXPECT_EQ(page["items"].size(), 3U);
  EXPECT_TRUE(page["next_cursor"].is_null());
  EXPECT_FALSE(body(get("/v1/records/call_5"))["flips"][0]["report"]["packets"].empty());
  EXPECT_TRUE(ids(get("/v1/records?account=acc_1")).empty()) << "the samples are account 2's";
  EXPECT_EQ(ids(get("/v1/records?account=acc_2")).size(), 5U);
  for (const char* bad :
       {"limit=0", "limit=201", "limit=", "limit=2x", "account=2", "order=up", "cursor=%zz", "cursor=%4"})
    EXPECT_EQ(get(std::string("/v1/records?") + bad).status, 400U) << bad;
  expect_problem(get("/v1/records?cursor=nonsense"), 422, "invalid");
  service.health_now.store_ok = false;
  const auto broken = get("/v1/records");
  expect_problem(broken, 503, "unavailable");
  EXPECT_EQ(header(broken, "Retry-After"), "5");
}

TEST_F(Api, WithoutATokenThereIsNothingButHealthAndTheContract) {
  for (const Route& route : routes()) {
    std::string path(route.path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
      path.replace(open, path.find('}') - open + 1, "x_1");
    const auto response = send(std::string(route.method), path, "", "");
    if (route.access == Access::Everybody) {
      EXPECT_EQ(response.status, 200U) << path;
      continue;
    }
    expect_problem(response, 401, "unauthorized");
    EXPECT_EQ(header(response, "WWW-Authenticate"), "Bearer realm=\"segue\"");
  }
  EXPECT_EQ(get("/v1/health", "wrong").status, 401U) << "a wrong token is not ignored";
  EXPECT_EQ(router.handle({"GET", "/v1/accounts", "bearer  admin-token", "", ""}).status, 200U);
  for (const char* bad : {"Bearer", "Bearer ", "Basic YTpi", "admin-token", "Bearer admin-token2", "Beare admin-token"})
    EXPECT_EQ(router.handle({"GET", "/v1/accounts", bad, "", ""}).status, 401U) << bad;
}

TEST_F(Api, HealthTellsDetailsToAdministratorsOnly) {
  EXPECT_EQ(body(get("/v1/health", "")), (json{{"status", "ok"}}));
  EXPECT_EQ(body(get("/v1/health", "ada-token")), (json{{"status", "ok"}}));
  service.health_now.store_ok = false;
  service.health_now.store_error = "disk is full";
  EXPECT_EQ(body(get("/v1/health", ""))["status"], "degraded");
  const json details = body(get("/v1/health"));
  EXPECT_EQ(details["store"]["error"], "disk is full");
  EXPECT_EQ(details["rtp_ports"], (json{{"used", 4}, {"total", 1000}}));
}

TEST_F(Api, AnAccountSeesItsOwnAndNothingElse) {
  service.begin_call();
  ASSERT_EQ(send("POST", "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token").status, 201U);
  EXPECT_EQ(ids(get("/v1/accounts", "ada-token")), Ids{"acc_1"});
  EXPECT_EQ(ids(get("/v1/numbers", "ada-token")), Ids{"num_1"});
  for (const char* others :
       {"/v1/accounts/acc_2", "/v1/accounts/acc_2/devices", "/v1/devices/dev_3", "/v1/numbers/num_2"})
    expect_problem(get(others, "ada-token"), 404, "not-found");
  for (const char* flip : {"/v1/flips/flip_1", "/v1/flips/flip_1/timeline.svg"})
    expect_problem(get(flip, "grace-token"), 404, "not-found");
  expect_problem(send("DELETE", "/v1/flips/flip_1", "", "grace-token"), 404, "not-found");
  expect_problem(get("/v1/records?account=acc_2", "ada-token"), 403, "forbidden");
}

TEST_F(Api, TheOtherPartyIsANumberAndAName) {
  service.begin_call();
  ASSERT_EQ(send("POST", "/v1/calls/call_12/flips", R"({"device":"dev_2"})", "ada-token").status, 201U);
  const json seen = body(get("/v1/calls/call_12", "grace-token"));
  EXPECT_EQ(seen["callee"],
            (json{{"number", "1001"}, {"name", "Ada Lovelace"}, {"account", nullptr}, {"device", nullptr}}));
  EXPECT_EQ(seen["caller"]["device"], "dev_3");
  EXPECT_TRUE(seen["flips"].empty());
  EXPECT_EQ(seen["segments"].size(), 1U);
  EXPECT_EQ(seen.dump().find("Mobile"), std::string::npos);
  EXPECT_EQ(body(get("/v1/calls", "grace-token"))["items"][0]["flips"], json::array());
  const json own = body(get("/v1/calls/call_12", "ada-token"));
  EXPECT_EQ(own["flips"].size(), 1U);
  EXPECT_TRUE(own["caller"]["device"].is_null());
  service.end_call({12});
  EXPECT_TRUE(body(get("/v1/records/call_12", "grace-token"))["flips"].empty());
  service.keep_record(record::samples::call(13, 77));
  expect_problem(get("/v1/records/call_13", "ada-token"), 404, "not-found");
  EXPECT_EQ(ids(get("/v1/records", "ada-token")), Ids{"call_12"});
}

TEST_F(Api, ChangesAreForAdministrators) {
  for (const Route& route : routes()) {
    if (route.access != Access::Administrators) continue;
    std::string path(route.path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
      path.replace(open, path.find('}') - open + 1, "x_1");
    expect_problem(send(std::string(route.method), path, "{}", "ada-token"), 403, "forbidden");
  }
}

TEST_F(Api, UnknownPathsAndMethods) {
  for (const char* path : {"/", "/v1", "/v1/", "/v1/accounts/", "/v2/accounts", "/v1/accounts/acc_1/", "/v1//accounts",
                           "/v1/accounts/acc_1/x", "/v1/%61ccounts"})
    expect_problem(get(path), 404, "not-found");
  for (const char* path : {"/v1/accounts/1", "/v1/accounts/acc_", "/v1/accounts/dev_1",
                           "/v1/accounts/acc_99999999999999999999", "/v1/calls/..", "/v1/tokens/9"})
    EXPECT_EQ(send("DELETE", path).status, 404U) << path;
  expect_problem(get("accounts"), 400, "target");
  expect_problem(get("*"), 400, "target");
  EXPECT_EQ(get("http://segue.local/v1/accounts").status, 200U) << "absolute form";
  const auto response = send("PUT", "/v1/accounts/acc_1");
  expect_problem(response, 405, "method");
  EXPECT_EQ(header(response, "Allow"), "GET, HEAD, PATCH, DELETE");
  EXPECT_EQ(header(send("POST", "/v1/tokens/1"), "Allow"), "DELETE");
}

TEST_F(Api, BodiesAreReadStrictly) {
  const auto post = [&](const std::string& text, std::string type = "application/json") {
    return router.handle({"POST", "/v1/accounts", "Bearer admin-token", std::move(type), text});
  };
  for (const char* type : {"", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"})
    expect_problem(post(R"({"name":"x"})", type), 415, "media-type");
  EXPECT_EQ(post(R"({"name":"x"})", "Application/JSON ; charset=utf-8").status, 201U);
  auto malformed = post("{\n  \"name\": \"x\",\n}");
  expect_problem(malformed, 400, "malformed-json");
  EXPECT_NE(malformed.body.find("line 3, column 1"), std::string::npos) << malformed.body;
  for (const char* text :
       {"", "{", "nul", "{\"name\":\"x\"} {}", "{\"name\":1e999}", "{'name':'x'}", "{\"name\":\"\xFF\"}",
        "{\"name\":\"\\ud800\"}", "{\"name\":\"x\",\"name\":\"y\"}", "{\"a\":[[[[[[[[[[]]]]]]]]]]}"})
    expect_problem(post(text), 400, "malformed-json");
  EXPECT_EQ(post(std::string(60'000, '[')).status, 400U);
  for (const char* text : {"[]", "1", "null", "\"x\""}) expect_problem(post(text), 422, "invalid", {"#"});
  for (const char* text :
       {R"({"name":""})", R"({"name":1})", R"({"name":null})", R"({"name":"a\u0000b"})", R"({"name":"a\nb"})"})
    expect_problem(post(text), 422, "invalid", {"#/name"});
  expect_problem(post(R"({"name":"x","a/b~":1})"), 422, "invalid", {"#/a~1b~0"});
  EXPECT_EQ(post(json{{"name", std::string(100, 'x')}}.dump()).status, 201U);
  expect_problem(post(json{{"name", std::string(101, 'x')}}.dump()), 422, "invalid", {"#/name"});
  json many = json::object();
  for (int i = 0; i < 1000; ++i) many["unknown " + std::to_string(i)] = i;
  EXPECT_LE(body(post(many.dump()))["errors"].size(), 32U);
}

TEST_F(Api, EveryMemberOfADeviceIsChecked) {
  const json good = {{"username", "ada"}, {"password", "12345678"}, {"name", "x"}};
  const auto refused = [&](const char* key, const json& value) {
    json device = good;
    device[key] = value;
    expect_problem(send("POST", "/v1/accounts/acc_1/devices", device.dump()), 422, "invalid",
                   {std::string("#/") + key});
  };
  for (const json& bad :
       {json("a b"), json("a@b"), json("\u00e9"), json(""), json(std::string(65, 'a')), json("a:b"), json(1)})
    refused("username", bad);
  for (const json& bad : {json("1234567"), json(std::string(129, 'a')), json(12345678), json("1234567\t")})
    refused("password", bad);
  for (const json& bad : {json("phone"), json(0), json(nullptr)}) refused("kind", bad);
  for (const json& bad : {json("0"), json("10"), json(1), json("")}) refused("flip_digit", bad);
  for (const json& bad : {json("true"), json(1), json(nullptr)}) refused("auto_answer", bad);
  for (const json& bad : {json("opus"), json{"opus", "opus"}, json{"mp3"}, json{1}}) refused("codecs", bad);
  expect_problem(send("POST", "/v1/accounts/acc_1/devices", "{}"), 422, "invalid",
                 {"#/username", "#/password", "#/name"});
}

}  // namespace
}  // namespace segue::api
