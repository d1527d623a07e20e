// Who hears what, derived from the seats: never stored.
#include "call/core_impl.h"

namespace segue::call {

void Core::Impl::set_audio(Call& call, Side listener) {
  const Seat& ear = call.seat(listener);
  const Seat& mouth = call.seat(other(listener));
  if (!ear.leg) return;
  if (!mouth.leg) {
    order(SetAudio{ear.leg, {}, Filler::ComfortNoise});  // walked away from a flip
  } else if (holds(mouth.leg)) {
    order(SetAudio{ear.leg, {}, Filler::Music});
  } else {
    order(SetAudio{ear.leg, mouth.leg, Filler::Nothing});
  }
}

void Core::Impl::read_digits(const Call& call, Side side) {
  const Seat& seat = call.seat(side);
  if (!seat.account || !seat.leg) return;  // an outside party's digits are its own
  std::vector<std::string> codes{policy.all_code};
  for (auto id : directory.devices_of(seat.account)) {
    const Device* device = directory.device(id);
    if (device != nullptr && device->flip_digit != 0) codes.push_back(std::string{'*', device->flip_digit});
  }
  order(ReadDigits{seat.leg, std::move(codes)});
}

}  // namespace segue::call
