#include "record/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "record/svg.h"

namespace segue::record {
namespace {

using call::FlipReport;
using call::ReportPacket;
using Kind = ReportPacket::Kind;

constexpr double kBand = 54, kTickHeight = 34, kNameHeight = 22, kBetween = 8, kCharacter = 6.4;
/// A report from a damaged disk may hold anything; a picture never holds more ticks than a screen can show.
constexpr std::size_t kTicksMax = 1500;

double frame_of(const FlipReport& report) {
  return std::isfinite(report.frame_ms) ? std::clamp(report.frame_ms, 2.5, 120.0) : 20.0;
}

enum class Audio : std::uint8_t { OfA, OfB, OfServer };

std::string_view css_class(Audio audio) {
  switch (audio) {
    case Audio::OfA:
      return "a";
    case Audio::OfB:
      return "b";
    case Audio::OfServer:
      return "own";
  }
  return "own";
}

struct Tick {
  Kind lane = Kind::ToFar;
  double at_ms = 0;
  Audio audio = Audio::OfServer;
  bool used = true;
};

/// The report lists packets in the order of events: a packet that was passed on stands right before the one that it
/// became. One that leaves without such a packet was made by the server: comfort noise, or a digit.
std::vector<Tick> ticks_of(const FlipReport& report) {
  std::vector<Tick> out;
  Audio next = Audio::OfServer;
  for (const auto& packet : report.packets) {
    Audio audio = packet.kind == Kind::FromA ? Audio::OfA : Audio::OfB;
    if (packet.kind == Kind::ToFar) {
      audio = std::exchange(next, Audio::OfServer);
    } else {
      next = packet.used ? audio : Audio::OfServer;
    }
    if (std::isfinite(packet.at_ms)) out.push_back({packet.kind, packet.at_ms, audio, packet.used});
  }
  return out;
}

class Lanes {
 public:
  Lanes(std::string& svg, const FlipReport& report, const PictureNames& names, const LaneLayout& layout)
      : svg_(svg), report_(report), names_(names), layout_(layout), ticks_(ticks_of(report)) {
    stretch();
  }

  double draw() {
    labels();
    gaps();
    splice();
    packets();
    axis();
    return legend();
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(svg_), format, std::forward<Args>(args)...);
  }

  /// As much as there are packets, but no more frames to a side than the layout has room for; the first packet of a
  /// stretch that is cut off stays visible as a whole.
  void stretch() {
    const double frame = frame_of(report_), reach = layout_.frames_to_side * frame;
    double first = 0, last = 0;
    for (const auto& tick : ticks_) {
      first = std::min(first, tick.at_ms);
      last = std::max(last, tick.at_ms);
    }
    from_ = std::max(first, -reach) - frame / 2;
    to_ = std::max(std::min(last, reach), 3 * frame) + frame / 2;
  }

  [[nodiscard]] double x(double ms) const {
    return layout_.left + (ms - from_) / (to_ - from_) * (layout_.right - layout_.left);
  }
  [[nodiscard]] bool shows(double ms) const { return ms >= from_ && ms <= to_; }
  [[nodiscard]] double pitch() const { return kBand + kBetween + (layout_.names_above ? kNameHeight : 0); }
  [[nodiscard]] double band_top(Kind lane) const {
    return layout_.top + (layout_.names_above ? kNameHeight : 0) + static_cast<double>(lane) * pitch();
  }
  [[nodiscard]] double axis_y() const { return band_top(Kind::ToFar) + kBand + 12; }

  void labels() {
    const std::array<std::pair<std::string_view, std::string_view>, 3> words{
        {{"A sends", names_.from}, {"B sends", names_.to}, {"The far party got", names_.far}}};
    for (std::size_t i = 0; i < words.size(); ++i) {
      const double top = band_top(static_cast<Kind>(i));
      put("<rect class=\"lane\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n", layout_.left - 8, top,
          layout_.right - layout_.left + 16, kBand);
      if (layout_.names_above) {
        svg_ += svg_text({layout_.left - 8, top - 7}, "label", words[i].first, 24);
        svg_ += svg_text({layout_.right + 8, top - 7}, "muted end", words[i].second, 34);
      } else {
        const double left = 36, middle = top + kBand / 2;
        svg_ += svg_text({left, middle - 3}, "label", words[i].first, 24);
        svg_ += svg_text({left, middle + 14}, "muted", words[i].second, 29);
      }
    }
  }

  /// A red band where the far party waited longer than two frames (docs/life-of-a-flip.md): the hole is seen before any
  /// number is read.
  void gaps() {
    std::vector<double> times;
    for (const auto& tick : ticks_) {
      if (tick.lane == Kind::ToFar) times.push_back(tick.at_ms);
    }
    std::sort(times.begin(), times.end());
    const double top = band_top(Kind::ToFar);
    for (std::size_t i = 1; i < times.size(); ++i) {
      const double gap = times[i] - times[i - 1];
      if (gap <= 2 * frame_of(report_) || !shows(times[i]) || !shows(times[i - 1])) continue;
      const double left = x(times[i - 1]), right = x(times[i]);
      put("<rect class=\"gap\" x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\"/>\n", left, top, right - left,
          kBand);
      svg_ +=
          svg_text({(left + right) / 2, top + kBand / 2 + 4}, "gap-label middle", fmt::format("{:.0f} ms", gap), 12);
    }
  }

