// A hundred flips back and forth on one line, with random phases, packet times, jitter, loss, reordering and silences,
// judged by a checker that knows only what the two devices sent and what left. A failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <queue>

#include "media/test_rig.h"

namespace segue::media {
namespace {

using test::Rig;

struct Weather {
  Duration jitter{};
  double loss = 0, reorder = 0, silence = 0;
};

/// One packet as its device made it.
struct Made {
  int device = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ticks = 160;
  Instant nominal{}, arrives{};
  bool lost = false;
  bool silent_before = false;
};

class Device {
 public:
  Device(int number, LegId leg, Random& random) : number_(number), leg_(leg) {
    static constexpr unsigned kTimes[] = {10, 20, 20, 20, 30, 60};
    ptime_ = kTimes[random.below(6)];
    sequence_ = static_cast<std::uint16_t>(random.u32());
    timestamp_ = random.u32();
    ssrc_ = random.u32();
    next_ = Instant{1000s} + Duration{static_cast<std::int64_t>(random.below(60000000))};
  }
  Duration ptime() const { return ptime_ * 1ms; }
  LegId leg() const { return leg_; }
  Endpoint address() const { return {IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(leg_.value)), 4000}; }

  /// The next packet, with its number of order in the last bytes, which no fade reaches.
  std::pair<Made, Bytes> make(std::uint32_t order, const Weather& weather, Random& random) {
    Made made;
    if (random.chance(weather.silence)) {
      const auto slots = 1 + random.below(40);
      timestamp_ += static_cast<std::uint32_t>(slots) * 8 * ptime_;
      next_ += static_cast<std::int64_t>(slots) * ptime();
      made.silent_before = true;
    }
    made.device = number_;
    made.sequence = sequence_++;
    made.timestamp = timestamp_;
    made.ticks = 8 * ptime_;
    made.nominal = next_;
    made.arrives =
        next_ +
        Duration{weather.jitter.count() > 0
                     ? static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(weather.jitter.count())))
                     : 0};
    if (random.chance(weather.reorder)) made.arrives += ptime() * 3 / 2;
    made.lost = random.chance(weather.loss);
    Bytes bytes(rtp::kHeaderBytes + made.ticks, 0x7F);
    rtp::write_header(bytes, {made.silent_before, 0, made.sequence, made.timestamp, ssrc_});
    write_u32(&bytes[bytes.size() - 4], order);
    timestamp_ += made.ticks;
    next_ += ptime();
    return {made, bytes};
  }
  Instant next() const { return next_; }

 private:
  int number_;
  LegId leg_;
  unsigned ptime_ = 20;
  std::uint16_t sequence_ = 0;
  std::uint32_t timestamp_ = 0, ssrc_ = 0;
  Instant next_{};
};

struct Run {
  std::vector<Made> made;
  std::vector<test::Sent> sent;
  std::vector<Spliced> spliced;
  std::vector<std::shared_ptr<const SpliceMeasurement>> measured;
  Duration longest_frame{};
};

struct Arrival {
  Instant at;
  std::uint32_t order;
  Bytes bytes;
  bool operator<(const Arrival& other) const { return at > other.at; }
};

