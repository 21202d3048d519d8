// Several keepers over one database, stepped by hand.
#include "common/engine/lease_keeper.h"

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/lease_nodes.h"

namespace watchbell {
namespace {

using engine::LeaseKeeper;
using test::CommitFault;
using test::Node;
using testing::ElementsAre;
using testing::IsEmpty;

class LeaseKeeperTest : public test::LeaseFixture {};

TEST_F(LeaseKeeperTest, AReplicaAloneTakesEverythingAtItsFirstLook) {
  Node& a = Join("a");
  EXPECT_EQ(a.keeper->generation(), 0u);
  ASSERT_TRUE(a.keeper->RunOnce().ok());
  EXPECT_EQ(a.held(), 16u);
  EXPECT_EQ(a.keeper->LiveReplicas(), 1);
  const auto held = a.keeper->Held();
  for (const auto& [shard, row] : Rows()) {
    EXPECT_EQ(row.first, "a") << shard;
    EXPECT_EQ(row.second, held.at(shard)) << shard;
  }
}

TEST_F(LeaseKeeperTest, NewcomersGetTheirShareWithinTwoLooks) {
  Join("a");
  Tick();
  Join("b");
  Tick(2);
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
  Join("c");
  Tick(2);
  EXPECT_THAT(Spread(), ElementsAre(6, 5, 5));
  Join("d");
  Tick(2);
  EXPECT_THAT(Spread(), ElementsAre(4, 4, 4, 4));
  EXPECT_EQ(nodes_["a"]->keeper->LiveReplicas(), 4);
}

TEST_F(LeaseKeeperTest, MoreReplicasThanShardsLeaveSomeInReserve) {
  for (const char* id : {"a", "b", "c"}) Join(id, 2);
  Tick(3);
  EXPECT_THAT(Spread(), ElementsAre(1, 1, 0));
  nodes_["a"]->keeper->Stop();
  nodes_.erase("a");
  Tick();
  EXPECT_THAT(Spread(), ElementsAre(1, 1));
}

TEST_F(LeaseKeeperTest, WhileNobodyComesOrGoesNothingMoves) {
  for (const char* id : {"a", "b", "c", "d", "e"}) Join(id);
  Tick(5);
  const auto before = Rows();
  std::map<std::string, uint64_t> generations;
  for (auto& [id, node] : nodes_) generations[id] = node->keeper->generation();
  Tick(200);
  EXPECT_EQ(Rows(), before);
  for (auto& [id, node] : nodes_) EXPECT_EQ(node->keeper->generation(), generations[id]) << id;
}

TEST_F(LeaseKeeperTest, TheGenerationMovesAndChangedIsCalledOnlyWhenHeldDiffers) {
  Node& a = Join("a");
  std::map<int, int64_t> last;
  uint64_t generation = 0;
  a.changed = [&] {
    EXPECT_NE(a.keeper->Held(), last);
    EXPECT_GT(a.keeper->generation(), generation);
    last = a.keeper->Held();
    generation = a.keeper->generation();
  };
  Tick(3);
  EXPECT_EQ(a.changes, 1);
  Join("b");
  Tick(3);
  EXPECT_EQ(a.changes, 2);
  EXPECT_EQ(a.keeper->generation(), generation);
  EXPECT_EQ(a.keeper->Held(), last);
}

TEST_F(LeaseKeeperTest, WhoLeavesIsReplacedAtTheNextLook) {
  Join("a");
  Join("b");
  Tick(3);
  nodes_["a"]->keeper->Stop();
  EXPECT_THAT(nodes_["a"]->keeper->Held(), IsEmpty());
  EXPECT_THAT(ReplicaIds(), ElementsAre("b"));
  nodes_.erase("a");
  Tick();
  EXPECT_THAT(Spread(), ElementsAre(16));
}

TEST_F(LeaseKeeperTest, WhoDiesIsReplacedAfterThreeSecondsAndNotBefore) {
  Join("a");
  Join("b");
  Tick(3);
  ASSERT_TRUE(nodes_["a"]->keeper->RunOnce().ok());  // its last heartbeat
  nodes_["a"]->database.down = true;
  const absl::Time died = clock_.Now();
  while (nodes_["b"]->held() < 16 && clock_.Now() < died + absl::Seconds(10)) {
    ASSERT_TRUE(nodes_["b"]->keeper->RunOnce().ok());
    if (nodes_["b"]->held() < 16) clock_.Advance(test::kLeaseTick);
  }
  EXPECT_GE(clock_.Now() - died, absl::Seconds(3));
  EXPECT_LE(clock_.Now() - died, absl::Seconds(3) + 2 * test::kLeaseTick);
  EXPECT_THAT(ReplicaIds(), ElementsAre("b"));
  EXPECT_EQ(nodes_["b"]->keeper->LiveReplicas(), 1);
}

TEST_F(LeaseKeeperTest, SeveralSurvivorsShareWhatTheDeadHeld) {
  for (const char* id : {"a", "b", "c"}) Join(id);
  Tick(3);
  nodes_["b"]->database.down = true;
  Tick(15);
  nodes_.erase("b");
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
}

TEST_F(LeaseKeeperTest, AWatcherWithAGapOfItsOwnDeclaresNobodyDead) {
  Join("a");
  Node& b = Join("b");
  Tick(3);
  nodes_["a"]->frozen = 1000;
  Tick(11);  // b has looked for 2.5 s
  clock_.Advance(absl::Milliseconds(1100) - test::kLeaseTick);
  const absl::Time anew = clock_.Now();
  while (clock_.Now() < anew + absl::Seconds(3)) {
    Tick();
    EXPECT_EQ(b.held(), 8u) << clock_.Now() - anew;
  }
  Tick();
  EXPECT_EQ(b.held(), 16u);
}

TEST_F(LeaseKeeperTest, ALookThatStoodStillInTheMiddleBuriesNobodyMore) {
  for (const char* id : {"a", "b", "c"}) Join(id);
  Tick(3);
  nodes_["a"]->frozen = nodes_["b"]->frozen = 1000;
  std::vector<int> ended_at_look;
  int look = 0;
  nodes_["c"]->database.end_sessions = [&](absl::Span<const std::string>) {
    ended_at_look.push_back(look);
    clock_.Advance(absl::Minutes(1));  // what was read is long past when this is over
    return absl::OkStatus();
  };
  for (; look < 30; ++look) Tick();
  ASSERT_EQ(ended_at_look.size(), 2u);
  EXPECT_GE(ended_at_look[1], ended_at_look[0] + 12) << "seen anew for three seconds";
}

TEST_F(LeaseKeeperTest, StepsOfTheWallClockDoNothing) {
  Join("a");
  Join("b");
  Tick(3);
  const auto before = Rows();
  for (const absl::Duration step : {absl::Hours(24), -absl::Hours(48), absl::Seconds(5)}) {
    clock_.Set(clock_.Now() + step);
    Tick(2);
    EXPECT_EQ(Rows(), before);
  }
  // Nor do they keep the dead alive.
  nodes_["a"]->frozen = 1000;
  for (int i = 0; i < 14; ++i) {
    Tick();
    clock_.Set(test::kLeaseStart);
  }
  EXPECT_EQ(nodes_["b"]->held(), 16u);
}

TEST_F(LeaseKeeperTest, AZombieFindsItsLeasesGoneAndGetsItsShareBack) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(3);
  const std::map<int, int64_t> before = a.keeper->Held();
  a.frozen = 15;
  Tick(15);
  ASSERT_EQ(b.held(), 16u);
  EXPECT_EQ(a.keeper->Held(), before) << "it cannot know yet";
  const auto rows = Rows();
  for (const auto& [shard, epoch] : before) EXPECT_GT(rows.at(shard).second, epoch);
  ASSERT_TRUE(a.keeper->RunOnce().ok());
  EXPECT_THAT(a.keeper->Held(), IsEmpty());
  Tick(2);
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
  for (const auto& [shard, epoch] : a.keeper->Held()) EXPECT_EQ(Rows().at(shard).second, epoch);
}

TEST_F(LeaseKeeperTest, TheSessionsOfTheDeadEndBeforeItsLeasesMove) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(3);
  a.database.down = true;
  bool refuse = true;
  int calls = 0;
  b.database.end_sessions = [&](absl::Span<const std::string> sessions) {
    ++calls;
    EXPECT_THAT(std::vector<std::string>(sessions.begin(), sessions.end()),
                ElementsAre("a/1", "a/2"));
    int of_a = 0;
    for (const auto& [shard, row] : Rows()) of_a += row.first == "a";
    EXPECT_EQ(of_a, 8);
    EXPECT_EQ(ReplicaIds().count("a"), 1u);
    return refuse ? absl::UnavailableError("injected: not ended") : absl::OkStatus();
  };
  for (int i = 0; i < 20; ++i) {
    b.keeper->RunOnce().IgnoreError();
    clock_.Advance(test::kLeaseTick);
  }
  EXPECT_GT(calls, 1) << "it is tried again";
  EXPECT_EQ(b.held(), 8u) << "its locks may still stand";
  EXPECT_FALSE(b.keeper->RunOnce().ok());
  refuse = false;
  EXPECT_TRUE(b.keeper->RunOnce().ok());
  EXPECT_EQ(b.held(), 16u);
}

