#include "common/runtime/readiness_news.h"

#include <gtest/gtest.h>

namespace watchbell::runtime {
namespace {

constexpr absl::Duration kMoment = absl::Milliseconds(250);

TEST(ReadinessNewsTest, TheFirstWordAndEveryTurnAreToldAtOnce) {
  ReadinessNews news;
  EXPECT_TRUE(news.Tell({"starting"}, absl::ZeroDuration()));
  EXPECT_TRUE(news.Tell({}, kMoment));
  EXPECT_FALSE(news.Tell({}, absl::Hours(1)));
  EXPECT_TRUE(news.Tell({"sla: the disk is full"}, absl::Hours(1)));
  EXPECT_TRUE(news.Tell({}, absl::Hours(1)));
}

TEST(ReadinessNewsTest, OtherReasonsAreNewsAlsoIfTheyAreAsMany) {
  ReadinessNews news;
  EXPECT_TRUE(news.Tell({"Kafka does not answer"}, absl::ZeroDuration()));
  EXPECT_FALSE(news.Tell({"Kafka does not answer"}, absl::Hours(1)));
  EXPECT_TRUE(news.Tell({"sla: the database does not answer"}, absl::Hours(2)));
}

TEST(ReadinessNewsTest, OtherNumbersAreNoNewsNorIsAnotherOrder) {
  ReadinessNews news;
  EXPECT_TRUE(news.Tell({"a: 9 rows wait", "t/3: gone"}, absl::ZeroDuration()));
  EXPECT_FALSE(news.Tell({"a: 1234 rows wait", "t/12: gone"}, absl::Hours(1)));
  EXPECT_FALSE(news.Tell({"t/4: gone", "a: 0 rows wait"}, absl::Hours(1)));
  EXPECT_TRUE(news.Tell({"a: no rows wait", "t/4: gone"}, absl::Hours(1)));
  EXPECT_TRUE(news.Tell({"a: no rows wait"}, absl::Hours(2)));
}

TEST(ReadinessNewsTest, WordsThatComeAndGoAreNoFloodAndTheLastOnesAreTold) {
  ReadinessNews news;
  absl::Duration now;
  EXPECT_TRUE(news.Tell({"refused"}, now));
  int told = 0;
  for (int i = 0; i < 400; ++i) {  // 100 s
    now += kMoment;
    if (news.Tell({i % 2 == 0 ? "timed out" : "refused"}, now)) ++told;
  }
  EXPECT_GT(told, 0);
  EXPECT_LE(told, 100 / absl::ToInt64Seconds(ReadinessNews::kApart));
  news.Tell({"timed out"}, now);
  now += ReadinessNews::kApart;
  EXPECT_TRUE(news.Tell({"gave up"}, now));
  EXPECT_FALSE(news.Tell({"closed"}, now));
  EXPECT_TRUE(news.Tell({"closed"}, now + ReadinessNews::kApart));
}

}  // namespace
}  // namespace watchbell::runtime
