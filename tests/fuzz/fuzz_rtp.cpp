// RTP and telephone events: whatever comes, the view lies inside the datagram, and what we write of it we read again.
#include <cstdlib>

#include "rtp/packet.h"
#include "rtp/telephone_event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segue;
  const ByteView datagram{data, size};
  const auto view = rtp::parse_packet(datagram);
  if (!view) return 0;
  const auto* begin = view->payload.data();
  if (begin < data + rtp::kHeaderBytes || begin + view->payload.size() > data + size) std::abort();
  Bytes copy(rtp::kHeaderBytes + view->payload.size());
  rtp::write_header(copy, {view->marker, view->payload_type, view->sequence, view->timestamp, view->ssrc});
  std::copy(view->payload.begin(), view->payload.end(), copy.begin() + rtp::kHeaderBytes);
  const auto again = rtp::parse_packet(copy);
  if (!again || again->sequence != view->sequence || again->payload.size() != view->payload.size()) std::abort();
  if (const auto event = rtp::parse_telephone_event(view->payload)) {
    Bytes four(rtp::kTelephoneEventBytes);
    rtp::write_telephone_event(four, *event);
    if (rtp::parse_telephone_event(four) != event) std::abort();
  }
  return 0;
}
