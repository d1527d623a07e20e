// Who may come in: the digest's algorithm, what its answer was made for, and how often it is good.
#include "engine/engine_harness.h"
#include "sip/digest.h"

namespace segue::engine {
namespace {

using namespace testing;
using sip::DigestAlgorithm;
using sip::DigestChallenge;

/// One try of the desk phone: what it says, and how it answers a challenge.
struct Try {
  std::string method = "REGISTER";
  std::string target = "sip:segue.test";
  std::string from = "desk";  ///< user of From; To is always the device's own
  std::string uri{};          ///< of the digest; "": the target
  bool qop = true;
};

sip::Message request(const Try& t, const std::string& authorization = {}) {
  sip::Message m;
  m.method = t.method;
  m.request_uri = *sip::Uri::parse(t.target);
  m.add("From", "<sip:" + t.from + "@segue.test>;tag=r");
  m.add("To", "<sip:desk@segue.test>");
  m.add("Contact", "<sip:desk@192.0.2.11>");
  if (!authorization.empty()) m.add("Authorization", authorization);
  return m;
}

std::string answer(const sip::Message& refusal, const Try& t, std::size_t which = 0) {
  const auto challenges = refusal.all("WWW-Authenticate");
  EXPECT_LT(which, challenges.size());
  auto c = DigestChallenge::parse(which < challenges.size() ? challenges[which] : "");
  if (!c) return {};
  c->qop_auth = t.qop;
  Random random(3);
  const auto ha1 = sip::digest_ha1(c->algorithm, "desk", kDomain, kPassword);
  return sip::digest_answer(*c, "desk", ha1, t.method, t.uri.empty() ? t.target : t.uri, 1, random).to_string();
}

std::vector<DigestAlgorithm> algorithms(const sip::Message& refusal) {
  std::vector<DigestAlgorithm> all;
  for (const auto text : refusal.all("WWW-Authenticate")) all.push_back(DigestChallenge::parse(text)->algorithm);
  return all;
}

using Algorithms = std::vector<DigestAlgorithm>;
constexpr auto kMd5 = DigestAlgorithm::Md5;
constexpr auto kSha256 = DigestAlgorithm::Sha256;

/// Challenged and answered once.
int status_of(Server& t, const Try& what) {
  const auto refusal = t.asks(t.desk, request(what));
  EXPECT_EQ(refusal.status, 401);
  return t.asks(t.desk, request(what, answer(refusal, what))).status;
}

void want_sha256(Server& t) {
  auto device = *t.engine.directory().device(kDesk);
  device.sha256 = true;
  t.engine.directory().put(device);
}

TEST(Login, ADeviceOfSha256IsFoundByItsDigestUserWhereFromNamesAnother) {
  Server t;
  want_sha256(t);
  const Try as_number{.from = "1001"};
  const auto first = t.asks(t.desk, request(as_number));
  EXPECT_EQ(algorithms(first), (Algorithms{kMd5})) << "nothing says yet which device it is";
  const auto second = t.asks(t.desk, request(as_number, answer(first, as_number)));
  ASSERT_EQ(second.status, 401);
  ASSERT_EQ(algorithms(second), (Algorithms{kSha256}));
  EXPECT_TRUE(DigestChallenge::parse(second.get("WWW-Authenticate"))->stale) << "the password was right";
  EXPECT_EQ(t.asks(t.desk, request(as_number, answer(second, as_number))).status, 200);
}

TEST(Login, AWrongAnswerByMd5ToADeviceOfSha256IsForbidden) {
  Server t;
  want_sha256(t);
  const auto refusal = t.asks(t.desk, request({.from = "1001"}));
  auto credentials = *sip::DigestCredentials::parse(answer(refusal, {}));
  credentials.response.back() = credentials.response.back() == '0' ? '1' : '0';
  EXPECT_EQ(t.asks(t.desk, request({.from = "1001"}, credentials.to_string())).status, 403);
}

TEST(Login, BothAlgorithmsAreOfferedTheStrongerFirst) {
  Server t(DigestOffer::Both);
  const auto refusal = t.asks(t.desk, request({}));
  ASSERT_EQ(algorithms(refusal), (Algorithms{kSha256, kMd5}));
  EXPECT_EQ(t.asks(t.desk, request({}, answer(refusal, {}, 0))).status, 200);
  EXPECT_EQ(t.asks(t.desk, request({}, answer(refusal, {}, 1))).status, 200);
  want_sha256(t);
  EXPECT_EQ(algorithms(t.asks(t.desk, request({}))), (Algorithms{kSha256}));
}

TEST(Login, Sha256AloneTakesNoMd5) {
  Server t(DigestOffer::Sha256);
  const auto refusal = t.asks(t.desk, request({}));
  ASSERT_EQ(algorithms(refusal), (Algorithms{kSha256}));
  auto downgrade = *DigestChallenge::parse(refusal.get("WWW-Authenticate"));
  downgrade.algorithm = kMd5;
  Random random(3);
  const auto by_md5 = sip::digest_answer(downgrade, "desk", sip::digest_ha1(kMd5, "desk", kDomain, kPassword),
                                         "REGISTER", "sip:segue.test", 1, random);
  const auto again = t.asks(t.desk, request({}, by_md5.to_string()));
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(t.asks(t.desk, request({}, answer(again, {}))).status, 200);
}

TEST(Login, AnAnswerMadeForAnotherTargetIsRefused) {
  Server t;
  const Try call{.method = "INVITE", .target = "sip:999@segue.test"};
  const auto with_uri = [&](std::string uri) {
    Try one = call;
    one.uri = std::move(uri);
    return status_of(t, one);
  };
  EXPECT_EQ(status_of(t, call), 404) << "the right answer: there is no such number";
  EXPECT_EQ(with_uri("sip:1002@segue.test"), 400);
  EXPECT_EQ(with_uri("nonsense"), 400);
  EXPECT_EQ(with_uri("tel:999"), 400);
  EXPECT_EQ(with_uri("sips:%39%399@192.0.2.1:5060;transport=udp"), 404) << "the same user, by another way";
  EXPECT_EQ(with_uri("sip:192.0.2.1:5060"), 404) << "some phones leave the user out";
  EXPECT_EQ(status_of(t, {.uri = "sip:desk@segue.test"}), 200) << "the own address in REGISTER";
  EXPECT_EQ(status_of(t, {.uri = "sip:bob@segue.test"}), 400);
}

TEST(Login, AnAnswerWithoutQopIsNoTicketForTheNextRequest) {
  Server t;
  const Try old{.qop = false};
  const auto refusal = t.asks(t.desk, request(old));
  const auto sniffed = answer(refusal, old);
  EXPECT_EQ(t.asks(t.desk, request(old, sniffed)).status, 200);
  const auto replayed = t.asks(t.desk, request(old, sniffed));
  EXPECT_EQ(replayed.status, 401);
  EXPECT_TRUE(DigestChallenge::parse(replayed.get("WWW-Authenticate"))->stale);
}

}  // namespace
}  // namespace segue::engine
