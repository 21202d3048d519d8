// What the linter finds, each kind by itself.
#include "services/sla/calendars/calendar_lint.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kNine = 9 * 60;
constexpr int kFive = 17 * 60;

CalendarSpec Office(const std::string& zone) {
  CalendarSpec spec;
  spec.time_zone = zone;
  for (int day = 1; day <= 5; ++day) spec.weekly.push_back({day, {{kNine, kFive}}});
  return spec;
}

std::vector<std::string> Lint(const CalendarSpec& spec,
                              absl::CivilDay from = absl::CivilDay(2026, 1, 1)) {
  EXPECT_THAT(CheckCalendar(spec), IsEmpty());
  std::vector<std::string> lines;
  for (const v1::CalendarFinding& finding : LintCalendar("office", spec, from)) {
    EXPECT_EQ(finding.calendar_id(), "office");
    std::string kind = v1::CalendarFindingKind_Name(finding.kind());
    kind = kind.substr(std::string("CALENDAR_FINDING_KIND_").size());
    lines.push_back(absl::StrJoin({kind, finding.date(), finding.field(), finding.text()}, "|"));
  }
  return lines;
}

TEST(CalendarLint, AnOrdinaryCalendarHasNothingOdd) {
  EXPECT_THAT(Lint(Office("Europe/Berlin")), IsEmpty());
}

TEST(CalendarLint, ZeroHours) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.weekly = {{6, {}}};
  EXPECT_THAT(Lint(spec),
              ElementsAre("ZERO_HOURS||weekly[0]|weekday 6 is listed without hours",
                          "ZERO_HOURS||weekly|there is no working time from 2026-01-01 to "
                          "2027-01-01"));
  spec.weekly.clear();
  spec.overrides = {{absl::CivilDay(2027, 1, 1), {{kNine, kFive}}}};
  EXPECT_EQ(Lint(spec).size(), 1u);
  EXPECT_EQ(Lint(spec, absl::CivilDay(2026, 1, 2))[0].substr(0, 8), "ODD_DAY|");
}

// Sunday 2026-03-29 skips 02:00-03:00 and 2026-10-25 repeats it.
TEST(CalendarLint, EdgesInGapsAndFolds) {
  CalendarSpec spec;
  spec.time_zone = "Europe/Berlin";
  spec.weekly = {{6, {{22 * 60, 150}}}, {7, {{170, 12 * 60}}}};  // to 02:30, from 02:50
  const auto lines = Lint(spec);
  EXPECT_THAT(
      lines,
      ElementsAre(
          "EDGE_IN_GAP|2026-03-29|weekly[0].intervals[0]|hours end at 02:30, a local time "
          "which the change of clocks skips: they do so at the instant of the change",
          "EDGE_IN_GAP|2026-03-29|weekly[1].intervals[0]|hours begin at 02:50, a local time "
          "which the change of clocks skips: they do so at the instant of the change",
          "ODD_DAY|2026-03-29||the clocks change: 11h instead of 11h40m",
          "EDGE_IN_FOLD|2026-10-25|weekly[0].intervals[0]|hours end at 02:30, a local time "
          "which the change of clocks repeats: they count both times",
          "EDGE_IN_FOLD|2026-10-25|weekly[1].intervals[0]|hours begin at 02:50, a local time "
          "which the change of clocks repeats: they count both times",
          "ODD_DAY|2026-10-25||the clocks change: 12h20m instead of 11h40m"));
}

TEST(CalendarLint, EdgesOfTheGapItselfFaceInwards) {
  CalendarSpec spec;
  spec.time_zone = "Europe/Berlin";
  spec.weekly = {{7, {{60, 120}, {180, 240}}}};  // around what is skipped, whole
  EXPECT_THAT(Lint(spec), IsEmpty());
  spec.weekly = {{7, {{120, 180}}}};  // what is skipped, nothing else
  const auto lines = Lint(spec);
  ASSERT_EQ(lines.size(), 4u) << absl::StrJoin(lines, "\n");
  EXPECT_EQ(lines[0].substr(0, 23), "EDGE_IN_GAP|2026-03-29|");
  EXPECT_EQ(lines[1].substr(0, 23), "EDGE_IN_GAP|2026-03-29|");
  EXPECT_EQ(lines[2], "ODD_DAY|2026-03-29||the clocks change: 0h instead of 1h");
  EXPECT_EQ(lines[3], "ODD_DAY|2026-10-25||the clocks change: 2h instead of 1h");
}

