// Several replicas of a service over one database and one clock: commands through any of them,
// everything else through the holder of the shard.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/bus/event_registry.h"
#include "common/engine/dead_letters.h"
#include "common/journal/journal.h"
#include "gtest/gtest.h"
#include "tests/support/replicas.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell {
namespace {

using test::kReplicaTick;
using test::Place;
using test::Replica;

class EngineReplicasTest : public test::ReplicasFixture {};

TEST_F(EngineReplicasTest, CommandsForOneThingThroughBothAreSerial) {
  JoinTwo();
  std::vector<Place> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(Submit(*a_, "x"));
    answers.push_back(Submit(*b_, "x"));
    if (i % 3 == 0) Run(*a_);
    if (i % 4 == 0) Run(*b_);
  }
  Pass(kReplicaTick);
  std::set<int> counts;
  for (const Place& answer : answers) counts.insert(CountIn(answer));
  EXPECT_EQ(counts.size(), 40u);
  EXPECT_EQ(*counts.rbegin(), 40);
  EXPECT_EQ(State("toy", "x").reopen_count(), 40);
  EXPECT_EQ(CheckTopic(), 0);
}

TEST_F(EngineReplicasTest, ARequestIdIsRememberedByAll) {
  JoinTwo();
  const std::string id = "11111111-1111-7111-8111-111111111111";
  const Place first = Submit(*a_, "x", "", id);
  Run(*a_);
  const Place second = Submit(*b_, "x", "", id);
  Run(*b_);
  EXPECT_EQ(CountIn(first), 1);
  EXPECT_EQ(CountIn(second), 1);
  EXPECT_TRUE((**second)->remembered);
}

TEST_F(EngineReplicasTest, ATimerArmedThroughTheOtherFiresOnceAtItsHolder) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  Submit(*b_, thing, "arm:10");
  Run(*b_);
  EXPECT_EQ(pokes_, 1);
  EXPECT_EQ(b_->engine().TimerCount(), 0u);
  a_->engine().RunOnce();
  EXPECT_EQ(a_->engine().TimerCount(), 1u) << "the poke said so";
  clock_.Advance(absl::Minutes(1));
  Run(*b_);
  EXPECT_EQ(State("toy", thing).title(), "") << "it is not the other's to fire";
  Run(*a_);
  EXPECT_EQ(State("toy", thing).title(), "fired");
  RunAll();
  EXPECT_EQ(Journal().size(), 2u);
}

TEST_F(EngineReplicasTest, WithoutAPokeItsHolderFindsATimerWithinAQuarterOfASecond) {
  JoinTwo();
  pokes_lost_ = true;
  const std::string thing = ThingOf(*a_);
  Run(*a_);
  Submit(*b_, thing, "arm:10");
  Run(*b_);
  const engine::Step step = a_->engine().RunOnce();
  EXPECT_LE(step.next, clock_.Now() + kReplicaTick) << "nobody may wake it";
  clock_.Advance(kReplicaTick);
  Run(*a_);
  EXPECT_EQ(a_->engine().TimerCount(), 1u);
}

TEST_F(EngineReplicasTest, ATimerMovedThroughTheOtherFiresWhenItIsDueThen) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  const absl::Time armed = clock_.Now();
  Submit(*a_, thing, "arm:10");
  Run(*a_);
  Submit(*b_, thing, "arm:5");
  Run(*b_);
  clock_.Set(armed + absl::Seconds(5) + absl::Microseconds(1));
  Run(*a_);
  EXPECT_EQ(State("toy", thing).title(), "fired");
  Submit(*b_, thing, "arm:10");
  Run(*b_);
  Submit(*a_, thing, "arm:20");
  Run(*a_);
  Pass(absl::Seconds(60));
  const auto rows = Journal();
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                          [](const auto& row) { return row.actor == "service:toy"; }),
            2);
  EXPECT_EQ(TimerRows(), 0u);
}

TEST_F(EngineReplicasTest, EventsOfOthersAreReadByTheHolderOfTheirShard) {
  JoinTwo();
  Replica& fa = Join("follower", "follower-a");
  Replica& fb = Join("follower", "follower-b");
  Pass(4 * kReplicaTick);
  for (int i = 0; i < 64; ++i) Submit(i % 2 == 0 ? *a_ : *b_, absl::StrCat("t", i));
  Run(*a_);
  Run(*b_);
  RunAll();
  Run(fa);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(State("follower", absl::StrCat("t", i)).reopen_count(), 1) << i;
  }
  EXPECT_EQ(fb.node.held(), 8u);
  EXPECT_EQ(CheckTopic(), 0);
}

