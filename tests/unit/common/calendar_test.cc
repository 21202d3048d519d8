// Business hours: our own tables, and what is refused. Points of ../shared/domain/sla.md (b) are
// named where they are decided.
#include "common/time/business_calendar.h"

#include <string>

#include "absl/time/civil_time.h"
#include "common/time/wall_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/calendar_tools.h"

namespace watchbell {
namespace {

using testing::ElementsAre;

std::string AddText(const BusinessCalendar& calendar, const std::string& start, absl::Duration d) {
  const std::optional<absl::Time> due = calendar.Add(T(start), d);
  return due ? FormatRfc3339(*due) : "never";
}

// sla.md (b) 1.
TEST(BusinessCalendar, DeadlineIsClosingTimeNotTheNextOpening) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8)), "2026-01-05T17:00:00Z");
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8) + absl::Microseconds(1)),
            "2026-01-06T09:00:00.000001Z");
}

TEST(BusinessCalendar, FridayEveningRunsOverTheWeekend) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-09T16:50:00Z", absl::Minutes(30)), "2026-01-12T09:20:00Z");
}

// sla.md (b) 2.
TEST(BusinessCalendar, ZeroTargetIsDueAtItsStartEvenOutsideHours) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-10T03:00:00Z", absl::ZeroDuration()), "2026-01-10T03:00:00Z");
}

// sla.md (b) 36.
TEST(BusinessCalendar, NeverIsAnsweredForEmptyCalendarsAndBeyondTheHorizon) {
  CalendarSpec empty;
  empty.time_zone = "Europe/Berlin";
  EXPECT_EQ(AddText(*Compiled(empty), "2026-01-10T03:00:00Z", absl::Seconds(1)), "never");
  EXPECT_FALSE(Compiled(empty)->NextOpen(T("2026-01-10T03:00:00Z")).has_value());
  empty.holidays = {{absl::CivilDay(2030, 1, 1), "", false}};
  EXPECT_EQ(AddText(*Compiled(empty), "2026-01-10T03:00:00Z", absl::Seconds(1)), "never");
  CalendarSpec once = empty;
  once.overrides = {{absl::CivilDay(2030, 1, 1), {Hours("10:00", "11:00")}}};
  EXPECT_EQ(AddText(*Compiled(once), "2026-01-10T03:00:00Z", absl::Hours(1)),
            "2030-01-01T10:00:00Z");
  EXPECT_EQ(AddText(*Compiled(once), "2026-01-10T03:00:00Z", absl::Hours(2)), "never");
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8 * 5 * 52 * 30)), "never");
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(24 * 366 * 21)), "never");
}

// sla.md (b) 11.
TEST(BusinessCalendar, OverrideBeatsHolidayAndBreaksComeLast) {
  CalendarSpec spec = Office("UTC");
  spec.holidays = {{absl::CivilDay(2026, 1, 5), "", false},
                   {absl::CivilDay(2026, 1, 6), "", false}};
  spec.overrides = {
      {absl::CivilDay(2026, 1, 5), {Hours("08:00", "12:00"), Hours("12:00", "14:00")}}};
  spec.breaks = {{absl::CivilDay(2026, 1, 5), {Hours("11:00", "13:00")}},
                 {absl::CivilDay(2026, 1, 7), {Hours("08:00", "10:00"), Hours("16:00", "24:00")}}};
  const auto calendar = Compiled(spec);
  const auto hours = [&](const std::string& day) {
    return absl::ToInt64Hours(
        calendar->Elapsed(T(day + "T00:00:00Z"), T(day + "T00:00:00Z") + absl::Hours(24)));
  };
  EXPECT_EQ(hours("2026-01-05"), 4);
  EXPECT_EQ(hours("2026-01-06"), 0);
  EXPECT_EQ(hours("2026-01-07"), 6);
  EXPECT_EQ(hours("2026-01-08"), 8);
}

// sla.md (b) 3.
TEST(BusinessCalendar, WrapIsSplitAtMidnightBeforeTheDateRules) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.weekly = {{5, {Hours("22:00", "06:00")}}};              // Friday night
  spec.holidays = {{absl::CivilDay(2026, 1, 10), "", false}};  // a Saturday
  const auto calendar = Compiled(spec);
  EXPECT_EQ(calendar->Elapsed(T("2026-01-02T12:00:00Z"), T("2026-01-03T12:00:00Z")),
            absl::Hours(8));
  EXPECT_EQ(calendar->Elapsed(T("2026-01-09T12:00:00Z"), T("2026-01-10T12:00:00Z")),
            absl::Hours(2));
}

