#include <gtest/gtest.h>

#include "record/json.h"
#include "record/samples.h"
#include "store/store.h"
#include "store/temp_folder.h"

namespace segue::store {
namespace {

namespace samples = record::samples;

class Records : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen(std::optional<std::uint32_t> pages_max = {}) {
    store.reset();
    options.path = folder.file("segue.db");
    options.pages_max = pages_max;
    auto opened = Store::open(options);
    ASSERT_TRUE(opened) << opened.error().text;
    store = std::move(*opened);
  }
  DeviceId add_device(const char* username = "ada") {
    call::Device device;
    device.account = store->add_account("Ada").value().id;
    device.username = username;
    return store->add_device(device).value().id;
  }
  /// With its own id, flip id and a minute to itself.
  static call::CallRecord numbered(std::uint64_t n, AccountId caller = {}, AccountId callee = {}) {
    auto record = samples::call(n, n);
    record.caller_account = caller;
    record.callee_account = callee;
    record.started_at = samples::wall(static_cast<std::int64_t>(n) * 60'000);
    return record;
  }
  std::vector<std::uint64_t> ids(const RecordPage& page) {
    std::vector<std::uint64_t> all;
    for (const auto& record : page.items) all.push_back(record.id.value);
    return all;
  }
  /// Saves until the writer says that the disk is full; the records that could not be written wait.
  std::uint64_t fill() {
    for (std::uint64_t n = 1; n < 10'000; ++n) {
      EXPECT_TRUE(store->save_record(numbered(n)));
      if (!store->flush()) return n;
    }
    return 0;
  }
  TempFolder folder;
  Options options{
      .path = "",
      .retry = std::chrono::hours{1}};  // only flush() and the end try again: nothing here waits for a clock
  std::unique_ptr<Store> store;
};

template <typename T>
ErrorKind kind(const Result<T>& result) {
  return result ? ErrorKind::Internal : result.error().kind;
}

TEST_F(Records, SurviveARestartWhole) {
  ASSERT_TRUE(store->save_record(samples::call()));
  EXPECT_EQ(record::to_json(store->record({12}).value()), record::to_json(samples::call())) << "before it is written";
  ASSERT_TRUE(store->flush());
  reopen();
  EXPECT_EQ(record::to_json(store->record({12}).value()), record::to_json(samples::call()));
  EXPECT_EQ(record::to_json(store->flip({3}).value()), record::to_json(samples::flip()));
  EXPECT_EQ(kind(store->record({13})), ErrorKind::NotFound);
  EXPECT_EQ(kind(store->flip({4})), ErrorKind::NotFound);
}

TEST_F(Records, AreWrittenAtTheEndWithoutAFlush) {
  ASSERT_TRUE(store->save_record(samples::call()));
  reopen();
  EXPECT_TRUE(store->record({12}));
}

TEST_F(Records, ALaterStateReplacesAnEarlierOne) {
  auto record = samples::call();
  record.flips.clear();
  ASSERT_TRUE(store->save_record(record));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->save_record(samples::call()));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->record({12})->flips.size(), 1U);
  EXPECT_TRUE(store->flip({3}));
  EXPECT_EQ(store->records({}, 10, {})->items.size(), 1U);
}

TEST_F(Records, ComeInPagesNewestFirst) {
  const AccountId ada{1}, grace{2};
  for (std::uint64_t n = 1; n <= 9; ++n)
    ASSERT_TRUE(store->save_record(numbered(n, n % 3 == 0 ? ada : AccountId{}, n % 2 == 0 ? ada : grace)));
  ASSERT_TRUE(store->flush());
  auto page = store->records({}, 4, {}).value();
  EXPECT_EQ(ids(page), (std::vector<std::uint64_t>{9, 8, 7, 6}));
  page = store->records(page.before, 4, {}).value();
  EXPECT_EQ(ids(page), (std::vector<std::uint64_t>{5, 4, 3, 2}));
  page = store->records(page.before, 4, {}).value();
  EXPECT_EQ(ids(page), (std::vector<std::uint64_t>{1}));
  EXPECT_FALSE(page.before);
  page = store->records({}, 3, ada).value();
  EXPECT_EQ(ids(page), (std::vector<std::uint64_t>{9, 8, 6})) << "as caller or as callee, 6 once though it is both";
  page = store->records(page.before, 3, ada).value();
  EXPECT_EQ(ids(page), (std::vector<std::uint64_t>{4, 3, 2}));
  EXPECT_FALSE(page.before);
  EXPECT_TRUE(store->records({}, 3, AccountId{5})->items.empty());
}

