// Audio that the server plays itself, encoded once at start-up for each codec in frames of 20 ms: music, comfort noise,
// tones, keys. Immutable after construction, shared by all workers. Licence-clear: everything is synthesised here
// (docs/decisions).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "media/dtmf.h"
#include "media/types.h"

namespace segue::media {

class ClipLibrary {
 public:
  /// Synthesises and encodes everything (about a second of CPU). Deterministic.
  ClipLibrary();
  struct Frames {
    std::vector<Bytes> frames;  ///< each 20 ms; at least one
  };
  [[nodiscard]] const Frames& get(Clip clip, Codec codec) const;
  /// nullptr if the key is none of kDtmfKeys.
  [[nodiscard]] const DtmfTone* tone(char key, Codec codec) const;

 private:
  std::array<std::array<Frames, 4>, 7> clips_;                   // [clip][codec]
  std::array<std::array<DtmfTone, 4>, kDtmfKeys.size()> tones_;  // [key][codec]
};

}  // namespace segue::media
