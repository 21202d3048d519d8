#include <atomic>
#include <thread>

#include "common/base/deadline.h"
#include "tests/contract/journal_contract.h"
#include "tests/contract/postgres_backend.h"

namespace watchbell::journal {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, JournalContract, db::Postgres);

// Heads while other replicas commit.
class JournalHeadsTest : public ::testing::Test {
 protected:
  using Heads = absl::StatusOr<std::vector<int64_t>>;

  void SetUp() override {
    const absl::Status migrated = db::Migrate(*reading_, {engine::EngineSchema()});
    ASSERT_TRUE(migrated.ok()) << migrated;
  }
  std::unique_ptr<db::Database> Open(absl::Duration statement_timeout) {
    db::PostgresOptions options = schema_.Options();
    options.statement_timeout = statement_timeout;
    return db::PostgresSchema::Open(options);
  }
  // A transaction with one row that has its number; it lacks only the commit.
  std::unique_ptr<db::Transaction> BeginRow(int64_t version) {
    auto transaction = writing_->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    const std::vector<db::Row> rows = {ToDbRow(MakeRow(1, "widget", "a", version))};
    EXPECT_TRUE((*transaction)->Insert(JournalTable(), rows).ok());
    EXPECT_TRUE((*transaction)->Query("SELECT 1", {}).ok());
    return *std::move(transaction);
  }
  static Heads HeadOf(db::Database& database) {
    return Reader(database).ShardHeads("widget", {ShardOf("a", kDefaultShards)});
  }
  // Until somebody waits for the lock on numbers.
  void AwaitWaiting(int64_t count) {
    const absl::Duration end = db::RealClock().Steady() + absl::Seconds(30);
    int64_t waiting = -1;
    while (waiting != count && db::RealClock().Steady() < end) {
      const auto rows = reading_->Read(
          "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
          "(CAST(classid AS BIGINT) << 32 | CAST(objid AS BIGINT)) = "
          "hashtextextended('journal_sequence of ' || current_schema(), 0)",
          {});
      ASSERT_TRUE(rows.ok()) << rows.status();
      waiting = db::AsInt((*rows)[0][0]);
    }
    ASSERT_EQ(waiting, count);
  }

  db::PostgresSchema schema_;
  std::unique_ptr<db::Database> writing_ = Open(absl::Seconds(60));
  std::unique_ptr<db::Database> reading_ = Open(absl::Seconds(60));
};

TEST_F(JournalHeadsTest, ACommitUnderWayIsWaitedFor) {
  ASSERT_TRUE(BeginRow(1)->Commit().ok());
  auto under_way = BeginRow(2);
  Heads heads = absl::UnknownError("no answer");
  std::thread asking([&] { heads = HeadOf(*reading_); });
  AwaitWaiting(1);
  // Whoever asks for anything else need not wait.
  const auto head = Reader(*reading_).Head();
  EXPECT_TRUE(under_way->Commit().ok());
  asking.join();
  ASSERT_TRUE(heads.ok()) << heads.status();
  EXPECT_EQ((*heads)[0], under_way->SequenceBase() + 1);
  EXPECT_LT(head.value_or(-1), (*heads)[0]);
}

TEST_F(JournalHeadsTest, OneThatIsRolledBackIsNot) {
  ASSERT_TRUE(BeginRow(1)->Commit().ok());
  const int64_t before = Reader(*reading_).Head().value_or(-1);
  auto under_way = BeginRow(2);
  Heads heads = absl::UnknownError("no answer");
  std::thread asking([&] { heads = HeadOf(*reading_); });
  AwaitWaiting(1);
  under_way = nullptr;
  asking.join();
  ASSERT_TRUE(heads.ok()) << heads.status();
  EXPECT_EQ((*heads)[0], before);
}

TEST_F(JournalHeadsTest, ACommitThatHangsIsWaitedForNoLongerThanTheCallerDoes) {
  const auto under_way = BeginRow(1);
  {
    const ScopedDeadline deadline(db::RealClock().Now() + absl::Milliseconds(200));
    EXPECT_EQ(HeadOf(*reading_).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  const auto impatient = Open(absl::Milliseconds(200));
  EXPECT_EQ(HeadOf(*impatient).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JournalHeadsTest, HoweverManyWaitOthersRead) {
  auto under_way = BeginRow(1);
  std::vector<std::thread> asking;
  for (int i = 0; i < 8; ++i) {
    asking.emplace_back([&] {
      const Heads heads = HeadOf(*reading_);
      EXPECT_TRUE(heads.ok()) << heads.status();
    });
  }
  AwaitWaiting(2);
  EXPECT_TRUE(Reader(*reading_).Head().ok());
  under_way = nullptr;
  for (std::thread& thread : asking) thread.join();
}

TEST_F(JournalHeadsTest, WhoAsksAllTheTimeStopsNoWriter) {
  std::atomic<bool> over{false};
  std::vector<std::thread> asking;
  for (int i = 0; i < 4; ++i) {
    asking.emplace_back([&] {
      int64_t last = 0;
      while (!over) {
        const Heads heads = HeadOf(*reading_);
        ASSERT_TRUE(heads.ok()) << heads.status();
        ASSERT_GE((*heads)[0], last);
        last = (*heads)[0];
      }
    });
  }
  for (int64_t version = 1; version <= 100; ++version) {
    const absl::Status committed = BeginRow(version)->Commit();
    EXPECT_TRUE(committed.ok()) << committed;
  }
  over = true;
  for (std::thread& thread : asking) thread.join();
}

}  // namespace
}  // namespace watchbell::journal