  void packets() {
    const double per_frame = (layout_.right - layout_.left) * frame_of(report_) / (to_ - from_);
    const double width = std::clamp(per_frame * 0.4, 2.0, 10.0);
    std::size_t drawn = 0;
    for (const auto& tick : ticks_) {
      if (!shows(tick.at_ms) || drawn++ >= kTicksMax) continue;
      put("<rect class=\"{} {}\" x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" rx=\"2.5\"/>\n",
          css_class(tick.audio), tick.used ? "used" : "unused", x(tick.at_ms) - width / 2,
          band_top(tick.lane) + (kBand - kTickHeight) / 2, width, kTickHeight);
    }
  }

  void axis() {
    const double y = axis_y();
    put("<line class=\"axis\" x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>\n", layout_.left - 8, layout_.right + 8, y);
    constexpr std::array<double, 7> kSteps{10, 20, 50, 100, 200, 500, 1000};
    const double labels_max = (layout_.right - layout_.left) / 60;
    const auto* found =
        std::find_if(kSteps.begin(), kSteps.end(), [&](double s) { return (to_ - from_) / s <= labels_max; });
    const double step = found == kSteps.end() ? 2000 : *found;
    for (double ms = std::ceil(from_ / step) * step; ms <= to_; ms += step) {
      put("<line class=\"axis\" x1=\"{0:.2f}\" y1=\"{1}\" x2=\"{0:.2f}\" y2=\"{2}\"/>\n", x(ms), y, y + 5);
      const std::string label = std::abs(ms) < 0.5 ? "0" : fmt::format("{}{:.0f}", ms < 0 ? "−" : "+", std::abs(ms));
      svg_ += svg_text({x(ms), y + 20}, "muted middle", label, 8);
    }
    const std::string_view unit = report_.spliced ? "ms from the splice" : "ms from the flip's end";
    if (layout_.names_above) {
      svg_ += svg_text({(layout_.left + layout_.right) / 2, y + 38}, "muted middle", unit, 40);
    } else {
      svg_ += svg_text({36, y + 20}, "muted", unit, 40);
    }
  }

  void splice() {
    const double at = x(0), width = report_.spliced ? 62 : 104, top = layout_.top;
    put("<line class=\"splice\" x1=\"{0:.2f}\" y1=\"{1}\" x2=\"{0:.2f}\" y2=\"{2}\"/>\n"
        "<rect class=\"pill\" x=\"{3:.2f}\" y=\"{4}\" width=\"{5}\" height=\"22\" rx=\"11\"/>\n",
        at, top - 8, axis_y(), at - width / 2, top - 30, width);
    svg_ += svg_text({at, top - 14.5}, "pill-text middle", report_.spliced ? "splice" : "flip ended", 16);
  }

  [[nodiscard]] bool any(Audio audio, bool used) const {
    return std::any_of(ticks_.begin(), ticks_.end(),
                       [&](const Tick& tick) { return tick.audio == audio && tick.used == used && shows(tick.at_ms); });
  }

  /// What is drawn and nothing else; a row is broken where the next entry would leave the picture.
  double legend() {
    const double left = layout_.left - 8;
    double at = left, y = axis_y() + (layout_.names_above ? 64 : 48);
    const auto entry = [&](std::string_view css, std::string_view text) {
      constexpr std::size_t kChars = 36;
      const double width = 14 + kCharacter * static_cast<double>(std::min(kChars, code_points(text)));
      if (at > left && at + width > layout_.right + 8) {
        at = left;
        y += 22;
      }
      put("<rect class=\"{}\" x=\"{:.2f}\" y=\"{}\" width=\"7\" height=\"14\" rx=\"2\"/>\n", css, at, y - 11);
      svg_ += svg_text({at + 14, y}, "muted", text, kChars);
      at += width + 30;
    };
    if (any(Audio::OfA, true)) entry("a used", "audio of " + names_.from);
    if (any(Audio::OfB, true)) entry("b used", "audio of " + names_.to);
    if (any(Audio::OfServer, true)) entry("own used", "soft noise made by the server");
    if (any(Audio::OfA, false) || any(Audio::OfB, false)) {
      entry(any(Audio::OfB, false) ? "b unused" : "a unused", "sent, but not passed on");
    }
    return y + 12;
  }

  std::string& svg_;
  const FlipReport& report_;
  const PictureNames& names_;
  const LaneLayout& layout_;
  std::vector<Tick> ticks_;
  double from_ = -300, to_ = 300;
};

}  // namespace

double draw_timeline(std::string& svg, const FlipReport& report, const PictureNames& names, const LaneLayout& layout) {
  return Lanes(svg, report, names, layout).draw();
}

}  // namespace segue::record
