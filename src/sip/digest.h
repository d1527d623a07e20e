// HTTP digest for SIP, server and client side (RFC 7616 and RFC 8760 over RFC 3261 section 22; qop=auth and RFC 2069's
// form). MD5 and SHA-256. Secrets are kept as HA1 = H(user:realm:password), never as clear text. Pure: the time is an
// argument; nonces carry their own birth time under a keyed hash, so the server keeps no table of them but of nonce
// counts (bounded).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace segue::sip {

enum class DigestAlgorithm { Md5, Sha256 };

/// Lower-case hex of H(user:realm:password).
[[nodiscard]] std::string digest_ha1(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                                     std::string_view password);

struct DigestCredentials {  ///< the fields of an Authorization or Proxy-Authorization header
  std::string username, realm, nonce, uri, response, cnonce, opaque;
  std::string qop;  ///< "" for RFC 2069's form
  std::uint32_t nonce_count = 0;
  DigestAlgorithm algorithm = DigestAlgorithm::Md5;
  [[nodiscard]] static Result<DigestCredentials> parse(std::string_view header_value);
  [[nodiscard]] std::string to_string() const;
};

struct DigestChallenge {
  std::string realm, nonce, opaque;
  bool qop_auth = true;
  bool stale = false;
  DigestAlgorithm algorithm = DigestAlgorithm::Md5;
  [[nodiscard]] static Result<DigestChallenge> parse(std::string_view header_value);
  [[nodiscard]] std::string to_string() const;
};

/// Server side. One per realm; owned by the engine.
class DigestServer {
 public:
  static constexpr Duration kNonceLife = 300s;
  static constexpr std::size_t kMaxTrackedNonces = 65536;  // past it the oldest are forgotten: those answer "stale"

  DigestServer(std::string realm, Random random);
  [[nodiscard]] const std::string& realm() const { return realm_; }
  [[nodiscard]] DigestChallenge challenge(DigestAlgorithm algorithm, bool stale, Instant now);

  enum class Verdict { Ok, Stale, Wrong };
  /// Checks the response, the nonce's age and origin, and that the nonce count grows (replay is Stale); an answer
  /// without qop uses its nonce up. `ha1` is the hex for the credentials' algorithm. Constant-time comparison.
  /// Whether c.uri fits the request is the caller's to say.
  [[nodiscard]] Verdict check(const DigestCredentials& c, std::string_view method, std::string_view ha1, Instant now);

 private:
  struct Signer;  ///< keeps the key ready: making it ready costs more than a signature
  struct ForgetSigner {
    void operator()(Signer* signer) const;
  };
  std::string realm_;
  Random random_;
  std::unique_ptr<Signer, ForgetSigner> signer_;
  struct Seen {
    std::uint32_t highest_count = 0;
    Instant born{};
  };
  [[nodiscard]] std::string sign(std::string_view text) const;
  [[nodiscard]] std::optional<Instant> birth(std::string_view nonce) const;
  [[nodiscard]] bool fresh(const DigestCredentials& c, Instant now);
  void forget_old(Instant now);
  /// Only nonces that a right password has been seen with, so that unanswered challenges cost no memory.
  std::unordered_map<std::string, Seen> seen_;
  std::optional<Instant>
      forgotten_until_;  ///< nonces born until then may have been used: without an entry they are stale
};

/// The response that credentials must carry; `ha1` for their algorithm (RFC 7616 section 3.4.1). Both sides compare
/// with it.
[[nodiscard]] std::string digest_response(const DigestCredentials& c, std::string_view method, std::string_view ha1);

/// Client side: the answer to a challenge. `nonce_count` starts at 1 and grows with each use of the nonce.
[[nodiscard]] DigestCredentials digest_answer(const DigestChallenge& challenge, std::string_view user,
                                              std::string_view ha1, std::string_view method, std::string_view uri,
                                              std::uint32_t nonce_count, Random& random);

}  // namespace segue::sip