TEST_F(LeaseKeeperTest, WhoCannotWorkYetTakesNoShare) {
  Node& a = Join("a");
  Node& b = Join("b");
  b.ready = false;
  Tick(20);
  EXPECT_EQ(a.held(), 16u);
  EXPECT_EQ(b.held(), 0u);
  b.ready = true;
  Tick(3);
  EXPECT_EQ(b.held(), 8u);
  // Later it keeps it: what is away may be away for all.
  b.ready = false;
  Tick(20);
  EXPECT_EQ(b.held(), 8u);
}

TEST_F(LeaseKeeperTest, WhatCannotBeBuriedForLongIsTrouble) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(3);
  a.database.down = true;
  bool refuse = true;
  std::optional<absl::Time> refused;
  b.database.end_sessions = [&](absl::Span<const std::string>) {
    if (!refused.has_value()) refused = clock_.Now();
    return refuse ? absl::UnavailableError("injected: not ended") : absl::OkStatus();
  };
  const auto step = [&] {
    clock_.Advance(test::kLeaseTick);
    b.keeper->RunOnce().IgnoreError();
  };
  while (!refused.has_value() || clock_.Now() < *refused + absl::Seconds(3)) {
    EXPECT_TRUE(b.keeper->Health().ok()) << "it may pass";
    step();
  }
  EXPECT_EQ(b.keeper->Health().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(b.keeper->Health().message()), testing::HasSubstr("not ended"));
  refuse = false;
  step();
  EXPECT_TRUE(b.keeper->Health().ok()) << b.keeper->Health();
  EXPECT_EQ(b.held(), 16u);
}

