#include "app/config.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

namespace segue::app {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;  // of a file; the whole of ours is 2 kB

/// One key of the file: how to take its value. Returns what would be right, or "" if the value was taken.
struct Key {
  std::string_view section, name;
  std::function<std::string(Config&, const toml::node&)> take;
};

using Take = std::function<std::string(Config&, const toml::node&)>;

Take text(std::string Config::*field, std::size_t longest) {
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.value<std::string>();
    if (!v || v->empty() || v->size() > longest) return fmt::format("a text of 1 to {} characters in quotes", longest);
    c.*field = *v;
    return "";
  };
}

/// RFC 3261 section 25.1, host: it is printed into URIs and challenges.
bool is_host(std::string_view text) {
  if (text.front() == '[' && text.back() == ']') {
    const auto ip = IpAddress::parse(text.substr(1, text.size() - 2));
    return ip && ip->v6;
  }
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  if (text.find_first_not_of(kLetters) != std::string_view::npos) return false;
  for (std::string_view rest = text;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

std::string take_domain(Config& c, const toml::node& n) {
  const auto v = n.value<std::string>();
  if (!v || v->empty() || v->size() > 253 || !is_host(*v))
    return R"(a host name like "example.org", or an address like "192.0.2.10" or "[2001:db8::1]")";
  c.domain = *v;
  return "";
}

Take one_of(std::string Config::*field, std::initializer_list<std::string_view> allowed) {
  const std::vector<std::string> list(allowed.begin(), allowed.end());
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.value<std::string>();
    if (v && std::find(list.begin(), list.end(), *v) != list.end()) {
      c.*field = *v;
      return "";
    }
    std::string right = "one of";
    for (const auto& l : list) right += " \"" + l + "\"";
    return right;
  };
}

Take endpoint(Endpoint Config::*field) {
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.value<std::string>();
    const auto e = v ? Endpoint::parse(*v) : std::nullopt;
    if (!e) return R"(an address and a port like "0.0.0.0:5060" or "[::]:5060")";
    c.*field = *e;
    return "";
  };
}

template <typename Number>
Take whole(Number Config::*field, std::int64_t least, std::int64_t most) {
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.is_integer() ? n.value<std::int64_t>() : std::nullopt;
    if (!v || *v < least || *v > most) return fmt::format("a whole number from {} to {}", least, most);
    c.*field = static_cast<Number>(*v);
    return "";
  };
}

Take seconds(Duration Config::*field, double least, double most) {
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.is_number() ? n.value<double>() : std::nullopt;
    // So written, it refuses nan too.
    if (!v || !(*v >= least && *v <= most)) return fmt::format("a number of seconds from {} to {}", least, most);
    c.*field = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*v));
    return "";
  };
}

Take code(std::string Config::*field) {
  return [=](Config& c, const toml::node& n) -> std::string {
    const auto v = n.value<std::string>();
    const bool good = v && v->size() >= 2 && v->size() <= 8 && v->front() == '*' &&
                      v->find_first_not_of("0123456789", 1) == std::string::npos;
    if (!good) return R"(a code like "*11": a star and 1 to 7 digits)";
    c.*field = *v;
    return "";
  };
}

/// The texts of one text or of a list of them; empty if it is neither, or there are more than `most`.
std::vector<std::string> texts(const toml::node& n, std::size_t most) {
  if (const auto one = n.value<std::string>()) return {*one};
  std::vector<std::string> all;
  const auto* list = n.as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto v = list->get(i)->value<std::string>();
    if (!v || all.size() == most) return {};
    all.push_back(*v);
  }
  return all;
}

Take endpoints(std::vector<Endpoint> Config::*field) {
  return [=](Config& c, const toml::node& n) -> std::string {
    constexpr std::size_t kMost = 8;  // a machine with more networks than that is a router
    std::vector<Endpoint> all;
    for (const auto& text : texts(n, kMost)) {
      const auto e = Endpoint::parse(text);
      if (e && std::find(all.begin(), all.end(), *e) == all.end()) all.push_back(*e);
    }
    if (all.empty() || all.size() != texts(n, kMost).size())
      return R"(an address and a port like "0.0.0.0:5060", or a list of up to 8 like ["0.0.0.0:5060", "[::]:5060"])";
    c.*field = std::move(all);
    return "";
  };
}

std::string take_ips(Config& c, const toml::node& n) {
  std::vector<IpAddress> all;
  for (const auto& text : texts(n, 2)) {
    const auto ip = IpAddress::parse(text);
    if (ip && !ip->unspecified() && (all.empty() || all[0].v6 != ip->v6)) all.push_back(*ip);
  }
  if (all.empty() || all.size() != texts(n, 2).size())
    return R"(an address that phones can reach, like "192.0.2.10", or a list with one of each family)";
  c.public_ips = std::move(all);
  return "";
}

