// The people of one call at a time: two accounts with three phones each, who call each other, flip in every way there
// is, disturb it in every way there is, and hang up. Random choices only; what must hold is checked by the world and,
// for who hears whom, here.
#pragma once

#include "sim/world.h"

namespace segue::sim {

class Group {
 public:
  Group(World& world, int number) : world_(world), first_(number * World::kPhonesInGroup), number_(number) {}

  void start() {
    later(world_.some(500ms), [this] { dial(); });
  }
  void stop() { stopping_ = true; }

 private:
  void later(Duration delay, std::function<void()> what) { world_.clock.after(delay, std::move(what)); }
  [[nodiscard]] Phone& phone(int index) { return *world_.phones[static_cast<std::size_t>(first_ + index)]; }
  [[nodiscard]] Phone& at(DeviceId device) { return *world_.phones[device.value - 1]; }
  [[nodiscard]] const call::CallRecord* record() const;
  [[nodiscard]] DeviceId sits(call::Side side) const;
  [[nodiscard]] bool flipping() const;
  [[nodiscard]] AccountId account(call::Side side) const;
  [[nodiscard]] bool chance(double p) { return world_.random.chance(p); }

  void dial();
  void wait_for_answer(Instant until);
  void round();
  void wait_for_quiet(Instant until);
  void wait_for_voices(Instant until);
  [[nodiscard]] bool voices_right(std::string& why);
  void over();
  void teach(Phone& p);
  void choose_source(Phone& p);
  void ask(call::Side side);
  void disturb(call::Side side);
  void hang_up(call::Side side);
  void cancel(call::Side side);

  World& world_;
  const int first_, number_;
  bool stopping_ = false;
  CallId call_;
  call::Side caller_group_side_ = call::Side::Caller;  ///< which of the two accounts (phones 0-2 or 3-5) has called
  int rounds_left_ = 0;
  std::string code_;
  bool by_info_ = false;
};

}  // namespace segue::sim
