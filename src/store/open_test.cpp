#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "record/json.h"
#include "record/samples.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/temp_folder.h"

namespace segue::store {
namespace {

namespace samples = record::samples;

std::string refusal(const std::string& path) {
  const auto opened = Store::open({.path = path});
  return opened ? "" : opened.error().text;
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

/// As another program would.
void execute(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

TEST(Open, SaysWhatIsWrongWithTheFile) {
  const TempFolder folder;
  EXPECT_TRUE(has(refusal(folder.file("no/such/folder.db")), "No such file or directory"));
  std::ofstream(folder.file("text.db")) << std::string(5000, 'x');
  EXPECT_TRUE(has(refusal(folder.file("text.db")), "not a database"));
  EXPECT_TRUE(has(refusal(folder.file("text.db")), folder.file("text.db")));
}

TEST(Open, RefusesAnotherProgramsDatabase) {
  const TempFolder folder;
  execute(folder.file("other.db"), "CREATE TABLE cookies (x)");
  EXPECT_TRUE(has(refusal(folder.file("other.db")), "another program"));
}

TEST(Open, RefusesANewerDatabase) {
  const TempFolder folder;
  ASSERT_TRUE(Store::open({.path = folder.file("a.db")}));
  execute(folder.file("a.db"), "PRAGMA user_version=99");
  EXPECT_TRUE(has(refusal(folder.file("a.db")), "newer Segue (schema 99"));
}

TEST(Open, FindsDamage) {
  const TempFolder folder;
  {
    auto store = Store::open({.path = folder.file("a.db")}).value();
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(store->set_setting("key " + std::to_string(i), std::string(1500, 'v')));
  }
  // The middle of the file is pages of settings; the header and the schema stay whole.
  std::fstream file(folder.file("a.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(file.tellg());
  file.seekp(size / 2);
  file << std::string(8192, '\x5A');
  file.close();
  const auto text = refusal(folder.file("a.db"));
  EXPECT_TRUE(has(text, "damaged") || has(text, "malformed")) << text;
}

TEST(Open, OnlyOnceAtATimeAndOnlyForItsOwner) {
  const TempFolder folder;
  const std::string path = folder.file("a.db");
  {
    auto store = Store::open({.path = path}).value();
    EXPECT_TRUE(has(refusal(path), "open in another process"));
    ASSERT_TRUE(store->add_account("Ada"));
    for (const char* suffix : {"", "-wal", ".lock"}) {
      struct stat status {};
      ASSERT_EQ(::stat((path + suffix).c_str(), &status), 0) << suffix;
      EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
    }
  }
  EXPECT_EQ(refusal(path), "");
}

TEST(Migration, RecordsThatHoldTheirPacketsThemselvesAreRead) {
  const TempFolder folder;
  const auto path = folder.file("a.db");
  std::ofstream(path).close();
  {
    auto database = Database::open(path, {}).value();
    ASSERT_TRUE(migrate(database, schema_steps().first(1)));
    auto insert = database.prepare("INSERT INTO records (id, started_ms, json) VALUES (12, 0, ?1)");
    ASSERT_TRUE(insert.bind(1, record::to_json(samples::call()).dump()).run());
    ASSERT_TRUE(database.run("INSERT INTO flips (id, record) VALUES (3, 12)"));
  }
  const auto store = Store::open({.path = path});
  ASSERT_TRUE(store) << store.error().text;
  EXPECT_EQ(record::to_json((*store)->record({12}).value()), record::to_json(samples::call()));
  EXPECT_EQ(record::to_json((*store)->flip({3}).value()), record::to_json(samples::flip()));
}

TEST(Migration, GoesStepByStepAndAFailedStepLeavesTheOldVersion) {
  const TempFolder folder;
  std::ofstream(folder.file("a.db")).close();
  auto database = Database::open(folder.file("a.db"), {}).value();
  constexpr std::array<const char*, 1> one = {"CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"};
  constexpr std::array<const char*, 2> broken = {one[0], "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);"};
  constexpr std::array<const char*, 3> three = {one[0], "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7;",
                                                "UPDATE a SET x=x+y;"};
  ASSERT_TRUE(migrate(database, one));
  EXPECT_FALSE(migrate(database, broken));
  EXPECT_EQ(database.integer("PRAGMA user_version").value(), 1);
  EXPECT_EQ(database.integer("SELECT count(*) FROM sqlite_schema WHERE name='b'").value(), 0);
  ASSERT_TRUE(migrate(database, three));
  EXPECT_EQ(database.integer("PRAGMA user_version").value(), 3);
  EXPECT_EQ(database.integer("SELECT x FROM a").value(), 8);
  ASSERT_TRUE(migrate(database, three)) << "nothing to do";
  EXPECT_FALSE(migrate(database, one)) << "newer";
}

}  // namespace
}  // namespace segue::store
