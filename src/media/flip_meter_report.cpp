// The end of a measurement: what the flip's picture shows, and the figures that need both sides of the splice.
#include <algorithm>

#include "media/flip_meter.h"

namespace segue::media {

namespace {

constexpr Duration kTrace = 400ms;
constexpr Duration kGapBefore = 100ms, kGapAfter = 200ms;  // "around the splice"

}  // namespace

std::vector<FlipMeter::Point> FlipMeter::points() const {
  std::vector<Point> all(before_.begin() + static_cast<std::ptrdiff_t>(before_next_), before_.end());
  all.insert(all.end(), before_.begin(), before_.begin() + static_cast<std::ptrdiff_t>(before_next_));
  all.insert(all.end(), after_.begin(), after_.end());
  return all;
}

/// When the packet would have left if its source sent evenly and this machine read at once. B's first packet is where
/// it is: its slot was chosen by it.
Instant FlipMeter::even(const Point& point) const {
  if (!point.cadence) return point.at - point.wait;
  const bool of_b = *point.cadence == Who::B;
  const Duration phase = of_b ? b_phase_ : sources_[0].mean_phase();
  return setup_.slots.time_of(point.timestamp, point.at) + phase + point.held;
}

void FlipMeter::report_gaps(const std::vector<Point>& points, Instant middle) {
  struct Stream {
    std::optional<Instant> last;
    std::optional<Duration> longest;
  };
  std::array<Stream, 3> streams{};
  Stream own;
  const auto gap = [](Stream& s, Instant at, Duration left_out) {
    if (s.last) s.longest = std::max(s.longest.value_or(Duration::zero()), at - *s.last - left_out);
    s.last = s.last ? std::max(*s.last, at) : at;
  };
  for (const auto& point : points) {
    if (point.at < middle - kGapBefore || point.at > middle + kGapAfter) continue;
    // A counts as a source until the splice only, B from its first packet on.
    if (point.kind == TracePoint::Kind::FromA && spliced_at_ && point.at > *spliced_at_) continue;
    gap(streams[static_cast<std::size_t>(point.kind)], point.at, point.pause);
    if (point.kind == TracePoint::Kind::ToFar) gap(own, even(point), point.pause + point.lost);
  }
  const auto a = streams[static_cast<std::size_t>(TracePoint::Kind::FromA)].longest;
  const auto b = streams[static_cast<std::size_t>(TracePoint::Kind::FromB)].longest;
  if (a || b) m_.source_gap_ms_max = to_ms(std::max(a.value_or(Duration::zero()), b.value_or(Duration::zero())));
  if (const auto out = streams[static_cast<std::size_t>(TracePoint::Kind::ToFar)].longest) m_.gap_ms_max = to_ms(*out);
  if (own.longest) m_.own_gap_ms = to_ms(*own.longest);
}

void FlipMeter::report_lateness(const std::vector<Point>& points) {
  Duration wait = wait_max_, held = held_max_;
  bool any = false;
  for (const auto& point : points) {
    if (point.kind != TracePoint::Kind::ToFar) continue;
    any = true;
    wait = std::max(wait, point.wait);
    held = std::max(held, point.held);
  }
  if (any) m_.scheduler_ms_max = to_ms(wait);
  std::optional<Duration> latest = made_late_max_, own = made_own_max_;
  const auto at_least = [](std::optional<Duration>& longest, Duration d) {
    longest = std::max(longest.value_or(Duration::min()), d);
  };
  for (const auto who : {Who::A, Who::B}) {
    const Source& s = sources_[static_cast<std::size_t>(who)];
    if (s.phase_count == 0) continue;
    at_least(latest, s.mean_phase() + wait + held);
    // Its slots were chosen by one packet; how much later the others are on the whole is the source's doing.
    at_least(own, std::min(who == Who::B ? b_phase_ : setup_.a_phase, s.mean_phase()) + held);
  }
  if (latest) m_.lateness_ms_max = std::max(0.0, to_ms(*latest));
  if (own) m_.own_lateness_ms = std::max(0.0, to_ms(*own));
}

std::shared_ptr<const SpliceMeasurement> FlipMeter::finish(Instant now) {
  if (pending_) ++undelivered_;
  pending_.reset();
  if (undelivered_ > 0) ++m_.sequence_breaks;
  undelivered_ = 0;
  const auto all = points();
  const Instant middle = spliced_at_.value_or(now);
  report_gaps(all, middle);
  report_lateness(all);
  m_.slots_silent_by_choice = static_cast<std::uint32_t>((silent_ticks_ + frame() / 2) / frame());
  if (steps_ && spliced_at_) {
    m_.step_at_splice = steps_->at_splice();
    m_.step_around = steps_->around();
  }
  for (const auto& point : all) {
    if (point.at < middle - kTrace || m_.trace.size() == kMaxTrace) continue;
    m_.trace.push_back(
        {point.kind, static_cast<float>(to_ms(point.at - middle)), point.sequence, point.timestamp, point.used});
  }
  return std::make_shared<const SpliceMeasurement>(m_);
}

}  // namespace segue::media
