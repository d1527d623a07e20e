// Every torture message of RFC 4475 against the whole server: what comes back, and that nothing stays behind.
#include "sip/rfc4475_test_table.h"

#include "engine/engine_harness.h"

namespace segue::engine {
namespace {

using namespace testing;

class TortureAtTheServer : public ::testing::TestWithParam<sip::testing::TortureCase> {};

TEST_P(TortureAtTheServer, IsAnsweredAsTheTableSays) {
  Server t;
  const Now now = t.now();
  const sip::Flow from{sip::TransportKind::Udp, {IpAddress::v4(192, 0, 2, 1), 5060}, t.desk.self, {}};
  t.engine.receive(sip::testing::torture_bytes(SEGUE_SOURCE_DIR, GetParam().name), from, now);
  std::vector<int> answers;
  while (auto output = t.engine.poll()) {
    if (const auto* sent = std::get_if<SendSip>(&*output)) {
      ASSERT_TRUE(sent->bytes.starts_with("SIP/2.0 ")) << sent->bytes;
      answers.push_back(std::stoi(sent->bytes.substr(8, 3)));
      EXPECT_EQ(sent->flow.remote.ip, t.desk.self.ip);
    } else {
      EXPECT_TRUE(std::holds_alternative<Log>(*output));
    }
  }
  const auto expected = GetParam().answer == 0 ? std::vector<int>{} : std::vector<int>{GetParam().answer};
  EXPECT_EQ(answers, expected);
  t.passes(200s);
  const auto left = t.engine.sizes();
  EXPECT_EQ(left.legs + left.sip.sessions + left.sip.server_transactions + left.sip.timers, 0U);
}

INSTANTIATE_TEST_SUITE_P(Rfc4475, TortureAtTheServer, ::testing::ValuesIn(sip::testing::kTortureCases),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace segue::engine
