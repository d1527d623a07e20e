// segue_sim: flips by the thousand on a virtual clock. Prints what was exercised; on a violation the seed and the one
// command that shows it again, and exits with 1.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <random>

#include "sim/group.h"

namespace {

using namespace segue;
using namespace segue::sim;

constexpr std::uint64_t kFlipsInWorld = 250;

std::uint64_t next_seed(std::uint64_t seed) { return Random(seed).u64() >> 16; }

/// Runs one world to its end; false after a violation.
bool run_world(std::uint64_t seed, std::uint64_t flips, const std::shared_ptr<const media::ClipLibrary>& clips,
               bool verbose, const std::string& broken, Counts& total) {
  World world(seed, clips, verbose);
  world.spoil = broken;
  std::vector<std::unique_ptr<Group>> groups;
  for (int i = 0; i < World::kGroups; ++i) groups.push_back(std::make_unique<Group>(world, i));
  for (auto& group : groups) group->start();
  if (verbose) fmt::print("{}\n", world.weather.words());
  while (world.violations.empty() && world.counts.flips < flips) world.run_until(world.clock.now().mono + 1s);
  for (auto& group : groups) group->stop();
  world.run_until(world.clock.now().mono + 100s);  // the longest: an INVITE without an answer and then its BYE's
  if (world.violations.empty()) world.expect_empty();
  total.add(world.counts);
  if (world.violations.empty()) return true;
  for (const auto& v : world.violations) fmt::print("VIOLATION {}\n", v);
  fmt::print("again: segue_sim --seed {} --flips {} --one-world --verbose\n", seed, flips);
  return false;
}

void print_table(const Counts& c, double seconds) {
  fmt::print("{} flips in {} calls, {:.1f} s: {:.0f} flips/s; {} SIP messages, {} RTP packets in\n", c.flips, c.calls,
             seconds, static_cast<double>(c.flips) / seconds, c.sip_messages, c.rtp_packets);
  fmt::print(
      "reports: {} kept, {} red for a reason seen on the line, {} not judged; latest packet {:.1f} ms after its slot, "
      "longest gap {:.1f} ms\n",
      c.reports_kept, c.reports_excused, c.reports_open, c.worst_late_ms, c.worst_gap_ms);
  fmt::print("{} packets out kept every bound, {} were excused by a loss or silence of their source\n",
             c.packets_strict, c.packets_excused);
  std::set<std::string> columns;
  for (const auto& [trigger, row] : c.outcomes) {
    for (const auto& [outcome, n] : row) columns.insert(outcome);
  }
  fmt::print("{:<14}", "");
  for (const auto& column : columns) fmt::print("{:>16}", column);
  fmt::print("\n");
  for (const auto& [trigger, row] : c.outcomes) {
    fmt::print("{:<14}", trigger);
    for (const auto& column : columns) {
      const auto at = row.find(column);
      fmt::print("{:>16}", at == row.end() ? 0 : at->second);
    }
    fmt::print("\n");
  }
  for (const auto& [name, n] : c.races) fmt::print("{:>8} x {}\n", n, name);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Segue on a virtual clock"};
  std::uint64_t flips = 0, seed = 0;
  double seconds = 0;
  bool verbose = false, one_world = false;
  std::string broken;
  app.add_option("--flips", flips, "stop after so many flips");
  app.add_option("--seed", seed, "0: a fresh one");
  app.add_option("--seconds", seconds, "stop after so many seconds of real time");
  app.add_option("--break", broken,
                 "spoil what leaves, to see the checkers complain: ssrc, address, type, skip, repeat, "
                 "back, hole, early, late, lost, silence, voice, bye, counts, clock");
  app.add_flag("--verbose", verbose, "print every message");
  app.add_flag("--one-world", one_world, "this seed's world only");
  CLI11_PARSE(app, argc, argv);
  if (flips == 0 && seconds == 0) flips = 2000;
  if (seed == 0) seed = std::random_device{}();

  fmt::print("seed {}\n", seed);
  const auto clips = std::make_shared<const media::ClipLibrary>();
  const auto started = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(); };
  Counts total;
  bool good = true;
  while (good && (flips == 0 || total.flips < flips) && (seconds == 0 || passed() < seconds)) {
    good = run_world(seed, one_world ? flips : kFlipsInWorld, clips, verbose, broken, total);
    if (one_world) break;
    seed = next_seed(seed);
  }
  print_table(total, passed());
  return good ? 0 : 1;
}
