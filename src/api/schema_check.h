// For tests: holds a value to a JSON schema of openapi.yaml. Knows the keywords that are used there and throws at any
// other, so that no rule is skipped in silence.
#pragma once

#include <regex.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "record/json.h"
#include "record/svg.h"

namespace segue::api {

class SchemaCheck {
 public:
  explicit SchemaCheck(const nlohmann::json& document) : document_(document) {}

  /// "" if `value` fits, else where and why not.
  [[nodiscard]] std::string trouble(const nlohmann::json& schema, const nlohmann::json& value,
                                    const std::string& place = "") const {
    for (const auto& [keyword, rule] : schema.items()) {
      if (auto found = one(keyword, rule, schema, value, place); !found.empty()) return found;
    }
    return "";
  }
  [[nodiscard]] const nlohmann::json& resolve(const nlohmann::json& node) const {
    if (!node.contains("$ref")) return node;
    return document_.at(nlohmann::json::json_pointer(node["$ref"].get<std::string>().substr(1)));
  }

 private:
  using json = nlohmann::json;

  [[nodiscard]] std::string one(const std::string& keyword, const json& rule, const json& schema, const json& value,
                                const std::string& place) const {
    const auto bad = [&](bool good) {
      return good ? "" : place + ": " + keyword + " " + rule.dump() + " does not fit " + value.dump();
    };
    if (keyword == "description" || keyword == "default" || keyword == "example") return "";
    if (keyword == "$ref") return trouble(resolve(schema), value, place);
    if (keyword == "anyOf")
      return bad(std::any_of(rule.begin(), rule.end(), [&](const json& s) { return trouble(s, value).empty(); }));
    if (keyword == "enum") return bad(std::find(rule.begin(), rule.end(), value) != rule.end());
    if (keyword == "type") {
      if (rule.is_string()) return bad(is(rule, value));
      return bad(std::any_of(rule.begin(), rule.end(), [&](const json& type) { return is(type, value); }));
    }
    if (keyword == "pattern")
      return bad(!value.is_string() || matches(rule.get<std::string>(), value.get<std::string>()));
    if (!value.is_string() && (keyword == "format" || keyword == "minLength" || keyword == "maxLength")) return "";
    if (keyword == "format")
      return bad(rule == "date-time" && record::parse_rfc3339(value.get<std::string>()).has_value());
    if (keyword == "minLength") return bad(record::code_points(value.get<std::string>()) >= rule.get<std::size_t>());
    if (keyword == "maxLength") return bad(record::code_points(value.get<std::string>()) <= rule.get<std::size_t>());
    if (keyword == "minimum") return bad(value >= rule);
    if (keyword == "maximum") return bad(value <= rule);
    if (keyword == "maxItems") return bad(value.size() <= rule.get<std::size_t>());
    if (keyword == "uniqueItems") return bad(unique(value));
    return of_collection(keyword, rule, schema, value, place);
  }

  [[nodiscard]] std::string of_collection(const std::string& keyword, const json& rule, const json& schema,
                                          const json& value, const std::string& place) const {
    if (keyword == "required") {
      for (const auto& name : rule) {
        if (!value.contains(name.get<std::string>())) return place + ": " + name.dump() + " is missing";
      }
      return "";
    }
    if (keyword == "additionalProperties") {
      for (const auto& [name, member] : value.items()) {
        if (!schema["properties"].contains(name)) return place + ": " + name + " is not described";
      }
      return "";
    }
    if (keyword == "properties") {
      for (const auto& [name, member] : value.items()) {
        if (!rule.contains(name)) continue;
        if (auto found = trouble(rule[name], member, place + "/" + name); !found.empty()) return found;
      }
      return "";
    }
    if (keyword == "items") {
      for (const auto& item : value) {
        if (auto found = trouble(rule, item, place + "/-"); !found.empty()) return found;
      }
      return "";
    }
    throw std::runtime_error("schema: keyword not known here: " + keyword);
  }

  static bool is(const json& type, const json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "null") return value.is_null();
    throw std::runtime_error("schema: type not known here: " + type.dump());
  }
  /// POSIX extended expressions agree with ECMA's on the few patterns of the document.
  static bool matches(const std::string& pattern, const std::string& text) {
    regex_t expression{};
    if (regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw std::runtime_error("schema: pattern " + pattern);
    const bool found = regexec(&expression, text.c_str(), 0, nullptr, 0) == 0;
    regfree(&expression);
    return found;
  }
  static bool unique(const json& list) {
    for (auto a = list.begin(); a != list.end(); ++a) {
      if (std::find(std::next(a), list.end(), *a) != list.end()) return false;
    }
    return true;
  }

  const json& document_;
};

}  // namespace segue::api
