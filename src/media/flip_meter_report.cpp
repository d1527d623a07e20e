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

void FlipMeter::report_gaps(const std::vector<Point>& points, Instant middle) {
  struct Stream {
    std::optional<Instant> last;
    std::optional<Duration> longest;
  };
  std::array<Stream, 3> streams{};
  for (const auto& point : points) {
    if (point.at < middle - kGapBefore || point.at > middle + kGapAfter) continue;
    // A counts as a source until the splice only, B from its first packet on.
    if (point.kind == TracePoint::Kind::FromA && spliced_at_ && point.at > *spliced_at_) continue;
    Stream& s = streams[static_cast<std::size_t>(point.kind)];
    if (s.last) s.longest = std::max(s.longest.value_or(Duration::zero()), point.at - *s.last - point.pause);
    s.last = s.last ? std::max(*s.last, point.at) : point.at;
  }
  const auto a = streams[static_cast<std::size_t>(TracePoint::Kind::FromA)].longest;
  const auto b = streams[static_cast<std::size_t>(TracePoint::Kind::FromB)].longest;
  if (a || b) m_.source_gap_ms_max = to_ms(std::max(a.value_or(Duration::zero()), b.value_or(Duration::zero())));
  if (const auto out = streams[static_cast<std::size_t>(TracePoint::Kind::ToFar)].longest) m_.gap_ms_max = to_ms(*out);
}

void FlipMeter::report_lateness(const std::vector<Point>& points) {
  Duration delay = delay_max_;
  bool any = false;
  for (const auto& point : points) {
    if (point.kind != TracePoint::Kind::ToFar) continue;
    any = true;
    delay = std::max(delay, point.delay);
  }
  if (any) m_.scheduler_ms_max = to_ms(delay);
  std::optional<Duration> latest = made_late_max_;
  for (const auto& s : sources_) {
    if (s.phase_count == 0) continue;
    latest = std::max(latest.value_or(Duration::min()), s.phase_sum / s.phase_count + delay);
  }
  if (latest) m_.lateness_ms_max = std::max(0.0, to_ms(*latest));
}

std::shared_ptr<const SpliceMeasurement> FlipMeter::finish(Instant now) {
  if (pending_) ++undelivered_;
  pending_.reset();
  if (undelivered_ > 0) ++m_.sequence_breaks;
  // What A never delivered of the numbers kept for it is A's own loss.
  m_.source_losses += static_cast<std::uint32_t>(kept_for_a_);
  kept_for_a_ = undelivered_ = 0;
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
