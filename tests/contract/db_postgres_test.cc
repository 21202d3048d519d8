// What PostgreSQL does beyond the contract: locks, numbers among several writers, deadlines, types,
// and migrations run by several at once.
#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/deadline.h"
#include "common/base/status_macros.h"
#include "common/db/migrations.h"
#include "tests/contract/db_contract.h"
#include "tests/contract/db_numbers_contract.h"
#include "tests/contract/postgres_backend.h"
#include "tests/contract/postgres_fixture.h"

namespace watchbell::db {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DbContract, Postgres);
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DbNumbersContract, Postgres);

TEST_F(PostgresTest, ARowIsLockedAgainstOtherLoads) {
  ASSERT_TRUE(Write(*direct_, KeyA()).ok());
  PostgresOptions impatient = schema_.Options();
  impatient.lock_timeout = absl::Milliseconds(50);
  const auto other = PostgresSchema::Open(impatient);
  const auto load = [&](Lock lock) {
    return Begin(*other)->LoadAll({KeySet{&KeysTable(), {KeyA()}, lock}}).status();
  };
  {
    auto holder = Begin(*direct_);
    ASSERT_TRUE(holder->LoadAll({KeySet{&KeysTable(), {KeyA()}, Lock::kShare}}).ok());
    EXPECT_TRUE(load(Lock::kShare).ok());
    EXPECT_EQ(load(Lock::kUpdate).code(), absl::StatusCode::kAborted);
  }
  auto holder = Begin(*direct_);
  ASSERT_TRUE(holder->Load(KeysTable(), {KeyA()}).ok());
  EXPECT_EQ(load(Lock::kShare).code(), absl::StatusCode::kAborted);
  const absl::Status refused = load(Lock::kUpdate);
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("locked by another transaction"));
  // Another key is free, and so is this one for reading.
  EXPECT_TRUE(Write(*other, {"b", int64_t{1}}).ok());
  EXPECT_TRUE(other->Read("SELECT a FROM only_keys", {}).ok());
  ASSERT_TRUE(holder->Commit().ok());
  EXPECT_TRUE(load(Lock::kUpdate).ok());
}