TEST_F(EngineReplicasTest, AfterADeathEveryTimerFiresOnceAndWithinFiveSeconds) {
  JoinTwo();
  for (int i = 0; i < 64; ++i) {
    Submit(i % 2 == 0 ? *a_ : *b_, absl::StrCat("t", i), absl::StrCat("arm:", i % 8));
  }
  Run(*a_);
  Run(*b_);
  RunAll();
  const absl::Time died = clock_.Now();
  Kill("toy-a");
  Pass(absl::Seconds(12));
  std::map<std::string, int> fired;
  for (const journal::JournalRow& row : Journal()) {
    if (row.actor != "service:toy") continue;
    ++fired[row.stream_id];
    EXPECT_LE(row.recorded_at - std::max(row.occurred_at, died), absl::Seconds(5));
  }
  EXPECT_EQ(fired.size(), 64u);
  for (const auto& [thing, times] : fired) EXPECT_EQ(times, 1) << thing;
  EXPECT_EQ(TimerRows(), 0u);
  CheckTopic();
}

TEST_F(EngineReplicasTest, WhatADeadHolderCommittedAndDidNotPublishItsSuccessorPublishes) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  Submit(*a_, thing, "published");
  Run(*a_);
  a_->bus.down = true;
  Submit(*a_, thing, "not published");
  Submit(*b_, thing, "by the other");
  Run(*a_);
  Run(*b_);
  Run(*a_);
  Kill("toy-a");
  EXPECT_EQ(broker_->Log(test::kToyTopic, ShardOf(thing, kDefaultShards)).size(), 1u);
  Pass(absl::Seconds(4));
  CheckTopic();
}

TEST_F(EngineReplicasTest, APublishedPlaceIsStoredSoThatASuccessorRepeatsLittle) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  for (int i = 0; i < 100; ++i) Submit(*a_, thing);
  Run(*a_);
  Pass(absl::Seconds(2));
  Kill("toy-a");
  Pass(absl::Seconds(4));
  EXPECT_EQ(CheckTopic(), 0);
}

TEST_F(EngineReplicasTest, AZombieFiresNoTimerThatItsSuccessorFired) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  Submit(*a_, thing, "arm:5");
  Run(*a_);
  a_->frozen = true;
  Pass(absl::Seconds(8));
  ASSERT_EQ(State("toy", thing).title(), "fired");
  const size_t before = Journal().size();
  const auto rows = test::LeaseRows(*files_["toy"]);
  Run(*a_);  // it goes on before it looks at its leases
  EXPECT_EQ(Journal().size(), before);
  EXPECT_EQ(a_->engine().TimerCount(), 0u);
  EXPECT_EQ(test::LeaseRows(*files_["toy"]), rows);
  a_->frozen = false;
  Pass(absl::Seconds(2));
  EXPECT_EQ(a_->node.held(), 8u);
  EXPECT_EQ(Journal().size(), before);
  CheckTopic();
}

TEST_F(EngineReplicasTest, AZombieFiresNoTimerEvenBeforeItsSuccessorDoes) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  const absl::Time armed = clock_.Now();
  Submit(*a_, thing, "arm:5");
  Run(*a_);
  a_->frozen = true;
  Pass(absl::Seconds(4));
  ASSERT_EQ(HolderOf("toy", thing), "toy-b");
  clock_.Set(armed + absl::Seconds(6));
  Run(*a_);
  EXPECT_EQ(State("toy", thing).title(), "");
  EXPECT_EQ(TimerRows(), 1u);
  Run(*b_);
  EXPECT_EQ(State("toy", thing).title(), "fired");
}

TEST_F(EngineReplicasTest, AZombieAppliesNoEvent) {
  Replica& toy = Join("toy", "toy");
  Pass(kReplicaTick);
  JoinTwo("follower");
  const std::string thing = ThingOf(*a_);
  a_->frozen = true;
  Pass(absl::Seconds(3));
  Look(*b_);
  clock_.Advance(kReplicaTick);
  Look(*b_);  // its lease, but nothing applied yet
  ASSERT_EQ(HolderOf("follower", thing), "follower-b");
  Submit(toy, thing, "one");
  Run(toy);
  Run(*a_);
  EXPECT_EQ(State("follower", thing).reopen_count(), 0) << "it is another's by now";
  const auto positions = files_["follower"]->Read(
      "SELECT sequence FROM topic_positions WHERE topic <> '' AND shard = $1",
      {int64_t{ShardOf(thing, kDefaultShards)}});
  EXPECT_EQ(positions->size(), 0u);
  Run(*b_);
  EXPECT_EQ(State("follower", thing).reopen_count(), 1);
  a_->frozen = false;
  Pass(absl::Seconds(2));
  Submit(toy, thing, "two");
  Pass(kReplicaTick);
  EXPECT_EQ(State("follower", thing).reopen_count(), 2);
  EXPECT_TRUE(engine::ListDeadLetters(*files_["follower"], "", true)->empty());
}

