#include "engine/engine.h"

#include "engine/engine_impl.h"

namespace segue::engine {

Engine::Engine(EngineConfig config, MediaPorts& ports, Random random, call::Core::FirstIds ids)
    : impl_(std::make_unique<Impl>(std::move(config), ports, std::move(random), ids)) {}
Engine::~Engine() = default;

Leg* Engine::Impl::find(LegId id) {
  const auto it = legs.find(id);
  return it == legs.end() ? nullptr : &it->second;
}

Leg* Engine::Impl::find(SessionId id) {
  const auto it = leg_of.find(id);
  return it == leg_of.end() ? nullptr : find(it->second);
}

/// Facts make orders, orders make SIP, SIP may make facts: until nothing is left to be told.
void Engine::Impl::pump(Now now) {
  for (;;) {
    if (auto order = core.poll()) {
      std::visit([&](auto& o) { carry_out(o, now); }, *order);
    } else if (auto event = agent.poll()) {
      std::visit([&](auto& e) { handle(e, now); }, *event);
    } else {
      return;
    }
  }
}

void Engine::receive(std::string_view bytes, const sip::Flow& from, Now now) {
  impl_->agent.receive(bytes, from, now);
  impl_->pump(now);
}

void Engine::receive_unframed(std::string_view bytes, int status, std::string text, const sip::Flow& from, Now now) {
  impl_->agent.receive_unframed(bytes, status, std::move(text), from);
  impl_->pump(now);
}

void Engine::flow_failed(const sip::Flow& flow, Now now) {
  impl_->agent.flow_failed(flow, now);
  impl_->pump(now);
}

void Engine::connection_closed(const sip::Flow& connection, Now now) {
  impl_->agent.connection_closed(connection, now);
  for (auto device : impl_->registrar.connection_closed(connection.connection)) {
    impl_->log(Log::Level::Info, "device " + std::to_string(device.value) + " lost its connection");
    impl_->out(StoreBindings{device});
  }
  impl_->pump(now);
}

void Engine::on_media(const media::Message& message, Now now) {
  std::visit([&](const auto& m) { impl_->hear(m, now); }, message);
  impl_->pump(now);
}

void Engine::media_refused(LegId leg, Now now) {
  impl_->core.on_left(leg, call::Cause::Overload, now);
  impl_->pump(now);
}

void Engine::advance(Now now) {
  impl_->agent.advance(now);
  impl_->core.advance(now);
  for (auto device : impl_->registrar.expire(now.mono)) impl_->out(StoreBindings{device});
  impl_->pump(now);
}

std::optional<Instant> Engine::next_deadline() const {
  const auto cores = earlier(impl_->agent.next_deadline(), impl_->core.next_deadline());
  return earlier(cores, impl_->registrar.next_deadline());
}

std::optional<Output> Engine::poll() {
  if (impl_->outputs.empty()) return std::nullopt;
  Output front = std::move(impl_->outputs.front());
  impl_->outputs.pop_front();
  return front;
}

Result<FlipId> Engine::flip(const call::FlipAsked& asked, Now now) {
  auto id = impl_->core.flip(asked, now);
  impl_->pump(now);
  return id;
}

Result<void> Engine::cancel_flip(FlipId flip, Now now) {
  auto done = impl_->core.cancel_flip(flip, now);
  impl_->pump(now);
  return done;
}

Result<void> Engine::hang_up(CallId call, Now now) {
  auto done = impl_->core.hang_up(call, call::Cause::NormalClearing, now);
  impl_->pump(now);
  return done;
}

void Engine::hang_up_all(Now now) {
  impl_->stopping = true;
  impl_->core.hang_up_all(call::Cause::ServerStopped, now);
  impl_->pump(now);
}

void Engine::drop_bindings(DeviceId device) {
  impl_->registrar.remove(device);
  impl_->out(StoreBindings{device});
}

void Engine::forget_device(DeviceId device) {
  impl_->registrar.remove(device);
  impl_->directory.remove(device);
}

Directory& Engine::directory() { return impl_->directory; }
Registrar& Engine::registrar() { return impl_->registrar; }
const call::Core& Engine::calls() const { return impl_->core; }
const sip::Agent& Engine::agent() const { return impl_->agent; }

Engine::Sizes Engine::sizes() const { return {impl_->legs.size(), impl_->core.sizes(), impl_->agent.sizes()}; }

sip::NameAddr Engine::Impl::our_contact(const sip::Flow& flow) const {
  sip::NameAddr contact;
  contact.uri.user = "segue";
  contact.uri.host = flow.local.ip.v6 ? "[" + flow.local.ip.to_string() + "]" : flow.local.ip.to_string();
  contact.uri.port = flow.local.port;
  if (flow.transport == sip::TransportKind::Tcp) contact.uri.params.set("transport", "tcp");
  return contact;
}

}  // namespace segue::engine
