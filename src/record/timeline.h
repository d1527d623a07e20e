// The lanes of the flip picture: when A, B and the far party's line had a packet, and whose audio each one carried.
// Pure.
#pragma once

#include <string>

#include "call/record.h"
#include "record/picture.h"

namespace segue::record {

/// Where the lanes go; all in pixels of the picture.
struct LaneLayout {
  double left = 232, right = 1084, top = 150;
  bool names_above = false;    ///< the lane's name above it, not left of it
  double frames_to_side = 15;  ///< shown before and after the splice
};

/// Appends the drawing to `svg` and returns the y at which it ends.
double draw_timeline(std::string& svg, const call::FlipReport& report, const PictureNames& names,
                     const LaneLayout& layout);

}  // namespace segue::record