TEST_F(EngineReplicasTest, CommandsThroughAZombieAreAsGoodAsThroughAnybody) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  a_->frozen = true;
  Pass(absl::Seconds(4));
  const Place answer = Submit(*a_, thing, "arm:10");
  Run(*a_);
  EXPECT_EQ(CountIn(answer), 1);
  Pass(kReplicaTick);
  EXPECT_EQ(b_->engine().TimerCount(), 1u);
  Pass(absl::Seconds(12));
  EXPECT_EQ(State("toy", thing).title(), "fired");
  EXPECT_EQ(Journal().size(), 2u);
  CheckTopic();
}

TEST_F(EngineReplicasTest, WhatADeadHolderLeftIsFoundBeforeItsShardGoesOn) {
  JoinTwo();
  b_->recovered.clear();
  std::set<int> of_a;
  for (const auto& [shard, epoch] : a_->node.keeper->Held()) of_a.insert(shard);
  const std::string thing = ThingOf(*a_);
  Submit(*a_, thing, "arm:1");
  Run(*a_);
  Kill("toy-a");
  b_->recover_fails = absl::UnavailableError("injected");
  Pass(absl::Seconds(5));
  EXPECT_EQ(State("toy", thing).title(), "") << "nothing of it may be fed before";
  b_->recover_fails = absl::OkStatus();
  Pass(absl::Seconds(3));
  EXPECT_EQ(State("toy", thing).title(), "fired");
  EXPECT_EQ(std::set<int>(b_->recovered.begin(), b_->recovered.end()), of_a);
}

TEST_F(EngineReplicasTest, AShardThatCannotBeOpenedStopsNoOther) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  const int shard = ShardOf(thing, kDefaultShards);
  std::string other;
  for (int i = 0; other.empty(); ++i) {
    const std::string next = absl::StrCat("o", i);
    if (HolderOf("toy", next) == "toy-a" && ShardOf(next, kDefaultShards) != shard) other = next;
  }
  const std::string own = ThingOf(*b_);
  for (const std::string& one : {thing, other, own}) Submit(*a_, one, "arm:6");
  Run(*a_);
  Kill("toy-a");
  b_->recover_fails = absl::InternalError("injected");
  b_->recover_fails_of = shard;
  Pass(absl::Seconds(8));
  EXPECT_EQ(State("toy", own).title(), "fired");
  EXPECT_EQ(State("toy", other).title(), "fired");
  EXPECT_EQ(State("toy", thing).title(), "") << "nothing of it may be fed";
  const absl::Status health = b_->engine().Health();
  EXPECT_EQ(health.message(), absl::StrCat("not opened: shard ", shard, "; ", shard, ": injected"));
  const Place answer = Submit(*b_, thing);
  Run(*b_);
  EXPECT_EQ(CountIn(answer), 2) << "commands go on";
  // It looks again by itself, now and then.
  const absl::Time next = b_->engine().RunOnce().next;
  EXPECT_LE(next, clock_.Now() + absl::Seconds(2));
  b_->recover_fails = absl::OkStatus();
  Pass(absl::Seconds(3));
  EXPECT_EQ(State("toy", thing).title(), "fired");
  EXPECT_TRUE(b_->engine().Health().ok()) << b_->engine().Health();
  const auto& recovered = b_->recovered;
  EXPECT_EQ(std::set<int>(recovered.begin(), recovered.end()).size(), recovered.size())
      << "shards that are open are left alone";
  CheckTopic();
}

