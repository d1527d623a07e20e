// What one phone saw and did, with times of one monotonic clock: the evidence that the far party's check judges. Values
// only.
#pragma once

#include <deque>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "base/time.h"

namespace segue::phone {

/// A datagram that came in. `at` is the kernel's receive time, moved to the monotonic clock.
struct Datagram {
  Instant at{};
  Endpoint from;
  Bytes bytes;
};

struct SipLine {
  Instant at{};
  bool received = false;
  Endpoint peer;
  std::string text;
};

/// An RTP packet that this phone sent: when its clock said so and when it really left.
struct RtpSent {
  Instant due{}, at{};
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool audio = true;  ///< false: a telephone event
};

/// A stretch in which this phone withheld its audio by its own choice: it was sending a digit.
struct Pause {
  Instant from{}, to{};
};

struct Capture {
  std::deque<Datagram> rtp, rtcp;
  std::deque<SipLine> sip;
  std::deque<RtpSent> sent;
  std::deque<Pause> pauses;
  std::size_t forgotten = 0;  ///< entries that no longer fitted; 0 where the evidence is whole
};

}  // namespace segue::phone
