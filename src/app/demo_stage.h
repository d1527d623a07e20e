// A stage for flips: a whole server on loopback, Ada with three real SIP phones and the number 1001, Grace with a
// fourth and 2001, one live call between them, and the ways to ask for a flip. The demo plays a script on it, the
// scenario tests a long one. Owner: one thread, which every member may block, always with a deadline.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/rest_client.h"
#include "app/server.h"
#include "base/result.h"
#include "phone/far_check.h"
#include "phone/phone.h"

namespace segue::app {

/// Ada's devices, in the order of their flip digits 1, 2, 3.
inline constexpr std::size_t kDevices = 3;
inline constexpr std::array<std::string_view, kDevices> kDeviceNames = {"Desk phone", "Mobile", "Laptop"};
inline constexpr std::size_t kGrace = kDevices;  ///< index of the far party's voice and marker

/// Voices of desk, mobile, laptop and Grace, without markers.
using Voices = std::array<phone::Sound, kDevices + 1>;

/// How a flip is asked for, and how it ends.
enum class Act { RestRing, RestAuto, Code, RingAll, Pull, Declined, Cancelled, WalkAway };
[[nodiscard]] std::string_view act_title(Act act);
[[nodiscard]] bool moves(Act act);

struct StageOptions {
  std::string data_dir;  ///< of the server; made if it is not there
  Voices voices;
  Duration ring = 600ms;              ///< how long a device rings before it answers
  std::size_t far_packets = 120'000;  ///< what of the far party's stream is kept
};

/// A flip that was made, and what the far party's check needs to know of it.
struct FlipTaken {
  Act act = Act::RestRing;
  std::size_t from = 0, to = 0;
  std::string id;  ///< "flip_3"
  std::string outcome;
  phone::FarFlip far;
};

class Stage {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Stage>> set_up(StageOptions options);
  ~Stage();

  /// Grace calls 1001, all devices ring, the desk phone answers. Then the flip-free stretch that the check learns from.
  [[nodiscard]] Result<void> place_call();
  /// One flip to `to` (not where the call is), up to a second after its end. Errors: what did not happen, in words.
  [[nodiscard]] Result<FlipTaken> flip(Act act, std::size_t to);
  [[nodiscard]] Result<void> end_call();  ///< Grace hangs up
  /// Lets the call go on for a while. False if it ended.
  bool talk(Duration time);

  /// The server's record of a flip with its report, which comes a second after the end.
  [[nodiscard]] Result<nlohmann::json> server_record(const std::string& flip_id) const;
  /// The far party's own report.
  [[nodiscard]] call::FlipReport far_report(const FlipTaken& flip) const;
  void forget_before(Instant t);  ///< for long runs

  [[nodiscard]] std::size_t at() const { return at_; }  ///< the device where the call is
  [[nodiscard]] const Server& server() const { return *server_; }
  [[nodiscard]] const RestClient& rest() const { return *rest_; }
  [[nodiscard]] phone::Phone& grace() { return *phones_[kGrace]; }
  [[nodiscard]] phone::Phone& device(std::size_t index) { return *phones_.at(index); }
  [[nodiscard]] const phone::FarSetup& far_setup() const { return far_setup_; }
  [[nodiscard]] const phone::FarBaseline& baseline() const { return baseline_; }
  [[nodiscard]] const std::string& call_id() const { return call_id_; }

 private:
  struct Marks {
    phone::Mark a = 0, b = 0;
  };
  Stage();
  [[nodiscard]] Result<void> start_server(const StageOptions& options);
  [[nodiscard]] Result<void> make_accounts();
  [[nodiscard]] Result<void> make_phones(StageOptions options);
  [[nodiscard]] Result<void> register_phones();
  [[nodiscard]] Result<void> learn_stream(Instant from);

  void prepare(Act act, std::size_t to);
  [[nodiscard]] Result<void> ask(FlipTaken& taken);
  [[nodiscard]] Result<void> finish(FlipTaken& taken, Marks marks);
  [[nodiscard]] Result<void> finish_moved(FlipTaken& taken, Marks marks);
  [[nodiscard]] Result<void> finish_unmoved(FlipTaken& taken, Marks marks);
  [[nodiscard]] Result<void> find_id(FlipTaken& taken);
  [[nodiscard]] Result<nlohmann::json> wait_for_flip(const std::string& id, std::string_view key, Duration limit) const;
  void gather(FlipTaken& taken, Marks marks);

  std::unique_ptr<Server> server_;
  std::unique_ptr<RestClient> rest_;
  std::unique_ptr<phone::PhoneRig> rig_;
  std::array<phone::Phone*, kDevices + 1> phones_{};
  std::array<std::string, kDevices + 1> usernames_, passwords_, device_ids_;
  Duration ring_{};
  std::string ada_;  // account id
  std::string call_id_;
  std::uint64_t last_flip_ = 0;
  std::size_t at_ = 0;
  bool flipped_before_ = false;
  phone::FarSetup far_setup_;
  phone::FarBaseline baseline_;
};

/// Random bytes of the operating system; for seeds and passwords.
[[nodiscard]] Random system_random();

}  // namespace segue::app
