#include <gtest/gtest.h>

#include "store/store.h"
#include "store/temp_folder.h"

namespace segue::store {
namespace {

constexpr const char* kMd5 = "0123456789abcdef0123456789abcdef";
const std::string kSha256 = std::string(kMd5) + kMd5;

class Directory : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store.reset();
    auto opened = Store::open({.path = folder.file("segue.db")});
    ASSERT_TRUE(opened) << opened.error().text;
    store = std::move(*opened);
  }
  call::Device new_device(AccountId account, const char* username, char digit = 0) {
    call::Device device;
    device.account = account;
    device.username = username;
    device.name = "Desk phone";
    device.kind = call::DeviceKind::Mobile;
    device.flip_digit = digit;
    device.codecs = {Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma};
    device.auto_answer = true;
    device.sha256 = true;
    device.ha1_md5 = kMd5;
    device.ha1_sha256 = kSha256;
    return device;
  }
  TempFolder folder;
  std::unique_ptr<Store> store;
};

template <typename T>
ErrorKind kind(const Result<T>& result) {
  return result ? ErrorKind::Internal : result.error().kind;
}

TEST_F(Directory, AccountsSurviveARestart) {
  const auto ada = store->add_account("Ada Lovelace").value();
  const auto grace = store->add_account("Grace").value();
  ASSERT_TRUE(store->rename_account(grace.id, "Grace Hopper"));
  reopen();
  EXPECT_EQ(store->accounts().value(), (std::vector<call::Account>{ada, {grace.id, "Grace Hopper"}}));
  EXPECT_EQ(kind(store->rename_account({99}, "x")), ErrorKind::NotFound);
  EXPECT_EQ(kind(store->delete_account({99})), ErrorKind::NotFound);
}

TEST_F(Directory, DevicesSurviveARestartWithEveryField) {
  const auto ada = store->add_account("Ada").value();
  const auto desk = store->add_device(new_device(ada.id, "ada-desk", '1')).value();
  auto mobile = store->add_device(new_device(ada.id, "ada-mobile")).value();
  mobile.flip_digit = '2';
  mobile.proof_by_answer = true;
  mobile.auto_answer = false;
  mobile.codecs.clear();
  mobile.name = "Pocket";
  ASSERT_TRUE(store->update_device(mobile));
  reopen();
  EXPECT_EQ(store->devices().value(), (std::vector<call::Device>{desk, mobile}));
}

TEST_F(Directory, UsernamesAndFlipDigitsAreUnique) {
  const auto ada = store->add_account("Ada").value(), grace = store->add_account("Grace").value();
  ASSERT_TRUE(store->add_device(new_device(ada.id, "one", '1')));
  ASSERT_TRUE(store->add_device(new_device(ada.id, "no-digit")));
  ASSERT_TRUE(store->add_device(new_device(ada.id, "no-digit-too")));
  const auto same_name = store->add_device(new_device(grace.id, "one"));
  EXPECT_EQ(kind(same_name), ErrorKind::Conflict);
  EXPECT_EQ(same_name.error().text, "username one is taken");
  const auto same_digit = store->add_device(new_device(ada.id, "two", '1'));
  EXPECT_EQ(kind(same_digit), ErrorKind::Conflict);
  EXPECT_EQ(same_digit.error().text, "flip digit 1 is taken by another device of the account");
  ASSERT_TRUE(store->add_device(new_device(grace.id, "two", '1'))) << "another account has its own digits";
}

TEST_F(Directory, RefusesWhatIsNoDigestOrHasNoAccount) {
  const auto ada = store->add_account("Ada").value();
  auto device = new_device(ada.id, "ada");
  device.ha1_md5 = "correct horse battery staple pass";
  EXPECT_EQ(kind(store->add_device(device)), ErrorKind::InvalidInput);
  device.ha1_md5 = "0123456789ABCDEF0123456789ABCDEF";
  EXPECT_EQ(kind(store->add_device(device)), ErrorKind::InvalidInput);
  device = new_device(ada.id, "ada", 'x');
  EXPECT_EQ(kind(store->add_device(device)), ErrorKind::InvalidInput);
  EXPECT_EQ(kind(store->add_device(new_device({77}, "ada"))), ErrorKind::NotFound);
  device = new_device(ada.id, "ada");
  device.id = {5};
  EXPECT_EQ(kind(store->update_device(device)), ErrorKind::NotFound);
  EXPECT_EQ(kind(store->delete_device({5})), ErrorKind::NotFound);
}

