// Feeds sequences of messages to an Agent with a live session. Records are separated by 0x1e. One that begins with '@'
// is an act of the owner or of time; any other is a message in which $T stands for our tag, $C for the Call-ID of the
// live session, $P for the peer's tag, and $V for the Via of our last request, so that mutations reach transactions and
// dialogs. Invariants: sizes stay within what the input can have made, every session ends exactly once, and nothing is
// left when all is over.
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "sip/agent.h"

namespace {

using namespace segue;
using namespace segue::sip;

constexpr std::string_view kSdp =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
constexpr std::string_view kInvite =
    "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKlive\r\nMax-Forwards: "
    "70\r\n"
    "From: <sip:peer@example.com>;tag=peer\r\nTo: <sip:bob@example.com>\r\nCall-ID: live\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:peer@192.0.2.9>\r\nAllow: INVITE, UPDATE\r\nSupported: timer\r\nContent-Type: "
    "application/sdp\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

class Rig {
 public:
  Rig() : agent_({}, Random(1)) {
    flow_.local = *Endpoint::parse("192.0.2.2:5060");
    flow_.remote = *Endpoint::parse("192.0.2.9:5060");
    receive(std::string(kInvite));
    agent_.answer(live_, std::string(kSdp), {}, now_);
    call_id_ = agent_.dialog(live_)->call_id;
    tag_ = agent_.dialog(live_)->local_tag;
    receive(
        "ACK sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKack\r\nMax-Forwards: 70\r\n"
        "From: <sip:peer@example.com>;tag=peer\r\nTo: <sip:bob@example.com>;tag=" +
        tag_ + "\r\nCall-ID: live\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
  }

  void record(std::string_view text) {
    ++records_;
    if (text.starts_with('@')) return act(text.substr(1));
    receive(filled_in(text));
  }

  void finish() {
    const auto sizes = agent_.sizes();
    SEGUE_ASSERT(sizes.sessions <= records_ + 1);
    SEGUE_ASSERT(sizes.client_transactions + sizes.server_transactions <= 64 * (records_ + 2));
    for (const auto& [id, ends] : ends_) agent_.hangup(SessionId{id}, {}, now_);
    drain();
    for (int i = 0; i < 4; ++i) pass(200s);
    const auto left = agent_.sizes();
    SEGUE_ASSERT(left.client_transactions + left.server_transactions + left.sessions + left.timers == 0);
    for (const auto& [id, ends] : ends_) SEGUE_ASSERT(ends == 1);
  }

 private:
  void act(std::string_view what) {
    if (what.empty()) return;
    const std::uint8_t n = what.size() > 1 ? static_cast<std::uint8_t>(what[1]) : 0;
    switch (what[0]) {
      case 't':
        return pass(n * 250ms);
      case 'r':
        agent_.reinvite(live_, n % 2 == 0 ? std::string(kSdp) : std::string{}, now_);
        break;
      case 'o':
        agent_.answer_offer(live_, std::string(kSdp), now_);
        break;
      case 'x':
        agent_.reject_offer(live_, 488, now_);
        break;
      case 'h':
        agent_.hangup(live_, {}, now_);
        break;
      case 'a':
        agent_.answer(live_, std::string(kSdp), {}, now_);
        break;
      case 'g':
        agent_.ring(live_, 180, {}, {}, now_);
        break;
      case 'i':
        (void)agent_.request_in_session(live_, "INFO", {}, "x", now_);
        break;
      case 'f':
        agent_.flow_failed(flow_, now_);
        break;
      case 'c':
        call(n % 2 == 0);
        break;
      default:
        break;
    }
    drain();
  }

  void call(bool offer) {
    InviteOptions o;
    o.flow = flow_;
    o.request_uri = *Uri::parse("sip:peer@192.0.2.9");
    o.from = o.to = o.contact = *NameAddr::parse("<sip:bob@192.0.2.2>");
    o.call_id = "ours";
    if (offer) o.sdp = kSdp;
    live_ = agent_.invite(std::move(o), now_);
    ends_.emplace(live_.value, 0);
    agent_.set_credentials(live_, "bob", "secret");
    if (const auto info = agent_.dialog(live_)) call_id_ = info->call_id, tag_ = info->local_tag;
  }

  std::string filled_in(std::string_view text) const {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
      if (text[i] != '$' || (next != 'T' && next != 'C' && next != 'P' && next != 'V')) {
        out += text[i];
        continue;
      }
      ++i;
      out += next == 'T' ? tag_ : next == 'C' ? call_id_ : next == 'P' ? "peer" : via_;
    }
    return out;
  }

  void receive(const std::string& bytes) {
    agent_.receive(bytes, flow_, now_);
    drain();
  }

  void pass(Duration d) {
    const Instant end = now_.mono + d;
    while (agent_.next_deadline() && *agent_.next_deadline() <= end) {
      now_.mono = std::max(now_.mono, *agent_.next_deadline());
      agent_.advance(now_);
      drain();
    }
    now_.mono = end;
  }

  void drain() {
    while (auto output = agent_.poll()) {
      if (const auto* sent = std::get_if<SendMessage>(&*output)) {
        const auto m = parse_message(sent->bytes);
        if (m && m->is_request) via_ = m->get("Via");
      } else if (auto* request = std::get_if<RequestReceived>(&*output)) {
        take(*request);
      } else if (const auto* ended = std::get_if<SessionEnded>(&*output)) {
        ++ends_.at(ended->session.value);
      }
    }
  }

  void take(const RequestReceived& request) {
    if (!request.request.is("INVITE")) return agent_.respond(request.transaction, 200, {}, {}, now_);
    live_ = agent_.accept_invite(request.transaction, *NameAddr::parse("<sip:bob@192.0.2.2>"), now_);
    if (live_.valid()) ends_.emplace(live_.value, 0);
  }

  Agent agent_;
  Flow flow_;
  Now now_{Instant{} + 1000s, WallTime{}};
  SessionId live_;
  std::string call_id_, tag_, via_ = "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKnone";
  std::map<std::uint64_t, int> ends_;
  std::size_t records_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() > 65536) return 0;
  Rig rig;
  for (int records = 0; !input.empty() && records < 200; ++records) {
    const auto end = input.find('\x1e');
    rig.record(input.substr(0, end));
    if (end == std::string_view::npos) break;
    input.remove_prefix(end + 1);
  }
  rig.finish();
  return 0;
}
