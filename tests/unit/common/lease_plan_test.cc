// Who is dead, and who should hold what: no clock, no database.
#include "common/engine/lease_plan.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::Duration kTick = absl::Milliseconds(250);

std::vector<ReplicaRow> Beats(int64_t beat) { return {{"a", "host:1", beat, ""}}; }

HeartbeatWatch Watch() { return HeartbeatWatch(absl::Seconds(3), absl::Seconds(1)); }

std::vector<LeaseRow> Leases(const std::vector<std::string>& holders) {
  std::vector<LeaseRow> leases;
  for (const std::string& holder : holders) {
    leases.push_back({static_cast<int>(leases.size()), holder, "", 1});
  }
  return leases;
}

std::vector<int> Shards(const std::vector<LeaseRow>& leases) {
  std::vector<int> shards;
  for (const LeaseRow& lease : leases) shards.push_back(lease.shard);
  return shards;
}

TEST(HeartbeatWatchTest, AHeartbeatUnchangedForThreeSecondsIsDeath) {
  HeartbeatWatch watch = Watch();
  for (absl::Duration t; t < absl::Seconds(3); t += kTick) {
    EXPECT_THAT(watch.Look(t, t, Beats(7)), IsEmpty()) << t;
  }
  EXPECT_THAT(watch.Look(absl::Seconds(3), absl::Seconds(3), Beats(7)), ElementsAre("a"));
  // It stays dead until somebody buries it, or it beats.
  EXPECT_THAT(watch.Look(absl::Seconds(4), absl::Seconds(4), Beats(7)), ElementsAre("a"));
  EXPECT_THAT(watch.Look(absl::Seconds(5), absl::Seconds(5), Beats(8)), IsEmpty());
}

TEST(HeartbeatWatchTest, AnyChangeOfTheBeatIsLife) {
  HeartbeatWatch watch = Watch();
  int64_t beat = 100;
  for (absl::Duration t; t < absl::Minutes(1); t += absl::Seconds(1)) {
    EXPECT_THAT(watch.Look(t, t, Beats(t < absl::Seconds(30) ? ++beat : --beat)), IsEmpty()) << t;
  }
}

TEST(HeartbeatWatchTest, OwnReadsTooFarApartBeginAnew) {
  HeartbeatWatch watch = Watch();
  absl::Duration t;
  for (; t < absl::Seconds(3); t += kTick) EXPECT_THAT(watch.Look(t, t, Beats(7)), IsEmpty());
  t += absl::Milliseconds(1100);
  const absl::Duration anew = t;
  for (; t < anew + absl::Seconds(3); t += kTick) {
    EXPECT_THAT(watch.Look(t, t, Beats(7)), IsEmpty()) << t;
  }
  EXPECT_THAT(watch.Look(t, t, Beats(7)), ElementsAre("a"));
}

TEST(HeartbeatWatchTest, OneSecondApartIsNear) {
  HeartbeatWatch watch = Watch();
  for (int s = 0; s < 3; ++s) {
    EXPECT_THAT(watch.Look(absl::Seconds(s), absl::Seconds(s), Beats(7)), IsEmpty());
  }
  EXPECT_THAT(watch.Look(absl::Seconds(3), absl::Seconds(3), Beats(7)), ElementsAre("a"));
}

TEST(HeartbeatWatchTest, ASlowReadMakesNobodyDeadEarlier) {
  // What a read of half a second saw may be as young as its end, or as old as its beginning.
  HeartbeatWatch watch = Watch();
  const absl::Duration slow = absl::Milliseconds(500);
  absl::Duration t;
  for (; t < absl::Milliseconds(3500); t += slow) {
    EXPECT_THAT(watch.Look(t, t + slow, Beats(7)), IsEmpty()) << t;
  }
  EXPECT_THAT(watch.Look(t, t + slow, Beats(7)), ElementsAre("a"));
}

