// SQLite as the contract suites of databases and journals see it (see db_contract.h).
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/db/sqlite/sqlite_db.h"
#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"

namespace watchbell::db {

inline std::unique_ptr<Database> OpenOrFail(absl::StatusOr<std::unique_ptr<Database>> database) {
  EXPECT_TRUE(database.ok()) << database.status();
  return database.ok() ? std::move(*database) : nullptr;
}

inline void LimitPages(Database& database, int64_t pages) {
  const absl::Status status =
      database.RunScript(absl::StrCat("PRAGMA max_page_count = ", pages, ";"));
  EXPECT_TRUE(status.ok()) << status;
}

inline void LimitToPresentSize(Database& database) {
  const auto pages = database.Read("PRAGMA page_count", {});
  ASSERT_TRUE(pages.ok()) << pages.status();
  LimitPages(database, AsInt((*pages)[0][0]));
}

inline constexpr int64_t kNoPageLimit = 1'000'000;

struct SqliteFile {
  static constexpr bool kPersists = true;
  static constexpr bool kReadsAreIsolated = true;
  static constexpr bool kDiskCanFill = true;

  Database& database() { return *database_; }
  void Reopen() {
    database_ = nullptr;
    database_ = OpenOrFail(OpenSqlite(path()));
  }
  void FillDisk() { LimitToPresentSize(*database_); }
  void FreeDisk() { LimitPages(*database_, kNoPageLimit); }
  std::string path() const { return folder_.File("service.db"); }

 private:
  test::TempFolder folder_;
  std::unique_ptr<Database> database_ = OpenOrFail(OpenSqlite(path()));
};

struct SqliteMemory {
  static constexpr bool kPersists = false;
  static constexpr bool kReadsAreIsolated = false;
  static constexpr bool kDiskCanFill = true;

  Database& database() { return *database_; }
  void Reopen() {}
  void FillDisk() { LimitToPresentSize(*database_); }
  void FreeDisk() { LimitPages(*database_, kNoPageLimit); }

 private:
  std::unique_ptr<Database> database_ = OpenOrFail(OpenSqliteInMemory());
};

}  // namespace watchbell::db
