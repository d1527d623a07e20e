// Answers to digest challenges (RFC 3261 section 22, RFC 8760) for one session: each realm once for each request, again
// only where the server says that the nonce was stale. Later requests carry the answer from the start. Owned by its
// session. Bounded: kMaxRealms.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sip/digest.h"
#include "sip/message.h"

namespace segue::sip {

class SessionCredentials {
 public:
  static constexpr std::size_t kMaxRealms = 4;  // the callee and three proxies

  SessionCredentials(std::string user, std::string password) : user_(std::move(user)), password_(std::move(password)) {}

  /// Learns the challenges of a 401 or 407 to `request`. False if there is none that could be answered, or if the
  /// answer that `request` carried is what was refused. On its `first` sending that answer was to an older challenge,
  /// so it counts for nothing: servers with one-time nonces do not all say stale.
  [[nodiscard]] bool learn(const Message& response, const Message& request, bool first);
  /// Replaces the answers in `request`, one for each realm known.
  void sign(Message& request, Random& random);

 private:
  struct Realm {
    DigestChallenge challenge;
    std::string ha1;
    std::uint32_t uses = 0;
    bool proxy = false;
  };
  void remember(DigestChallenge challenge, bool proxy);

  std::string user_, password_;
  std::vector<Realm> realms_;
};

/// One challenge for each realm, SHA-256 before MD5; those that cannot be read are left out.
[[nodiscard]] std::vector<DigestChallenge> challenges_of(const Message& response, std::string_view header);

}  // namespace segue::sip
