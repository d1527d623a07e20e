// The log of one phone: its events and its Capture, written by the rig's thread, read and waited on by any thread. One
// mutex, held only for an append or a copy. Every list is bounded; the oldest entries are forgotten and counted.
#pragma once

#include <condition_variable>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>

#include "phone/capture.h"

namespace segue::phone {

struct PhoneEvent {
  enum class Kind {
    Registered,
    RegistrationFailed,
    Unregistered,
    Ringing,    ///< an INVITE came in
    Progress,   ///< the other side rings (1xx)
    Talking,    ///< answered: by us or by the other side
    HoldDone,   ///< our hold() or resume() was answered; `status` says how
    Reinvited,  ///< the other side changed the session and we agreed
    DigitsDone,
    Heard,  ///< first RTP packet of this call came in
    Ended,
  };
  Kind kind = Kind::Ended;
  Instant at{};
  int status = 0;    ///< SIP status where there is one
  std::string text;  ///< caller's number, or why it ended (Reason header, cause)
};

/// A place in the order of events; wait() looks at what came after it.
using Mark = std::uint64_t;

struct JournalLimits {
  std::size_t rtp = 120'000;  // 40 minutes at 50 packets a second; 24 MB
  std::size_t rtcp = 4'000;   // five hours at one in five seconds
  std::size_t sip = 20'000;
  std::size_t events = 20'000;
  std::size_t pauses = 10'000;
};

class Journal {
 public:
  explicit Journal(JournalLimits limits = {}) : limits_(limits) {}

  void event(PhoneEvent event);
  void rtp(Datagram datagram);
  void rtcp(Datagram datagram);
  void sip(SipLine line);
  void sent(RtpSent packet);
  void pause(Pause pause);

  [[nodiscard]] Mark mark() const;
  /// The first event of one of these kinds after `since`; waits for it at most `limit`.
  [[nodiscard]] std::optional<PhoneEvent> wait(std::initializer_list<PhoneEvent::Kind> kinds, Mark since,
                                               Duration limit) const;
  /// What was seen from `since` on. RTCP is always whole: its counters are judged over the whole call.
  [[nodiscard]] Capture copy(Instant since = Instant::min()) const;
  void forget_before(Instant t);  ///< RTP and SIP older than `t`; for long runs

 private:
  JournalLimits limits_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Capture capture_;
  std::deque<PhoneEvent> events_;
  Mark first_event_ = 0;  // Mark of events_.front()
};

}  // namespace segue::phone