Run run(std::uint64_t seed, const Weather& weather, int flips) {
  Random random(seed);
  Rig rig;
  rig.add(1, Codec::Pcmu, 20, static_cast<std::uint16_t>(random.u32()), random.u32());
  rig.add(2);
  rig.add(3);
  std::vector<Device> devices{{0, LegId{2}, random}, {1, LegId{3}, random}};
  rig.command(SetSource{LegId{1}, FromLeg{LegId{2}}});
  Run result;
  result.longest_frame = std::max(devices[0].ptime(), devices[1].ptime());
  std::priority_queue<Arrival> network;
  Instant flip_at = rig.now + 2s;
  bool pending = false;
  int on = 0;
  std::size_t done = 0;
  while (static_cast<int>(result.spliced.size()) < flips || rig.now < flip_at) {
    Device& device = devices[devices[0].next() <= devices[1].next() ? 0 : 1];
    while (network.empty() || network.top().at >= device.next()) {
      auto [made, bytes] = device.make(static_cast<std::uint32_t>(result.made.size()), weather, random);
      if (!made.lost) network.push({made.arrives, static_cast<std::uint32_t>(result.made.size()), bytes});
      result.made.push_back(made);
      if (!network.empty()) break;
    }
    if (network.empty() || network.top().at > std::min(devices[0].next(), devices[1].next())) continue;
    const Arrival arrival = network.top();
    network.pop();
    rig.idle_until(std::max(rig.now, arrival.at));
    const Device& from = devices[static_cast<std::size_t>(result.made[arrival.order].device)];
    rig.receive(from.leg(), from.address(), arrival.bytes);
    result.spliced = rig.heard<Spliced>();
    if (pending && result.spliced.size() > done) {
      done = result.spliced.size();
      pending = false;
      on = 1 - on;
      flip_at = rig.now + 300ms + Duration{static_cast<std::int64_t>(random.below(1200000000))};
    }
    const FlipId flip{done + 1};
    if (!pending && rig.now >= flip_at - 200ms && static_cast<int>(done) < flips)
      rig.command(WatchLine{LegId{1}, flip});
    if (!pending && rig.now >= flip_at && static_cast<int>(done) < flips) {
      rig.command(ArmSplice{LegId{1}, devices[static_cast<std::size_t>(1 - on)].leg(), flip, false, rig.now});
      pending = true;
    }
  }
  rig.idle_until(rig.now + 2s);
  for (const auto& m : rig.heard<SpliceMeasured>()) result.measured.push_back(m.measurement);
  result.sent = std::move(rig.sent);
  return result;
}

/// A packet that left, joined to the one it was made of.
struct Link {
  std::int64_t sequence = 0;  // without wraps
  std::uint32_t timestamp = 0;
  Instant departed{};
  const Made* made = nullptr;
};

std::vector<Link> links(const Run& r) {
  std::vector<Link> out;
  std::int64_t last = 0;
  for (const auto& s : r.sent) {
    if (s.leg != LegId{1}) continue;
    EXPECT_EQ(s.view.ssrc, 0xA0000001u);
    EXPECT_EQ(s.view.payload_type, 0);
    const auto order = read_u32(s.view.payload.data() + s.view.payload.size() - 4);
    if (order >= r.made.size()) {
      ADD_FAILURE() << "a packet that nobody made";
      continue;
    }
    const auto distance = rtp::sequence_distance(s.view.sequence, static_cast<std::uint16_t>(last));
    const std::int64_t sequence = out.empty() ? s.view.sequence : last + distance;
    last = std::max(last, sequence);
    out.push_back({sequence, s.view.timestamp, s.at, &r.made[order]});
  }
  std::stable_sort(out.begin(), out.end(), [](const Link& a, const Link& b) { return a.sequence < b.sequence; });
  return out;
}

void check_same_source(const Link& p, const Link& q) {
  const auto source_steps = rtp::sequence_distance(q.made->sequence, p.made->sequence);
  ASSERT_EQ(q.sequence - p.sequence, source_steps) << "a source's own loss and order pass as they are";
  ASSERT_EQ(q.timestamp - p.timestamp, q.made->timestamp - p.made->timestamp);
}

void check_splice(const Run& r, const Link& p, const Link& q, bool first, const Weather& weather) {
  const std::int64_t kept = q.sequence - p.sequence - 1;
  const auto hole = static_cast<std::int32_t>(q.timestamp - p.timestamp) - static_cast<std::int32_t>(p.made->ticks);
  ASSERT_GE(hole, 0) << "time goes on";
  const Duration frame_p = Duration{p.made->ticks * 125000LL}, frame_q = Duration{q.made->ticks * 125000LL};
  const bool clean = weather.loss == 0 && weather.reorder == 0 && weather.silence == 0;
  if (clean && weather.jitter == Duration{}) {
    ASSERT_EQ(kept, 0) << "no number is left out";
    ASSERT_EQ(hole, 0) << "no slot is left out";
    const Duration frame = std::max(frame_p, frame_q);
    ASSERT_LE(q.departed - p.departed, first ? frame * 3 / 2 : frame * 2);
  }
  // Numbers left out are those that the new source lost before it was first heard; slots left out, also those whose
  // packets the old source had lost or not delivered half a frame after their time.
  std::int64_t lost = 0, overdue = 0;
  bool p_falls_silent = false;
  for (const auto& made : r.made) {
    const Link& near = made.device == p.made->device ? p : q;
    if (std::abs((made.nominal - near.made->nominal).count()) > 3000000000LL) continue;
    const auto after = rtp::sequence_distance(made.sequence, near.made->sequence);
    const bool late = made.lost || made.arrives > q.departed;
    if (&near == &p && after == 1 && made.silent_before) p_falls_silent = true;
    if (&near == &p && after > 0 && after <= 5 && late && made.nominal < q.departed) ++overdue;
    if (&near == &q && after < 0 && after >= -kept && late) ++lost;
  }
  ASSERT_LE(kept, lost) << "left out";
  const bool p_active = q.departed - p.departed <= 5 * frame_p;
  if (p_active && weather.silence == 0 && !p_falls_silent) {
    ASSERT_GE(hole, kept * std::min(p.made->ticks, q.made->ticks)) << "the slots that were left out are the sources'";
    ASSERT_LE(hole, (kept + overdue) * std::max(p.made->ticks, q.made->ticks)) << "no slot is left out but a source's";
  }
}