TEST_F(PostgresTest, OfTwoInADeadlockOneGoesOn) {
  const Row b = {"b", int64_t{1}};
  ASSERT_TRUE(Write(*direct_, KeyA()).ok());
  ASSERT_TRUE(Write(*direct_, b).ok());
  PostgresOptions patient = schema_.Options();
  patient.lock_timeout = kAtMost;
  patient.statement_timeout = kAtMost;
  const auto first = PostgresSchema::Open(patient);
  const auto second = PostgresSchema::Open(patient);
  auto one = Begin(*first);
  auto two = Begin(*second);
  ASSERT_TRUE(one->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(two->Load(KeysTable(), {b}).ok());
  absl::Status ended[2];
  std::thread waiting([&] {
    ended[0] = one->Load(KeysTable(), {b}).status();
    one.reset();
  });
  ended[1] = two->Load(KeysTable(), {KeyA()}).status();
  two.reset();
  waiting.join();
  EXPECT_NE(ended[0].ok(), ended[1].ok());
  const absl::Status& loser = ended[0].ok() ? ended[1] : ended[0];
  EXPECT_EQ(loser.code(), absl::StatusCode::kAborted) << loser;
  EXPECT_THAT(std::string(loser.message()), HasSubstr("deadlock"));
}

// Two that lock the same rows in opposite tables' order would wait for each other if the keys'
// order did not decide.
TEST_F(PostgresTest, RowsAreLockedInTheOrderOfTheirKeys) {
  constexpr int64_t kRows = 200;
  std::vector<Row> rows;
  for (int64_t id = 0; id < kRows; ++id) rows.push_back({"k", id});
  // The heap's order is not the keys'.
  std::vector<Row> backwards(rows.rbegin(), rows.rend());
  auto transaction = Begin(*direct_);
  ASSERT_TRUE(transaction->Insert(KeysTable(), backwards).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  ASSERT_TRUE(direct_->RunScript("ANALYZE only_keys;").ok());
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      const auto database = schema_.Open();
      for (int round = 0; round < 50; ++round) {
        auto mine = Begin(*database);
        const auto loaded = mine->Load(KeysTable(), rows);
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        ASSERT_EQ(loaded->size(), rows.size());
        ASSERT_TRUE(mine->Commit().ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

// A log of kSequence numbers, read by cursor while several processes write it.
TEST_F(PostgresTest, AReaderByCursorMissesNothingOfFourWriters) {
  constexpr int kWriters = 4;
  constexpr int kCommits = 150;
  constexpr int64_t kRows = 3;
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      const auto database = schema_.Open();
      for (int commit = 0; commit < kCommits; ++commit) {
        auto transaction = Begin(*database);
        std::vector<Row> rows;
        for (int64_t k = 1; k <= kRows; ++k) rows.push_back({k, absl::StrCat(i)});
        ASSERT_TRUE(transaction->Insert(LogTable(), rows).ok());
        // Some take their numbers early and come late to their commit, some never get there.
        if (commit % 3 == 0) {
          ASSERT_TRUE(transaction->Query("SELECT 1", {}).ok());
        }
        if (commit % 10 == 9) continue;
        const absl::Status committed = transaction->Commit();
        ASSERT_TRUE(committed.ok()) << committed;
      }
      --writing;
    });
  }
  const auto reader = schema_.Open();
  std::vector<int64_t> seen;
  int64_t last = 0;
  for (bool more = true; more;) {
    more = writing > 0;
    const auto rows =
        reader->Read("SELECT number FROM log WHERE number > $1 ORDER BY number LIMIT 10", {last});
    ASSERT_TRUE(rows.ok()) << rows.status();
    for (const Row& row : *rows) seen.push_back(last = AsInt(row[0]));
    more = more || !rows->empty();
  }
  for (std::thread& writer : writers) writer.join();
  std::vector<int64_t> all;
  for (const Row& row : Read("SELECT number FROM log ORDER BY number"))
    all.push_back(AsInt(row[0]));
  EXPECT_EQ(all.size(), size_t{kWriters * (kCommits - kCommits / 10) * kRows});
  EXPECT_EQ(seen, all);
}

TEST_F(PostgresTest, AReadHeedsTheThreadsDeadline) {
  {
    const ScopedDeadline passed(RealClock().Now() - absl::Seconds(1));
    EXPECT_EQ(direct_->Read("SELECT 1", {}).status().code(), absl::StatusCode::kDeadlineExceeded);
    // An outer deadline that comes earlier stays in force.
    const ScopedDeadline later(RealClock().Now() + absl::Hours(1));
    EXPECT_EQ(direct_->Read("SELECT 1", {}).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  {
    const ScopedDeadline soon(RealClock().Now() + absl::Milliseconds(200));
    EXPECT_EQ(direct_->Read("SELECT CAST(pg_sleep(600) AS TEXT)", {}).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  }
  const ScopedDeadline enough(RealClock().Now() + absl::Seconds(9));
  EXPECT_EQ(Read("SELECT current_setting('statement_timeout') <> '10s'"),
            std::vector<Row>{{int64_t{1}}});
}

TEST_F(PostgresTest, AStatementHasATimeOut) {
  PostgresOptions options = schema_.Options();
  options.statement_timeout = absl::Milliseconds(100);
  const auto hasty = PostgresSchema::Open(options);
  const absl::Status slow = hasty->Read("SELECT CAST(pg_sleep(600) AS TEXT)", {}).status();
  EXPECT_EQ(slow.code(), absl::StatusCode::kUnavailable) << slow;
  EXPECT_THAT(std::string(slow.message()), HasSubstr("took too long"));
  EXPECT_EQ(Begin(*hasty)->Query("SELECT CAST(pg_sleep(600) AS TEXT)", {}).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Write(*hasty, KeyA()).ok());
}

TEST_F(PostgresTest, ShortTypesAreReadAndWideOnesNameTheCure) {
  EXPECT_EQ(
      Read("SELECT CAST(-7 AS INTEGER), CAST(8 AS SMALLINT), 2 > 1, 2 < 1, "
           "CAST('x' AS VARCHAR), NULL, 'word'"),
      (std::vector<Row>{{int64_t{-7}, int64_t{8}, int64_t{1}, int64_t{0}, "x", Value(), "word"}}));
  const absl::Status wide = direct_->Read("SELECT SUM(id) AS total FROM all_values", {}).status();
  ASSERT_TRUE(wide.ok()) << "NULL has no type to mind";
  ASSERT_TRUE(direct_->RunScript("INSERT INTO all_values (tenant, id) VALUES ('t', 1);").ok());
  const absl::Status refused =
      direct_->Read("SELECT SUM(id) AS total FROM all_values", {}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("column total"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("CAST"));
  EXPECT_EQ(
      Read("SELECT COUNT(*) FROM all_values WHERE number = $1 OR words = $2", {Value(), Value()}),
      std::vector<Row>{{int64_t{0}}});
}

TEST_F(PostgresTest, MoreStatementsThanAreKeptDoNoHarm) {
  for (int64_t i = 0; i < 600; ++i) {
    EXPECT_EQ(Read(absl::StrCat("SELECT ", i, " + $1"), {i}), std::vector<Row>{{2 * i}});
  }
}

TEST_F(PostgresTest, AnUrlThatCannotBeReadIsInvalid) {
  for (const char* url : {"http://somewhere", "postgresql://%zz", "host", "nonsense=1"}) {
    PostgresOptions options;
    options.url = url;
    options.schema = "x";
    EXPECT_EQ(OpenPostgres(options, RealClock()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << url;
  }
  PostgresOptions nameless;
  nameless.url = "postgresql://127.0.0.1/x";
  EXPECT_EQ(OpenPostgres(nameless, RealClock()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PostgresTest, NothingIsSaidOfThePassword) {
  PostgresOptions options;
  options.url = "postgresql://u:secret@127.0.0.1:1/x";
  options.schema = "x";
  const auto database = PostgresSchema::Open(options);
  const absl::Status down = database->Read("SELECT 1", {}).status();
  EXPECT_EQ(down.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(down.message()), HasSubstr("127.0.0.1:1"));
  EXPECT_FALSE(absl::StrContains(down.message(), "secret"));
}

class PostgresMigrationsTest : public ::testing::Test {
 protected:
  static std::vector<Migration> Steps() {
    std::vector<Migration> steps;
    for (int number = 1; number <= 8; ++number) {
      steps.push_back({number, absl::StrCat("step ", number),
                       absl::StrCat("CREATE TABLE t", number, " (k BIGINT PRIMARY KEY);\n",
                                    "--postgresql:CREATE INDEX i", number, " ON t", number,
                                    " (k);\nINSERT INTO t", number, " (k) VALUES (1);")});
    }
    return steps;
  }
  PostgresSchema schema_;
};

TEST_F(PostgresMigrationsTest, SeveralAtOnceDoEachStepOnce) {
  const std::vector<Migration> steps = Steps();
  std::vector<std::thread> migrators;
  for (int i = 0; i < 6; ++i) {
    migrators.emplace_back([&] {
      const auto database = schema_.Open();
      const absl::Status migrated = Migrate(*database, steps);
      EXPECT_TRUE(migrated.ok()) << migrated;
    });
  }
  for (std::thread& migrator : migrators) migrator.join();
  const auto database = schema_.Open();
  EXPECT_EQ(SchemaVersion(*database).value(), 8);
  EXPECT_EQ(database->Read("SELECT COUNT(*) FROM t8", {}).value(), std::vector<Row>{{int64_t{1}}});
  EXPECT_EQ(database
                ->Read("SELECT COUNT(*) FROM pg_indexes WHERE schemaname = $1 AND indexname = 'i3'",
                       {schema_.name()})
                .value(),
            std::vector<Row>{{int64_t{1}}});
}

TEST_F(PostgresMigrationsTest, AStepThatFailsLeavesNothingBehind) {
  std::vector<Migration> steps = Steps();
  steps[2].sql = "CREATE TABLE other (k BIGINT PRIMARY KEY); CREATE TABLE t1 (k BIGINT);";
  const auto database = schema_.Open();
  const absl::Status status = Migrate(*database, steps);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema change 3"));
  EXPECT_EQ(SchemaVersion(*database).value(), 2);
  EXPECT_FALSE(database->Read("SELECT k FROM other", {}).ok());
  EXPECT_TRUE(Migrate(*database, Steps()).ok());
}

TEST_F(PostgresMigrationsTest, LookingNeedsNoRightToMakeTables) {
  const auto database = schema_.Open();
  EXPECT_EQ(SchemaVersion(*database).value(), 0) << "not even a schema";
  EXPECT_EQ(PlanMigrations(*database, Steps())->size(), 8u);
  EXPECT_EQ(database->Read("SELECT COUNT(*) FROM pg_namespace WHERE nspname = $1", {schema_.name()})
                .value(),
            std::vector<Row>{{int64_t{0}}});
  ASSERT_TRUE(Migrate(*database, Steps()).ok());
  EXPECT_TRUE(CheckSchema(*database, Steps()).ok());
}

TEST_F(PostgresMigrationsTest, WhoMayNotLookIsNotToldThatNothingIsThere) {
  const auto database = schema_.Open();
  const PostgresRole role(schema_, "reader");
  const auto reader = PostgresSchema::Open(role.As(schema_.Options()));
  EXPECT_EQ(SchemaVersion(*reader).value(), 0) << "nothing is there";
  ASSERT_TRUE(Migrate(*database, Steps()).ok());
  const absl::Status unusable = PlanMigrations(*reader, Steps()).status();
  EXPECT_EQ(unusable.code(), absl::StatusCode::kUnavailable) << unusable;
  EXPECT_THAT(std::string(unusable.message()), HasSubstr("lacks the right USAGE"));
  const auto grant = [&](const std::string& what) {
    return database->RunScript(absl::StrCat("GRANT ", what, " TO ", role.name(), ";"));
  };
  ASSERT_TRUE(grant("USAGE ON SCHEMA " + schema_.name()).ok());
  const absl::Status unreadable = PlanMigrations(*reader, Steps()).status();
  EXPECT_EQ(unreadable.code(), absl::StatusCode::kUnavailable) << unreadable;
  EXPECT_THAT(std::string(unreadable.message()), HasSubstr("may not"));
  ASSERT_TRUE(grant("SELECT ON schema_version").ok());
  EXPECT_TRUE(PlanMigrations(*reader, Steps())->empty());
}

}  // namespace
}  // namespace watchbell::db
