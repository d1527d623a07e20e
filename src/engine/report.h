// From what the media worker measured to the lines of the promise (design.md section 1), each with its limit and
// verdict. Pure.
#pragma once

#include "call/record.h"
#include "media/types.h"

namespace segue::engine {

/// `sip_to_far`: requests that were sent to the far party between the asking and the end of the measurement.
[[nodiscard]] call::FlipReport make_report(const media::SpliceMeasurement& m, unsigned sip_to_far);

}  // namespace segue::engine
