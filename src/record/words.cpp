#include "record/words.h"

#include <array>

namespace segue::record {

using namespace call;

std::string_view to_string(Side side) { return side == Side::Caller ? "caller" : "callee"; }

std::string_view to_string(Party party) {
  switch (party) {
    case Party::Caller:
      return "caller";
    case Party::Callee:
      return "callee";
    case Party::System:
      return "system";
  }
  return "unknown";
}

std::string_view to_string(ReportPacket::Kind kind) {
  switch (kind) {
    case ReportPacket::Kind::FromA:
      return "from_a";
    case ReportPacket::Kind::FromB:
      return "from_b";
    case ReportPacket::Kind::ToFar:
      return "to_far";
  }
  return "unknown";
}

std::span<const Side> all_values(Side) {
  static constexpr std::array values = {Side::Caller, Side::Callee};
  return values;
}

std::span<const Party> all_values(Party) {
  static constexpr std::array values = {Party::Caller, Party::Callee, Party::System};
  return values;
}

std::span<const ReportPacket::Kind> all_values(ReportPacket::Kind) {
  using enum ReportPacket::Kind;
  static constexpr std::array values = {FromA, FromB, ToFar};
  return values;
}

std::span<const Cause> all_values(Cause) {
  using enum Cause;
  static constexpr std::array values = {
      NormalClearing, Cancelled,     AnsweredElsewhere, Flipped,      Busy,           Declined,      NoAnswer,
      Unreachable,    NoCommonCodec, NoMedia,           MediaTimeout, SessionExpired, UnknownNumber, Forbidden,
      NoPorts,        Overload,      NothingToFlip,     SeveralCalls, GraceEnded,     ServerStopped, ProtocolError};
  return values;
}

std::span<const FlipTrigger> all_values(FlipTrigger) {
  using enum FlipTrigger;
  static constexpr std::array values = {Api, FeatureCode, PullCode, Refer, Replaces, Banner};
  return values;
}

std::span<const FlipMode> all_values(FlipMode) {
  static constexpr std::array values = {FlipMode::Ring, FlipMode::AutoAnswer};
  return values;
}

std::span<const FlipOutcome> all_values(FlipOutcome) {
  using enum FlipOutcome;
  static constexpr std::array values = {Done,    Declined,      Busy,      NoAnswer,     Unreachable,
                                        NoMedia, NoCommonCodec, Cancelled, FarPartyLeft, Failed};
  return values;
}

std::span<const SegmentKind> all_values(SegmentKind) {
  using enum SegmentKind;
  static constexpr std::array values = {Ring, Talk, Hold, Flip, Transfer, Park, FollowMe};
  return values;
}

std::span<const CallState> all_values(CallState) {
  static constexpr std::array values = {CallState::Ringing, CallState::Talking, CallState::Ended};
  return values;
}

}  // namespace segue::record