TEST_F(Records, PagesLeaveTheReportsPacketsOut) {
  ASSERT_TRUE(store->save_record(samples::call()));
  ASSERT_TRUE(store->flush());
  const auto page = store->records({}, 10, {}).value();
  ASSERT_EQ(page.items.size(), 1U);
  const auto& report = page.items[0].flips.at(0).report.value();
  EXPECT_TRUE(report.packets.empty());
  EXPECT_EQ(report.lines.size(), samples::flip().report->lines.size());
  EXPECT_FALSE(store->record({12})->flips.at(0).report->packets.empty());
}

TEST_F(Records, OldOnesGoWithTheirFlips) {
  for (std::uint64_t n = 1; n <= 5; ++n) ASSERT_TRUE(store->save_record(numbered(n)));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->delete_records_before(samples::wall(4 * 60'000)).value(), 3U);
  EXPECT_EQ(ids(store->records({}, 10, {}).value()), (std::vector<std::uint64_t>{5, 4}));
  EXPECT_EQ(kind(store->flip({3})), ErrorKind::NotFound);
  EXPECT_TRUE(store->flip({4}));
}

TEST_F(Records, NamesThatAreNotUtf8DoNotCostTheRecord) {
  auto record = samples::call();
  record.caller.name =
      "Gr\xFC\xDF"
      "e";
  ASSERT_TRUE(store->save_record(record));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->record({12})->caller.name,
            "Gr\xEF\xBF\xBD\xEF\xBF\xBD"
            "e");
}

TEST_F(Records, IdsNeverComeAgain) {
  EXPECT_EQ(store->first_call_id(), CallId{1});
  EXPECT_EQ(store->first_flip_id(), FlipId{1});
  reopen();
  EXPECT_EQ(store->first_call_id(), CallId{100'001}) << "even if nothing was saved: the run before may have crashed";
  // A run that used far more than was set aside, and then crashed right after its last record.
  ASSERT_TRUE(store->save_record(samples::call(180'000, 450'000)));
  ASSERT_TRUE(store->flush());
  reopen();
  EXPECT_EQ(store->first_call_id(), CallId{280'000});
  EXPECT_EQ(store->first_flip_id(), FlipId{550'000});
}

TEST_F(Records, AFullDiskKeepsThemUntilThereIsRoom) {
  std::vector<WriterState> told;
  options.on_change = [&told](const WriterState& now) { told.push_back(now); };
  reopen(60);
  const auto device = add_device();
  const std::uint64_t first_waiting = fill();
  ASSERT_GT(first_waiting, 2U);
  auto state = store->writer_state();
  EXPECT_FALSE(state.ok);
  EXPECT_NE(state.error.find("full"), std::string::npos) << state.error;
  EXPECT_EQ(state.waiting, 1U);
  EXPECT_EQ(state.lost, 0U);

  // What comes now is taken, shown and merged; the directory can still be read and changed.
  ASSERT_TRUE(store->save_record(numbered(20'000)));
  ASSERT_TRUE(store->save_record(numbered(20'000)));
  EXPECT_EQ(store->writer_state().waiting, 2U);
  EXPECT_TRUE(store->record({20'000}));
  EXPECT_TRUE(store->flip({20'000}));
  EXPECT_TRUE(store->record({1}));
  EXPECT_TRUE(store->add_number(store->accounts()->front().id, "1001"));
  EXPECT_EQ(kind(store->flush()), ErrorKind::Exhausted);

  ASSERT_GT(store->delete_records_before(samples::wall(static_cast<std::int64_t>(first_waiting) * 60'000)).value(), 0U);
  ASSERT_TRUE(store->save_bindings(device, {Binding{.contact = "sip:a@192.0.2.1", .expires_at = WallTime{1h}}}));
  const auto flushed = store->flush();
  ASSERT_TRUE(flushed) << flushed.error().text;
  state = store->writer_state();
  EXPECT_TRUE(state.ok);
  EXPECT_EQ(state.waiting, 0U);
  EXPECT_EQ(state.lost, 0U);
  options.on_change = nullptr;
  reopen();  // joins the writer, who told
  ASSERT_EQ(told.size(), 2U);
  EXPECT_FALSE(told[0].ok);
  EXPECT_NE(told[0].error.find("full"), std::string::npos) << told[0].error;
  EXPECT_TRUE(told[1].ok);
  EXPECT_TRUE(store->record({first_waiting}));
  EXPECT_TRUE(store->record({20'000}));
}

TEST_F(Records, AFullDiskKeepsNoMoreThanItsBound) {
  options.records_waiting_max = 3;
  options.bindings_waiting_max = 1;
  reopen(60);
  const auto device = add_device();
  ASSERT_GT(fill(), 0U);
  ASSERT_TRUE(store->save_record(numbered(20'001)));
  ASSERT_TRUE(store->save_record(numbered(20'002)));
  EXPECT_EQ(kind(store->save_record(numbered(20'003))), ErrorKind::Exhausted);
  EXPECT_TRUE(store->save_record(numbered(20'002))) << "one that waits already may change";
  EXPECT_EQ(store->writer_state().lost, 1U);
  ASSERT_TRUE(store->save_bindings(device, {}));
  EXPECT_TRUE(store->save_bindings(device, {}));
  EXPECT_EQ(kind(store->save_bindings({99}, {})), ErrorKind::Exhausted);
}

TEST_F(Records, AFullDiskDoesNotHoldUpTheEnd) {
  reopen(60);
  ASSERT_GT(fill(), 0U);
  store.reset();  // would hang or crash
}

TEST_F(Records, BindingsOfADeviceAreReplacedTogether) {
  const auto device = add_device();
  Binding b{.contact = "sip:ada@192.0.2.7:5062;transport=tcp", .transport = "tcp"};
  b.local = Endpoint::parse("192.0.2.1:5060").value();
  b.remote = Endpoint::parse("[2001:db8::7]:40000").value();
  b.received_from = "198.51.100.3:40000";
  b.path = {"<sip:edge1;lr>", "<sip:edge2;lr>"};
  b.call_id = "reg-1";
  b.cseq = 4'294'967'295;
  b.instance_id = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>";
  b.reg_id = 2;
  b.expires_at = samples::wall(3'600'000);
  b.user_agent = "phone/1.0";
  Binding old = b;
  old.contact = "sip:ada@192.0.2.8";
  old.expires_at = samples::wall(1);
  ASSERT_TRUE(store->save_bindings(device, {old, b}));
  reopen();
  auto all = store->bindings(samples::wall(0)).value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].device, device);
  EXPECT_EQ(all[0].bindings, (std::vector<Binding>{old, b}));
  EXPECT_EQ(store->bindings(samples::wall(1))->front().bindings, std::vector<Binding>{b})
      << "expired ones are not given back";
  ASSERT_TRUE(store->save_bindings(device, {}));
  ASSERT_TRUE(store->flush());
  EXPECT_TRUE(store->bindings(samples::wall(0))->empty());
}

TEST_F(Records, BindingsOfADeletedDeviceDoNotHoldUpTheRest) {
  const auto device = add_device();
  ASSERT_TRUE(store->save_bindings({4711}, {Binding{.contact = "sip:x@192.0.2.1", .expires_at = WallTime{1h}}}));
  ASSERT_TRUE(store->save_bindings(device, {Binding{.contact = "sip:y@192.0.2.1", .expires_at = WallTime{1h}}}));
  ASSERT_TRUE(store->save_record(samples::call()));
  ASSERT_TRUE(store->flush());
  EXPECT_TRUE(store->writer_state().ok);
  EXPECT_EQ(store->bindings(WallTime{})->size(), 1U);
  EXPECT_TRUE(store->record({12}));
}

TEST_F(Records, ManyGoThroughInBatches) {
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    auto record = numbered(n);
    record.flips.clear();
    ASSERT_TRUE(store->save_record(record));
  }
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->records({}, 1000, {})->items.size(), 1000U);
}

}  // namespace
}  // namespace segue::store