TEST(HeartbeatWatchTest, AReadThatTookTooLongBeginsAnew) {
  HeartbeatWatch watch = Watch();
  absl::Duration t;
  for (; t < absl::Seconds(3); t += kTick) watch.Look(t, t, Beats(7));
  EXPECT_THAT(watch.Look(t, t + absl::Seconds(1), Beats(7)), IsEmpty())
      << "the database stood still: so may have the other";
}

TEST(HeartbeatWatchTest, WhoWentAndComesBackIsNew) {
  HeartbeatWatch watch = Watch();
  absl::Duration t;
  for (; t < absl::Seconds(2); t += kTick) watch.Look(t, t, Beats(7));
  watch.Look(t, t, {});
  for (int i = 0; i < 12; ++i) {
    t += kTick;
    EXPECT_THAT(watch.Look(t, t, Beats(7)), IsEmpty()) << t;
  }
  t += kTick;
  EXPECT_THAT(watch.Look(t, t, Beats(7)), ElementsAre("a"));
}

TEST(LeasePlanTest, OneAloneTakesEverything) {
  const LeasePlan plan = PlanLeases(Leases({"", "", "", ""}), {"a"}, "a");
  EXPECT_EQ(plan.give_up, 0u);
  EXPECT_EQ(plan.take, 4u);
  EXPECT_THAT(Shards(plan.free), ElementsAre(0, 1, 2, 3));
}

TEST(LeasePlanTest, WhatIsTooMuchIsGivenUpFromTheTop) {
  const LeasePlan plan = PlanLeases(Leases({"a", "a", "a", "a"}), {"a", "b"}, "a");
  EXPECT_EQ(plan.give_up, 2u);
  EXPECT_THAT(Shards(plan.ours), ElementsAre(3, 2, 1, 0));
  EXPECT_EQ(plan.take, 0u);
}

TEST(LeasePlanTest, LeasesOfTheDeadAreFree) {
  const LeasePlan plan = PlanLeases(Leases({"a", "z", "b", "z"}), {"a", "b"}, "b");
  EXPECT_EQ(plan.take, 1u);
  EXPECT_THAT(Shards(plan.free), testing::UnorderedElementsAre(1, 3));
}

TEST(LeasePlanTest, ThoseWhoTakeAtTheSameMomentBeginAtDifferentEnds) {
  const std::vector<LeaseRow> leases = Leases({"", "", "", ""});
  EXPECT_THAT(Shards(PlanLeases(leases, {"a", "b"}, "a").free), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Shards(PlanLeases(leases, {"a", "b"}, "b").free), ElementsAre(2, 3, 0, 1));
}

TEST(LeasePlanTest, TheSharesAreEvenAndSumUpToAllWhateverTheNumbers) {
  for (int shards = 1; shards <= 40; ++shards) {
    for (int replicas = 1; replicas <= 20; ++replicas) {
      SCOPED_TRACE(absl::StrCat(shards, " shards, ", replicas, " replicas"));
      std::set<std::string> live;
      for (int i = 0; i < replicas; ++i) live.insert(absl::StrCat("r", i));
      const std::vector<LeaseRow> leases = Leases(std::vector<std::string>(shards));
      size_t sum = 0;
      for (const std::string& self : live) {
        const size_t share = PlanLeases(leases, live, self).take;
        EXPECT_GE(share, static_cast<size_t>(shards / replicas));
        EXPECT_LE(share, static_cast<size_t>((shards + replicas - 1) / replicas));
        sum += share;
      }
      EXPECT_EQ(sum, static_cast<size_t>(shards));
    }
  }
}

TEST(LeasePlanTest, WhoHoldsItsShareDoesNothing) {
  const std::vector<LeaseRow> leases = Leases({"a", "a", "b", "b", "c"});
  for (const char* self : {"a", "b", "c"}) {
    const LeasePlan plan = PlanLeases(leases, {"a", "b", "c"}, self);
    EXPECT_EQ(plan.give_up, 0u) << self;
    EXPECT_EQ(plan.take, 0u) << self;
  }
}

}  // namespace
}  // namespace watchbell::engine