TEST_F(EngineReplicasTest, AShardLostWhileItIsBeingOpenedIsLeftAlone) {
  JoinTwo();
  const std::string thing = ThingOf(*a_);
  Submit(*a_, thing, "arm:5");
  Run(*a_);
  Kill("toy-a");
  b_->recover_fails = absl::UnavailableError("injected");
  Pass(absl::Seconds(4));
  ASSERT_EQ(HolderOf("toy", thing), "toy-b");
  // Before it could begin, a third one has it.
  ASSERT_TRUE(files_["toy"]
                  ->RunScript(absl::StrCat(
                      "INSERT INTO replicas VALUES ('toy-c', '', 1, '');"
                      "UPDATE leases SET holder = 'toy-c', epoch = epoch + 1 WHERE shard = ",
                      ShardOf(thing, kDefaultShards), ";"))
                  .ok());
  b_->recover_fails = absl::OkStatus();
  Pass(absl::Seconds(2));  // at rest although the timer is due
  EXPECT_EQ(State("toy", thing).title(), "");
  EXPECT_EQ(b_->engine().TimerCount(), 0u);
  Pass(absl::Seconds(4));  // the third one is dead
  EXPECT_EQ(State("toy", thing).title(), "fired");
  EXPECT_EQ(Journal().size(), 2u);
}

TEST_F(EngineReplicasTest, ADeadLetterReleasedThroughTheOtherIsAppliedByItsHolder) {
  Replica& toy = Join("toy", "toy");
  Pass(kReplicaTick);
  JoinTwo("follower");
  const std::string thing = ThingOf(*a_);
  Submit(toy, thing, "poison");
  Submit(toy, thing, "behind");
  Pass(kReplicaTick);
  ASSERT_EQ(State("follower", thing).reopen_count(), 0);
  const auto letters = engine::ListDeadLetters(*files_["follower"], "", false);
  ASSERT_EQ(letters->size(), 1u);
  a_->follower->refuse_poison = b_->follower->refuse_poison = false;
  bool released = false;
  const auto take = [&released](const absl::StatusOr<engine::Reply>& r) { released = r.ok(); };
  ASSERT_TRUE(b_->engine().ReleaseDeadLetter((*letters)[0].dead_letter_id(), false, take).ok());
  Run(*b_);
  EXPECT_TRUE(released);
  EXPECT_EQ(State("follower", thing).reopen_count(), 0) << "it is not the other's to apply";
  Run(*a_);
  EXPECT_EQ(State("follower", thing).reopen_count(), 2);
}

TEST_F(EngineReplicasTest, AReleaseBehindManyOthersIsSeen) {
  Replica& toy = Join("toy", "toy");
  Pass(kReplicaTick);
  JoinTwo("follower");
  const std::string thing = ThingOf(*a_);
  Submit(toy, thing, "poison");
  Submit(toy, thing, "behind");
  Pass(kReplicaTick);
  const auto letters = engine::ListDeadLetters(*files_["follower"], "", false);
  ASSERT_EQ(letters->size(), 1u);
  // Released by the hundred, of other keys.
  std::vector<db::Row> rows;
  for (int64_t i = 1; i <= 1'100; ++i) {
    journal::JournalRow row;
    row.sequence = i;
    row.aggregate = engine::DeadLetterClass().name;
    row.stream_id = "dl-of-others";
    row.version = i;
    row.type = bus::EventTypeOf(*events::v1::DeadLetterReleased::descriptor());
    rows.push_back(journal::ToDbRow(row));
  }
  auto transaction = *files_["follower"]->Begin();
  ASSERT_TRUE(transaction->Insert(journal::JournalTable(), rows).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  transaction = nullptr;
  a_->follower->refuse_poison = b_->follower->refuse_poison = false;
  const auto take = [](const absl::StatusOr<engine::Reply>& r) { EXPECT_TRUE(r.ok()); };
  ASSERT_TRUE(b_->engine().ReleaseDeadLetter((*letters)[0].dead_letter_id(), false, take).ok());
  Run(*b_);
  Run(*a_);
  Pass(kReplicaTick);
  EXPECT_EQ(State("follower", thing).reopen_count(), 2);
}

TEST_F(EngineReplicasTest, AFollowersTimerWaitsForItsEventsAlsoAfterATakeover) {
  Replica& toy = Join("toy", "toy");
  Pass(kReplicaTick);
  JoinTwo("follower");
  const std::string thing = ThingOf(*a_);
  Submit(*b_, thing, "arm:2");
  Run(*b_);
  Run(*a_);
  Submit(toy, thing, "one");
  Run(toy);
  Kill("follower-a");  // before it read that
  Pass(absl::Seconds(6));
  EXPECT_EQ(State("follower", thing).resolver(), "1");
  EXPECT_EQ(State("follower", thing).reopen_count(), 1);
}

}  // namespace
}  // namespace watchbell
