// For tests: reads the YAML that openapi.yaml is written in (block and flow collections, plain and double-quoted
// scalars, | texts) into JSON. Anything else throws, which fails the test that reads.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace segue::api {

class YamlReader {
 public:
  static nlohmann::json read(const std::string& text) {
    YamlReader reader(text);
    auto value = reader.block(0);
    if (reader.at_ != reader.lines_.size())
      throw std::runtime_error("yaml: cannot read line: " + reader.lines_[reader.at_].text);
    return value;
  }

 private:
  using json = nlohmann::json;
  struct Line {
    std::size_t indent = 0;
    std::string text;  // without indent; "" for an empty line
  };

  explicit YamlReader(const std::string& text) {
    for (std::size_t from = 0; from < text.size();) {
      const auto end = std::min(text.find('\n', from), text.size());
      std::string line = text.substr(from, end - from);
      from = end + 1;
      const auto indent = std::min(line.find_first_not_of(' '), line.size());
      lines_.push_back({indent, line.substr(indent)});
    }
  }

  bool more(std::size_t indent) {
    while (at_ < lines_.size() && lines_[at_].text.empty()) ++at_;
    return at_ < lines_.size() && lines_[at_].indent == indent;
  }

  static std::size_t key_end(const std::string& text) {
    if (text.starts_with('{') || text.starts_with('[')) return std::string::npos;
    const std::size_t from = text.starts_with('"') ? text.find('"', 1) : 0;
    const auto found = text.find(": ", from);
    if (found != std::string::npos) return found;
    return text.ends_with(':') ? text.size() - 1 : std::string::npos;
  }

  json block(std::size_t indent) {
    if (!more(indent)) throw std::runtime_error("yaml: a block is missing");
    if (lines_[at_].text.starts_with("- ")) return sequence(indent);
    if (key_end(lines_[at_].text) == std::string::npos) return scalar(lines_[at_++].text);
    json map = json::object();
    while (more(indent)) {
      const std::string text = lines_[at_].text;
      const auto end = key_end(text);
      if (end == std::string::npos) throw std::runtime_error("yaml: not a key: " + text);
      const std::string key = scalar(text.substr(0, end)).get<std::string>();
      if (map.contains(key)) throw std::runtime_error("yaml: twice: " + key);
      ++at_;
      map[key] = value_of(indent, end + 2 < text.size() ? text.substr(end + 2) : "");
    }
    return map;
  }

  json value_of(std::size_t indent, const std::string& rest) {
    if (rest == "|") return literal(indent);
    if (!rest.empty()) return scalar(rest);
    while (at_ < lines_.size() && lines_[at_].text.empty()) ++at_;
    if (at_ == lines_.size() || lines_[at_].indent <= indent) return nullptr;
    return block(lines_[at_].indent);
  }

  json sequence(std::size_t indent) {
    json list = json::array();
    while (more(indent) && lines_[at_].text.starts_with("- ")) {
      lines_[at_].text.erase(0, 2);  // what follows the dash is a block of its own, two further in
      lines_[at_].indent += 2;
      list.push_back(block(indent + 2));
    }
    return list;
  }

  json literal(std::size_t indent) {
    std::string text;
    for (; at_ < lines_.size() && (lines_[at_].text.empty() || lines_[at_].indent > indent); ++at_)
      text += lines_[at_].text + "\n";
    return text;
  }

  static json scalar(std::string_view text) {
    const bool flow = text.starts_with('{') || text.starts_with('[') || text.starts_with('"');
    if (!flow) return plain(text);
    json value = flow_value(text);
    if (!text.empty()) throw std::runtime_error("yaml: after a value: " + std::string(text));
    return value;
  }

  static json plain(std::string_view text) {
    if (text == "null") return nullptr;
    if (text == "true" || text == "false") return text == "true";
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos)
      return std::stoull(std::string(text));
    return std::string(text);
  }

  static void skip(std::string_view& text, std::string_view what) {
    while (!text.empty() && what.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  }

  static json flow_value(std::string_view& text) {
    if (text.starts_with('"')) {
      std::size_t end = 1;
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      const auto quoted = text.substr(0, end + 1);
      text.remove_prefix(quoted.size());
      return json::parse(quoted);
    }
    if (text.starts_with('[') || text.starts_with('{')) return flow_collection(text);
    const auto word = text.substr(0, text.find_first_of(",]}:"));
    text.remove_prefix(word.size());
    return plain(word);
  }

  static json flow_collection(std::string_view& text) {
    const bool map = text.front() == '{';
    json value = map ? json::object() : json::array();
    text.remove_prefix(1);
    while (true) {
      skip(text, ", ");
      if (text.empty()) throw std::runtime_error("yaml: a bracket is not closed");
      if (text.front() == (map ? '}' : ']')) break;
      json item = flow_value(text);
      if (map) {
        skip(text, ": ");
        value[item.get<std::string>()] = flow_value(text);
      } else {
        value.push_back(std::move(item));
      }
    }
    text.remove_prefix(1);
    return value;
  }

  std::vector<Line> lines_;
  std::size_t at_ = 0;
};

}  // namespace segue::api