TEST_F(LeaseKeeperTest, ALeaseLockedByWhoWasBuriedHasItsSessionsEndedAgain) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(3);
  a.database.down = true;
  int ends = 0;
  b.database.end_sessions = [&](absl::Span<const std::string> sessions) {
    EXPECT_THAT(std::vector<std::string>(sessions.begin(), sessions.end()),
                ElementsAre("a/1", "a/2"));
    ++ends;
    return absl::OkStatus();
  };
  // The dead came back for a moment: from its burial on its leases are locked, until it is ended.
  bool buried = false;
  b.database.faulty.plan = [&] {
    const bool beat = !std::exchange(b.looking, true);
    const bool locked = buried && ends == 1 && !beat;
    buried = buried || ends == 1;  // with the commit that follows the first end
    return locked ? test::CommitFault::kAborted : test::CommitFault::kNone;
  };
  for (int i = 0; i < 20; ++i) {
    b.looking = false;
    b.keeper->RunOnce().IgnoreError();
    clock_.Advance(test::kLeaseTick);
  }
  EXPECT_EQ(ends, 2);
  EXPECT_EQ(b.held(), 16u);
}

TEST_F(LeaseKeeperTest, WhoBeatsAgainAtTheLastMomentIsNotBuried) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(3);
  a.frozen = 1000;
  b.database.end_sessions = [&](absl::Span<const std::string>) { return a.keeper->RunOnce(); };
  Tick(13);
  EXPECT_EQ(ReplicaIds().count("a"), 1u);
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
}

