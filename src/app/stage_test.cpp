// A whole server and four phones in one process, over loopback sockets, while somebody else asks over REST: under
// ThreadSanitizer this is what runs all of Segue's threads against each other.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "app/demo_stage.h"
#include "store/temp_folder.h"

namespace segue::app {
namespace {

/// Asks the server's lists over and over until it goes.
class Asker {
 public:
  explicit Asker(const Server& server)
      : thread_(
            [this, client = RestClient(server.http().to_string(), server.admin_token())](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                for (const char* path : {"/v1/calls", "/v1/accounts", "/v1/records", "/v1/health"}) {
                  client.get_text(path) ? ++answered_ : ++refused_;
                }
              }
            }) {}
  [[nodiscard]] int answered() const { return answered_; }
  [[nodiscard]] int refused() const { return refused_; }

 private:
  std::atomic<int> answered_{0}, refused_{0};
  std::jthread thread_;
};

TEST(Stage, MovesALiveCallWhileOthersAskTheServerForItsLists) {
  const store::TempFolder folder;
  const auto voice = phone::voice_like(120, 1);
  auto stage = Stage::set_up({.data_dir = folder.file("data"), .voices = {voice, voice, voice, voice}, .ring = 100ms});
  ASSERT_TRUE(stage.has_value()) << stage.error().text;
  const auto called = (*stage)->place_call();
  ASSERT_TRUE(called.has_value()) << called.error().text;
  {
    const Asker asker((*stage)->server());
    for (const auto& [act, to] : {std::pair<Act, std::size_t>{Act::RestRing, 1}, {Act::Pull, 0}, {Act::WalkAway, 2}}) {
      const auto taken = (*stage)->flip(act, to);
      ASSERT_TRUE(taken.has_value()) << taken.error().text;
      EXPECT_EQ(taken->outcome, "done") << act_title(act);
      const auto record = (*stage)->server_record(taken->id);
      ASSERT_TRUE(record.has_value()) << record.error().text;
      EXPECT_TRUE(record->at("report").at("spliced").get<bool>()) << act_title(act);
    }
    EXPECT_GT(asker.answered(), 0);
    EXPECT_EQ(asker.refused(), 0);
  }
  const auto ended = (*stage)->end_call();
  ASSERT_TRUE(ended.has_value()) << ended.error().text;
  EXPECT_EQ((*stage)->server().residue().calls, 0U);
}

}  // namespace
}  // namespace segue::app
