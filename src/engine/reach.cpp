// Whether a phone on UDP can still be reached. Its flow has no end that anybody is told of (the NAT forgets it, the
// phone loses its power): it is seen only by what is not answered (RFC 5626 section 4.2.2).
#include <fmt/core.h>

#include "engine/engine_impl.h"

namespace segue::engine {

/// A request over `flow` has had no response at all. The device is asked once more, by OPTIONS, before its binding
/// goes: a phone that is there answers, if only with an error.
void Engine::Impl::ask_after(DeviceId device, const sip::Flow& flow, Now now) {
  if (sip::reliable(flow.transport)) return;  // its connection says when it is gone
  const Binding* binding = registrar.find(device, flow);
  if (binding == nullptr) return;
  for (const auto& [id, asked] : asked_after) {
    if (asked.device == device && asked.flow == flow) return;
  }
  sip::Message options;
  options.method = "OPTIONS";
  options.request_uri = binding->contact;
  options.add("From", "<sip:" + config.domain + ">");
  options.add("To", "<" + binding->contact.to_string() + ">");
  for (const auto& route : binding->path) options.add("Route", route);
  options.add("Contact", our_contact(flow).to_string());
  const AskedAfter asked{device, flow, binding->expires};
  asked_after[agent.request(std::move(options), flow, now)] = asked;
}

/// The answer to it; false if it is to something else. Only silence counts: that we could not send (503) says nothing
/// about the phone.
bool Engine::Impl::heard_after(const sip::ResponseReceived& e) {
  const auto it = asked_after.find(e.transaction);
  if (it == asked_after.end()) return false;
  if (e.response.status < 200) return true;
  const AskedAfter asked = it->second;
  asked_after.erase(it);
  if (e.response.status != 408 || !registrar.drop(asked.device, asked.flow, asked.expires)) return true;
  log(Log::Level::Warning, fmt::format("device {} does not answer at {}: not registered there any more",
                                       asked.device.value, asked.flow.remote.to_string()));
  out(StoreBindings{asked.device});
  return true;
}

}  // namespace segue::engine