TEST_F(LeaseKeeperTest, OfTwoWhoWantTheSameLeaseOneGetsIt) {
  Join("a", 1);
  Tick();
  Node& b = Join("b", 1);
  Node& c = Join("c", 1);
  Tick(2);
  nodes_["a"]->keeper->Stop();
  nodes_.erase("a");
  // b is by rank the one to take it; c takes it, not having seen b, between b's look and its move.
  ASSERT_TRUE(shared_->RunScript("DELETE FROM replicas;").ok());
  int begun = 0;
  b.database.before_begin = [&] {
    if (++begun != 2) return;
    ASSERT_TRUE(shared_->RunScript("DELETE FROM replicas;").ok());
    ASSERT_TRUE(c.keeper->RunOnce().ok());
    ASSERT_EQ(c.held(), 1u);
  };
  ASSERT_TRUE(b.keeper->RunOnce().ok());
  EXPECT_EQ(begun, 2) << "it did try";
  EXPECT_EQ(b.held(), 0u);
  EXPECT_EQ(Rows().at(0).first, "c");
  EXPECT_EQ(Rows().at(0).second, c.keeper->Held().at(0));
}

TEST_F(LeaseKeeperTest, WhereAnotherWasQuickerTheNextFreeLeaseIsTaken) {
  for (const char* id : {"a", "b", "c"}) Join(id);
  Tick(3);
  nodes_["a"]->keeper->Stop();
  nodes_.erase("a");
  Node& b = *nodes_["b"];
  int begun = 0;
  b.database.before_begin = [&] {
    if (++begun != 2) return;  // between its look and its first move the other one takes three
    ASSERT_TRUE(nodes_["c"]->keeper->RunOnce().ok());
  };
  ASSERT_TRUE(b.keeper->RunOnce().ok());
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
}

TEST_F(LeaseKeeperTest, TwoFirstStartersMakeTheRowsOnce) {
  Node& a = Join("a");
  Node& b = Join("b");
  int begun = 0;
  b.database.before_begin = [&] {
    if (++begun != 2) return;
    ASSERT_TRUE(a.keeper->RunOnce().ok());
  };
  ASSERT_TRUE(b.keeper->RunOnce().ok());
  EXPECT_EQ(Rows().size(), 16u);
  Tick(2);
  EXPECT_THAT(Spread(), ElementsAre(8, 8));
}

TEST_F(LeaseKeeperTest, WhileTheDatabaseIsAwayHeldStaysAsItIs) {
  Node& a = Join("a");
  Tick(2);
  const std::map<int, int64_t> before = a.keeper->Held();
  const uint64_t generation = a.keeper->generation();
  a.database.down = true;
  EXPECT_TRUE(absl::IsUnavailable(a.keeper->RunOnce()));
  a.database.down = false;
  a.database.faulty.plan = [] { return CommitFault::kRefused; };
  EXPECT_TRUE(absl::IsUnavailable(a.keeper->RunOnce()));
  EXPECT_EQ(a.keeper->Held(), before);
  EXPECT_EQ(a.keeper->generation(), generation);
  a.database.faulty.plan = [] { return CommitFault::kNone; };
  EXPECT_TRUE(a.keeper->RunOnce().ok());
  EXPECT_EQ(a.keeper->Held(), before);
}

