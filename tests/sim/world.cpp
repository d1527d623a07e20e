#include "sim/world.h"

#include <fmt/core.h>

#include <algorithm>

#include "call/record.h"
#include "sip/digest.h"

namespace segue::sim {

void Counts::add(const Counts& other) {
  flips += other.flips;
  calls += other.calls;
  sip_messages += other.sip_messages;
  rtp_packets += other.rtp_packets;
  reports_kept += other.reports_kept;
  reports_excused += other.reports_excused;
  reports_open += other.reports_open;
  packets_strict += other.packets_strict;
  packets_excused += other.packets_excused;
  worst_late_ms = std::max(worst_late_ms, other.worst_late_ms);
  worst_gap_ms = std::max(worst_gap_ms, other.worst_gap_ms);
  for (const auto& [trigger, row] : other.outcomes) {
    for (const auto& [outcome, n] : row) outcomes[trigger][outcome] += n;
  }
  for (const auto& [name, n] : other.races) races[name] += n;
}

World::World(std::uint64_t seed, std::shared_ptr<const media::ClipLibrary> clips, bool verbose)
    : random(seed), verbose_(verbose) {
  draw_weather();
  engine::EngineConfig config;
  config.domain = kDomain;
  config.policy.ring = 4s;
  config.policy.proof = 1500ms;
  config.policy.grace = 3s;
  config.policy.answer = 20s;
  engine = std::make_unique<engine::Engine>(config, static_cast<engine::MediaPorts&>(*this), Random(random.u64()),
                                            call::Core::FirstIds{});
  exchange_ = std::make_unique<media::Exchange>(media::ExchangeConfig{}, std::move(clips));
  make_people();
}

World::~World() = default;

void World::draw_weather() {
  const auto pick = [&](auto... choices) {
    const std::common_type_t<decltype(choices)...> all[] = {choices...};
    return all[random.below(sizeof...(choices))];
  };
  weather.sip_delay = pick(Duration(2ms), Duration(20ms), Duration(80ms));
  weather.mailbox_delay = pick(Duration(0ms), Duration(1ms), Duration(20ms));
  weather.sip_loss = pick(0.0, 0.0, 0.02, 0.1);
  weather.sip_double = pick(0.0, 0.0, 0.05);
  weather.jitter = pick(Duration(0ms), Duration(0ms), Duration(2ms), Duration(8ms));
  weather.rtp_loss = pick(0.0, 0.0, 0.0, 0.01);
  weather.dtx = pick(0.0, 0.0, 0.3);
  weather.longest_ptime = pick(20U, 20U, 30U);
}

std::string Weather::words() const {
  return fmt::format(
      "SIP {:.0f} ms, {:.0f} % lost, {:.0f} % doubled; mailbox {:.0f} ms; RTP jitter {:.0f} ms, {:.0f} % "
      "lost, {:.0f} % of phones with DTX, frames up to {} ms",
      to_ms(sip_delay), sip_loss * 100, sip_double * 100, to_ms(mailbox_delay), to_ms(jitter), rtp_loss * 100,
      dtx * 100, longest_ptime);
}

void World::make_people() {
  auto& directory = engine->directory();
  for (int group = 0; group < kGroups; ++group) {
    for (int side = 0; side < 2; ++side) {
      const AccountId account{static_cast<std::uint64_t>(1 + group * 2 + side)};
      directory.put(call::Account{account, fmt::format("person {}", account.value)});
      directory.put(call::Number{NumberId{account.value}, account, fmt::format("{}", 1000 + account.value)});
      for (int i = 0; i < 3; ++i) {
        const int index = side * 3 + i;
        const int all = group * kPhonesInGroup + index;
        call::Device device;
        device.id = DeviceId{static_cast<std::uint64_t>(1 + all)};
        device.account = account;
        device.username = device.name = fmt::format("phone{}", all);
        device.flip_digit = static_cast<char>('1' + i);
        device.auto_answer = i == 1;
        device.proof_by_answer = i == 2 && group == 0;
        device.ha1_md5 = sip::digest_ha1(sip::DigestAlgorithm::Md5, device.username, kDomain, kPassword);
        const Endpoint self{
            IpAddress::v4(10, 1, static_cast<std::uint8_t>(group), static_cast<std::uint8_t>(1 + index)), 5060};
        phones.push_back(
            std::make_unique<Phone>(clock, *this, random.u64(), index, device.id, device.username, self, server_));
        by_address_[self] = phones.back().get();
        engine::Binding binding;
        binding.contact.user = device.username;
        binding.contact.host = self.ip.to_string();
        binding.contact.port = self.port;
        binding.flow = {sip::TransportKind::Udp, server_, self, {}};
        binding.expires = clock.now().mono + 1000h;
        engine->registrar().restore(device.id, {binding});
        directory.put(std::move(device));
      }
    }
  }
}

Duration World::some(Duration most) {
  return most <= Duration::zero()
             ? Duration::zero()
             : Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()))));
}

