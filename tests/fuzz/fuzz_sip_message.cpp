// Any bytes as a datagram and as a stream. What is accepted must survive printing; a stream must be cut in the same way
// however it is split; whatever is asked of an accepted message must hold its bounds.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "sip/framer.h"
#include "sip/message.h"

namespace {

using namespace segue::sip;

void ask_everything(const Message& m) {
  for (const auto& header : m.headers) {
    (void)NameAddr::parse_list(header.value);
    (void)Via::parse(header.value);
    (void)CSeq::parse(header.value);
    (void)ValueParams::parse(header.value);
    (void)list_values(m, header.name);
  }
  std::size_t bytes = 0;
  for (const auto& part : body_parts(m)) bytes += part.body.size();
  SEGUE_ASSERT(bytes <= m.body.size() && sdp_of(m).size() <= m.body.size());
  // The message check promises that these can be read.
  SEGUE_ASSERT(Via::parse(m.get("Via")) && CSeq::parse(m.get("CSeq")));
  SEGUE_ASSERT(NameAddr::parse(m.get("From")) && NameAddr::parse(m.get("To")));
  for (const auto contact : m.all("Contact")) SEGUE_ASSERT(NameAddr::parse(contact).has_value());
}

void as_datagram(std::string_view bytes) {
  const auto m = parse_message(bytes);
  if (!m) {
    if (!m.error().partial) return;
    const auto response = make_response(*m.error().partial, m.error().status, "tag").to_string();
    SEGUE_ASSERT(response.starts_with("SIP/2.0 ") && response.ends_with("\r\n\r\n"));
    return;
  }
  ask_everything(*m);
  const auto again = parse_message(m->to_string());
  // Canonical long names can make a message larger than it came.
  if (!again && m->to_string().size() > kMaxMessageBytes) return;
  if (!again && m->request_uri.to_string().size() > kMaxHeaderBytes - 256) return;
  SEGUE_ASSERT(again && *again == *m);
}

std::vector<std::string> frames(std::string_view bytes, std::size_t step) {
  StreamFramer framer;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const bool whole = framer.push(bytes.substr(at, step)).has_value();
    while (auto frame = framer.next()) out.push_back(frame->ping ? "ping" : frame->message);
    if (!whole) break;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  as_datagram(bytes);
  const auto whole = frames(bytes, std::max<std::size_t>(size, 1));
  SEGUE_ASSERT(frames(bytes, 7) == whole);
  for (const auto& frame : whole) SEGUE_ASSERT(frame.size() <= kMaxMessageBytes);
  return 0;
}
