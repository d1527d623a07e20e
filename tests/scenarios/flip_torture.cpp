// One live call over loopback sockets, 50 flips (--long: 1,000; --flips N), all triggers mixed. Every line of the
// promise is checked by the server's report and by the far party's own check; afterwards ports, sessions and timers are
// back where they were, and memory has not grown. Exit code 0 only if all of it holds. A flip whose timing an
// observer cannot judge, because this machine held a packet for more than a frame at that very moment, is made again;
// more than one in five of them, and the run is red.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "app/demo_stage.h"
#include "base/random.h"
#include "phone/sockets.h"
#include "torture_table.h"

namespace segue::scenario {
namespace {

using app::Act;
using app::Stage;

constexpr std::size_t kWarmUp = 8;   // flips after which caches and pools have their size
constexpr double kMaxGrowthMb = 16;  // of the process, phones and their logs included, beside the flips' own records
constexpr double kRecordMbOfAFlip = 0.04;  // a live call keeps its flips' reports: 512 trace points and 16 lines each

struct Options {
  std::size_t flips = 50;
  std::uint64_t seed = 1;
};

double resident_mb() {
  ::malloc_trim(0);
  std::ifstream in("/proc/self/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

app::Voices voices() {
  return {phone::voice_like(105, 3), phone::voice_like(115, 3.3), phone::voice_like(125, 3.7),
          phone::voice_like(200, 3)};
}

struct Run {
  Options options;
  Random random{1};
  Table table;
  std::size_t red = 0, failed = 0, not_judged = 0;
  double warm_mb = 0;

  /// False: it could not be judged.
  bool judge(const Stage& stage, const app::FlipTaken& taken, std::size_t index);
  bool all_flips(Stage& stage);
};

/// Every act once in each eight, in a new order, then again.
std::vector<Act> shuffled_acts(Random& random) {
  std::vector<Act> acts = {Act::RestRing, Act::RestAuto, Act::Code,      Act::RingAll,
                           Act::Pull,     Act::Declined, Act::Cancelled, Act::WalkAway};
  for (std::size_t i = acts.size() - 1; i > 0; --i) std::swap(acts[i], acts[random.below(i + 1)]);
  return acts;
}

bool Run::judge(const Stage& stage, const app::FlipTaken& taken, std::size_t index) {
  const auto record = stage.server_record(taken.id);
  const auto far = stage.far_report(taken);
  std::string broken;
  for (const auto& line : far.lines) {
    table.add(Table::Observer::FarParty, line);
    if (line.kept == false)
      broken += fmt::format("\n      far party: {} = {} ({}) {}", line.title, line.value, line.limit, line.note);
  }
  if (!record) {
    broken += "\n      server: " + record.error().text;
  } else {
    for (const auto& line : lines_of(record->at("report").dump())) {
      table.add(Table::Observer::Server, line);
      if (line.kept == false)
        broken += fmt::format("\n      server: {} = {} ({}) {}", line.title, line.value, line.limit, line.note);
    }
  }
  const bool wanted = app::moves(taken.act) ? taken.outcome == "done" : taken.outcome != "done";
  if (!wanted) broken += "\n      its outcome is " + taken.outcome;
  const bool proven = far.kept && record && record->at("report").at("kept").get<bool>();
  const bool judged = proven || !broken.empty();
  if (!broken.empty()) ++red;
  fmt::print("{:>5}  {:<10} {:<11} {} -> {}  {} ({}){}\n", index + 1, taken.id, taken.outcome,
             app::kDeviceNames.at(taken.from), app::kDeviceNames.at(taken.to),
             !judged          ? "not judged"
             : broken.empty() ? "kept"
                              : "RED",
             app::act_title(taken.act), broken);
  std::fflush(stdout);
  return judged;
}

bool Run::all_flips(Stage& stage) {
  std::vector<Act> acts;
  for (std::size_t i = 0; i < options.flips;) {
    if (acts.empty()) acts = shuffled_acts(random);
    const Act act = acts.back();
    acts.pop_back();
    const std::size_t to = (stage.at() + 1 + random.below(app::kDevices - 1)) % app::kDevices;
    const auto taken = stage.flip(act, to);
    if (!taken) {
      fmt::print("{:>5}  {}\n", i + 1, taken.error().text);
      ++failed;
      return false;  // where the call stands is not known any more
    }
    if (judge(stage, *taken, i)) {
      ++i;
    } else if (acts.push_back(act); ++not_judged > std::max<std::size_t>(options.flips / 5, 2)) {
      fmt::print("this machine is too busy to judge milliseconds\n");
      return false;
    }
    stage.forget_before(taken->far.asked);
    if (i == kWarmUp && warm_mb == 0) warm_mb = resident_mb();
  }
  return true;
}

/// Calls, legs, sessions and ports as before; no transaction at all, those of the registrations included; and no timer
/// but what stood before beside the transactions'.
bool residue_is(const app::Server& server, const app::Server::Residue& before) {
  const auto now = server.residue();
  const std::size_t standing = before.timers > before.transactions ? before.timers - before.transactions : 0;
  return now.calls == before.calls && now.legs == before.legs && now.sessions == before.sessions &&
         now.transactions == 0 && now.timers <= standing && now.ports == before.ports;
}

/// Finished SIP transactions wait 32 s for late retransmissions (RFC 3261 timers H and J), so that is how long this may
/// take.
bool returns_to(const app::Server& server, const app::Server::Residue& before) {
  constexpr Duration kLimit = 45s;
  const Instant deadline = phone::read_clock().mono + kLimit;
  while (!residue_is(server, before)) {
    if (phone::read_clock().mono > deadline) return false;
    std::this_thread::sleep_for(200ms);
  }
  return true;
}

void print(const char* when, const app::Server::Residue& r) {
  fmt::print("{}: {} calls, {} legs, {} sessions, {} transactions, {} timers, {} ports\n", when, r.calls, r.legs,
             r.sessions, r.transactions, r.timers, r.ports);
}

int torture(const Options& options, const std::string& folder) {
  auto stage = Stage::set_up({.data_dir = folder, .voices = voices(), .ring = 300ms, .far_packets = 20'000});
  if (!stage) return fmt::print("cannot set up: {}\n", stage.error().text), 2;
  const app::Server& server = (*stage)->server();
  const auto before = server.residue();
  if (const auto called = (*stage)->place_call(); !called) return fmt::print("no call: {}\n", called.error().text), 2;
  fmt::print(
      "One call, {} flips, seed {}. Noise of this machine in the flip-free stretch: {:.1f} ms late, longest gap {:.1f} "
      "ms\n",
      options.flips, options.seed, (*stage)->baseline().noise_ms, (*stage)->baseline().gap_ms_max);
  Run run;
  run.options = options;
  run.random = Random(options.seed);
  const bool whole = run.all_flips(**stage);
  const double after_mb = resident_mb();
  bool ended = false;
  if (whole) {
    const auto end = (*stage)->end_call();
    if (!end) fmt::print("{}\n", end.error().text);
    ended = end.has_value();
  }
  const bool clean = ended && returns_to(server, before);
  fmt::print("{}\n", run.table.print());
  print("before the call", before);
  print("after the call ", server.residue());
  const double allowed = kMaxGrowthMb + kRecordMbOfAFlip * static_cast<double>(options.flips);
  const double growth = run.warm_mb > 0 ? after_mb - run.warm_mb : 0;
  fmt::print("memory: {:.1f} MB after {} flips, {:.1f} MB after {}; grown by {:.1f} MB, at most {:.1f}\n", run.warm_mb,
             kWarmUp, after_mb, options.flips, growth, allowed);
  const bool good = whole && clean && run.red == 0 && growth <= allowed;
  fmt::print("{}: {} of {} flips kept every line, {} more were not judged{}\n", good ? "GREEN" : "RED",
             options.flips - run.red - run.failed, options.flips, run.not_judged,
             clean ? "" : "; something was left behind");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace segue::scenario

int main(int argc, char** argv) {
  segue::scenario::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--long")
      options.flips = 1000;
    else if (word == "--flips")
      std::from_chars(value.data(), value.data() + value.size(), options.flips), ++i;
    else if (word == "--seed")
      std::from_chars(value.data(), value.data() + value.size(), options.seed), ++i;
    else
      return fmt::print("flip_torture [--long | --flips N] [--seed N]\n"), 2;
  }
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("segue-torture-{}", ::getpid());
  const int code = segue::scenario::torture(options, folder.string());
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return code;
}
