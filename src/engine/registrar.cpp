#include "engine/registrar.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace segue::engine {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return UINT32_MAX;  // RFC 3261 section 20.19: more than 2^32-1 is that
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool same_place(const Binding& a, const Binding& b) {
  if (!a.instance.empty() || !b.instance.empty()) return a.instance == b.instance && a.reg_id == b.reg_id;
  return a.contact.equivalent(b.contact);
}

std::string contact_line(const Binding& b, Instant now) {
  sip::NameAddr contact;
  contact.uri = b.contact;
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(b.expires - now + 999ms).count();
  contact.params.set("expires", std::to_string(std::max<std::int64_t>(left, 0)));
  return contact.to_string();
}

}  // namespace

struct Registrar::Wanted {
  Binding binding;
  Duration expires{};
};

Registrar::Reply Registrar::handle(DeviceId device, const sip::Message& request, const sip::Flow& from, Now now) {
  std::vector<Binding> current = bindings(device);
  std::erase_if(current, [&](const Binding& b) { return b.expires <= now.mono; });
  std::vector<Wanted> wanted;
  if (const auto refused = check(request, wanted, current)) {
    Reply reply{*refused, {}, false};
    if (*refused == 423) {
      const auto least = std::chrono::duration_cast<std::chrono::seconds>(limits_.min_expires).count();
      reply.headers.push_back({"Min-Expires", std::to_string(least)});
    }
    return reply;
  }
  const bool changed = !wanted.empty() || current.size() != bindings(device).size();
  for (auto& w : wanted) {
    std::erase_if(current, [&](const Binding& b) { return same_place(b, w.binding); });
    if (w.expires == Duration::zero()) continue;
    w.binding.flow = from;
    w.binding.expires = now.mono + w.expires;
    w.binding.expires_wall = now.wall + w.expires;
    current.push_back(std::move(w.binding));
  }
  // The oldest give way: a softphone that starts anew leaves its old ones behind, and must not lock itself out by them.
  if (current.size() > kMaxBindings) {
    current.erase(current.begin(), current.end() - static_cast<std::ptrdiff_t>(kMaxBindings));
  }
  Reply reply{200, {}, changed || request.get("Contact") == "*"};
  for (const auto& b : current) reply.headers.push_back({"Contact", contact_line(b, now.mono)});
  for (const auto path : sip::list_values(request, "Path")) reply.headers.push_back({"Path", std::string(path)});
  if (current.empty()) {
    bindings_.erase(device);
  } else {
    bindings_[device] = std::move(current);
  }
  note_deadlines(device);
  return reply;
}

// All of the request is checked before anything changes (section 10.3, step 7).
std::optional<int> Registrar::check(const sip::Message& request, std::vector<Wanted>& wanted,
                                    std::vector<Binding>& current) {
  const auto cseq = sip::CSeq::parse(request.get("CSeq"));
  if (!cseq) return 400;
  const std::string call_id(request.get("Call-ID"));
  const bool has_header = request.find("Expires") != nullptr;
  const auto header = number(request.get("Expires"));
  const auto in_order = [&](const Binding& b) { return b.call_id != call_id || cseq->number > b.cseq; };
  const auto contacts = sip::list_values(request, "Contact");
  if (std::find(contacts.begin(), contacts.end(), "*") != contacts.end()) {
    if (contacts.size() != 1 || !has_header || header != 0U) return 400;
    if (!std::all_of(current.begin(), current.end(), in_order)) return 500;
    current.clear();
    return std::nullopt;
  }
  for (const auto text : contacts) {
    auto contact = sip::NameAddr::parse(text);
    if (!contact || contact->wildcard || !contact->uri.is_sip()) return 400;
    const std::string_view own = contact->params.get("expires");
    const std::uint32_t seconds =
        number(own).value_or(header.value_or(3600));  // malformed counts as 3600 (section 10.2.1.1)
    Wanted w;
    w.expires = std::min<Duration>(std::chrono::seconds(seconds), limits_.max_expires);
    if (seconds != 0 && w.expires < limits_.min_expires) return 423;
    w.binding.contact = contact->uri;
    w.binding.instance = std::string(contact->params.get("+sip.instance"));
    w.binding.reg_id = w.binding.instance.empty() ? 0 : number(contact->params.get("reg-id")).value_or(0);
    w.binding.call_id = call_id;
    w.binding.cseq = cseq->number;
    w.binding.user_agent = std::string(request.get("User-Agent").substr(0, 128));
    for (const auto path : sip::list_values(request, "Path")) w.binding.path.emplace_back(path);
    const auto old =
        std::find_if(current.begin(), current.end(), [&](const Binding& b) { return same_place(b, w.binding); });
    if (old != current.end() && !in_order(*old)) return 500;
    wanted.push_back(std::move(w));
    if (wanted.size() > kMaxBindings) return 403;
  }
  return std::nullopt;
}

const std::vector<Binding>& Registrar::bindings(DeviceId device) const {
  static const std::vector<Binding> kNone;
  const auto it = bindings_.find(device);
  return it == bindings_.end() ? kNone : it->second;
}

void Registrar::restore(DeviceId device, std::vector<Binding> bindings) {
  if (bindings.empty()) return;
  bindings_[device] = std::move(bindings);
  note_deadlines(device);
}

void Registrar::remove(DeviceId device) {
  bindings_.erase(device);
  note_deadlines(device);
}

std::vector<DeviceId> Registrar::connection_closed(ConnectionId connection) {
  std::vector<DeviceId> lost;
  for (auto& [device, list] : bindings_) {
    if (std::erase_if(list, [&](const Binding& b) { return b.flow.connection == connection; }) > 0)
      lost.push_back(device);
  }
  for (auto device : lost) {
    if (bindings_[device].empty()) bindings_.erase(device);
    note_deadlines(device);
  }
  return lost;
}

const Binding* Registrar::find(DeviceId device, const sip::Flow& flow) const {
  const auto& list = bindings(device);
  const auto it = std::find_if(list.begin(), list.end(), [&](const Binding& b) { return b.flow == flow; });
  return it == list.end() ? nullptr : &*it;
}

bool Registrar::drop(DeviceId device, const sip::Flow& flow, Instant expires) {
  const auto found = bindings_.find(device);
  if (found == bindings_.end()) return false;
  const auto gone =
      std::erase_if(found->second, [&](const Binding& b) { return b.flow == flow && b.expires == expires; });
  if (found->second.empty()) bindings_.erase(found);
  note_deadlines(device);
  return gone > 0;
}

std::vector<DeviceId> Registrar::expire(Instant now) {
  std::vector<DeviceId> lost;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const DeviceId device = deadlines_.begin()->second;
    auto& list = bindings_[device];
    std::erase_if(list, [&](const Binding& b) { return b.expires <= now; });
    if (list.empty()) bindings_.erase(device);
    note_deadlines(device);
    lost.push_back(device);
  }
  return lost;
}

std::optional<Instant> Registrar::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Registrar::note_deadlines(DeviceId device) {
  if (const auto old = deadline_of_.find(device); old != deadline_of_.end()) {
    deadlines_.erase({old->second, device});
    deadline_of_.erase(old);
  }
  const auto& list = bindings(device);
  if (list.empty()) return;
  const auto first =
      std::min_element(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.expires < b.expires; });
  deadlines_.insert({first->expires, device});
  deadline_of_[device] = first->expires;
}

}  // namespace segue::engine