void World::complain(const std::string& what) {
  violations.push_back(fmt::format("at {:.4f} s: {}", to_s(clock.now().mono.time_since_epoch()), what));
  if (verbose_) fmt::print("!! {}\n", violations.back());
}

void World::note(Phone& who, const std::string& what) {
  if (verbose_) fmt::print("{:.4f} {}: {}\n", to_s(clock.now().mono.time_since_epoch()), who.user, what);
}

// ---- running

void World::run_until(Instant end) {
  while (violations.empty()) {
    const auto next = earlier(earlier(clock.next(), engine->next_deadline()), exchange_->next_deadline());
    if (!next || *next > end) break;
    if (clock.next() == next) {
      clock.run_next();
      continue;
    }
    clock.set(std::max(*next, clock.now().mono));
    if (engine->next_deadline() == next) {
      engine->advance(clock.now());
      deliver();
    } else {
      exchange_->advance(clock.now(), *this);
    }
  }
  clock.set(std::max(clock.now().mono, violations.empty() ? end : clock.now().mono));
}

void World::deliver() {
  while (auto output = engine->poll()) carry_out(std::move(*output));
  check_engine();
}

void World::check_engine() {
  for (const auto& broken : engine->calls().broken_invariants()) complain(broken);
}

void World::carry_out(engine::Output output) {
  if (auto* sip = std::get_if<engine::SendSip>(&output)) {
    const auto to = by_address_.find(sip->flow.remote);
    if (to == by_address_.end()) return complain("SIP to " + sip->flow.remote.to_string() + ", where nobody is");
    if (verbose_) note(*to->second, "<- " + sip->bytes.substr(0, sip->bytes.find('\r')));
    over_network([this, phone = to->second, bytes = std::move(sip->bytes)] { phone->receive(bytes); });
  } else if (auto* media = std::get_if<engine::ToMedia>(&output)) {
    to_media(std::move(media->command));
  } else if (auto* record = std::get_if<engine::StoreRecord>(&output)) {
    check_record(record->record);
    records.push_back(std::move(record->record));
  } else if (auto* log = std::get_if<engine::Log>(&output)) {
    if (verbose_) fmt::print("{:.4f} log: {}\n", to_s(clock.now().mono.time_since_epoch()), log->text);
  }
}

// ---- the network

void World::sip_out(Phone& from, std::string bytes) {
  if (verbose_) note(from, "-> " + bytes.substr(0, bytes.find('\r')));
  const sip::Flow flow{sip::TransportKind::Udp, server_, from.self, {}};
  over_network([this, flow, text = std::move(bytes)] {
    engine->receive(text, flow, clock.now());
    deliver();
  });
}

void World::over_network(std::function<void()> arrive) {
  ++counts.sip_messages;
  const bool twice = random.chance(weather.sip_double);
  if (twice) clock.after(1ms + some(weather.sip_delay), arrive);
  if (!random.chance(weather.sip_loss)) clock.after(1ms + some(weather.sip_delay), std::move(arrive));
}

// ---- ports

Result<Endpoint> World::allocate(LegId leg, bool) {
  for (int tries = 0; tries < 20000; ++tries) {
    next_port_ = static_cast<std::uint16_t>(next_port_ >= 60000 ? 20000 : next_port_ + 2);
    if (leg_of_port_.contains(next_port_)) continue;
    leg_of_port_[next_port_] = leg;
    if (port_of_leg_.contains(leg)) complain("a leg was given a second port");
    port_of_leg_[leg] = next_port_;
    return Endpoint{server_.ip, next_port_};
  }
  return fail(ErrorKind::Exhausted, "no port");
}

void World::release(LegId leg) {
  const auto it = port_of_leg_.find(leg);
  if (it == port_of_leg_.end()) return;
  leg_of_port_.erase(it->second);
  port_of_leg_.erase(it);
  if (!released_.insert(leg).second) complain("a leg was released twice");
}

// ---- what must hold in the end

