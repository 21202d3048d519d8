// Leases on a real PostgreSQL: its row locks are the fence, and its sessions can be ended.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/db/postgres/postgres_db.h"
#include "common/engine/engine.h"
#include "common/engine/lease_keeper.h"
#include "common/engine/tables.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

using engine::LeaseKeeper;

constexpr absl::Duration kTick = absl::Milliseconds(250);
// For what must happen soon, however slow the machine.
constexpr absl::Duration kAtMost = absl::Seconds(60);

class LeasesPostgresTest : public testing::Test {
 protected:
  // A process: one database object for its committer, one for its keeper.
  struct Replica {
    std::unique_ptr<db::Database> engine, leases;
    std::unique_ptr<LeaseKeeper> keeper;
  };

  void SetUp() override {
    const char* url = std::getenv("WATCHBELL_TEST_POSTGRES");
    ASSERT_NE(url, nullptr)
        << "WATCHBELL_TEST_POSTGRES is not set: run it through ./dev test, which starts a server";
    url_ = url;
    const testing::TestInfo& info = *testing::UnitTest::GetInstance()->current_test_info();
    schema_ =
        absl::StrCat("leases_", getpid(), "_", absl::AsciiStrToLower(info.name())).substr(0, 60);
    admin_ = Open(absl::Seconds(5));
    ASSERT_TRUE(db::Migrate(*admin_, {engine::EngineSchema()}).ok());
  }
  void TearDown() override {
    if (admin_ == nullptr) return;
    EXPECT_TRUE(admin_->RunScript(absl::StrCat("DROP SCHEMA ", schema_, " CASCADE;")).ok());
  }

  std::unique_ptr<db::Database> Open(absl::Duration lock_timeout) {
    db::PostgresOptions options;
    options.url = url_;
    options.schema = schema_;
    options.lock_timeout = lock_timeout;
    auto database = db::OpenPostgres(options, system_clock_);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? std::move(*database) : nullptr;
  }

  std::unique_ptr<Replica> Join(const std::string& id, Clock& clock,
                                std::function<void()> changed = nullptr) {
    auto replica = std::make_unique<Replica>();
    replica->engine = Open(absl::Seconds(5));
    replica->leases = Open(absl::Milliseconds(200));
    LeaseKeeper::Options options;
    options.service = "toy";
    options.replica = id;
    options.address = absl::StrCat(id, ":7001");
    options.shards = kDefaultShards;
    const auto sessions = [raw = replica.get()] {
      std::vector<std::string> all = raw->engine->Sessions();
      for (std::string& session : raw->leases->Sessions()) all.push_back(std::move(session));
      return all;
    };
    replica->keeper = std::make_unique<LeaseKeeper>(
        options, LeaseKeeper::Parts{*replica->leases, clock, sessions, std::move(changed)});
    return replica;
  }

  // What a committer does before it acts for a shard: its lease may not move until the commit.
  static std::unique_ptr<db::Transaction> ActFor(Replica& replica, const std::set<int>& shards) {
    std::vector<db::Row> keys;
    for (const int shard : shards) keys.push_back({int64_t{shard}});
    auto transaction = replica.engine->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    const auto leases =
        (*transaction)->LoadAll({db::KeySet{&engine::LeaseTable(), keys, db::Lock::kShare}});
    EXPECT_TRUE(leases.ok()) << leases.status();
    return std::move(*transaction);
  }
  static std::set<int> AllShards() {
    std::set<int> shards;
    for (int shard = 0; shard < kDefaultShards; ++shard) shards.insert(shard);
    return shards;
  }
  int64_t Beat(const std::string& id) {
    const auto rows = admin_->Read("SELECT beat FROM replicas WHERE id = $1", {id});
    return rows.ok() && rows->size() == 1 ? db::AsInt((*rows)[0][0]) : -1;
  }

  SystemClock system_clock_;
  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  std::string url_, schema_;
  std::unique_ptr<db::Database> admin_;
};

TEST_F(LeasesPostgresTest, TheLocksOfAFrozenHolderDoNotStopTheTakeover) {
  const auto frozen = Join("a", clock_);
  ASSERT_TRUE(frozen->keeper->RunOnce().ok());
  ASSERT_EQ(frozen->keeper->Held().size(), 16u);
  // It froze in the middle of a transaction for shard 3.
  const auto transaction = ActFor(*frozen, {3});
  ASSERT_TRUE(frozen->keeper->RunOnce().ok());

  const auto watcher = Join("b", clock_);
  for (int look = 0; look < 16; ++look) {
    const absl::Status status = watcher->keeper->RunOnce();
    EXPECT_TRUE(status.ok()) << status;
    clock_.Advance(kTick);
  }
  EXPECT_EQ(watcher->keeper->Held().size(), 16u);

  // The zombie goes on: its session is gone, and with it what it had not committed.
  absl::Status status =
      transaction->Upsert(engine::RelayPositionTable(), {db::Row{int64_t{3}, int64_t{77}}});
  if (status.ok()) status = transaction->Commit();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(admin_->Read("SELECT sequence FROM relay_positions", {})->size(), 0u);
  // Its first words may go to the ended session.
  const absl::Duration end = system_clock_.Steady() + kAtMost;
  do {
    status = frozen->keeper->RunOnce();
  } while (!status.ok() && system_clock_.Steady() < end);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(frozen->keeper->Held().size(), 0u);
  EXPECT_NE(Beat("a"), -1);
}

