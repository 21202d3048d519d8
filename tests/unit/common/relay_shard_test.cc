#include "common/bus/kafka/relay_shard.h"

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace watchbell::bus::kafka {
namespace {

TEST(RelayShardTest, ItIsRelayedUpToTheFirstRowWithoutAReport) {
  RelayShard shard(10);
  EXPECT_EQ(shard.cursor(), 10);
  EXPECT_EQ(shard.relayed(), 10);
  shard.Sent(12, 1);
  shard.Sent(15, 1);
  shard.Sent(16, 1);
  EXPECT_EQ(shard.cursor(), 16);
  EXPECT_EQ(shard.relayed(), 10);
  EXPECT_TRUE(shard.Acknowledged(15));
  EXPECT_EQ(shard.relayed(), 10);
  EXPECT_TRUE(shard.Acknowledged(12));
  EXPECT_EQ(shard.relayed(), 15);
  EXPECT_FALSE(shard.Acknowledged(12));  // again
  EXPECT_FALSE(shard.Acknowledged(14));  // never sent
  EXPECT_TRUE(shard.Acknowledged(16));
  EXPECT_EQ(shard.relayed(), 16);
  EXPECT_EQ(shard.outstanding(), 0u);
}

TEST(RelayShardTest, RowsThatGoNowhereMoveIt) {
  RelayShard shard(0);
  shard.Passed(7);
  EXPECT_EQ(shard.relayed(), 7);
  shard.Passed(5);
  EXPECT_EQ(shard.cursor(), 7);
  shard.Sent(9, 1);
  shard.Passed(20);
  // Not past what is under way.
  EXPECT_EQ(shard.relayed(), 7);
  EXPECT_EQ(shard.cursor(), 20);
  shard.Acknowledged(9);
  EXPECT_EQ(shard.relayed(), 20);
}

TEST(RelayShardTest, AFailureStopsItUntilAllReportsAreIn) {
  RelayShard shard(0);
  for (int64_t sequence = 1; sequence <= 4; ++sequence) shard.Sent(sequence, 1);
  shard.Acknowledged(1);
  shard.Failed(2);
  EXPECT_TRUE(shard.stopped());
  EXPECT_FALSE(shard.Takes());
  EXPECT_FALSE(shard.Restart());
  shard.Acknowledged(3);
  EXPECT_FALSE(shard.Restart());
  shard.Failed(4);
  EXPECT_EQ(shard.relayed(), 1);
  EXPECT_TRUE(shard.Restart());
  EXPECT_EQ(shard.cursor(), 1);  // 3 will be published twice
  EXPECT_EQ(shard.relayed(), 1);
  EXPECT_TRUE(shard.Takes());
  EXPECT_FALSE(shard.Restart());
}

TEST(RelayShardTest, AFullQueueStopsItToo) {
  RelayShard shard(0);
  shard.Sent(1, 1);
  shard.Stop();
  shard.Acknowledged(1);
  EXPECT_EQ(shard.relayed(), 1);
  EXPECT_TRUE(shard.Restart());
  EXPECT_EQ(shard.cursor(), 1);
  // With nothing under way it never went back.
  shard.Passed(9);
  shard.Stop();
  EXPECT_EQ(shard.relayed(), 9);
  EXPECT_TRUE(shard.Restart());
  EXPECT_EQ(shard.cursor(), 9);
}

TEST(RelayShardTest, AProducerThatIsGoneReportsNothingAnyMore) {
  RelayShard shard(0);
  for (int64_t sequence = 1; sequence <= 3; ++sequence) shard.Sent(sequence, 1);
  shard.Acknowledged(1);
  shard.Forget();
  EXPECT_TRUE(shard.Restart());
  EXPECT_EQ(shard.cursor(), 1);
  EXPECT_FALSE(shard.Acknowledged(2));
  RelayShard idle(5);
  idle.Forget();
  EXPECT_FALSE(idle.stopped());
}

TEST(RelayShardTest, ItsWindowIsCountedInRowsAndBytes) {
  RelayShard shard(0, {3, 100});
  shard.Sent(1, 10);
  shard.Sent(2, 10);
  EXPECT_TRUE(shard.Takes());
  shard.Sent(3, 10);
  EXPECT_FALSE(shard.Takes());
  shard.Acknowledged(1);
  EXPECT_TRUE(shard.Takes());
  shard.Sent(4, 1'000'000);  // one that is larger than all still goes out
  EXPECT_FALSE(shard.Takes());
  shard.Acknowledged(2);
  shard.Acknowledged(3);
  EXPECT_FALSE(shard.Takes());
  shard.Acknowledged(4);
  EXPECT_TRUE(shard.Takes());
}

// Whatever fails and in whatever order reports come: every row is acknowledged in the end, the
// first time in order, and `relayed` never goes back nor past a row that is not.
TEST(RelayShardTest, AnyOrderOfReportsEndsWithEverythingPublishedInOrder) {
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&random](int percent) {
      return static_cast<int>(random() % 100) < percent;
    };
    RelayShard shard(0, {1 + random() % 20, 1'000'000});
    std::set<int64_t> rows;
    for (int64_t sequence = 1; rows.size() < 60; ++sequence) {
      if (chance(40)) rows.insert(sequence);
    }
    std::vector<int64_t> under_way;
    std::set<int64_t> published;
    int64_t relayed = 0;
    for (int step = 0; published.size() < rows.size() || shard.relayed() < *rows.rbegin(); ++step) {
      ASSERT_LT(step, 100'000) << "seed " << seed;
      if (chance(50) && shard.Takes()) {
        if (auto next = rows.upper_bound(shard.cursor()); next != rows.end()) {
          shard.Sent(*next, 1);
          under_way.push_back(*next);
        }
      } else if (!under_way.empty() && chance(70)) {
        const size_t which = random() % under_way.size();
        const int64_t sequence = under_way[which];
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
        if (chance(10)) {
          shard.Failed(sequence);
        } else {
          shard.Acknowledged(sequence);
          published.insert(sequence);
        }
      } else if (chance(3)) {
        under_way.clear();
        shard.Forget();
      }
      shard.Restart();
      ASSERT_GE(shard.relayed(), relayed) << "seed " << seed;
      relayed = shard.relayed();
      for (auto row = rows.begin(); row != rows.end() && *row <= relayed; ++row) {
        ASSERT_EQ(published.count(*row), 1u) << "seed " << seed << " row " << *row;
      }
    }
  }
}

}  // namespace
}  // namespace watchbell::bus::kafka