TEST_F(Directory, NumbersAreUniqueOnTheServer) {
  const auto ada = store->add_account("Ada").value();
  const auto number = store->add_number(ada.id, "+4930123456").value();
  EXPECT_EQ(kind(store->add_number(ada.id, "+4930123456")), ErrorKind::Conflict);
  EXPECT_EQ(kind(store->add_number({9}, "1001")), ErrorKind::NotFound);
  reopen();
  EXPECT_EQ(store->numbers().value(), std::vector<call::Number>{number});
  ASSERT_TRUE(store->delete_number(number.id));
  EXPECT_EQ(kind(store->delete_number(number.id)), ErrorKind::NotFound);
}

TEST_F(Directory, AnAccountTakesItsOwnWithItAndIdsAreNotGivenAgain) {
  const auto ada = store->add_account("Ada").value();
  const auto desk = store->add_device(new_device(ada.id, "ada")).value();
  ASSERT_TRUE(store->add_number(ada.id, "1001"));
  ASSERT_TRUE(store->add_token("app", ada.id, kSha256));
  ASSERT_TRUE(store->save_bindings(desk.id, {Binding{.contact = "sip:ada@192.0.2.1", .expires_at = WallTime{1h}}}));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(store->delete_account(ada.id));
  EXPECT_TRUE(store->devices()->empty());
  EXPECT_TRUE(store->numbers()->empty());
  EXPECT_TRUE(store->tokens()->empty());
  EXPECT_TRUE(store->bindings(WallTime{})->empty());
  EXPECT_GT(store->add_account("Another")->id.value, ada.id.value);
}

TEST_F(Directory, TokensAreFoundByTheirDigestOnly) {
  const auto ada = store->add_account("Ada").value();
  const auto token = store->add_token("app", ada.id, kSha256).value();
  const auto admin = store->add_token("admin", std::nullopt, std::string(64, 'a')).value();
  EXPECT_EQ(store->find_token(kSha256)->account, ada.id);
  EXPECT_EQ(store->find_token(std::string(64, 'a'))->account, std::nullopt);
  EXPECT_EQ(kind(store->find_token(std::string(64, 'b'))), ErrorKind::NotFound);
  EXPECT_EQ(kind(store->add_token("again", std::nullopt, kSha256)), ErrorKind::Conflict);
  EXPECT_EQ(kind(store->add_token("plain", std::nullopt, "sgt_secret")), ErrorKind::InvalidInput);
  EXPECT_EQ(kind(store->add_token("who", AccountId{9}, std::string(64, 'c'))), ErrorKind::NotFound);
  ASSERT_TRUE(store->delete_token(token.id));
  EXPECT_EQ(kind(store->delete_token(token.id)), ErrorKind::NotFound);
  ASSERT_EQ(store->tokens()->size(), 1U);
  EXPECT_EQ(store->tokens()->front().id, admin.id);
}

TEST_F(Directory, SettingsAreTexts) {
  EXPECT_EQ(store->setting("realm").value(), std::nullopt);
  ASSERT_TRUE(store->set_setting("realm", "segue.local"));
  ASSERT_TRUE(store->set_setting("realm", std::string("a\0b", 3)));
  ASSERT_TRUE(store->set_setting("empty", ""));
  reopen();
  EXPECT_EQ(store->setting("realm").value(), std::string("a\0b", 3));
  EXPECT_EQ(store->setting("empty").value(), "");
  EXPECT_EQ(kind(store->set_setting("store.next_call_id", "1")), ErrorKind::InvalidInput);
}

}  // namespace
}  // namespace segue::store