void World::check_record(const call::CallRecord& record) {
  ++counts.calls;
  const auto name = fmt::format("record of call {}: ", record.id.value);
  if (!record.cause) complain(name + "no cause");
  if (!record.ended_at) complain(name + "no end");
  if (record.state != call::CallState::Ended) complain(name + "not ended");
  for (const auto& s : record.segments) {
    if (!s.to) complain(name + "an open segment");
    if (s.to && *s.to < s.from) complain(name + "a segment that ends before it begins");
  }
  for (const auto& f : record.flips) {
    ++counts.flips;
    if (!f.outcome || !f.ended_at) {
      complain(name + "a flip without an outcome");
      continue;
    }
    ++counts.outcomes[std::string(call::to_string(f.trigger))][std::string(call::to_string(*f.outcome))];
    if (*f.outcome == call::FlipOutcome::Done && !f.to) complain(name + "a flip is done and nobody took it");
    if (!f.report) continue;
    check_report(record, f);
  }
}

/// What the server says of itself must be kept too, or be red for a reason that was seen on the very line in the very
/// time that the report speaks of.
void World::check_report(const call::CallRecord& record, const call::FlipRecord& f) {
  const call::Device* b = engine->directory().device(f.to);
  const bool by_answer = b != nullptr && b->proof_by_answer;
  const auto used = excuses_.extract(f.id);
  const unsigned excuses = used ? used.mapped() : 0;
  std::string broken;
  bool excused = false;
  for (const auto& line : f.report->lines) {
    if (line.key == "click") continue;  // the sources here are steps themselves: there is no waveform to compare with
    if (line.key == "nobody_heard" && by_answer) continue;  // noise until its first packet is what it is set to
    if (line.kept != false) continue;
    ++counts.races["red in a report: " + line.key];
    unsigned reasons = 0;
    if (line.key == "slots_missing" || line.key == "nobody_heard") reasons = kSlots | kNoise;
    if (line.key == "gap") reasons = kSlots | kGap;
    if (line.key == "lateness") reasons = kSlots | kLate;
    if (line.key == "heard_after") reasons = kSlowProof;
    const bool jitter = line.key == "lateness" && weather.jitter > Duration::zero() && line.number &&
                        *line.number <= f.report->frame_ms / 2 + 2 * to_ms(weather.jitter);
    if ((excuses & reasons) != 0 || jitter) {
      excused = true;
    } else {
      broken += line.key + " = " + line.value + " (" + line.limit + ") " + line.note + "; ";
    }
  }
  if (broken.empty()) {
    ++(excused ? counts.reports_excused : counts.reports_kept);
  } else if (disturbed_during(record, f)) {
    ++counts.reports_open;
  } else {
    complain(fmt::format("the report of flip {} of call {} says: {}", f.id.value, record.id.value, broken));
  }
}

/// A source of this call's people did something in the flip's time. Too coarse to judge by: what it lets pass is
/// counted.
bool World::disturbed_during(const call::CallRecord& record, const call::FlipRecord& f) const {
  const auto at = disturbed_.find((record.caller_account.value - 1) / 2);
  const auto wall = clock.now().wall - WallTime{clock.now().mono.time_since_epoch()};
  return at != disturbed_.end() && WallTime{at->second.time_since_epoch()} + wall >= f.asked_at - 500ms;
}

void World::expect_empty() {
  const auto s = engine->sizes();
  if (s.legs + s.calls.calls + s.calls.legs + s.calls.flips > 0) {
    complain(fmt::format("left behind: {} legs of the engine, {} calls, {} legs, {} flips", s.legs, s.calls.calls,
                         s.calls.legs, s.calls.flips));
  }
  if (s.sip.client_transactions + s.sip.server_transactions + s.sip.sessions + s.sip.timers > 0) {
    complain(fmt::format("left behind: {} client and {} server transactions, {} sessions, {} timers",
                         s.sip.client_transactions, s.sip.server_transactions, s.sip.sessions, s.sip.timers));
  }
  if (exchange_->legs() > 0) complain(fmt::format("left behind: {} legs of the media plane", exchange_->legs()));
  if (!port_of_leg_.empty()) complain(fmt::format("left behind: {} ports", port_of_leg_.size()));
  if (exchange_->next_deadline()) complain("the media plane still waits for something");
  std::set<std::uint64_t> ids;
  for (const auto& r : records) ids.insert(r.id.value);
  if (!ids.empty() && (ids.size() != records.size() || *ids.rbegin() != ids.size())) {
    complain(fmt::format("{} records for {} calls", records.size(), *ids.rbegin()));
  }
  for (const auto& phone : phones) {
    if (phone->talking_count() > 0) complain(phone->user + " still talks to nobody");
  }
}

}  // namespace segue::sim