TEST_F(LeaseKeeperTest, ATakingOrGivingUpOfUnknownOutcomeIsFoundAtTheNextLook) {
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    SetUp();
    nodes_.clear();
    Node& a = Join("a");
    int commits = 0;
    // The first commit is the heartbeat's, the second the missing rows'.
    a.database.faulty.plan = [&] { return ++commits == 3 ? unknown : CommitFault::kNone; };
    EXPECT_TRUE(absl::IsUnknown(a.keeper->RunOnce()));
    Tick();
    EXPECT_EQ(a.held(), 16u);
    Join("b");
    Tick();
    commits = 1;  // the next look's second commit gives a shard up
    EXPECT_TRUE(absl::IsUnknown(a.keeper->RunOnce()));
    Tick(3);
    EXPECT_THAT(Spread(), ElementsAre(8, 8));
    for (const auto& [shard, epoch] : a.keeper->Held()) EXPECT_EQ(Rows().at(shard).second, epoch);
    TearDown();
  }
}

TEST_F(LeaseKeeperTest, ALeaseThatCannotBeMovedDoesNotStandInTheWayOfTheOthers) {
  ASSERT_TRUE(
      shared_
          ->RunScript("CREATE TRIGGER stuck BEFORE UPDATE ON leases WHEN OLD.shard IN (3, 5) "
                      "BEGIN SELECT RAISE(ABORT, 'injected: locked'); END;")
          .ok());
  Node& a = Join("a");
  for (int look = 0; look < 4; ++look) EXPECT_FALSE(a.keeper->RunOnce().ok());
  EXPECT_EQ(a.held(), 14u);
  ASSERT_TRUE(shared_->RunScript("DROP TRIGGER stuck;").ok());
  Tick();
  EXPECT_EQ(a.held(), 16u);
}

TEST_F(LeaseKeeperTest, TheAddressOfTheOtherHolderIsKnown) {
  Node& a = Join("a");
  Node& b = Join("b");
  Tick(4);
  for (const auto& [shard, row] : Rows()) {
    EXPECT_EQ(a.keeper->HolderAddress(shard), row.first == "b" ? "b:7001" : "");
    EXPECT_EQ(b.keeper->HolderAddress(shard), row.first == "a" ? "a:7001" : "");
  }
  b.keeper->Stop();
  ASSERT_TRUE(a.keeper->RunOnce().ok());
  for (int shard = 0; shard < 16; ++shard) EXPECT_EQ(a.keeper->HolderAddress(shard), "");
}

TEST_F(LeaseKeeperTest, AProcessThatNeverSpokeToTheDatabaseLeavesNothing) {
  Node& a = Join("a");
  a.keeper->Stop();
  EXPECT_THAT(ReplicaIds(), IsEmpty());
}

TEST_F(LeaseKeeperTest, RunsOnItsThreadAndLeavesWhenStopped) {
  SystemClock clock;
  Mutex mu;
  CondVar changed;
  size_t held = 0;
  Node node("a", kDefaultShards, *shared_, clock);
  node.changed = [&] {
    MutexLock lock(mu);
    held = node.held();
    changed.NotifyAll();
  };
  node.keeper->Start();
  {
    MutexLock lock(mu);
    while (held < 16) changed.Wait(mu);
  }
  node.keeper->Stop();
  EXPECT_THAT(node.keeper->Held(), IsEmpty());
  EXPECT_THAT(ReplicaIds(), IsEmpty());
  for (const auto& [shard, row] : Rows()) EXPECT_EQ(row.first, "") << shard;
}

}  // namespace
}  // namespace watchbell
