// What the media plane tells, as facts for the calls.
#include <fmt/core.h>

#include <algorithm>

#include "engine/engine_impl.h"
#include "engine/report.h"

namespace segue::engine {

void Engine::Impl::hear(const media::SpliceProven& m, Now) {
  log(Log::Level::Debug, fmt::format("flip {}: the device has proven its audio", m.flip.value));
}

void Engine::Impl::hear(const media::Spliced& m, Now now) {
  log(Log::Level::Info, fmt::format("flip {}: spliced", m.flip.value));
  core.on_spliced(m.flip, now);
}

void Engine::Impl::hear(const media::SpliceDisarmed& m, Now now) { core.on_disarmed(m.flip, m.line, now); }

void Engine::Impl::hear(const media::SpliceMeasured& m, Now now) {
  const auto watch = watches.find(m.measurement->flip);
  // The far party has moved too and its old line has closed: what was measured there is not the flip's any more.
  if (watch != watches.end() && watch->second.far != m.measurement->line) return;
  const unsigned requests = watch == watches.end() ? 0 : watch->second.requests;
  if (watch != watches.end()) watches.erase(watch);
  auto report = make_report(*m.measurement, requests);
  const auto* record = core.flip_record(m.measurement->flip);
  const bool red = std::any_of(report.lines.begin(), report.lines.end(), [](const auto& l) { return l.kept == false; });
  log(report.kept ? Log::Level::Info : Log::Level::Warning,
      fmt::format("flip {} {}: {}", m.measurement->flip.value,
                  record != nullptr && record->outcome ? to_string(*record->outcome) : "over",
                  report.kept ? "the far party heard nothing change"
                  : red       ? "the promise was not kept"
                              : "not proven, some of it could not be measured"));
  core.on_report(m.measurement->flip, std::move(report), now);
}

void Engine::Impl::hear(const media::CodeDialled& m, Now now) { core.on_code(m.leg, m.code, now); }

/// Silence alone ends nothing (mute, DTX): the device is asked whether it is still there, again as long as it is
/// silent.
void Engine::Impl::hear(const media::MediaDead& m, Now now) {
  Leg* leg = find(m.leg);
  if (leg == nullptr || leg->released || !leg->session || !leg->answered || leg->probe) return;
  log(Log::Level::Info,
      fmt::format("leg {}: no audio for {:.0f} s, asking the device", m.leg.value, to_s(m.silent_for)));
  leg->probe = agent.request_in_session(leg->session, "OPTIONS", {}, "", now);
  probes[leg->probe] = m.leg;
}

void Engine::Impl::hear(const media::MediaAlive&, Now) {}

/// Nothing of it reached anybody; but who hears nothing should find out that it was sent from elsewhere.
void Engine::Impl::hear(const media::PacketsRefused& m, Now) {
  const Leg* leg = find(m.leg);
  if (leg == nullptr) return;
  const auto* device = directory.device(leg->device);
  log(Log::Level::Warning,
      fmt::format("RTP port {}: {} from {} is not passed on to the call of {}", leg->rtp.port,
                  m.stranger ? "what comes" : "what is malformed or not agreed", m.from.to_string(),
                  device != nullptr ? device->username : "a device"),
      Log::Topic::Media);
}

void Engine::Impl::hear(const media::LegClosed& m, Now now) {
  Leg* leg = find(m.leg);
  if (leg == nullptr) return;
  leg->media_open = false;
  if (m.refused_source + m.malformed > 0) {
    log(Log::Level::Info, fmt::format("RTP port {}: {} packets from strangers and {} malformed ones were not passed on",
                                      leg->rtp.port, m.refused_source, m.malformed));
  }
  if (!leg->released) core.on_left(m.leg, call::Cause::Overload, now);  // the worker is full: it refused to open it
  drop_if_over(m.leg);
}

}  // namespace segue::engine
