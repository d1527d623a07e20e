// Records for tests of this folder and those above it: a call that was flipped once, with every field filled.
#pragma once

#include <cmath>

#include "call/record.h"

namespace segue::record::samples {

inline WallTime wall(std::int64_t ms) { return WallTime{std::chrono::milliseconds{1'767'323'045'000 + ms}}; }

/// A's packets until A is released, B's from its answer, and one every frame to the far party.
inline call::FlipReport report() {
  using call::ReportLine;
  using call::ReportPacket;
  call::FlipReport report{.kept = true, .spliced = true, .frame_ms = 20, .lines = {}, .packets = {}};
  report.lines = {
      {"sip_to_far", "SIP messages to the far party", "0", "must be 0", 0, true, ""},
      {"ssrc", "SSRC", "unchanged (0x1a2b3c4d)", "unchanged", std::nullopt, true, ""},
      {"payload_type", "Payload type", "unchanged (0)", "unchanged", std::nullopt, true, ""},
      {"sequence", "Sequence numbers", "unbroken", "one unbroken series", 0, true, ""},
      {"slots_missing", "Slots with no packet", "0", "must be 0", 0, true, ""},
      {"lateness", "Latest packet after its slot", "3.1 ms", "at most 10 ms", 3.1, true, ""},
      {"longest_gap", "Longest time between packets", "23.4 ms", "at most 30 ms", 23.4, true,
       "the machine's scheduler caused 2.1 ms"},
      {"rtcp_bye", "RTCP BYE", "none", "none", 0, true, ""},
      {"sender_reports", "Sender report line", "", "within 20 ms of one line", std::nullopt, std::nullopt,
       "no report was due in this time"},
      {"heard_after", "B heard after its first packet", "20.0 ms", "at most 40 ms", 20, true, "74 ms from B's 200"},
      {"neither", "Time with neither A nor B heard", "0 ms", "must be 0", 0, true, ""},
      {"click", "Largest sample step at the splice", "0.84 x", "at most 1.1 x of the audio around it", 0.84, true, ""},
  };
  using Kind = ReportPacket::Kind;
  for (int i = -20; i <= 20; ++i) {
    const auto n = static_cast<std::uint32_t>(i + 20);
    const double jitter = 2.0 * std::sin(i * 1.7);
    const ReportPacket a{Kind::FromA, i * 20 - 6 + jitter, static_cast<std::uint16_t>(500 + n), n * 160, i < 0};
    const ReportPacket b{Kind::FromB, i * 20 - 2 - jitter, static_cast<std::uint16_t>(9 + n), n * 160, i >= 0};
    // In the order of a real report: what is passed on stands right before what it becomes.
    if (i < 0 && i >= -4) report.packets.push_back(b);
    if (i < 8) report.packets.push_back(a);
    if (i >= 0) report.packets.push_back(b);
    report.packets.push_back(
        {Kind::ToFar, i * 20.0 + (i == 0 ? 0 : 0.1), static_cast<std::uint16_t>(7000 + n), n * 160, true});
  }
  return report;
}

inline call::FlipRecord flip(std::uint64_t id = 3, std::uint64_t call = 12) {
  call::FlipRecord flip;
  flip.id = FlipId{id};
  flip.call = CallId{call};
  flip.account = AccountId{2};
  flip.side = call::Side::Callee;
  flip.trigger = call::FlipTrigger::FeatureCode;
  flip.mode = call::FlipMode::AutoAnswer;
  flip.from = DeviceId{4};
  flip.targets = {DeviceId{5}, DeviceId{6}};
  flip.to = DeviceId{5};
  flip.asked_at = wall(1000);
  flip.ringing_at = wall(1050);
  flip.answered_at = wall(3000);
  flip.spliced_at = wall(3071);
  flip.ended_at = wall(3080);
  flip.outcome = call::FlipOutcome::Done;
  flip.state = "done";
  flip.report = report();
  return flip;
}

/// An ended call of +4930123456 (outside) with account 2.
inline call::CallRecord call(std::uint64_t id = 12, std::uint64_t flip_id = 3) {
  using namespace call;
  CallRecord record;
  record.id = CallId{id};
  record.state = CallState::Ended;
  record.caller = {"+4930123456", "Grace \"Amazing\" Hopper"};
  record.callee = {"1001", "Ada Lovelace"};
  record.callee_account = AccountId{2};
  record.dialled = "1001";
  record.codec = "PCMU/8000";
  record.started_at = wall(0);
  record.answered_at = wall(700);
  record.ended_at = wall(60'123);
  record.cause = Cause::NormalClearing;
  record.ended_by = Party::Caller;
  record.segments = {
      {SegmentKind::Ring,
       Side::Callee,
       AccountId{2},
       DeviceId{4},
       "Desk phone",
       wall(10),
       wall(700),
       Cause::NormalClearing,
       {}},
      {SegmentKind::Talk,
       Side::Callee,
       AccountId{2},
       DeviceId{4},
       "Desk phone",
       wall(700),
       wall(3071),
       Cause::Flipped,
       {}},
      {SegmentKind::Flip, Side::Callee, AccountId{2}, DeviceId{5}, "Mobile", wall(1000), wall(3071), std::nullopt,
       FlipId{flip_id}},
      {SegmentKind::Talk,
       Side::Callee,
       AccountId{2},
       DeviceId{5},
       "Mobile",
       wall(3071),
       std::nullopt,
       std::nullopt,
       {}},
  };
  record.flips = {flip(flip_id, id)};
  record.callee_device = DeviceId{5};
  return record;
}

}  // namespace segue::record::samples
