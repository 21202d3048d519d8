#include "common/db/sqlite/sqlite_db.h"

#include <sys/stat.h>

#include <fstream>

#include "tests/contract/db_contract.h"
#include "tests/contract/db_numbers_contract.h"
#include "tests/contract/sqlite_backends.h"
#include "tests/support/temp_folder.h"

namespace watchbell::db {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(SqliteFile, DbContract, SqliteFile);
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteMemory, DbContract, SqliteMemory);
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteFile, DbNumbersContract, SqliteFile);
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteMemory, DbNumbersContract, SqliteMemory);

int64_t SizeOf(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<int64_t>(info.st_size) : -1;
}

void InsertMegabytes(Database& database, int megabytes) {
  for (int i = 0; i < megabytes; ++i) {
    auto transaction = database.Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    ASSERT_TRUE((*transaction)
                    ->Execute("INSERT INTO t (v) VALUES ($1)", {Bytes{std::string(1'000'000, 'x')}})
                    .ok());
    ASSERT_TRUE((*transaction)->Commit().ok());
  }
}

TEST(SqliteTest, OnlyMaintainMovesTheLogIntoTheFile) {
  SqliteFile file;
  ASSERT_TRUE(file.database().RunScript("CREATE TABLE t (v BYTEA NOT NULL);").ok());
  InsertMegabytes(file.database(), 6);  // 1,500 pages: over SQLite's own threshold
  EXPECT_LT(SizeOf(file.path()), 1'000'000);
  ASSERT_TRUE(file.database().Maintain(false).ok());  // not enough to stop the work for
  EXPECT_LT(SizeOf(file.path()), 1'000'000);
  ASSERT_TRUE(file.database().Maintain(true).ok());
  EXPECT_GT(SizeOf(file.path()), 6'000'000);
  // The log begins anew instead of growing.
  InsertMegabytes(file.database(), 6);
  EXPECT_LT(SizeOf(file.path() + "-wal"), 8'000'000);
}

TEST(SqliteTest, ALongLogIsMovedUnderLoadAndGivenBackWhenIdle) {
  SqliteFile file;
  ASSERT_TRUE(file.database().RunScript("CREATE TABLE t (v BYTEA NOT NULL);").ok());
  InsertMegabytes(file.database(), 34);
  ASSERT_TRUE(file.database().Maintain(false).ok());
  EXPECT_GT(SizeOf(file.path()), 34'000'000);
  InsertMegabytes(file.database(), 70);
  ASSERT_TRUE(file.database().Maintain(true).ok());
  EXPECT_EQ(SizeOf(file.path() + "-wal"), 0);
  EXPECT_EQ(file.database().Read("SELECT COUNT(*) FROM t", {}).value(),
            std::vector<Row>{{int64_t{104}}});
}

TEST(SqliteTest, WhatIsNoDatabaseIsRefusedByName) {
  test::TempFolder folder;
  const std::string path = folder.File("letter.txt");
  std::ofstream(path) << std::string(5'000, 'x');
  const auto database = OpenSqlite(path);
  EXPECT_EQ(database.status().code(), absl::StatusCode::kUnavailable) << database.status();
  EXPECT_THAT(std::string(database.status().message()), ::testing::HasSubstr(path));
  EXPECT_EQ(OpenSqlite(folder.File("no/such/folder.db")).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(SqliteTest, AForeignWritersLockIsUnavailable) {
  SqliteFile file;
  ASSERT_TRUE(file.database().RunScript("CREATE TABLE t (v BYTEA NOT NULL);").ok());
  auto foreign = OpenOrFail(OpenSqlite(file.path()));
  auto lock = foreign->Begin();
  ASSERT_TRUE(lock.ok());
  const auto refused = file.database().Begin();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("locked"));
  lock->reset();
  EXPECT_TRUE(file.database().Begin().ok());
}

TEST(SqliteTest, AThreadsSecondTransactionIsAMistake) {
  SqliteMemory memory;
  auto first = memory.database().Begin();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(memory.database().Begin().status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(memory.database().RunScript("SELECT 1;").code(), absl::StatusCode::kInternal);
  EXPECT_TRUE((*first)->Commit().ok());
}

TEST(SqliteTest, InMemoryAThreadReadsIntoItsOwnTransaction) {
  SqliteMemory memory;
  ASSERT_TRUE(memory.database().RunScript("CREATE TABLE t (v BYTEA NOT NULL);").ok());
  auto transaction = memory.database().Begin();
  ASSERT_TRUE(transaction.ok());
  ASSERT_TRUE((*transaction)->Execute("INSERT INTO t (v) VALUES ($1)", {Bytes{"x"}}).ok());
  EXPECT_EQ(memory.database().Read("SELECT COUNT(*) FROM t", {}).value(),
            std::vector<Row>{{int64_t{1}}});
}

}  // namespace
}  // namespace watchbell::db
