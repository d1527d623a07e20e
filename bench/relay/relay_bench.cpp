// CPU time of the media worker for each relayed packet, beside a bare recvfrom/sendto epoll loop that does the same job
// in the same run. These machines are noisy: the relays take turns, and what is printed are medians and the median of
// the ratios of neighbours.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "relay/relays.h"

namespace segue::bench {
namespace {

struct Options {
  std::vector<std::size_t> legs = {200, 500, 1000};
  unsigned rounds = 7;
  unsigned milliseconds = 2000;
  bool quick = false;
  double max_ratio = 0;  // 0: only report
};

struct Round {
  double us_per_packet = 0;
  std::uint64_t lost = 0;
};

template <typename Relay>
Round measure(Load& load, const Relay& relay, unsigned milliseconds) {
  (void)load.run(200ms);  // addresses latch, buffers are touched
  const auto before = relay.cpu_s();
  const auto count = load.run(milliseconds * 1ms);
  const auto cpu = relay.cpu_s() - before;
  return {cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(count.received, 1)),
          count.sent - std::min(count.sent, count.received)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Outcome {
  double ratio = 0;
  std::uint64_t lost = 0;  // by the worker
};

Outcome compare(std::size_t legs, const Options& options, const std::shared_ptr<const media::ClipLibrary>& clips) {
  std::vector<double> bare, gathered, plain, gathered_ratio, plain_ratio;
  std::uint64_t lost = 0, lost_bare = 0, wakes = 0, packets = 0;
  Load load(legs);
  for (unsigned round = 0; round < options.rounds; ++round) {
    const auto b = measure(load, BareRelay(load), options.milliseconds);
    const SegueRelay relay(load, 1ms, clips);
    const auto g = measure(load, relay, options.milliseconds);
    wakes += relay.counters().wakes;
    packets += relay.counters().packets_out;
    const auto p = measure(load, SegueRelay(load, Duration{0}, clips), options.milliseconds);
    bare.push_back(b.us_per_packet);
    gathered.push_back(g.us_per_packet);
    plain.push_back(p.us_per_packet);
    gathered_ratio.push_back(g.us_per_packet / b.us_per_packet);
    plain_ratio.push_back(p.us_per_packet / b.us_per_packet);
    lost += g.lost + p.lost;
    lost_bare += b.lost;
  }
  std::printf("%6zu %9zu %10.2f %10.2f %7.2f %12.2f %7.2f %12.2f %10llu %10llu\n", legs, legs * 50, median(bare),
              median(gathered), median(gathered_ratio), median(plain), median(plain_ratio),
              static_cast<double>(wakes) / static_cast<double>(std::max<std::uint64_t>(packets, 1)),
              static_cast<unsigned long long>(lost_bare), static_cast<unsigned long long>(lost));
  std::fflush(stdout);
  return {median(gathered_ratio), lost};
}

int run(const Options& options) {
  net::raise_open_files_limit();
  const auto clips = std::make_shared<const media::ClipLibrary>();
  std::printf(
      "CPU time of the relay's thread per relayed packet, microseconds; medians of %u rounds of %u ms\n"
      "  legs packets/s  bare loop      segue   ratio  no gathering  ratio  wakes/packet  lost bare  lost segue\n",
      options.rounds, options.milliseconds);
  bool good = true;
  for (const auto legs : options.legs) {
    const auto outcome = compare(legs & ~std::size_t{1}, options, clips);
    if (options.max_ratio > 0 && outcome.ratio > options.max_ratio) good = false;
    if (options.quick && outcome.lost > 0) good = false;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace segue::bench

int main(int argc, char** argv) {
  segue::bench::Options options;
  CLI::App app{"relay_bench"};
  app.add_option("--legs", options.legs, "numbers of legs to run with");
  app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber);
  app.add_option("--ms", options.milliseconds, "length of a round")->check(CLI::PositiveNumber);
  app.add_flag("--quick", options.quick, "tiny, for the tests: fails only if a packet is lost");
  app.add_option("--max-ratio", options.max_ratio, "fail if the median ratio to the bare loop is above");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) {
    options.legs = {20};
    options.rounds = 1;
    options.milliseconds = 100;
  }
  return segue::bench::run(options);
}