TEST_F(LeasesPostgresTest, ASessionMadeAfterTheLastHeartbeatIsEndedToo) {
  const auto frozen = Join("a", clock_);
  ASSERT_TRUE(frozen->keeper->RunOnce().ok());
  ASSERT_EQ(frozen->keeper->Held().size(), 16u);
  const auto transaction = ActFor(*frozen, AllShards());  // it connects for this

  const auto watcher = Join("b", clock_);
  for (int look = 0; look < 16; ++look) {
    const absl::Status status = watcher->keeper->RunOnce();
    EXPECT_TRUE(status.ok()) << status;
    clock_.Advance(kTick);
  }
  EXPECT_EQ(watcher->keeper->Held().size(), 16u);
  EXPECT_FALSE(transaction->Commit().ok());
}

TEST_F(LeasesPostgresTest, LeasesInUseMoveAfterTheCommitAndTheHeartbeatGoesOn) {
  const auto holder = Join("a", clock_);
  ASSERT_TRUE(holder->keeper->RunOnce().ok());
  auto transaction = ActFor(*holder, AllShards());
  const auto newcomer = Join("b", clock_);
  ASSERT_TRUE(newcomer->keeper->RunOnce().ok());

  const int64_t before = Beat("a");
  for (int look = 0; look < 2; ++look) {
    const absl::Status status = holder->keeper->RunOnce();
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  }
  EXPECT_EQ(Beat("a"), before + 2);
  EXPECT_EQ(holder->keeper->Held().size(), 16u);
  EXPECT_TRUE(transaction->Commit().ok());
  transaction.reset();
  EXPECT_TRUE(holder->keeper->RunOnce().ok());
  EXPECT_TRUE(newcomer->keeper->RunOnce().ok());
  EXPECT_EQ(holder->keeper->Held().size(), 8u);
  EXPECT_EQ(newcomer->keeper->Held().size(), 8u);
}

TEST_F(LeasesPostgresTest, InPlaceOfALeaseInUseAnotherIsGivenUp) {
  const auto holder = Join("a", clock_);
  ASSERT_TRUE(holder->keeper->RunOnce().ok());
  const auto transaction = ActFor(*holder, {15});
  const auto newcomer = Join("b", clock_);
  ASSERT_TRUE(newcomer->keeper->RunOnce().ok());
  EXPECT_FALSE(holder->keeper->RunOnce().ok());
  EXPECT_TRUE(holder->keeper->RunOnce().ok());
  EXPECT_EQ(holder->keeper->Held().size(), 8u);
  EXPECT_EQ(holder->keeper->Held().count(15), 1u);
}

TEST_F(LeasesPostgresTest, ReplicasThatStartTogetherShareAndTakeOverWhoStops) {
  Mutex mu;
  CondVar changed;
  const auto tell = [&] {
    MutexLock lock(mu);
    changed.NotifyAll();
  };
  std::vector<std::unique_ptr<Replica>> replicas;
  for (const char* id : {"a", "b", "c"}) replicas.push_back(Join(id, system_clock_, tell));
  for (const auto& replica : replicas) replica->keeper->Start();
  const auto await = [&](const std::vector<size_t>& wanted) {
    const absl::Duration end = system_clock_.Steady() + kAtMost;
    std::vector<size_t> spread;
    MutexLock lock(mu);
    while (spread != wanted && system_clock_.Steady() < end) {
      system_clock_.WaitUntil(mu, changed, system_clock_.Now() + kTick);
      spread.clear();
      for (const auto& replica : replicas) spread.push_back(replica->keeper->Held().size());
    }
    EXPECT_EQ(spread, wanted);
  };
  await({6, 5, 5});
  replicas[0]->keeper->Stop();
  await({0, 8, 8});
  for (const auto& replica : replicas) replica->keeper->Stop();
  const auto rows = admin_->Read("SELECT shard FROM leases WHERE holder <> ''", {});
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->size(), 0u);
  EXPECT_EQ(admin_->Read("SELECT id FROM replicas", {})->size(), 0u);
}

}  // namespace
}  // namespace watchbell
