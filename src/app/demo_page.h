// The demo's page: the verdict line by line for every flip from both observers, the pictures, and what the far party
// heard. One HTML file beside its pictures and sound; no scripts, light and dark, wide and narrow. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
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

/// "5 lines red of 32 ...": the flip's lines that are red, with their observer; empty if none.
[[nodiscard]] std::vector<std::string> red_lines(const JudgedFlip& flip);
[[nodiscard]] std::string demo_page(const DemoResult& result);

}  // namespace segue::app
