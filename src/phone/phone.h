// SIP phones for the demo, the probe and the tests: real endpoints over real UDP sockets, built on the same pure
// sip::Agent as the server. One PhoneRig is one thread with one poll() over all sockets of its phones; it is the only
// one that touches them. The public members of Phone post a command to that thread and return at once, and the journal
// is read from any thread, so a test waits for an event with a deadline and never sleeps. Audio is G.711 in 20 ms
// packets on a steady clock; telephone events follow RFC 4733. Bounds: kMaxPhones a rig, one call a phone (a second one
// gets 486), JournalLimits for what is logged.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/codec.h"
#include "base/random.h"
#include "base/result.h"
#include "phone/journal.h"
#include "phone/sound.h"

namespace segue::phone {

inline constexpr std::size_t kMaxPhones = 64;  // one thread paces 64 * 50 packets a second with room to spare

/// What the phone does with an incoming call.
enum class Pickup {
  Ring,     ///< 180, and wait for answer() or decline()
  Answer,   ///< 180, then 200 after `after`
  Decline,  ///< 603 after `after`
  Busy,     ///< 486 at once
  Vanish,   ///< no response at all: the device is gone
};
struct Answering {
  Pickup pickup = Pickup::Ring;
  Duration after{};
  bool obey_auto_answer = true;  ///< answers at once if the INVITE asks for it (Answer-Mode, Call-Info, Alert-Info)
};

enum class DigitWay { Rfc4733, Info };

struct PhoneConfig {
  std::string name;            ///< in logs: "desk"
  std::string user, password;  ///< SIP user and digest password
  std::string domain = "segue.local";
  Endpoint server;  ///< where requests go; invalid: only call_to() works
  IpAddress local_ip = IpAddress::v4(127, 0, 0, 1);
  std::vector<Codec> codecs = {Codec::Pcmu, Codec::Pcma};  ///< G.711 only
  std::shared_ptr<const Sound> sound;                      ///< what it says; nullptr: digital silence
  Answering answering;
  Duration register_expires = 600s;
  JournalLimits limits;
};

class Phone {
 public:
  struct Impl;
  ~Phone();
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] Endpoint sip_address() const;
  [[nodiscard]] Endpoint rtp_address() const;
  [[nodiscard]] const Journal& journal() const;
  [[nodiscard]] Mark mark() const { return journal().mark(); }
  [[nodiscard]] std::optional<PhoneEvent> wait(std::initializer_list<PhoneEvent::Kind> kinds, Mark since,
                                               Duration limit) const {
    return journal().wait(kinds, since, limit);
  }
  void forget_before(Instant t);

  void register_now();
  void unregister();
  void call(std::string number);                  ///< sip:number@domain, by way of the server
  void call_to(Endpoint peer, std::string user);  ///< without a server
  void answer();
  void decline(int status = 603);
  void hang_up();  ///< also: cancels a call that is not answered yet, refuses one that rings
  void set_answering(Answering answering);
  /// In the running call, one after the other: 100 ms each with 100 ms between, audio withheld while a digit lasts.
  void digits(std::string digits, DigitWay way = DigitWay::Rfc4733);
  void hold();
  void resume();
  void play(std::shared_ptr<const Sound> sound);

 private:
  friend class PhoneRig;
  explicit Phone(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class PhoneRig {
 public:
  explicit PhoneRig(Random random);
  ~PhoneRig();  ///< stops the thread; calls that still stand are not hung up
  PhoneRig(const PhoneRig&) = delete;
  PhoneRig& operator=(const PhoneRig&) = delete;

  /// The phone belongs to the rig and lives as long. Errors: no free ports, more than kMaxPhones, a codec other than
  /// G.711.
  [[nodiscard]] Result<Phone*> add(PhoneConfig config);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace segue::phone
