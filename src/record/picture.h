// The flip report as a picture: an SVG timeline that a person understands at a glance: A's packets, B's packets, what
// the far party got, the splice, and the verdict lines beneath. Pure; self-contained SVG (no scripts, no outside
// fonts), light and dark.
#pragma once

#include <string>

#include "call/record.h"

namespace segue::record {

struct PictureNames {
  std::string far;   ///< "Far party +49 30 1234"
  std::string from;  ///< "Desk phone"
  std::string to;    ///< "Mobile"
};

enum class PictureShape {
  Report,          ///< 1120 wide: the headline, the timeline, every line of the report
  Timeline,        ///< 1120 wide: the timeline only, for a page that has the words itself
  NarrowTimeline,  ///< 480 wide, fewer packets, names above their lanes: for a phone held upright
};
[[nodiscard]] std::string flip_picture(const call::FlipRecord& flip, const PictureNames& names,
                                       PictureShape shape = PictureShape::Report);

}  // namespace segue::record
