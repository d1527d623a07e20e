// What remains of a call: the record with its segments, and the flip report. Written once at the end of each call; the
// same values are shown while it lives. The shape already has places for flip, transfer, park and follow-me.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace segue::call {

/// Which end of a call. The caller's seat is 0.
enum class Side : std::uint8_t { Caller = 0, Callee = 1 };
[[nodiscard]] constexpr Side other(Side s) { return s == Side::Caller ? Side::Callee : Side::Caller; }

enum class Party { Caller, Callee, System };

/// Why a call, a leg or an attempt ended. Typed, with the party in the record; the SIP status and Reason (RFC 3326)
/// follow from it.
enum class Cause {
  NormalClearing,     ///< somebody hung up
  Cancelled,          ///< the caller gave up before an answer
  AnsweredElsewhere,  ///< another device took it
  Flipped,            ///< this leg was released because its seat moved
  Busy,
  Declined,
  NoAnswer,
  Unreachable,     ///< not registered, no response, transport failed
  NoCommonCodec,   ///< 488
  NoMedia,         ///< answered, and no usable audio came (proof limit)
  MediaTimeout,    ///< dead media in a running call
  SessionExpired,  ///< RFC 4028
  UnknownNumber,
  Forbidden,
  NoPorts,  ///< RTP port range is full
  Overload,
  NothingToFlip,  ///< a pull code, and the account has no call to take
  SeveralCalls,   ///< a pull code, and it has more than one: never a guess
  GraceEnded,     ///< A walked away and B did not answer in time
  ServerStopped,
  ProtocolError,
};
[[nodiscard]] std::string_view to_string(Cause cause);  ///< snake_case, as in JSON
[[nodiscard]] int sip_status(Cause cause);              ///< for refusing an INVITE
/// Value of a Reason header: `SIP;cause=200;text="Call completed elsewhere"`, `Q.850;cause=16;text="..."`.
[[nodiscard]] std::string reason_header(Cause cause);

enum class FlipTrigger { Api, FeatureCode, PullCode, Refer, Replaces, Banner };
enum class FlipMode { Ring, AutoAnswer };
enum class FlipOutcome {
  Done,
  Declined,
  Busy,
  NoAnswer,
  Unreachable,
  NoMedia,
  NoCommonCodec,
  Cancelled,
  FarPartyLeft,
  Failed
};
[[nodiscard]] std::string_view to_string(FlipTrigger t);
[[nodiscard]] std::string_view to_string(FlipMode m);
[[nodiscard]] std::string_view to_string(FlipOutcome o);

/// One line of the promise (design.md section 1) as measured on one flip.
struct ReportLine {
  std::string key;    ///< snake_case: "sip_to_far", "ssrc", "sequence", "slots_missing", "lateness", ...
  std::string title;  ///< for people: "SIP messages to the far party"
  std::string value;  ///< for people: "0", "12.4 ms", "unchanged (0x1a2b3c4d)"; "" if it could not be measured
  std::string limit;  ///< "must be 0", "at most 20 ms"
  std::optional<double> number;  ///< the figure; nullopt: not measured or not a figure
  std::optional<bool> kept;      ///< nullopt: could not be measured
  std::string note;              ///< what the sources or the machine caused, beside it
};

/// One packet in the flip's picture; the time is relative to the splice (or to the end of a flip without one), in ms.
struct ReportPacket {
  enum class Kind : std::uint8_t { FromA, FromB, ToFar } kind = Kind::ToFar;
  double at_ms = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool used = true;
};

struct FlipReport {
  bool kept = false;  ///< every measured line was kept, and all lines that must be measured were
  bool spliced = false;
  double frame_ms = 20;
  std::vector<ReportLine> lines;
  std::vector<ReportPacket> packets;
};

struct FlipRecord {
  FlipId id;
  CallId call;
  AccountId account;
  Side side = Side::Callee;  ///< which seat moved
  FlipTrigger trigger = FlipTrigger::Api;
  FlipMode mode = FlipMode::Ring;
  DeviceId from;
  std::vector<DeviceId> targets;
  DeviceId to;  ///< who took it; none if nobody
  WallTime asked_at{};
  std::optional<WallTime> ringing_at, answered_at, spliced_at, ended_at;
  std::optional<FlipOutcome> outcome;  ///< nullopt while it goes on
  std::string state = "ringing";       ///< ringing, proving, done, failed
  std::optional<FlipReport> report;    ///< comes about a second after the end
};

enum class SegmentKind { Ring, Talk, Hold, Flip, Transfer, Park, FollowMe };
[[nodiscard]] std::string_view to_string(SegmentKind k);

/// A stretch of a call on one seat: who sat there, from when to when, why it ended.
struct Segment {
  SegmentKind kind = SegmentKind::Talk;
  Side side = Side::Callee;
  AccountId account;
  DeviceId device;   ///< none for outside parties
  std::string name;  ///< device name or number, as shown
  WallTime from{};
  std::optional<WallTime> to;
  std::optional<Cause> cause;
  FlipId flip;  ///< of a Flip segment
};

enum class CallState { Ringing, Talking, Ended };
[[nodiscard]] std::string_view to_string(CallState s);

/// What a party shows to the other: never a device.
struct Identity {
  std::string number;
  std::string name;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct CallRecord {
  CallId id;
  CallState state = CallState::Ringing;
  Identity caller, callee;
  AccountId caller_account, callee_account;  ///< none: outside
  std::string dialled;
  std::string codec;
  WallTime started_at{};
  std::optional<WallTime> answered_at, ended_at;
  std::optional<Cause> cause;
  Party ended_by = Party::System;
  std::vector<Segment> segments;
  std::vector<FlipRecord> flips;
  DeviceId caller_device, callee_device;  ///< who sits in the seats now (or sat last)
};

}  // namespace segue::call
