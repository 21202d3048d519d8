#include "common/db/migrations.h"

#include "common/db/sqlite/sqlite_db.h"
#include "common/db/sqlite/sqlite_dialect.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::db {
namespace {

using ::testing::HasSubstr;

class MigrationsTest : public ::testing::Test {
 protected:
  MigrationsTest() : database_(std::move(*OpenSqliteInMemory())) {}

  int Version() { return SchemaVersion(*database_).value(); }

  const std::vector<Migration> all_ = {
      {1, "engine", "CREATE TABLE a (k BIGINT PRIMARY KEY, v TEXT NOT NULL);"},
      {2, "o'clock", "ALTER TABLE a ADD COLUMN w BIGINT;\nCREATE INDEX a_w ON a (w); -- the end"},
      {3, "fill", "INSERT INTO a (k, v, w) VALUES (1, 'x;y', 2)"},
  };
  std::unique_ptr<Database> database_;
};

TEST_F(MigrationsTest, BringsAnEmptyDatabaseToTheLast) {
  EXPECT_EQ(Version(), 0);
  ASSERT_TRUE(Migrate(*database_, all_).ok());
  EXPECT_EQ(Version(), 3);
  const auto rows = database_->Read("SELECT k, v, w FROM a", {});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, (std::vector<Row>{{int64_t{1}, "x;y", int64_t{2}}}));
}

TEST_F(MigrationsTest, DoesOnlyWhatIsLeft) {
  ASSERT_TRUE(Migrate(*database_, absl::MakeSpan(all_).subspan(0, 1)).ok());
  EXPECT_EQ(Version(), 1);
  ASSERT_TRUE(Migrate(*database_, all_).ok());
  ASSERT_TRUE(Migrate(*database_, all_).ok());  // the INSERT would fail a second time
  EXPECT_EQ(Version(), 3);
}

TEST_F(MigrationsTest, AStepThatFailsLeavesNothingBehind) {
  std::vector<Migration> broken = all_;
  broken[1].sql = "CREATE TABLE b (k BIGINT PRIMARY KEY); CREATE TABLE a (k BIGINT PRIMARY KEY);";
  const absl::Status status = Migrate(*database_, broken);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema change 2 (o'clock)"));
  EXPECT_EQ(Version(), 1);
  EXPECT_FALSE(database_->Read("SELECT k FROM b", {}).ok());
  EXPECT_TRUE(Migrate(*database_, all_).ok());
}

TEST_F(MigrationsTest, ADatabaseOneChangeAheadIsFine) {
  ASSERT_TRUE(Migrate(*database_, all_).ok());
  const auto older = absl::MakeSpan(all_).subspan(0, 2);
  EXPECT_TRUE(CheckSchema(*database_, older).ok());
  EXPECT_TRUE(PlanMigrations(*database_, older)->empty());
  EXPECT_TRUE(Migrate(*database_, older).ok());
  EXPECT_EQ(Version(), 3);
}

TEST_F(MigrationsTest, ADatabaseFurtherAheadIsRefused) {
  ASSERT_TRUE(Migrate(*database_, all_).ok());
  const auto older = absl::MakeSpan(all_).subspan(0, 1);
  for (const absl::Status& status : {Migrate(*database_, older), CheckSchema(*database_, older)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(std::string(status.message()),
              "the database is too new: it has schema version 3, this program knows only up to 1 "
              "and runs with one more: use the program that wrote it, or a newer one");
  }
  EXPECT_EQ(Version(), 3);
}

TEST_F(MigrationsTest, CheckSchemaSaysWhatToDo) {
  const absl::Status status = CheckSchema(*database_, all_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()),
            "the database is too old: it has schema version 0, this program needs 3: run "
            "`watchbell migrate` first");
  ASSERT_TRUE(Migrate(*database_, all_).ok());
  EXPECT_TRUE(CheckSchema(*database_, all_).ok());
}

TEST_F(MigrationsTest, ProgramsRunWithoutWhatIsNotNeeded) {
  std::vector<Migration> eased = all_;
  eased[2].needed = false;
  ASSERT_TRUE(Migrate(*database_, absl::MakeSpan(eased).subspan(0, 1)).ok());
  EXPECT_EQ(std::string(CheckSchema(*database_, eased).message()),
            "the database is too old: it has schema version 1, this program needs 2: run "
            "`watchbell migrate` first");
  ASSERT_TRUE(Migrate(*database_, absl::MakeSpan(eased).subspan(0, 2)).ok());
  EXPECT_TRUE(CheckSchema(*database_, eased).ok());
}

TEST_F(MigrationsTest, APlanSaysWhatWouldBeDoneAndDoesNothing) {
  ASSERT_TRUE(Migrate(*database_, absl::MakeSpan(all_).subspan(0, 1)).ok());
  const auto plan = PlanMigrations(*database_, all_);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->size(), 2u);
  EXPECT_EQ((*plan)[0].name, "o'clock");
  EXPECT_EQ((*plan)[1].name, "fill");
  EXPECT_EQ(Version(), 1);
}

TEST_F(MigrationsTest, LookingMakesNothing) {
  EXPECT_EQ(Version(), 0);
  EXPECT_EQ(PlanMigrations(*database_, all_)->size(), 3u);
  EXPECT_EQ(database_->Read("SELECT COUNT(*) FROM sqlite_master", {}).value(),
            std::vector<Row>{{int64_t{0}}});
}

TEST_F(MigrationsTest, AGapInTheNumbersIsRefused) {
  const std::vector<Migration> gap = {all_[0], all_[2]};
  for (const absl::Status& status : {Migrate(*database_, gap), CheckSchema(*database_, gap)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("number 2 is missing"));
  }
  EXPECT_EQ(Version(), 0);
}

TEST(SqliteDialectTest, TablesAreStrictAndTypesSqlites) {
  EXPECT_EQ(TranslateScript(
                "CREATE TABLE t (\n  k BIGINT PRIMARY KEY, -- ; BIGINT\n  d DOUBLE PRECISION,\n"
                "  b BYTEA, note TEXT DEFAULT 'BIGINT;'\n);\nCREATE INDEX i ON t (d);"),
            "CREATE TABLE t (\n  k INTEGER PRIMARY KEY, \n  d REAL ,\n  b BLOB, note TEXT DEFAULT "
            "'BIGINT;'\n) STRICT;\nCREATE INDEX i ON t (d);");
}

TEST(SqliteDialectTest, SmallRowsUnderAWideKeyLieInTheKeysTree) {
  EXPECT_EQ(TranslateScript("create table if not exists t (a BIGINT, b TEXT, PRIMARY KEY (a, b))"),
            "create table if not exists t (a INTEGER, b TEXT, PRIMARY KEY (a, b)) STRICT, WITHOUT "
            "ROWID;");
  EXPECT_EQ(TranslateScript("CREATE TABLE t (a TEXT, b BYTEA, PRIMARY KEY (a, b));"),
            "CREATE TABLE t (a TEXT, b BLOB, PRIMARY KEY (a, b)) STRICT;");
}

TEST(SqliteDialectTest, ParametersKeepTheirNumbers) {
  EXPECT_EQ(TranslateParameters("SELECT '$1', \"$2\", a FROM t WHERE b = $2 AND a > $10 -- $3"),
            "SELECT '$1', \"$2\", a FROM t WHERE b = ?2 AND a > ?10 -- $3");
}

}  // namespace
}  // namespace watchbell::db