std::size_t splices_until(const Run& r, Instant t) {
  return static_cast<std::size_t>(
      std::count_if(r.spliced.begin(), r.spliced.end(), [t](const Spliced& s) { return s.at <= t; }));
}

void check(const Run& r, const Weather& weather) {
  const auto all = links(r);
  ASSERT_GT(all.size(), 100u);
  std::map<std::int64_t, int> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(++seen[all[i].sequence], 1)
        << "a number is sent once: " << all[i].sequence << " by device " << all[i].made->device << " after device "
        << all[i - 1].made->device << ", source numbers " << all[i].made->sequence << ", " << all[i - 1].made->sequence;
  }
  std::size_t splices = 0;
  const Link& anchor = all.front();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Link& p = all[i - 1];
    const Link& q = all[i];
    const std::size_t now = splices_until(r, q.departed);
    if (p.made->device == q.made->device) {
      // Where the other device was spliced in and out again without having sent anything, two splices lie between the
      // two packets.
      if (now < splices + 2) check_same_source(p, q);
    } else {
      ASSERT_GT(now, 0u);
      check_splice(r, p, q, splices == 0, weather);
    }
    splices = std::max(splices, now);
    if (testing::Test::HasFatalFailure()) return;
    // The device's own cadence against the permanent anchor: half a frame, and as much as the jitter hides of it.
    const auto slot = Duration{static_cast<std::int32_t>(q.timestamp - anchor.timestamp) * 125000LL};
    const auto late = q.made->nominal - anchor.made->nominal - slot;
    const auto frame = Duration{std::max(q.made->ticks, p.made->ticks) * 125000LL};
    const auto reordered = weather.reorder > 0 ? r.longest_frame * 3 / 2 : Duration{};
    ASSERT_LE(late, std::max(frame, r.longest_frame) / 2 + weather.jitter + reordered + 1ms) << "packet " << i;
    const auto favour = r.longest_frame / 10;  // for the later slot: Line::join
    ASSERT_GE(late, -r.longest_frame / 2 - favour - weather.jitter - reordered - 1ms) << "packet " << i;
  }
}

void check_reports(const Run& r) {
  EXPECT_EQ(r.measured.size(), r.spliced.size());
  for (const auto& m : r.measured) {
    EXPECT_TRUE(m->spliced);
    EXPECT_EQ(m->sequence_breaks, 0u) << "flip " << m->flip.value;
    EXPECT_EQ(m->slots_missing, 0u) << "flip " << m->flip.value;
    EXPECT_EQ(m->ssrc_before, m->ssrc_after);
    EXPECT_FALSE(m->rtcp_bye || m->rtcp_counts_fell);
  }
}

void play(const Weather& weather, int flips, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Run r = run(seed, weather, flips);
    ASSERT_EQ(r.spliced.size(), static_cast<std::size_t>(flips));
    check(r, weather);
    check_reports(r);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SpliceProperty, SteadySources) { play({}, 100, 12); }
TEST(SpliceProperty, Jitter) { play({.jitter = 4ms}, 100, 12); }
TEST(SpliceProperty, Loss) { play({.jitter = 2ms, .loss = 0.05}, 100, 12); }
TEST(SpliceProperty, Reordering) { play({.jitter = 2ms, .loss = 0.01, .reorder = 0.03}, 100, 12); }
TEST(SpliceProperty, Silence) { play({.jitter = 2ms, .silence = 0.02}, 100, 12); }
TEST(SpliceProperty, Everything) { play({.jitter = 5ms, .loss = 0.05, .reorder = 0.02, .silence = 0.02}, 100, 12); }

}  // namespace
}  // namespace segue::media
