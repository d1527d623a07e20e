// The lines of the far party's report, one function for each group of the promise; inside of far_check. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "phone/far_stream.h"

namespace segue::phone {

class FarLines {
 public:
  FarLines(const Capture& capture, const FarSetup& setup, const FarBaseline& baseline, const FarFlip& flip, Instant end)
      : capture_(capture), setup_(setup), baseline_(baseline), flip_(flip), end_(end) {}

  void signalling();
  void identity(std::span<const FarPacket> judged);
  void continuity(std::span<const FarPacket> judged);
  void rtcp();
  /// B heard, nobody heard, the waveform. Returns when B was first heard.
  std::optional<Instant> speakers(std::span<const FarPacket> judged, std::span<const FarPacket> wide);
  [[nodiscard]] std::vector<call::ReportLine> take() && { return std::move(lines_); }

 private:
  struct Figure {
    std::string key, title, limit;
  };
  void absent(const Figure& figure, std::string note);
  void judge(const Figure& figure, double number, std::string value, bool kept, std::string note = {});
  /// A timing line: red where it is past the limit by more than the noise of its moment; not judged where that is
  /// longer than a frame.
  void timing(const Figure& figure, const Worst& worst, double limit_ms);
  void nobody(std::span<const HeardFrame> frames, std::span<const FarPacket> judged, std::optional<Instant> b_heard);
  void waveform(std::span<const FarPacket> wide, std::optional<Instant> b_heard);
  [[nodiscard]] bool excused(Instant at, std::optional<Instant> b_heard) const;

  const Capture& capture_;
  const FarSetup& setup_;
  const FarBaseline& baseline_;
  const FarFlip& flip_;
  const Instant end_;
  std::vector<call::ReportLine> lines_;
};

}  // namespace segue::phone
