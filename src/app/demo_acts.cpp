// Stage: the ways to ask for a flip, how each one ends, and what the far party's check must know of it.
#include <fmt/format.h>

#include <algorithm>

#include "app/demo_stage.h"
#include "phone/sockets.h"
#include "record/json.h"

namespace segue::app {
namespace {

using nlohmann::json;
using phone::Pickup;
using Kind = phone::PhoneEvent::Kind;

constexpr Duration kSignalling = 10s;
constexpr Duration kAfterEnd = 1s;  // what the far party's check looks at after the end

tl::unexpected<Error> did_not(const FlipTaken& taken, std::string_view what) {
  return fail(ErrorKind::Unavailable, fmt::format("{} ({}): {}", act_title(taken.act), taken.id, what));
}

bool by_rest(Act act) {
  return act == Act::RestRing || act == Act::RestAuto || act == Act::Declined || act == Act::Cancelled ||
         act == Act::WalkAway;
}

}  // namespace

std::string_view act_title(Act act) {
  switch (act) {
    case Act::RestRing:
      return "Asked over REST; the other device rings and is answered";
    case Act::RestAuto:
      return "Asked over REST; the other device takes the call at once";
    case Act::Code:
      return "Feature code keyed on the device in the call";
    case Act::RingAll:
      return "*0 keyed: all other devices ring, one answers";
    case Act::Pull:
      return "*11 dialled on the other device";
    case Act::Declined:
      return "Asked over REST and declined: nothing changes";
    case Act::Cancelled:
      return "Asked over REST and cancelled while it rings: nothing changes";
    case Act::WalkAway:
      return "The first device hangs up while the other one rings";
  }
  return "";
}

bool moves(Act act) { return act != Act::Declined && act != Act::Cancelled; }

Result<FlipTaken> Stage::flip(Act act, std::size_t to) {
  FlipTaken taken;
  taken.act = act;
  taken.from = at_;
  taken.to = to;
  taken.far.moved = moves(act);
  taken.far.label = act_title(act);
  taken.far.first_on_line = !flipped_before_;
  prepare(act, to);
  const Marks marks{device(at_).mark(), device(to).mark()};
  taken.far.asked = phone::read_clock().mono;
  if (auto asked = ask(taken); !asked) return tl::unexpected(asked.error());
  if (auto finished = finish(taken, marks); !finished) return tl::unexpected(finished.error());
  if (auto found = find_id(taken); !found) return tl::unexpected(found.error());
  const auto record = wait_for_flip(taken.id, "outcome", kSignalling);
  if (!record) return tl::unexpected(record.error());
  taken.outcome = record->at("outcome");
  if (moves(act)) {
    at_ = to;
    flipped_before_ = true;
  }
  const Duration left = taken.far.ended + kAfterEnd + 50ms - phone::read_clock().mono;
  if (left > Duration{} && !talk(left)) return did_not(taken, "the call ended");
  gather(taken, marks);
  return taken;
}

void Stage::prepare(Act act, std::size_t to) {
  for (std::size_t i = 0; i < kDevices; ++i) device(i).set_answering({});
  if (act == Act::RestRing || act == Act::Code || act == Act::RingAll)
    device(to).set_answering({Pickup::Answer, ring_});
  if (act == Act::Declined) device(to).set_answering({Pickup::Decline, ring_});
}

Result<void> Stage::ask(FlipTaken& taken) {
  if (by_rest(taken.act)) {
    // Both parties are accounts of this server, so an administrator says whose side moves.
    const json request = {{"device", device_ids_.at(taken.to)},
                          {"account", ada_},
                          {"mode", taken.act == Act::RestAuto ? "auto_answer" : "ring"}};
    const auto made = rest_->post("/v1/calls/" + call_id_ + "/flips", request);
    if (!made) return tl::unexpected(made.error());
    taken.id = made->at("id");
    return {};
  }
  if (taken.act == Act::Pull) {
    device(taken.to).call("*11");
  } else if (taken.act == Act::RingAll) {
    device(at_).digits("*0");
  } else {
    device(at_).digits(fmt::format("*{}", taken.to + 1));
  }
  return {};
}

Result<void> Stage::finish(FlipTaken& taken, Marks marks) {
  phone::Phone& b = device(taken.to);
  if (taken.act != Act::Pull && !b.wait({Kind::Ringing}, marks.b, kSignalling))
    return did_not(taken, "it did not ring");
  if (taken.act == Act::Cancelled) {
    if (!talk(ring_)) return did_not(taken, "the call ended");
    if (const auto cancelled = rest_->remove("/v1/flips/" + taken.id); !cancelled)
      return tl::unexpected(cancelled.error());
  }
  if (taken.act == Act::WalkAway) {
    if (!talk(ring_ / 2)) return did_not(taken, "the call ended");
    taken.far.a_left = phone::read_clock().mono;
    device(at_).hang_up();
    if (!talk(ring_)) return did_not(taken, "the call ended because its first device hung up");
    b.answer();
  }
  return moves(taken.act) ? finish_moved(taken, marks) : finish_unmoved(taken, marks);
}

Result<void> Stage::finish_moved(FlipTaken& taken, Marks marks) {
  phone::Phone& a = device(taken.from);
  phone::Phone& b = device(taken.to);
  const auto talking = b.wait({Kind::Talking, Kind::Ended}, marks.b, kSignalling);
  if (!talking || talking->kind == Kind::Ended) {
    return did_not(taken, talking ? fmt::format("it did not answer ({} {})", talking->status, talking->text)
                                  : "it did not answer");
  }
  taken.far.b_answered = talking->at;
  if (!b.wait({Kind::Heard}, marks.b, kSignalling)) return did_not(taken, "the new device hears nothing");
  const auto released = a.wait({Kind::Ended}, marks.a, kSignalling);
  if (!released) return did_not(taken, "the first device was not released");
  // Where A left by itself, the splice follows B's answer by the proof's two packets and a slot.
  taken.far.ended = taken.far.a_left ? talking->at + 100ms : released->at;
  return {};
}

Result<void> Stage::finish_unmoved(FlipTaken& taken, Marks marks) {
  const auto over = device(taken.to).wait({Kind::Ended}, marks.b, kSignalling);
  if (!over) return did_not(taken, "it rings on");
  taken.far.ended = over->at;
  return {};
}

Result<void> Stage::find_id(FlipTaken& taken) {
  if (taken.id.empty()) {
    // Ids grow by one; the list of calls would be long after a thousand flips.
    const std::string next = fmt::format("flip_{}", last_flip_ + 1);
    const auto found = last_flip_ > 0 ? rest_->get("/v1/flips/" + next) : did_not(taken, "the first one");
    if (found && found->at("call") == call_id_) {
      taken.id = next;
    } else {
      const auto call = rest_->get("/v1/calls/" + call_id_);
      if (!call) return tl::unexpected(call.error());
      if (call->at("flips").empty()) return did_not(taken, "the server knows of no flip");
      taken.id = call->at("flips").back().at("id");
    }
  }
  last_flip_ = record::parse_id("flip", taken.id).value_or(0);
  return {};
}

void Stage::gather(FlipTaken& taken, Marks marks) {
  phone::FarFlip& far = taken.far;
  far.speaker_a = taken.from;
  far.speaker_b = moves(taken.act) ? taken.to : taken.from;
  for (const phone::Phone* witness : phones_) {
    constexpr Duration kWorthNoting = 500us;
    for (const phone::RtpSent& packet : witness->journal().copy(far.asked).sent) {
      if (packet.at - packet.due > kWorthNoting) far.witnesses.push_back({packet.at, to_ms(packet.at - packet.due)});
    }
  }
  const auto a = device(taken.from).journal().copy(far.asked);
  for (const phone::Pause& pause : a.pauses) {
    if (pause.to >= far.asked) far.a_pauses.push_back(pause);
  }
  if (far.a_left) {
    const auto left = device(taken.from).wait({Kind::Ended}, marks.a, 0ms);
    if (left) far.a_left = std::min(*far.a_left, left->at);
  }
  if (!far.b_answered) return;
  const auto b = device(taken.to).journal().copy(*far.b_answered);
  // The path is usable once the server knows of the answer, which B learns by the ACK; what it sends before is early.
  const auto ack = std::find_if(b.sip.begin(), b.sip.end(), [](const phone::SipLine& line) {
    return line.received && line.text.starts_with("ACK ");
  });
  const Instant usable = ack == b.sip.end() ? *far.b_answered : ack->at;
  const auto first =
      std::find_if(b.sent.begin(), b.sent.end(), [&](const phone::RtpSent& p) { return p.audio && p.at >= usable; });
  if (first != b.sent.end()) far.b_first_packet = first->at;
}

}  // namespace segue::app
