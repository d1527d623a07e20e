// Inside of call::Core: the calls, their seats and the maps that find them. Split by what happens to a seat: fill.cpp
// (an incoming call finds its device), move.cpp (a flip), leave.cpp (a leg or the call ends). Private to this folder.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "call/core.h"
#include "call/flip_machine.h"

namespace segue::call {

/// A flip that goes on, or whose report is still to come.
struct LiveFlip {
  FlipId id;
  Side side = Side::Callee;
  flip::State state;
  std::map<LegId, DeviceId>
      candidates;  ///< every leg that was rung; those that left keep their entry until the flip is settled
  std::optional<DeviceId> target;  ///< as asked: nullopt is "all"
  LegId armed_line;                ///< where the splice is armed: the far leg; none while there is none
  LegId from;                      ///< A; may leave meanwhile
  Instant asked_at{};
  bool report_pending = true;
  std::size_t index = 0;  ///< of its FlipRecord in the call's record
};

struct Seat {
  AccountId account;
  Identity identity;                     ///< what the other seat sees
  LegId leg;                             ///< who sits here; none while ringing, or when A has walked away from a flip
  std::map<LegId, DeviceId> candidates;  ///< of the fill
  std::optional<FlipId> flip;            ///< the move that goes on
  std::optional<Instant> grace;          ///< walked away; the call ends then
  std::optional<Cause> last_refusal;
};

struct Call {
  CallId id;
  std::array<Seat, 2> seats;
  CallRecord record;
  std::vector<Codec> codecs;  ///< what may be offered in this call
  Codec codec = Codec::Pcmu;  ///< in use, once answered
  std::map<FlipId, LiveFlip> flips;
  Instant answer_deadline{};
  std::optional<Instant> close_at;  ///< ended, waiting for reports until then
  [[nodiscard]] Seat& seat(Side s) { return seats[static_cast<std::size_t>(s)]; }
  [[nodiscard]] const Seat& seat(Side s) const { return seats[static_cast<std::size_t>(s)]; }
  [[nodiscard]] bool ended() const { return record.state == CallState::Ended; }
};

struct LegPlace {
  CallId call;
  Side side = Side::Caller;
  bool held = false;  ///< the party holds us; counts where the leg sits in a seat: the other seat hears music
};

struct Core::Impl {
  Impl(const Directory& d, Policy p, FirstIds ids) : directory(d), policy(std::move(p)), next(ids) {}

  const Directory& directory;
  Policy policy;
  FirstIds next;
  std::unordered_map<CallId, Call> calls;
  std::unordered_map<LegId, LegPlace> places;
  std::unordered_map<FlipId, CallId> flip_calls;
  std::set<std::pair<Instant, CallId>> deadlines;
  std::unordered_map<CallId, Instant> deadline_of;
  std::deque<Order> orders;

  // ---- finding
  [[nodiscard]] Call* find(CallId id);
  [[nodiscard]] Call* call_of(LegId leg, Side* side);
  void place(LegId leg, const Call& call, Side side);
  [[nodiscard]] LegId new_leg(const Call& call, Side side);
  void forget(LegId leg) { places.erase(leg); }
  [[nodiscard]] bool holds(LegId leg) const;
  void order(Order o) { orders.push_back(std::move(o)); }
  void release(LegId leg, Cause cause);
  void changed(const Call& call) { order(CallChanged{call.id}); }
  void reschedule(const Call& call);
  /// After each fact about a call: drop flips that are settled and reported, look at its deadline again, or let it go
  /// if its record is complete.
  void after(CallId id, Now now);
  [[nodiscard]] std::optional<Instant> deadline(const Call& call) const;

  // ---- fill.cpp
  void arrive(const Arrival& arrival, Now now);
  void ring_account(Call& call, const Arrival& arrival, Now now);
  void answered(Call& call, Side side, LegId leg, Codec codec, Now now);
  /// A leg is over: its media and port go, and then `told` hears of it.
  void gone(LegId leg, Cause cause, Now now, void (Impl::*told)(Call&, Side, LegId, Cause, Now));
  void refused(Call& call, Side side, LegId leg, Cause cause, Now now);
  [[nodiscard]] std::vector<Codec> common_codecs(const Arrival& arrival, AccountId callee) const;

  // ---- audio.cpp
  void set_audio(Call& call, Side listener);
  void read_digits(const Call& call, Side side);

  // ---- move.cpp
  Result<FlipId> ask_flip(const FlipAsked& asked, Now now);
  [[nodiscard]] Result<Side> side_of(const Call& call, const FlipAsked& asked) const;
  [[nodiscard]] bool here_already(const Call& call, Side side, DeviceId device, std::size_t binding) const;
  [[nodiscard]] Result<std::vector<DeviceId>> targets(const Call& call, Side side, const FlipAsked& asked) const;
  LiveFlip& open_flip(Call& call, Side side, const FlipAsked& asked, Now now);
  void ring_targets(Call& call, LiveFlip& flip, const std::vector<DeviceId>& devices, FlipMode mode, Now now);
  void pull(const Arrival& arrival, Now now);
  void keyed(Call& call, Side side, LegId leg, std::string_view code, Now now);
  void drive(Call& call, LiveFlip& flip, const flip::Event& event, Now now);
  void carry_out(Call& call, LiveFlip& flip, const flip::Order& order, Now now);
  void settle(Call& call, LiveFlip& flip, Now now);
  void commit(Call& call, LiveFlip& flip, LegId winner, Now now);
  void follow(Call& call, LiveFlip& flip, LegId new_far);
  void arm(Call& call, LiveFlip& flip, LegId winner);
  [[nodiscard]] LiveFlip* running_flip(Call& call, Side side);
  void report(FlipId id, FlipReport report, Now now);

  // ---- leave.cpp
  void left(Call& call, Side side, LegId leg, Cause cause, Now now);
  void end_call(Call& call, Cause cause, Party party, Now now);
  void close(Call& call);
  void advance(Now now);
  void advance_call(Call& call, Now now);

  // ---- record
  void open_segment(Call& call, SegmentKind kind, Side side, DeviceId device, Now now, FlipId flip = {});
  void close_segment(Call& call, SegmentKind kind, Side side, DeviceId device, Cause cause, Now now);
  /// The hold of who sits there has begun or ended: its segment.
  void note_hold(Call& call, Side side, Now now);
};

}  // namespace segue::call
