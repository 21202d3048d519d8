// The index of armed timers, by itself and beside a plain list.
#include "common/engine/timer_index.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::Time At(int second) { return absl::FromUnixSeconds(1'767'225'600 + second); }

TimerKey Key(const std::string& id, const std::string& name = "due") {
  return {{1, "default", id}, name};
}

std::vector<std::string> Due(const TimerIndex& index, absl::Time now, size_t most = 1000) {
  std::vector<std::string> ids;
  index.VisitDue(now, [&](const TimerIndex::Entry& timer) {
    ids.push_back(timer.key.entity.id);
    return ids.size() < most;
  });
  return ids;
}

TEST(TimerIndexTest, VisitsInDueOrderWhatIsDueBeforeNow) {
  TimerIndex index;
  EXPECT_EQ(index.NextDue(), absl::InfiniteFuture());
  index.Set(Key("late"), At(30));
  index.Set(Key("soon"), At(10));
  index.Set(Key("later"), At(20));
  EXPECT_EQ(index.NextDue(), At(10));
  EXPECT_THAT(Due(index, At(10)), IsEmpty());  // due before now, not at it
  EXPECT_THAT(Due(index, At(21)), ElementsAre("soon", "later"));
  EXPECT_THAT(Due(index, absl::InfiniteFuture(), 2), ElementsAre("soon", "later"));
}

TEST(TimerIndexTest, EqualDueTimesKeepTheOrderOfArming) {
  TimerIndex index;
  for (const char* id : {"c", "a", "d", "b"}) index.Set(Key(id), At(5));
  index.Set(Key("a"), At(5));  // armed again: the last now
  EXPECT_THAT(Due(index, At(6)), ElementsAre("c", "d", "b", "a"));
}

TEST(TimerIndexTest, ATimerIsInOnePlaceHoweverOftenItMoves) {
  TimerIndex index;
  for (int second = 50; second > 0; --second) index.Set(Key("a"), At(second));
  EXPECT_EQ(index.size(), 1U);
  EXPECT_THAT(Due(index, At(100)), ElementsAre("a"));
  EXPECT_EQ(index.NextDue(), At(1));
  index.Erase(Key("a"));
  index.Erase(Key("a"));
  EXPECT_EQ(index.size(), 0U);
  EXPECT_THAT(Due(index, At(100)), IsEmpty());
}

TEST(TimerIndexTest, EveryPartOfTheKeyTellsTimersApart) {
  const std::vector<TimerKey> keys = {{{1, "t", "ab"}, "c"}, {{1, "t", "a"}, "bc"},
                                      {{1, "ta", "b"}, "c"}, {{2, "t", "ab"}, "c"},
                                      {{1, "", "tab"}, "c"}, {{1, "t", "ab"}, ""}};
  TimerIndex index;
  for (size_t i = 0; i < keys.size(); ++i) index.Set(keys[i], At(static_cast<int>(i)));
  std::vector<TimerKey> visited;
  index.VisitDue(At(100), [&](const TimerIndex::Entry& timer) {
    visited.push_back(timer.key);
    return true;
  });
  EXPECT_EQ(visited, keys);
}

TEST(TimerIndexTest, DueTimesAreThoseOfTheRows) {
  TimerIndex index;
  index.Set(Key("a"), At(1) + absl::Nanoseconds(1'700));
  EXPECT_EQ(index.NextDue(), At(1) + absl::Microseconds(1));
}

TEST(TimerIndexTest, ForgetsThoseThatAreToldGone) {
  TimerIndex index;
  for (int i = 0; i < 100; ++i) index.Set(Key(absl::StrCat(i)), At(i));
  index.EraseIf([](const TimerKey& key) { return key.entity.id.size() == 2; });
  EXPECT_EQ(index.size(), 10U);
  EXPECT_THAT(Due(index, At(4)), ElementsAre("0", "1", "2", "3"));
  index.Clear();
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.NextDue(), absl::InfiniteFuture());
}

TEST(TimerIndexTest, AgreesWithAPlainListWhateverIsDone) {
  struct Armed {
    std::string id;
    absl::Time due;
  };
  std::mt19937 random(3);
  const auto below = [&random](int n) {
    return std::uniform_int_distribution<int>(0, n - 1)(random);
  };
  TimerIndex index;
  std::vector<Armed> list;  // in the order of arming
  for (int step = 0; step < 5'000; ++step) {
    const std::string id = absl::StrCat(below(60));
    std::erase_if(list, [&id](const Armed& armed) { return armed.id == id; });
    if (below(3) == 0) {
      index.Erase(Key(id));
    } else {
      const absl::Time due = At(below(20));
      index.Set(Key(id), due);
      list.push_back({id, due});
    }
    std::vector<Armed> sorted = list;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Armed& a, const Armed& b) { return a.due < b.due; });
    const absl::Time now = At(below(22));
    std::vector<std::string> expected;
    for (const Armed& armed : sorted) {
      if (armed.due < now) expected.push_back(armed.id);
    }
    ASSERT_EQ(Due(index, now), expected) << "step " << step;
    ASSERT_EQ(index.size(), list.size()) << "step " << step;
  }
}

}  // namespace
}  // namespace watchbell::engine
