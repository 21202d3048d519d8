// PostgreSQL that goes away, freezes or hangs up, at each moment of a transaction.
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/deadline.h"
#include "common/base/status_macros.h"
#include "tests/contract/postgres_fixture.h"
#include "tests/contract/postgres_proxy.h"

namespace watchbell::db {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;

class PostgresFaultsTest : public PostgresTest {
 protected:
  PostgresOptions ThroughProxy() const {
    PostgresOptions options = schema_.Options();
    options.url = proxy_.url();
    options.statement_timeout = absl::Seconds(1);
    options.connect_timeout = absl::Seconds(1);
    return options;
  }
  void AwaitRows(int64_t count) {
    const absl::Duration end = RealClock().Steady() + kAtMost;
    while (Count("only_keys") != count) ASSERT_LT(RealClock().Steady(), end);
  }

  PostgresProxy proxy_{PostgresTestUrl()};
  std::unique_ptr<Database> database_ = PostgresSchema::Open(ThroughProxy());
};

TEST_F(PostgresFaultsTest, ASessionEndedBetweenTransactionsIsReplaced) {
  const auto own = schema_.Open();
  ASSERT_TRUE(Write(*own, KeyA()).ok());
  const auto before = own->Sessions();
  ASSERT_EQ(before.size(), 2u) << "it, and the owner";
  Terminate(*own);
  const absl::Status written = Write(*own, {"b", int64_t{1}});
  EXPECT_TRUE(written.ok()) << written;
  ASSERT_EQ(own->Sessions().size(), 2u);
  EXPECT_NE(own->Sessions()[0], before[0]);
  EXPECT_EQ(own->Sessions()[1], before[1]);
}

TEST_F(PostgresFaultsTest, ASessionEndedAfterALoadIsUnavailable) {
  const auto own = schema_.Open();
  ASSERT_TRUE(Write(*own, KeyA()).ok());
  for (const bool write_first : {false, true}) {
    auto transaction = Begin(*own);
    ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
    if (write_first) {
      ASSERT_TRUE(transaction->Insert(KeysTable(), {{"b", int64_t{1}}}).ok());
    }
    Terminate(*own);
    if (!write_first) {
      EXPECT_EQ(transaction->Load(KeysTable(), {KeyA()}).status().code(),
                absl::StatusCode::kUnavailable);
    }
    const absl::Status committed = transaction->Commit();
    EXPECT_EQ(committed.code(), absl::StatusCode::kUnavailable) << committed;
    transaction.reset();
    EXPECT_EQ(Count("only_keys"), 1);
    EXPECT_TRUE(Write(*own, {write_first ? "c" : "d", int64_t{1}}).ok());
    EXPECT_TRUE(Write(*own, {write_first ? "e" : "f", int64_t{1}}).ok());
    const auto cleared = Begin(*direct_);
    ASSERT_TRUE(cleared->Execute("DELETE FROM only_keys WHERE a <> 'a'", {}).ok());
    ASSERT_TRUE(cleared->Commit().ok());
  }
}

TEST_F(PostgresFaultsTest, AConnectionCutAfterTheCommitWasDoneIsUnknown) {
  auto transaction = Begin(*database_);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(transaction->Insert(KeysTable(), {KeyA()}).ok());
  proxy_.HoldAnswers();
  std::thread network([&] {
    AwaitRows(1);
    proxy_.Cut();
  });
  const absl::Status committed = transaction->Commit();
  network.join();
  EXPECT_EQ(committed.code(), absl::StatusCode::kUnknown) << committed;
  transaction.reset();
  EXPECT_EQ(Count("only_keys"), 1);
  EXPECT_TRUE(Write(*database_, {"b", int64_t{1}}).ok());
}

TEST_F(PostgresFaultsTest, AConnectionCutBeforeTheCommitArrivedIsUnknown) {
  auto transaction = Begin(*database_);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(transaction->Insert(KeysTable(), {KeyA()}).ok());
  proxy_.HoldRequests();
  std::thread network([&] {
    proxy_.AwaitHeldRequests();
    proxy_.Cut();
  });
  const absl::Status committed = transaction->Commit();
  network.join();
  EXPECT_EQ(committed.code(), absl::StatusCode::kUnknown) << committed;
  transaction.reset();
  EXPECT_TRUE(Write(*database_, {"b", int64_t{1}}).ok());
  EXPECT_EQ(Count("only_keys"), 1);
}

TEST_F(PostgresFaultsTest, ACommitThatIsStuckOnItsWayCannotComeLater) {
  auto transaction = Begin(*database_);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(transaction->Insert(KeysTable(), {KeyA()}).ok());
  proxy_.HoldRequests();  // the old connection; new ones pass
  const absl::Status committed = transaction->Commit();
  EXPECT_EQ(committed.code(), absl::StatusCode::kUnknown) << committed;
  transaction.reset();
  EXPECT_EQ(database_->Sessions().size(), 2u) << "it may hold locks still";
  // What the outcome is, is looked up in the next transaction: from here on it stays so.
  transaction = Begin(*database_);
  EXPECT_TRUE(transaction->Load(KeysTable(), {KeyA()})->empty());
  proxy_.Release();
  EXPECT_TRUE(transaction->Insert(KeysTable(), {KeyA()}).ok());
  const absl::Status again = transaction->Commit();
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(Count("only_keys"), 1);
}

TEST_F(PostgresFaultsTest, ATerminatedCommitIsAsDocumented) {
  // Terminated while the statement before the COMMIT waits for a lock: it was never reached.
  auto holder = Begin(*direct_);
  ASSERT_TRUE(holder->Insert(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(holder->Load(KeysTable(), {KeyA()}).ok());
  PostgresOptions patient = schema_.Options();
  patient.statement_timeout = patient.lock_timeout = kAtMost;
  const auto waiting = PostgresSchema::Open(patient);
  auto transaction = Begin(*waiting);
  ASSERT_TRUE(transaction->Query("SELECT 1", {}).ok());
  ASSERT_TRUE(transaction->Insert(KeysTable(), {KeyA()}).ok());
  std::thread administrator([&] {
    const absl::Duration end = RealClock().Steady() + kAtMost;
    const std::string session = waiting->Sessions().at(0);
    const int64_t pid = std::stoll(session);
    while (Read("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", {pid})
               .empty()) {
      ASSERT_LT(RealClock().Steady(), end);
    }
    Terminate(*waiting);
  });
  const absl::Status committed = transaction->Commit();
  administrator.join();
  EXPECT_EQ(committed.code(), absl::StatusCode::kUnavailable) << committed;
  transaction.reset();
  ASSERT_TRUE(holder->Commit().ok());
  EXPECT_TRUE(Write(*waiting, {"b", int64_t{1}}).ok());
  EXPECT_EQ(Count("only_keys"), 2);
}

TEST_F(PostgresFaultsTest, WhileTheServerIsDownEveryCallIsUnavailable) {
  proxy_.Refuse(true);
  proxy_.Cut();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(database_->Begin().status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(database_->Read("SELECT 1", {}).status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(database_->RunScript("SELECT 1;").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database_->EndSessions({"1:1"}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database_->Sessions().size(), 1u) << "the owner alone";
  proxy_.Refuse(false);
  Insist([&] { return Write(*database_, KeyA()); });
  Insist([&] { return database_->Read("SELECT 1", {}).status(); });
  EXPECT_EQ(Count("only_keys"), 1);
}

TEST_F(PostgresFaultsTest, ReadersOutliveARestartUnnoticed) {
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(database_->Read("SELECT 1", {}).ok());
    proxy_.Cut();
  }
}

TEST_F(PostgresFaultsTest, AFrozenServerHoldsNobodyForLong) {
  ASSERT_TRUE(database_->Read("SELECT 1", {}).ok());
  auto transaction = Begin(*database_);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  proxy_.Starve(true);
  proxy_.HoldRequests();
  EXPECT_EQ(transaction->Load(KeysTable(), {KeyA()}).status().code(),
            absl::StatusCode::kUnavailable);
  transaction.reset();
  {
    const ScopedDeadline soon(RealClock().Now() + absl::Milliseconds(300));
    EXPECT_EQ(database_->Read("SELECT 1", {}).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(database_->Begin().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database_->Read("SELECT 1", {}).status().code(), absl::StatusCode::kUnavailable);
  proxy_.Starve(false);
  proxy_.Release();
  Insist([&] { return Write(*database_, KeyA()); });
}

TEST_F(PostgresFaultsTest, EndedSessionsRollBackAndAreReplaced) {
  ASSERT_TRUE(Write(*direct_, KeyA()).ok());
  auto frozen = Begin(*database_);
  ASSERT_TRUE(frozen->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(frozen->Execute("INSERT INTO only_keys (a, b) VALUES ('z', 1)", {}).ok());
  const std::vector<std::string> sessions = {database_->Sessions().at(0)};
  const absl::Status ended = direct_->EndSessions(sessions);
  EXPECT_TRUE(ended.ok()) << ended;
  // Its locks are free, at once.
  EXPECT_TRUE(Begin(*direct_)->Load(KeysTable(), {KeyA()}).ok());
  EXPECT_TRUE(direct_->EndSessions(sessions).ok());
  // The zombie wakes up.
  EXPECT_EQ(frozen->Commit().code(), absl::StatusCode::kUnavailable);
  frozen.reset();
  EXPECT_TRUE(Write(*database_, {"b", int64_t{1}}).ok());
  EXPECT_EQ(Count("only_keys"), 2);
  // A session of the same process number that began later is another.
  const std::string now = database_->Sessions().at(0);
  EXPECT_TRUE(direct_->EndSessions({now.substr(0, now.find(':')) + ":1"}).ok());
  EXPECT_EQ(database_->Sessions().at(0), now);
  EXPECT_TRUE(Write(*database_, {"c", int64_t{1}}).ok());
  EXPECT_EQ(database_->Sessions().at(0), now);
}

TEST_F(PostgresFaultsTest, AnOwnerStandsForTheSessionsMadeLater) {
  PostgresOptions options = schema_.Options();
  options.application = std::string(80, 'x');  // longer than the server keeps
  const auto frozen = PostgresSchema::Open(options);
  const auto other = PostgresSchema::Open(options);
  const auto sessions = frozen->Sessions();
  ASSERT_EQ(sessions.size(), 1u) << "it has made none";
  ASSERT_TRUE(Write(*direct_, KeyA()).ok());
  auto transaction = Begin(*frozen);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  auto alive = Begin(*other);
  ASSERT_TRUE(alive->Insert(KeysTable(), {{"b", int64_t{1}}}).ok());
  const absl::Status ended = direct_->EndSessions(sessions);
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_TRUE(Begin(*direct_)->Load(KeysTable(), {KeyA()}).ok()) << "its locks are free";
  EXPECT_FALSE(transaction->Commit().ok());
  EXPECT_TRUE(alive->Commit().ok()) << "nobody else's are ended";
}

TEST_F(PostgresFaultsTest, SessionsOfStrangersThatBearTheNameAreNobodys) {
  const PostgresRole role(schema_, "ours"), other(schema_, "other");
  const auto frozen = PostgresSchema::Open(role.As(schema_.Options()));
  const std::string owner = frozen->Sessions().back();
  auto transaction = Begin(*frozen);
  ASSERT_TRUE(transaction->Query("SELECT 1", {}).ok());
  // Another role's, and one of the same role in another database.
  PostgresOptions elsewhere = role.As(schema_.Options());
  elsewhere.url += "&dbname=template1";
  const std::unique_ptr<Database> strangers[] = {PostgresSchema::Open(other.As(schema_.Options())),
                                                 PostgresSchema::Open(elsewhere)};
  std::vector<std::unique_ptr<Transaction>> theirs;
  for (const auto& stranger : strangers) {
    theirs.push_back(Begin(*stranger));
    const auto named = theirs.back()->Query("SELECT set_config('application_name', $1, false)",
                                            {absl::StrCat("stranger ", owner)});
    ASSERT_TRUE(named.ok()) << named.status();
  }
  ASSERT_EQ(
      Read("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name LIKE '% ' || $1", {owner}),
      (std::vector<Row>{{int64_t{3}}}));
  const absl::Status ended = PostgresSchema::Open(role.As(schema_.Options()))->EndSessions({owner});
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_FALSE(transaction->Query("SELECT 1", {}).ok());
  for (const auto& stranger : theirs) EXPECT_TRUE(stranger->Query("SELECT 1", {}).ok());
}

// kill -9 of one of its processes makes the whole server start anew from its log.
TEST_F(PostgresFaultsTest, ACrashOfTheServerLosesNothingCommitted) {
  ASSERT_TRUE(Write(*database_, KeyA()).ok());
  auto transaction = Begin(*database_);
  ASSERT_TRUE(transaction->Load(KeysTable(), {KeyA()}).ok());
  ASSERT_TRUE(transaction->Insert(KeysTable(), {{"b", int64_t{1}}}).ok());
  const std::string session = database_->Sessions().at(0);
  // The server does it itself: the test need not be its user. No answer comes to this.
  (void)direct_->RunScript(absl::StrCat("COPY (SELECT 1) TO PROGRAM 'kill -9 ",
                                        session.substr(0, session.find(':')), "';"));
  const absl::Status committed = transaction->Commit();
  EXPECT_THAT(committed.code(),
              AnyOf(Eq(absl::StatusCode::kUnavailable), Eq(absl::StatusCode::kUnknown)))
      << committed;
  transaction.reset();
  Insist([&] { return Write(*database_, {"c", int64_t{1}}); });
  Insist([&] { return direct_->Read("SELECT 1", {}).status(); });
  EXPECT_EQ(Read("SELECT a FROM only_keys ORDER BY a"), (std::vector<Row>{{"a"}, {"c"}}));
}

}  // namespace
}  // namespace watchbell::db
