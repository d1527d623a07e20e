// All calls of one signalling loop: who sits in which seat, who rings, who leaves. Pure: facts in (functions named
// on_...), orders out (poll()), the time as an argument. It knows legs by id and devices by the Directory; SIP and
// media are the engine's business.
//
// Owner: the signalling loop's engine. Bounds: Policy::max_calls, kMaxRinging candidates a call, kMaxFlipsKept flips in
// a record.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "call/directory.h"
#include "call/record.h"

namespace segue::call {

inline constexpr std::size_t kMaxRinging = 16;       // nine flip digits and a few second bindings
inline constexpr std::size_t kMaxFlipsKept = 2000;   // of one call's record: a flip every 30 s for 16 hours
inline constexpr std::size_t kMaxPicturesKept = 20;  // reports whose packets are kept too (about 20 kB each)

struct Policy {
  Duration ring = 30s;  ///< a flip's
  Duration proof = 3s;
  Duration grace = 30s;       ///< A has walked away and B rings
  Duration answer = 120s;     ///< an unanswered call ends after this
  Duration repeat_code = 1s;  ///< the same code again within this is the same flip, later it cancels
  std::size_t max_calls = 2000;
  std::string pull_code = "*11";
  std::string all_code = "*0";
};

// ---- orders

/// Send an INVITE to that binding of the device. `show` is who it sees: the other seat, never a device. `codecs`: what
/// may be offered, best first.
struct RingLeg {
  CallId call;
  LegId leg;
  DeviceId device;
  std::size_t binding = 0;
  Identity show;
  std::vector<Codec> codecs;
  bool auto_answer = false;
};
struct ShowRinging {  ///< 180 to the caller; with `early_from` its early media passes (183)
  LegId leg;
  LegId early_from;
};
struct AnswerLeg {  ///< 200 to an incoming leg with a codec that it offered
  LegId leg;
  Codec codec = Codec::Pcmu;
};
struct ReleaseLeg {  ///< CANCEL, final response or BYE, whatever its state needs; its media closes
  LegId leg;
  Cause cause = Cause::NormalClearing;
};
enum class Filler { Nothing, ComfortNoise, Music };
struct SetAudio {  ///< what the leg hears
  LegId leg;
  LegId from;  ///< none: the filler
  Filler filler = Filler::Nothing;
};
struct ReadDigits {  ///< feature codes of this leg's account
  LegId leg;
  std::vector<std::string> codes;
};
struct WatchFlip {  ///< start to measure the far leg's line
  FlipId flip;
  LegId far, from;
};
struct ArmSplice {
  FlipId flip;
  LegId far, to;
  bool proof_by_answer = false;
};
struct DisarmSplice {
  FlipId flip;
  LegId far;
};
struct UnwatchFlip {
  FlipId flip;
  LegId far;
};
struct CallChanged {  ///< something to be told to whoever listens; read the call
  CallId call;
};
struct CallOver {  ///< the record is complete: store it
  CallRecord record;
};
using Order = std::variant<RingLeg, ShowRinging, AnswerLeg, ReleaseLeg, SetAudio, ReadDigits, WatchFlip, ArmSplice,
                           DisarmSplice, UnwatchFlip, CallChanged, CallOver>;

struct FlipAsked {
  CallId call;
  AccountId account;               ///< who asks; must own a seat of the call
  std::optional<Side> side;        ///< where known (a code keyed on a leg); else found by account
  std::optional<DeviceId> target;  ///< nullopt: all other registered devices
  FlipMode mode = FlipMode::Ring;
  FlipTrigger trigger = FlipTrigger::Api;
};

struct Arrival {
  LegId leg;          ///< from new_leg()
  AccountId account;  ///< authenticated caller
  DeviceId device;
  std::string dialled;
  std::vector<Codec> offered;  ///< what the caller's SDP can do, in its order
};

class Core {
 public:
  struct FirstIds {  ///< ids never repeat over restarts
    std::uint64_t call = 1, leg = 1, flip = 1;
  };
  Core(const Directory& directory, Policy policy, FirstIds ids);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // ---- facts about legs
  /// An id for a leg that arrives: the engine finds it a port before anything rings.
  [[nodiscard]] LegId new_leg();
  /// An INVITE of an authenticated device. A ReleaseLeg order follows at once if it is refused.
  void on_arrival(const Arrival& arrival, Now now);
  /// 18x of a leg we ring; `early_codec` if it sends early media.
  void on_ringing(LegId leg, std::optional<Codec> early_codec, Now now);
  void on_answered(LegId leg, Codec codec, Now now);
  /// Final refusal of a leg we ring, or its INVITE could not be sent.
  void on_refused(LegId leg, Cause cause, Now now);
  /// The leg ended by itself: BYE, CANCEL of an unanswered arrival, expiry, dead media.
  void on_left(LegId leg, Cause cause, Now now);
  /// What the leg's SDP in force says: the party holds us (true) or not. Told with each SDP, the first one included,
  /// after on_arrival() and before on_answered(); it counts once the leg sits in a seat.
  void on_hold(LegId leg, bool held, Now now);
  void on_code(LegId leg, std::string_view code, Now now);

  // ---- facts from media
  void on_spliced(FlipId flip, Now now);
  /// `line`: the far leg whose armed splice is gone. One that the flip has left behind (its far party moved too) is of
  /// no interest.
  void on_disarmed(FlipId flip, LegId line, Now now);
  void on_report(FlipId flip, FlipReport report, Now now);

  // ---- requests of people
  /// Errors as api::Service::flip says. The same target again gives the running flip.
  Result<FlipId> flip(const FlipAsked& asked, Now now);
  Result<void> cancel_flip(FlipId flip, Now now);
  Result<void> hang_up(CallId call, Cause cause, Now now);
  void hang_up_all(Cause cause, Now now);

  void advance(Now now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  [[nodiscard]] std::optional<Order> poll();

  // ---- what is known
  [[nodiscard]] std::vector<CallRecord> calls() const;
  [[nodiscard]] const CallRecord* call(CallId id) const;
  [[nodiscard]] const FlipRecord* flip_record(FlipId id) const;  ///< of live calls
  [[nodiscard]] bool in_call(AccountId account) const;           ///< the account sits in a live call
  struct Sizes {
    std::size_t calls = 0, legs = 0, flips = 0;
  };
  [[nodiscard]] Sizes sizes() const;
  /// Ownership invariants (design.md section 3): every leg in one seat, winner unique ... Empty: all hold. For the
  /// simulator and tests.
  [[nodiscard]] std::vector<std::string> broken_invariants() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::call