// sla.md (b) 4, 5.
TEST(BusinessCalendar, MissingHourHoldsNothingAndARepeatedOneCountsTwice) {
  CalendarSpec spec;
  spec.time_zone = "Europe/Berlin";
  spec.weekly = {{7, {Hours("02:00", "03:00")}}};
  const auto calendar = Compiled(spec);
  EXPECT_EQ(calendar->Elapsed(T("2026-03-29T00:00:00Z"), T("2026-03-29T12:00:00Z")),
            absl::ZeroDuration());
  EXPECT_EQ(calendar->Elapsed(T("2026-10-25T00:00:00Z"), T("2026-10-25T12:00:00Z")),
            absl::Hours(2));
}

// sla.md (b) 8.
TEST(BusinessCalendar, SkippedLocalDateCountsNothing) {
  CalendarSpec spec;
  spec.time_zone = "Pacific/Apia";
  spec.weekly = {{5, {Hours("00:00", "24:00")}}};  // Friday 2011-12-30 never was
  EXPECT_EQ(Compiled(spec)->Elapsed(T("2011-12-28T00:00:00Z"), T("2012-01-03T00:00:00Z")),
            absl::ZeroDuration());
}

// sla.md (b) 3.
TEST(BusinessCalendar, NextOpenAndIsOpenAreHalfOpen) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_TRUE(office->IsOpen(T("2026-01-05T09:00:00Z")));
  EXPECT_FALSE(office->IsOpen(T("2026-01-05T17:00:00Z")));
  EXPECT_EQ(office->NextOpen(T("2026-01-05T17:00:00Z")), T("2026-01-06T09:00:00Z"));
  EXPECT_EQ(office->NextOpen(T("2026-01-05T10:00:00.5Z")), T("2026-01-05T10:00:00.5Z"));
}

// sla.md (b) 3.
TEST(BusinessCalendar, EveryFaultIsListedAtOnceByPath) {
  CalendarSpec spec;
  spec.time_zone = "Mars/Olympus";
  spec.weekly = {{1, {Hours("09:00", "09:00"), Hours("10:00", "12:00"), Hours("11:00", "13:00")}},
                 {1, {Hours("13:00", "14:00")}},
                 {7, {Hours("22:00", "10:30")}},
                 {8, {}}};
  spec.holidays = {{absl::CivilDay(2026, 1, 1), "", false},
                   {absl::CivilDay(2026, 1, 1), "", false}};
  spec.overrides = {{absl::CivilDay(2026, 1, 2), {Hours("22:00", "06:00")}}};
  spec.breaks = {{absl::CivilDay(2026, 1, 3), {{-1, 1441}}}, {absl::CivilDay(2026, 1, 3), {}}};
  std::vector<std::string> fields;
  for (const FieldViolation& fault : CheckCalendar(spec)) fields.push_back(fault.field);
  EXPECT_THAT(fields, ElementsAre("time_zone", "weekly[0].intervals[0]", "weekly[1].weekday",
                                  "weekly[3].weekday", "weekly[0].intervals[1]",
                                  "weekly[0].intervals[2]", "holidays[1].date",
                                  "overrides[0].intervals[0]", "breaks[0].intervals[0].from",
                                  "breaks[0].intervals[0].to", "breaks[1].date"));
  EXPECT_EQ(BusinessCalendar::Compile(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

// sla.md (b) 3.
TEST(BusinessCalendar, TouchingIntervalsMerge) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.weekly = {{1, {Hours("12:00", "17:00"), Hours("09:00", "12:00")}}};
  EXPECT_TRUE(CheckCalendar(spec).empty());
  EXPECT_EQ(AddText(*Compiled(spec), "2026-01-05T00:00:00Z", absl::Hours(3)),
            "2026-01-05T12:00:00Z");
  EXPECT_EQ(Compiled(spec)->Elapsed(T("2026-01-05T00:00:00Z"), T("2026-01-06T00:00:00Z")),
            absl::Hours(8));
}

TEST(BusinessCalendar, YearlyHolidaysReturnFromTheirFirstDateOn) {
  CalendarSpec spec = Around("UTC");
  spec.holidays = {{absl::CivilDay(2024, 12, 25), "Christmas", true},
                   {absl::CivilDay(2024, 2, 29), "Leap day", true},
                   {absl::CivilDay(2026, 5, 1), "Once", false}};
  const auto calendar = Compiled(spec);
  const auto closed = [&](int year, int month, int day) {
    return calendar->HoursOfDate(absl::CivilDay(year, month, day)).empty();
  };
  EXPECT_FALSE(closed(2023, 12, 25));
  EXPECT_TRUE(closed(2024, 12, 25));
  EXPECT_TRUE(closed(2038, 12, 25));
  EXPECT_TRUE(closed(2024, 2, 29));
  EXPECT_FALSE(closed(2025, 2, 28));
  EXPECT_FALSE(closed(2025, 3, 1));
  EXPECT_TRUE(closed(2028, 2, 29));
  EXPECT_TRUE(closed(2026, 5, 1));
  EXPECT_FALSE(closed(2027, 5, 1));
  // An override beats a yearly holiday too.
  spec.overrides = {{absl::CivilDay(2025, 12, 25), {Hours("10:00", "12:00")}}};
  EXPECT_EQ(Compiled(spec)->Elapsed(T("2025-12-25T00:00:00Z"), T("2025-12-26T00:00:00Z")),
            absl::Hours(2));
  // The same day of the year twice is a slip.
  spec.holidays.push_back({absl::CivilDay(2020, 12, 25), "Xmas", true});
  const auto faults = CheckCalendar(spec);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].field, "holidays[3].date");
}