// In Cairo clocks change at midnight; hours that go on over it have no edge there.
TEST(CalendarLint, HoursThatGoOnOverMidnightHaveNoEdge) {
  CalendarSpec spec;
  spec.time_zone = "Africa/Cairo";
  for (int day = 1; day <= 7; ++day) spec.weekly.push_back({day, {{0, 24 * 60}}});
  std::vector<std::string> kinds;
  for (const std::string& line : Lint(spec)) kinds.push_back(line.substr(0, line.find('|')));
  EXPECT_THAT(kinds, ElementsAre("ODD_DAY", "ODD_DAY"));
}

TEST(CalendarLint, HolidaysOnDaysOff) {
  CalendarSpec spec = Office("UTC");
  spec.holidays = {{absl::CivilDay(2026, 1, 3), "A Saturday", false},
                   {absl::CivilDay(2025, 1, 4), "Past", false},
                   {absl::CivilDay(2020, 8, 15), "Assumption", true},  // a Saturday in 2026
                   {absl::CivilDay(2024, 2, 29), "Leap day", true},    // none in 2026
                   {absl::CivilDay(2030, 6, 1), "A later Saturday", false}};
  EXPECT_THAT(Lint(spec), ElementsAre("HOLIDAY_ON_DAY_OFF|2026-01-03|holidays[0]|holiday \"A "
                                      "Saturday\" is on a day without hours",
                                      "HOLIDAY_ON_DAY_OFF|2026-08-15|holidays[2]|holiday "
                                      "\"Assumption\" is on a day without hours",
                                      "HOLIDAY_ON_DAY_OFF|2030-06-01|holidays[4]|holiday \"A later "
                                      "Saturday\" is on a day without "
                                      "hours"));
  // February 29 of 2032 is a Sunday; seen from the summer before.
  spec.holidays = {{absl::CivilDay(2024, 2, 29), "Leap day", true}};
  EXPECT_EQ(Lint(spec, absl::CivilDay(2031, 6, 1)).size(), 1u);
  // An override makes it a staffed holiday, which is an odd day.
  spec.holidays = {{absl::CivilDay(2026, 1, 3), "A Saturday", false}};
  spec.overrides = {{absl::CivilDay(2026, 1, 3), {{kNine, kFive}}}};
  EXPECT_THAT(Lint(spec),
              ElementsAre("ODD_DAY|2026-01-03|overrides[0]|override: 09:00-17:00 instead "
                          "of no hours"));
}

TEST(CalendarLint, OddDaysOfTheNextTwelveMonths) {
  CalendarSpec spec = Office("UTC");
  spec.holidays = {{absl::CivilDay(2020, 12, 25), "Christmas", true},
                   {absl::CivilDay(2027, 1, 1), "After", false}};
  spec.overrides = {{absl::CivilDay(2026, 1, 7), {{10 * 60, 14 * 60}}},
                    {absl::CivilDay(2026, 1, 8), {{kNine, kFive}}}};  // as its weekday: not odd
  spec.breaks = {{absl::CivilDay(2026, 1, 7), {{11 * 60, 12 * 60}}},
                 {absl::CivilDay(2026, 1, 9), {{8 * 60, 10 * 60}}},
                 {absl::CivilDay(2026, 1, 12), {{6 * 60, 7 * 60}}}};  // takes nothing
  EXPECT_THAT(
      Lint(spec),
      ElementsAre("ODD_DAY|2026-01-07|overrides[0]|override and break: 10:00-11:00, 12:00-14:00 "
                  "instead of 09:00-17:00",
                  "ODD_DAY|2026-01-09|breaks[1]|break: 10:00-17:00 instead of 09:00-17:00",
                  "ODD_DAY|2026-12-25|holidays[0]|holiday \"Christmas\": no hours instead of "
                  "09:00-17:00"));
  const auto findings = LintCalendar("office", spec, absl::CivilDay(2026, 1, 1));
  ASSERT_EQ(findings[0].hours_size(), 2);
  EXPECT_EQ(findings[0].hours(1).from(), "12:00");
  EXPECT_EQ(findings[0].hours(1).to(), "14:00");
  EXPECT_EQ(findings[0].open_seconds(), 3 * 3600);
}

TEST(CalendarLint, DatesTheZoneSkips) {
  const auto lines = Lint(Office("Pacific/Apia"), absl::CivilDay(2011, 12, 1));
  EXPECT_THAT(lines, ElementsAre("ODD_DAY|2011-12-30||the zone skips this date"));
}

}  // namespace
}  // namespace watchbell::sla