const std::vector<Key>& keys() {
  static const std::vector<Key> kKeys = {
      {"", "domain", take_domain},
      {"", "data_dir", text(&Config::data_dir, 4096)},
      {"", "log_level", one_of(&Config::log_level, {"debug", "info", "warning", "error", "off"})},
      {"", "max_calls", whole(&Config::max_calls, 1, 2000)},
      {"sip", "udp", endpoints(&Config::sip_udp)},
      {"sip", "tcp", endpoints(&Config::sip_tcp)},
      {"sip", "public_ip", take_ips},
      {"sip", "digest", one_of(&Config::digest, {"md5", "sha-256", "both"})},
      {"sip", "session_expires", seconds(&Config::session_expires, 90, 86400)},
      {"sip", "register_min", seconds(&Config::register_min, 1, 3600)},
      {"sip", "register_max", seconds(&Config::register_max, 60, 86400)},
      {"media", "rtp_first", whole(&Config::rtp_first, 1024, 65534)},
      {"media", "rtp_last", whole(&Config::rtp_last, 1025, 65535)},
      {"media", "silence", seconds(&Config::media_silence, 5, 3600)},
      {"http", "listen", endpoint(&Config::http)},
      {"flip", "ring_time", seconds(&Config::ring_time, 1, 300)},
      {"flip", "proof_time", seconds(&Config::proof_time, 0.2, 30)},
      {"flip", "grace_time", seconds(&Config::grace_time, 1, 300)},
      {"flip", "pull_code", code(&Config::pull_code)},
      {"flip", "all_code", code(&Config::all_code)},
      {"calls", "answer_time", seconds(&Config::answer_time, 5, 600)},
  };
  return kKeys;
}

struct Place {
  std::string_view file;
  std::uint32_t line = 0;
};

tl::unexpected<Error> wrong(const Place& at, const std::string& what) {
  return fail(ErrorKind::InvalidInput, fmt::format("{}, line {}: {}", at.file, at.line, what));
}

Result<void> take_key(Config& config, std::string_view section, std::string_view name, const toml::node& node,
                      std::string_view file) {
  const Place at{file, node.source().begin.line};
  const std::string full = section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
  for (const auto& key : keys()) {
    if (key.section != section || key.name != name) continue;
    const std::string right = key.take(config, node);
    if (right.empty()) return {};
    return wrong(at, fmt::format("\"{}\" must be {}", full, right));
  }
  std::string known;
  for (const auto& key : keys()) {
    if (section.empty() && key.section == name) return wrong(at, fmt::format("\"{0}\" is a section: [{0}]", name));
    if (key.section == section) known += (known.empty() ? "" : ", ") + std::string(key.name);
  }
  if (known.empty()) return wrong(at, fmt::format("there is no section [{}]", section));
  return wrong(at, fmt::format("there is no key \"{}\"; here it can be {}", full, known));
}

/// What no key shows alone; "" if all fits together.
std::string contradiction(const Config& c) {
  if (c.rtp_first >= c.rtp_last) return "media.rtp_first must be below media.rtp_last";
  if (c.register_min > c.register_max) return "sip.register_min must not be above sip.register_max";
  if (c.all_code.size() == 2 && c.all_code != "*0")
    return "flip.all_code must not be *1 to *9, which are the devices' own codes";
  if (c.all_code == c.pull_code) return "flip.all_code and flip.pull_code must differ";
  return "";
}

}  // namespace

Result<Config> parse_config(std::string_view source, std::string_view name) {
  Config config;
  toml::table table;
  try {
    table = toml::parse(source, name);
  } catch (const toml::parse_error& e) {
    return wrong({name, e.source().begin.line}, std::string(e.description()));
  }
  std::vector<std::pair<std::uint32_t, std::string>> troubles;  // by line: the table is sorted by key
  const auto take = [&](std::string_view section, std::string_view key, const toml::node& node) {
    if (auto taken = take_key(config, section, key, node, name); !taken)
      troubles.emplace_back(node.source().begin.line, taken.error().text);
  };
  for (const auto& [key, node] : table) {
    const auto* section = node.as_table();
    if (section == nullptr) {
      take("", key.str(), node);
      continue;
    }
    for (const auto& [inner, value] : *section) take(key.str(), inner.str(), value);
  }
  std::stable_sort(troubles.begin(), troubles.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string all;
  for (const auto& [line, text] : troubles) all += (all.empty() ? "" : "\n") + text;
  if (!all.empty()) return fail(ErrorKind::InvalidInput, all);
  if (const auto why = contradiction(config); !why.empty())
    return fail(ErrorKind::InvalidInput, fmt::format("{}: {}", name, why));
  return config;
}

Result<Config> load_config(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string source;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && source.size() <= kMaxBytes) {
    char part[4096];
    got = ::read(fd, part, sizeof part);
    if (got > 0) source.append(part, static_cast<std::size_t>(got));
  }
  const std::string why = got < 0 ? std::strerror(errno) : source.size() > kMaxBytes ? "it is larger than 1 MB" : "";
  if (fd >= 0) ::close(fd);
  if (why.empty()) return parse_config(source, path);
  return fail(ErrorKind::NotFound, fmt::format("cannot read the configuration file {}: {}", path, why));
}

}  // namespace segue::app
