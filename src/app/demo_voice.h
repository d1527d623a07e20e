// The voices of the demo: speech made at set-up by espeak-ng, one voice for each phone, or, where it is not installed,
// a synthesised signal that moves like speech.
#pragma once

#include <string>

#include "app/demo_stage.h"

namespace segue::app {

struct MadeVoices {
  Voices voices;
  bool speech = false;  ///< false: the synthesised stand-in
  std::string why;      ///< why it is not speech
};
[[nodiscard]] MadeVoices make_voices(const std::string& folder);

}  // namespace segue::app