// sla.md (b) 35: counting backwards gives nothing; an rpc that takes a range has to refuse it.
TEST(BusinessCalendar, NegativeRangeHoldsNothing) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(office->Elapsed(T("2026-01-06T09:00:00Z"), T("2026-01-05T09:00:00Z")),
            absl::ZeroDuration());
  EXPECT_TRUE(office->OpenBetween(T("2026-01-06T09:00:00Z"), T("2026-01-05T09:00:00Z")).empty());
  EXPECT_EQ(AddText(*office, "2026-01-06T09:00:00Z", -absl::Hours(1)), "2026-01-06T09:00:00Z");
}

// sla.md (b) 8, 9: days of 23, 24.5 and 25 hours are real in a calendar that is always open.
TEST(BusinessCalendar, ShortAndLongDaysCountAsTheyAre) {
  const auto of_day = [](const std::string& zone, absl::CivilDay day) {
    absl::Duration open;
    const auto calendar = Compiled(Around(zone));
    for (const OpenStretch& stretch : calendar->HoursOfDate(day)) open += stretch.to - stretch.from;
    return open;
  };
  EXPECT_EQ(of_day("America/New_York", absl::CivilDay(2026, 3, 8)), absl::Hours(23));
  EXPECT_EQ(of_day("America/New_York", absl::CivilDay(2026, 11, 1)), absl::Hours(25));
  EXPECT_EQ(of_day("Australia/Lord_Howe", absl::CivilDay(2026, 4, 5)), absl::Minutes(24 * 60 + 30));
  EXPECT_EQ(of_day("Pacific/Apia", absl::CivilDay(2011, 12, 30)), absl::ZeroDuration());
  // A week of 8 hours a day over both changes, in working time and not in steps of 86,400 s.
  const auto office = Compiled(Office("America/New_York"));
  EXPECT_EQ(office->Elapsed(T("2026-03-06T14:00:00Z"), T("2026-03-09T21:00:00Z")), absl::Hours(16));
  EXPECT_EQ(office->Elapsed(T("2026-10-30T13:00:00Z"), T("2026-11-02T22:00:00Z")), absl::Hours(16));
}

// Hours are compiled a UTC year at a time: nothing is lost or counted twice where years meet.
TEST(BusinessCalendar, YearsMeetWithoutAGap) {
  const auto calendar = Compiled(Around("UTC"));
  for (int year = 1; year < 2600; ++year) {
    const absl::Time turn = absl::FromCivil(absl::CivilSecond(year, 1, 1), absl::UTCTimeZone());
    for (const absl::Duration day : {absl::Hours(24), absl::Microseconds(1)}) {
      ASSERT_EQ(calendar->Elapsed(turn - day, turn + day), 2 * day) << year;
      ASSERT_EQ(calendar->Add(turn - day, 2 * day), turn + day) << year;
      ASSERT_EQ(calendar->NextOpen(turn - day), turn - day) << year;
    }
    // The 60th day is the last of February or the first of March.
    const absl::Time sixtieth = turn + absl::Hours(24 * 59);
    ASSERT_TRUE(calendar->IsOpen(sixtieth)) << year;
    ASSERT_EQ(calendar->OpenBetween(turn - absl::Hours(1), sixtieth).size(), 1u) << year;
  }
}

