#include "services/analytics/iso_week.h"

#include "gtest/gtest.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

TEST(IsoWeek, BelongsToTheYearOfItsThursday) {
  EXPECT_EQ(WeekName(At("2016-02-29T00:00:00Z")), "2016-W09");
  EXPECT_EQ(WeekName(At("2016-03-06T23:59:59Z")), "2016-W09");
  EXPECT_EQ(WeekName(At("2016-03-07T00:00:00Z")), "2016-W10");
  EXPECT_EQ(WeekName(At("2021-01-03T12:00:00Z")), "2020-W53");
  EXPECT_EQ(WeekName(At("2021-01-04T00:00:00Z")), "2021-W01");
  EXPECT_EQ(WeekName(At("2024-12-30T00:00:00Z")), "2025-W01");
}

TEST(IsoWeek, StartsOnMonday) {
  EXPECT_EQ(WeekStart(At("2016-02-29T00:00:00Z")), At("2016-02-29T00:00:00Z"));
  EXPECT_EQ(WeekStart(At("2016-03-06T23:59:59Z")), At("2016-02-29T00:00:00Z"));
  EXPECT_EQ(WeekStart(At("2021-01-01T10:00:00Z")), At("2020-12-28T00:00:00Z"));
}

TEST(IsoWeek, NamesMonths) { EXPECT_EQ(MonthName(At("2016-02-29T23:59:59Z")), "2016-02"); }

// Every day of 30 years: seven days a week, weeks count up by one or start again at 1.
TEST(IsoWeek, CountsWithoutGaps) {
  absl::Time day = At("2000-01-03T00:00:00Z");
  for (int week = 0; week < 30 * 52; ++week) {
    const std::string name = WeekName(day);
    for (int i = 0; i < 7; ++i) EXPECT_EQ(WeekName(day + absl::Hours(24 * i + 23)), name);
    const std::string next = WeekName(day + absl::Hours(24 * 7));
    const int number = std::stoi(name.substr(6)), following = std::stoi(next.substr(6));
    EXPECT_TRUE(following == number + 1 || (following == 1 && number >= 52)) << name << " " << next;
    day += absl::Hours(24 * 7);
  }
}

}  // namespace
}  // namespace watchbell::analytics
