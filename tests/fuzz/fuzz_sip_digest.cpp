// Any bytes as an Authorization or WWW-Authenticate header, and as credentials shown to a server: they are never right.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "sip/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segue::sip;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto challenge = DigestChallenge::parse(text)) {
    const auto again = DigestChallenge::parse(challenge->to_string());
    SEGUE_ASSERT(again && again->to_string() == challenge->to_string());
  }
  const auto credentials = DigestCredentials::parse(text);
  if (!credentials) return 0;
  const auto again = DigestCredentials::parse(credentials->to_string());
  SEGUE_ASSERT(again && again->to_string() == credentials->to_string());
  static const auto kHa1 = digest_ha1(DigestAlgorithm::Md5, "ann", "segue.example", "secret");
  DigestServer server("segue.example", segue::Random(1));
  SEGUE_ASSERT(server.check(*credentials, "REGISTER", kHa1, segue::Instant(segue::Duration(1))) ==
               DigestServer::Verdict::Wrong);
  return 0;
}