// sla.md (b) 6: neither a negative daylight-saving flag nor a change without one matters.
TEST(BusinessCalendar, TheFlagOfDaylightSavingIsNotLookedAt) {
  CalendarSpec dublin = Around("Europe/Dublin");
  dublin.weekly = {{7, {Hours("01:00", "02:00")}}};
  EXPECT_EQ(Compiled(dublin)->Elapsed(T("2025-10-25T12:00:00Z"), T("2025-10-26T12:00:00Z")),
            absl::Hours(2));
  EXPECT_EQ(Compiled(dublin)->Elapsed(T("2025-03-29T12:00:00Z"), T("2025-03-30T12:00:00Z")),
            absl::ZeroDuration());
  CalendarSpec colombo = Around("Asia/Colombo");  // 2006-04-15 went back by half an hour at 00:30
  colombo.weekly = {{6, {Hours("00:00", "00:30")}}};
  EXPECT_EQ(Compiled(colombo)->Elapsed(T("2006-04-14T12:00:00Z"), T("2006-04-15T12:00:00Z")),
            absl::Hours(1));
}

// sla.md (b) 7: at 00:01 of a Sunday clocks went back to 23:01 of Saturday, so midnight came twice.
TEST(BusinessCalendar, MidnightThatComesTwiceIsDecidedByTheLocalDate) {
  CalendarSpec spec = Around("America/St_Johns");
  spec.holidays = {{absl::CivilDay(2010, 11, 7), "", false}};
  const auto calendar = Compiled(spec);
  EXPECT_TRUE(calendar->IsOpen(T("2010-11-07T02:29:00Z")));   // 23:59 of Saturday, NDT
  EXPECT_FALSE(calendar->IsOpen(T("2010-11-07T02:30:00Z")));  // 00:00 of Sunday, the first
  EXPECT_TRUE(calendar->IsOpen(T("2010-11-07T02:31:00Z")));   // 23:01 of Saturday again
  EXPECT_FALSE(calendar->IsOpen(T("2010-11-07T03:30:00Z")));  // 00:00 of Sunday, the second
  absl::Duration saturday;
  for (const auto& open : calendar->HoursOfDate(absl::CivilDay(2010, 11, 6))) {
    saturday += open.to - open.from;
  }
  EXPECT_EQ(saturday, absl::Hours(24) + absl::Minutes(59));
}

// sla.md (b) 10: in Sydney, whose evening is the day after in UTC.
TEST(BusinessCalendar, OverridesKeyOnTheLocalDate) {
  CalendarSpec spec = Office("Australia/Sydney");
  spec.overrides = {{absl::CivilDay(2026, 1, 6), {Hours("09:00", "12:00")}}};
  const auto calendar = Compiled(spec);
  const auto hours = [&](int day) {
    absl::Duration open;
    for (const auto& part : calendar->HoursOfDate(absl::CivilDay(2026, 1, day))) {
      open += part.to - part.from;
    }
    return absl::ToInt64Hours(open);
  };
  EXPECT_EQ(hours(5), 8);
  EXPECT_EQ(hours(6), 3);
  EXPECT_EQ(hours(7), 8);
}

TEST(WallTime, ParsesOnlyWhatExists) {
  EXPECT_EQ(ParseWallTime("24:00"), kMinutesPerDay);
  EXPECT_EQ(ParseWallTime("09:05"), 545);
  for (const char* bad : {"24:01", "9:00", "09:60", "ab:cd", "-1:00", "09:00 ", ""}) {
    EXPECT_FALSE(ParseWallTime(bad).has_value()) << bad;
  }
  EXPECT_EQ(FormatWallTime(545), "09:05");
  EXPECT_EQ(ParseLocalDate("2028-02-29"), absl::CivilDay(2028, 2, 29));
  for (const char* bad : {"2026-02-29", "2026-13-01", "2026-1-01", "0000-01-01", "2026-01-00"}) {
    EXPECT_FALSE(ParseLocalDate(bad).has_value()) << bad;
  }
  EXPECT_EQ(FormatLocalDate(absl::CivilDay(2026, 1, 5)), "2026-01-05");
  EXPECT_TRUE(LoadZone("America/Argentina/Buenos_Aires").has_value());
  for (const char* bad :
       {"", "localtime", "/etc/localtime", "../zoneinfo/UTC", "libc:localtime", "X/Y"}) {
    EXPECT_FALSE(LoadZone(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace watchbell
