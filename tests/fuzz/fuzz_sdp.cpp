// Any text either gives a typed error or a description whose answer we can print and read again.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "sdp/sdp.h"

using namespace segue;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto description = sdp::parse({reinterpret_cast<const char*>(data), size});
  if (!description) {
    SEGUE_ASSERT(description.error().kind == ErrorKind::InvalidInput);
    return 0;
  }
  const Endpoint ours{description->audio ? description->audio->rtp.ip : IpAddress::v4(203, 0, 113, 5), 20000};
  const std::vector<Codec> all = {Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu};
  for (const bool prefer_ours : {false, true}) {
    const auto answer = sdp::make_answer(*description, ours, 1, 1, all, prefer_ours);
    SEGUE_ASSERT(answer.has_value() == (description->audio && !description->audio->codecs.empty()));
    if (!answer) continue;
    const auto printed = sdp::print(answer->local, &*description);
    const auto again = sdp::parse(printed);
    if (!again) {  // the mirrored words of many refused sections may be long, but never broken
      SEGUE_ASSERT(printed.size() > sdp::kMaxSdpBytes);
      continue;
    }
    SEGUE_ASSERT(again->sections.size() == description->sections.size());
    SEGUE_ASSERT(again->audio && again->audio->section == description->audio->section);
    SEGUE_ASSERT(again->audio->codecs == std::vector<sdp::CodecPt>{answer->agreed.codec});
  }
  (void)sdp::accept_answer(sdp::make_offer(ours, 1, all), *description);
  return 0;
}
