#include "sip/digest.h"

#include <gtest/gtest.h>

namespace segue::sip {
namespace {

// RFC 2617 section 3.5 and RFC 7616 section 3.9.1.
constexpr std::string_view kRfc2617 =
    "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
    "uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", "
    "response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
constexpr std::string_view kRfc7616 =
    "Digest username=\"Mufasa\",\r\n realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=SHA-256, "
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
    "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", "
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

DigestCredentials credentials(std::string_view text) {
  auto parsed = DigestCredentials::parse(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text);
  return parsed ? *parsed : DigestCredentials{};
}

TEST(Digest, AgreesWithTheVectorsOfTheRfcs) {
  const auto old = credentials(kRfc2617);
  EXPECT_EQ(old.opaque, "5ccc069c403ebaf9f0171e9517f40e41");
  const auto ha1 = digest_ha1(DigestAlgorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
  EXPECT_EQ(ha1, "939e7578ed9e3c518a452acee763bce9");
  EXPECT_EQ(digest_response(old, "GET", ha1), old.response);

  std::string unfolded(kRfc7616);
  unfolded.replace(unfolded.find("\r\n"), 2, "");
  const auto sha = credentials(unfolded);
  EXPECT_EQ(sha.algorithm, DigestAlgorithm::Sha256);
  EXPECT_EQ(digest_response(sha, "GET", digest_ha1(sha.algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")),
            sha.response);

  // The same challenge of RFC 7616 answered with MD5.
  auto md5 = sha;
  md5.algorithm = DigestAlgorithm::Md5;
  EXPECT_EQ(digest_response(md5, "GET", digest_ha1(md5.algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")),
            "8ca523f5e9506fed4657c9700eebdbec");
}

TEST(Digest, Rfc2069FormIsH_HA1_Nonce_HA2) {
  // From the erratum of RFC 2069 section 2.4, whose printed value is wrong.
  const auto c = credentials(
      "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
      "uri=\"/dir/index.html\", response=\"1949323746fe6a43ef61f9606e7febea\"");
  EXPECT_EQ(digest_response(c, "GET", digest_ha1(c.algorithm, "Mufasa", "testrealm@host.com", "CircleOfLife")),
            c.response);
}

TEST(Digest, CredentialsSurvivePrinting) {
  auto c = credentials(kRfc2617);
  c.username = "quote\" and \\";
  c.nonce_count = 0xABCDEF01;
  c.algorithm = DigestAlgorithm::Sha256;
  const auto again = credentials(c.to_string());
  EXPECT_EQ(again.username, c.username);
  EXPECT_EQ(again.nonce_count, c.nonce_count);
  EXPECT_EQ(again.to_string(), c.to_string());
}

TEST(Digest, ChallengesSurvivePrinting) {
  const auto challenge = DigestChallenge::parse(
      "digest realm=\"a \\\"b\\\"\" , nonce=n1, stale=TRUE, algorithm=sha-256, qop=\"auth-int, auth\", opaque=o,");
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->realm, "a \"b\"");
  EXPECT_TRUE(challenge->stale);
  EXPECT_TRUE(challenge->qop_auth);
  EXPECT_EQ(challenge->to_string(),
            "Digest realm=\"a \\\"b\\\"\", nonce=\"n1\", opaque=\"o\", stale=true, algorithm=SHA-256, qop=\"auth\"");
  EXPECT_FALSE(DigestChallenge::parse("Digest realm=\"a\", nonce=\"b\"")->qop_auth);
}

TEST(Digest, RefusesWhatIsMalformed) {
  for (const std::string_view text :
       {"", "Digest", "Basic QWxhZGRpbg==", "Digest username=\"a\"", "Digest x", "Digest =x", "Digest realm=\"a",
        "Digest username=\"a\", username=\"b\", nonce=\"n\", uri=\"u\", response=\"r\"",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", algorithm=MD5-sess",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth-int, nc=1, cnonce=c",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth, nc=1",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth, cnonce=c",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth, cnonce=c, nc=123456789",
        "Digest username=\"a\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth, cnonce=c, nc=-1"}) {
    EXPECT_FALSE(DigestCredentials::parse(text)) << text;
  }
  EXPECT_FALSE(DigestChallenge::parse("Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\""));
  EXPECT_FALSE(DigestChallenge::parse("Digest realm=\"a\""));
}

struct DigestServerTest : testing::Test {
  DigestServer server{"segue.example", Random(1)};
  Random random{2};
  Instant now{Duration(1000s)};
  std::string ha1 = digest_ha1(DigestAlgorithm::Sha256, "ann", "segue.example", "secret");

  DigestChallenge challenge() { return server.challenge(DigestAlgorithm::Sha256, false, now); }
  DigestCredentials answer(const DigestChallenge& to, std::uint32_t count, std::string_view key) {
    return digest_answer(to, "ann", key, "REGISTER", "sip:segue.example", count, random);
  }
  DigestServer::Verdict check(const DigestCredentials& c) { return server.check(c, "REGISTER", ha1, now); }
};
using Verdict = DigestServer::Verdict;

TEST_F(DigestServerTest, TakesTheRightAnswerOverTheWire) {
  for (const auto algorithm : {DigestAlgorithm::Md5, DigestAlgorithm::Sha256}) {
    const auto sent = DigestChallenge::parse(server.challenge(algorithm, false, now).to_string());
    ASSERT_TRUE(sent);
    EXPECT_FALSE(sent->stale);
    const auto key = digest_ha1(algorithm, "ann", sent->realm, "secret");
    const auto received = DigestCredentials::parse(answer(*sent, 1, key).to_string());
    ASSERT_TRUE(received);
    EXPECT_EQ(server.check(*received, "REGISTER", key, now), Verdict::Ok);
  }
}

TEST_F(DigestServerTest, RefusesWrongSecretMethodUriAndRealm) {
  const auto right = answer(challenge(), 1, ha1);
  EXPECT_EQ(check(answer(challenge(), 1, digest_ha1(DigestAlgorithm::Sha256, "ann", "segue.example", "guess"))),
            Verdict::Wrong);
  EXPECT_EQ(server.check(right, "INVITE", ha1, now), Verdict::Wrong);
  auto other = right;
  other.uri = "sip:elsewhere";
  EXPECT_EQ(check(other), Verdict::Wrong);
  other = right;
  other.realm = "elsewhere";
  EXPECT_EQ(check(other), Verdict::Wrong);
  other = right;
  other.response.clear();
  EXPECT_EQ(check(other), Verdict::Wrong);
  EXPECT_EQ(check(right), Verdict::Ok);
}

TEST_F(DigestServerTest, CallsReplaysStale) {
  const auto made = challenge();
  const auto second = answer(made, 2, ha1);
  EXPECT_EQ(check(second), Verdict::Ok);
  EXPECT_EQ(check(second), Verdict::Stale);
  EXPECT_EQ(check(answer(made, 1, ha1)), Verdict::Stale);
  EXPECT_EQ(check(answer(made, 3, ha1)), Verdict::Ok);
  EXPECT_EQ(check(answer(challenge(), 0, ha1)), Verdict::Stale);
}

TEST_F(DigestServerTest, CallsOldAndForeignNoncesStale) {
  const auto made = challenge();
  now += DigestServer::kNonceLife;
  EXPECT_EQ(check(answer(made, 1, ha1)), Verdict::Ok);
  now += 1ns;
  EXPECT_EQ(check(answer(made, 2, ha1)), Verdict::Stale);
  EXPECT_EQ(check(answer(challenge(), 1, ha1)), Verdict::Ok);

  DigestServer restarted{"segue.example", Random(9)};
  EXPECT_EQ(check(answer(restarted.challenge(DigestAlgorithm::Sha256, false, now), 1, ha1)), Verdict::Stale);
  auto forged = challenge();
  forged.nonce[20] = forged.nonce[20] == '0' ? '1' : '0';
  EXPECT_EQ(check(answer(forged, 1, ha1)), Verdict::Stale);
  forged.nonce = "short";
  EXPECT_EQ(check(answer(forged, 1, ha1)), Verdict::Stale);
  const auto future = server.challenge(DigestAlgorithm::Sha256, false, now + 1s);
  EXPECT_EQ(check(answer(future, 1, ha1)), Verdict::Stale);
}

TEST_F(DigestServerTest, TakesAnRfc2069AnswerOnceAndWhileTheNonceLives) {
  const auto without_qop = [&](DigestChallenge made) {
    made.qop_auth = false;
    return answer(made, 1, ha1);
  };
  const auto made = challenge();
  const auto c = without_qop(made);
  EXPECT_TRUE(c.qop.empty());
  EXPECT_EQ(check(c), Verdict::Ok);
  EXPECT_EQ(check(c), Verdict::Stale) << "a replay";
  EXPECT_EQ(check(answer(made, 2, ha1)), Verdict::Stale) << "the nonce is used up in the other form too";
  const auto late = without_qop(challenge());
  now += DigestServer::kNonceLife + 1ns;
  EXPECT_EQ(check(late), Verdict::Stale);
}

TEST_F(DigestServerTest, ForgetsTheOldestNoncesAndNeverTakesThemAgain) {
  const auto first = challenge();
  EXPECT_EQ(check(answer(first, 1, ha1)), Verdict::Ok);
  now += 1us;
  DigestChallenge last;
  for (std::size_t i = 0; i < DigestServer::kMaxTrackedNonces; ++i) {
    now += 1us;
    last = challenge();
    ASSERT_EQ(check(answer(last, 1, ha1)), Verdict::Ok) << i;
  }
  EXPECT_EQ(check(answer(first, 2, ha1)), Verdict::Stale);
  EXPECT_EQ(check(answer(first, 1, ha1)), Verdict::Stale);
  EXPECT_EQ(check(answer(last, 1, ha1)), Verdict::Stale);
  EXPECT_EQ(check(answer(last, 2, ha1)), Verdict::Ok);
}

}  // namespace
}  // namespace segue::sip
