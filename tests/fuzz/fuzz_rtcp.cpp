// RTCP: whatever comes, the parse stays inside its bounds, and what it found can be built and parsed again.
#include <cstdlib>

#include "rtp/rtcp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segue;
  const auto in = rtp::parse_compound({data, size});
  if (!in) return 0;
  if (in->block_count > rtp::kMaxReportBlocks) std::abort();
  rtp::CompoundOut out;
  out.ssrc = in->ssrc;
  out.sender = in->sender;
  out.blocks = in->reports();
  out.cname = in->cname;
  out.bye = in->bye;
  Bytes bytes(1500);
  bytes.resize(rtp::build_compound(bytes, out));
  const auto again = rtp::parse_compound(bytes);
  if (!again || again->block_count != in->block_count || again->cname != in->cname || again->sender != in->sender)
    std::abort();
  return 0;
}
