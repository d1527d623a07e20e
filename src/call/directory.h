// Who there is: accounts, their devices and numbers, and which devices can be reached now. The domain reads it through
// the Directory port; the engine's registrar and the store stand behind it. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "base/ids.h"
#include "base/time.h"

namespace segue::call {

enum class DeviceKind { Desk, Desktop, Mobile, Browser };

/// A person.
struct Account {
  AccountId id;
  std::string name;  ///< shown to people: "Ada Lovelace"
  friend bool operator==(const Account&, const Account&) = default;
};

/// One SIP endpoint of an account.
struct Device {
  DeviceId id;
  AccountId account;
  std::string username;  ///< SIP user and digest username; unique on the server: sip:username@domain
  std::string name;      ///< "Desk phone"
  DeviceKind kind = DeviceKind::Desk;
  char flip_digit = 0;           ///< '1'..'9', 0: none; unique within the account
  bool auto_answer = false;      ///< may be told to take a flip of its own account at once
  bool proof_by_answer = false;  ///< sends nothing when silent: its 200 proves it
  std::vector<Codec> codecs;     ///< what it is known to do, best first; empty: unknown (G.711)
  bool sha256 = false;           ///< challenge with SHA-256 instead of MD5 (RFC 8760)
  std::string ha1_md5;           ///< hex; H(username:realm:password)
  std::string ha1_sha256;
  friend bool operator==(const Device&, const Device&) = default;
};

/// A virtual number or extension: it rings an account, and is what others see of it.
struct Number {
  NumberId id;
  AccountId account;
  std::string digits;  ///< as dialled: "1001", "+4930123456"
  friend bool operator==(const Number&, const Number&) = default;
};

class Directory {
 public:
  virtual ~Directory() = default;
  [[nodiscard]] virtual const Account* account(AccountId id) const = 0;
  [[nodiscard]] virtual const Device* device(DeviceId id) const = 0;
  [[nodiscard]] virtual std::vector<DeviceId> devices_of(AccountId id) const = 0;  ///< in the order they were added
  [[nodiscard]] virtual const Number* number(std::string_view digits) const = 0;
  /// The number that others see of this account: its first; nullptr if it has none.
  [[nodiscard]] virtual const Number* number_of(AccountId id) const = 0;
  /// How many live bindings (flows, RFC 5626 words) the device has; 0: not registered.
  [[nodiscard]] virtual std::size_t bindings(DeviceId id) const = 0;
  /// The leg, which is one of this device, talks over that binding. Another one (Wi-Fi, then cellular) is a place that
  /// the call can move to.
  [[nodiscard]] virtual bool talks_over(LegId leg, DeviceId id, std::size_t binding) const = 0;
  /// Both legs come over the same flow: one device in one network.
  [[nodiscard]] virtual bool same_flow(LegId a, LegId b) const = 0;
};

}  // namespace segue::call
