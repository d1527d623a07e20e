#include "sip/dialog.h"

#include <algorithm>
#include <charconv>

namespace segue::sip {
namespace {

/// Where the parameters of a name-addr begin: after '>' where there are angle brackets, else the first ';'.
std::size_t parameters_begin(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '<') {
      const auto end = text.find('>', i);
      return end == std::string_view::npos ? text.size() : end + 1;
    } else if (c == ';') {
      return i;
    }
  }
  return text.size();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool loose_router(std::string_view route) {
  const auto parsed = NameAddr::parse(route);
  return !parsed || parsed->uri.params.has("lr");
}

/// Record-Route values of a message, at most kMaxRoutes.
std::vector<std::string> record_route(const Message& m) {
  std::vector<std::string> routes;
  if (m.find("Record-Route") == nullptr) return routes;
  for (const auto value : list_values(m, "Record-Route")) {
    if (routes.size() == kMaxRoutes) break;
    routes.emplace_back(value);
  }
  return routes;
}

}  // namespace

std::string_view tag_of(std::string_view value) {
  std::string_view rest = value.substr(parameters_begin(value));
  while (!rest.empty()) {
    const auto semicolon = rest.find(';');
    if (semicolon == std::string_view::npos) return {};
    rest.remove_prefix(semicolon + 1);
    const auto end = rest.find(';');
    const std::string_view parameter = rest.substr(0, end);
    const auto equals = parameter.find('=');
    if (equals != std::string_view::npos && iequals(trim(parameter.substr(0, equals)), "tag")) {
      return trim(parameter.substr(equals + 1));
    }
  }
  return {};
}

Flow with_reopen(Flow flow, const Message& request) {
  if (!reliable(flow.transport)) return flow;
  flow.reopen.reset();
  Uri hop = request.request_uri;
  if (const std::string* route = request.find("Route")) {
    auto first = NameAddr::parse(first_value(*route));
    if (!first) return flow;
    hop = std::move(first->uri);
  }
  if (IpAddress::parse(hop.host) == flow.remote.ip)
    flow.reopen = Endpoint{flow.remote.ip, hop.port ? hop.port : kSipPort};
  return flow;
}

std::string_view first_value(std::string_view header) {
  if (header.find(',') == std::string_view::npos) return header;
  const auto values = split_list(header);
  return values.empty() ? std::string_view{} : values.front();
}

std::string via_value(const Flow& flow, std::string_view branch) {
  std::string text;
  text.reserve(96);
  text.append("SIP/2.0/").append(via_name(flow.transport)).append(1, ' ');
  text.append(flow.local.to_string()).append(";branch=").append(branch);
  if (!reliable(flow.transport)) text.append(";rport");
  return text;
}

std::optional<std::uint32_t> cseq_number(const Message& m) {
  const std::string_view text = m.get("CSeq");
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number >= 0x80000000U) return std::nullopt;
  if (end == text.data() + text.size() || (*end != ' ' && *end != '\t')) return std::nullopt;
  return number;
}

Dialog Dialog::as_caller(const Dialog& base, const Message& response, const Flow& from) {
  Dialog d;
  d.call_id = base.call_id;
  d.local_tag = base.local_tag;
  d.local = base.local;
  d.remote = response.get("To");
  d.remote_tag = tag_of(d.remote);
  d.routes = record_route(response);
  std::reverse(d.routes.begin(), d.routes.end());
  d.remote_target = base.remote_target;
  d.refresh_target(response);
  d.flow = from;
  return d;
}

Dialog Dialog::as_callee(const Message& invite, std::string_view local_tag, const Flow& from) {
  Dialog d;
  d.call_id = invite.get("Call-ID");
  d.local_tag = local_tag;
  d.local.append(invite.get("To")).append(";tag=").append(local_tag);
  d.remote = invite.get("From");
  d.remote_tag = tag_of(d.remote);
  d.routes = record_route(invite);
  if (const auto peer = NameAddr::parse(d.remote)) d.remote_target = peer->uri;
  d.refresh_target(invite);
  d.remote_cseq = cseq_number(invite);
  d.flow = from;
  return d;
}

Message Dialog::make_request(std::string_view method, std::uint32_t cseq, std::string via) const {
  Message m;
  m.method = method;
  m.headers.reserve(16 + routes.size());
  m.add("Via", std::move(via));
  if (routes.empty()) {
    m.request_uri = remote_target;
  } else if (loose_router(routes.front())) {
    m.request_uri = remote_target;
    for (const auto& route : routes) m.add("Route", route);
  } else {
    // A strict router finds itself in the request-URI and the real target at the end of Route.
    m.request_uri = NameAddr::parse(routes.front())->uri;
    for (std::size_t i = 1; i < routes.size(); ++i) m.add("Route", routes[i]);
    m.add("Route", "<" + remote_target.to_string() + ">");
  }
  m.add("Max-Forwards", "70");
  m.add("From", local);
  m.add("To", remote);
  m.add("Call-ID", call_id);
  std::string sequence = std::to_string(cseq);
  m.add("CSeq", sequence.append(1, ' ').append(method));
  return m;
}

void Dialog::refresh_target(const Message& m) {
  const std::string* contact = m.find("Contact");
  if (contact == nullptr) return;
  auto parsed = NameAddr::parse(first_value(*contact));
  if (!parsed || parsed->wildcard || parsed->uri.host.empty()) return;
  remote_target = std::move(parsed->uri);
}

bool Dialog::accept_cseq(std::uint32_t number) {
  if (remote_cseq && number <= *remote_cseq) return false;
  remote_cseq = number;
  return true;
}

}  // namespace segue::sip
