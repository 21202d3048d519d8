#include "services/analytics/statistics.h"

#include <vector>

#include "gtest/gtest.h"

namespace watchbell::analytics {
namespace {

constexpr int64_t kSecond = 1'000'000;

TEST(Ratio, IsAbsentWithoutADenominator) { EXPECT_FALSE(MakeRatio(0, 0).has_value()); }

// Published vectors: 580 and 740 of 1,000; a real desk's reopenings.
TEST(Ratio, CarriesItsWilsonInterval) {
  auto ratio = MakeRatio(580, 1000);
  ASSERT_TRUE(ratio.has_value());
  EXPECT_EQ(ratio->numerator(), 580);
  EXPECT_EQ(ratio->denominator(), 1000);
  EXPECT_DOUBLE_EQ(ratio->rate(), 0.58);
  EXPECT_NEAR(ratio->wilson95_low(), 0.549, 0.0005);
  EXPECT_NEAR(ratio->wilson95_high(), 0.610, 0.0005);
  auto reopened = MakeRatio(234, 20768);
  EXPECT_NEAR(reopened->wilson95_low(), 0.009920, 5e-7);
  EXPECT_NEAR(reopened->wilson95_high(), 0.012796, 5e-7);
}

TEST(Ratio, IntervalStaysWithinZeroAndOne) {
  EXPECT_EQ(MakeRatio(0, 7)->wilson95_low(), 0);
  EXPECT_GT(MakeRatio(0, 7)->wilson95_high(), 0);
  EXPECT_EQ(MakeRatio(7, 7)->wilson95_high(), 1);
  EXPECT_LT(MakeRatio(7, 7)->wilson95_low(), 1);
}

TEST(Percentile, InterpolatesBetweenRanks) {
  const std::vector<int64_t> sorted = {10, 20, 30, 40};  // ranks 0..3
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0), 10);
  EXPECT_DOUBLE_EQ(Percentile(sorted, 50), 25);    // rank 1.5
  EXPECT_DOUBLE_EQ(Percentile(sorted, 75), 32.5);  // rank 2.25
  EXPECT_DOUBLE_EQ(Percentile(sorted, 90), 37);    // rank 2.7
  EXPECT_DOUBLE_EQ(Percentile(sorted, 100), 40);
  EXPECT_DOUBLE_EQ(Percentile({7}, 99), 7);
}

TEST(Durations, AreWholeSecondsAndNeverNegative) {
  Durations durations;
  EXPECT_FALSE(durations.Stats().has_value());
  durations.Add(10 * kSecond, 13 * kSecond + 999'999);  // 3
  durations.Add(20 * kSecond, 5 * kSecond);             // 0: stays in
  durations.Add(0, 9 * kSecond);                        // 9
  auto stats = durations.Stats();
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->count(), 3);
  EXPECT_EQ(stats->sum_seconds(), 12);
  EXPECT_DOUBLE_EQ(stats->p50_seconds(), 3);
  EXPECT_DOUBLE_EQ(stats->p75_seconds(), 6);  // rank 1.5 of 0, 3, 9
  EXPECT_EQ(stats->max_seconds(), 9);
}

}  // namespace
}  // namespace watchbell::analytics
