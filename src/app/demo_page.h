// The demo's page: the verdict line by line for every flip from both observers, the pictures, and what the far party
// heard. One HTML file with its pictures in it, beside the sound; no scripts, light and dark, wide and narrow. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo_stage.h"
#include "app/demo_wave.h"

namespace segue::app {

/// A flip with both judgements.
struct JudgedFlip {
  FlipTaken taken;
  nlohmann::json server;  ///< its record over REST, report and all
  call::FlipReport far;
  double heard_at_s = 0;  ///< where the splice (or the end) lies in farend.wav
  [[nodiscard]] bool server_kept() const;
  [[nodiscard]] bool kept() const { return server_kept() && far.kept && as_wanted(); }
  [[nodiscard]] bool as_wanted() const;  ///< it ended as its script says
};

struct DemoResult {
  std::vector<JudgedFlip> flips;
  std::vector<std::int16_t> heard;
  std::vector<WaveStretch> stretches;
  std::string voices;  ///< where the speech is from
  double noise_ms = 0;
  [[nodiscard]] bool kept() const;
};

/// Why a flip is not kept, for people: its red lines with their observer, or where none is red, what could not be
/// judged.
[[nodiscard]] std::vector<std::string> red_lines(const JudgedFlip& flip);
[[nodiscard]] std::string_view demo_page_head();
[[nodiscard]] std::string demo_page(const DemoResult& result);

}  // namespace segue::app
