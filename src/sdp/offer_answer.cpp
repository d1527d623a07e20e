// Offer and answer of one audio stream (RFC 3264 sections 5 to 8): choosing the codec, the numbers and the direction.
#include <algorithm>

#include "sdp/sdp.h"

namespace segue::sdp {
namespace {

constexpr std::uint8_t kOpusPt = 96;
constexpr std::uint8_t kEventPt = 101;
constexpr std::uint8_t kWideEventPt = 102;

std::uint8_t our_payload_type(Codec c) {
  switch (c) {
    case Codec::Pcmu:
      return 0;
    case Codec::Pcma:
      return 8;
    case Codec::G722:
      return 9;
    case Codec::Opus:
      return kOpusPt;
  }
  return 0;
}

bool sends(Direction d) { return d == Direction::SendRecv || d == Direction::SendOnly; }
bool receives(Direction d) { return d == Direction::SendRecv || d == Direction::RecvOnly; }

Direction direction(bool send, bool receive) {
  if (send) return receive ? Direction::SendRecv : Direction::SendOnly;
  return receive ? Direction::RecvOnly : Direction::Inactive;
}

const CodecPt* find_codec(const std::vector<CodecPt>& list, Codec codec) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const CodecPt& c) { return c.codec == codec; });
  return it == list.end() ? nullptr : &*it;
}

const EventPt* find_event(const std::vector<EventPt>& list, std::uint32_t clock) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const EventPt& e) { return e.clock == clock; });
  return it == list.end() ? nullptr : &*it;
}

/// RFC 4733 section 2.1 wants the audio's clock; where a phone has only another (Opus with telephone-event/8000 is
/// common), that one is better than no digits.
const EventPt* best_event(const std::vector<EventPt>& list, Codec codec) {
  if (const auto* fitting = find_event(list, rtp_clock(codec))) return fitting;
  if (const auto* usual = find_event(list, 8000)) return usual;
  return list.empty() ? nullptr : &list.front();
}

const CodecPt* choose_codec(const std::vector<CodecPt>& offered, const std::vector<Codec>& allowed, bool prefer_ours) {
  if (!prefer_ours) {
    const auto it = std::find_if(offered.begin(), offered.end(), [&](const CodecPt& c) {
      return std::find(allowed.begin(), allowed.end(), c.codec) != allowed.end();
    });
    return it == offered.end() ? nullptr : &*it;
  }
  for (const auto codec : allowed) {
    if (const auto* found = find_codec(offered, codec)) return found;
  }
  return nullptr;
}

/// A socket of one family cannot reach the other. The zero address of an old-style hold is exempt: nobody sends there.
bool reachable(const Endpoint& ours, const Endpoint& theirs) {
  return theirs.ip.unspecified() || ours.ip.v6 == theirs.ip.v6;
}

}  // namespace

LocalAudio make_offer(const Endpoint& rtp, std::uint64_t session_id, const std::vector<Codec>& codecs) {
  LocalAudio local;
  local.rtp = rtp;
  local.session_id = session_id;
  for (const auto codec : codecs) {
    if (!find_codec(local.codecs, codec)) local.codecs.push_back({codec, our_payload_type(codec)});
  }
  local.events.push_back({kEventPt, 8000});
  if (find_codec(local.codecs, Codec::Opus)) local.events.push_back({kWideEventPt, 48000});
  return local;
}

Result<Answer> make_answer(const Description& offer, const Endpoint& rtp, std::uint64_t session_id,
                           std::uint64_t version, const std::vector<Codec>& allowed, bool prefer_ours) {
  if (!offer.audio) return fail(ErrorKind::Conflict, "the offer has no audio over RTP/AVP");
  const auto& theirs = *offer.audio;
  if (!reachable(rtp, theirs.rtp))
    return fail(ErrorKind::Conflict, "the offer's address is of another IP version than ours");
  const auto* codec = choose_codec(theirs.codecs, allowed, prefer_ours);
  if (!codec) return fail(ErrorKind::Conflict, "no codec of the offer is allowed here");
  const auto* event = best_event(theirs.events, codec->codec);

  Answer answer;
  answer.local = {rtp,      session_id, version, direction(receives(theirs.direction), sends(theirs.direction)),
                  {*codec}, {},         false};
  answer.agreed.codec = *codec;
  answer.agreed.receive_pt = codec->payload_type;
  answer.agreed.direction = answer.local.direction;
  if (event) {
    answer.local.events.push_back(*event);
    answer.agreed.event = *event;
    answer.agreed.receive_event = *event;
  }
  return answer;
}

void take_mux(const Description& offer, Answer& answer) {
  answer.local.rtcp_mux = answer.agreed.rtcp_mux = offer.audio && offer.audio->rtcp_mux;
}

Result<Agreed> accept_answer(const LocalAudio& offer, const Description& answer) {
  if (!answer.audio) return fail(ErrorKind::Conflict, "the answer refuses the audio");
  const auto& theirs = *answer.audio;
  if (!reachable(offer.rtp, theirs.rtp))
    return fail(ErrorKind::Conflict, "the answer's address is of another IP version than ours");
  const auto chosen = std::find_if(theirs.codecs.begin(), theirs.codecs.end(),
                                   [&](const CodecPt& c) { return find_codec(offer.codecs, c.codec) != nullptr; });
  if (chosen == theirs.codecs.end()) return fail(ErrorKind::Conflict, "the answer has no codec that was offered");

  Agreed agreed;
  agreed.codec = *chosen;
  agreed.receive_pt = find_codec(offer.codecs, chosen->codec)->payload_type;
  if (const auto law = other_law(chosen->codec); law && find_codec(theirs.codecs, *law)) {
    if (const auto* ours = find_codec(offer.codecs, *law)) agreed.receive_other_law_pt = ours->payload_type;
  }
  agreed.direction = direction(sends(offer.direction) && receives(theirs.direction),
                               receives(offer.direction) && sends(theirs.direction));
  agreed.rtcp_mux = offer.rtcp_mux && theirs.rtcp_mux;
  std::vector<EventPt> common;  // the answer's numbers at the clocks that were offered
  for (const auto& event : theirs.events) {
    if (find_event(offer.events, event.clock)) common.push_back(event);
  }
  if (const auto* event = best_event(common, chosen->codec)) {
    agreed.event = *event;
    agreed.receive_event = *find_event(offer.events, event->clock);
  }
  return agreed;
}

}  // namespace segue::sdp
