// Days off out of iCalendar files.
#include "common/time/ical_holidays.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/errors.h"
#include "common/time/wall_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Calendar(const std::string& inside) {
  return absl::StrReplaceAll(
      absl::StrCat("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n", inside, "END:VCALENDAR\n"),
      {{"\n", "\r\n"}});
}

std::string Event(const std::string& name, const std::string& lines) {
  return absl::StrCat("BEGIN:VEVENT\nUID:", name, "@test\nSUMMARY:", name, "\n", lines,
                      "\nEND:VEVENT\n");
}

// "2026-01-01 New Year", with "yearly" where it is.
std::vector<std::string> Read(const std::string& inside, int from = 2025, int to = 2028) {
  const auto holidays = ReadHolidays(Calendar(inside), from, to);
  EXPECT_TRUE(holidays.ok()) << holidays.status();
  std::vector<std::string> lines;
  if (!holidays.ok()) return lines;
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.holidays = *holidays;
  EXPECT_THAT(CheckCalendar(spec), IsEmpty());
  for (const HolidaySpec& holiday : *holidays) {
    lines.push_back(absl::StrCat(FormatLocalDate(holiday.date), " ", holiday.name,
                                 holiday.yearly ? " yearly" : ""));
  }
  return lines;
}

// "events[1]: event ..."
std::vector<std::string> Faults(const std::string& inside) {
  const auto holidays = ReadHolidays(Calendar(inside), 2025, 2028);
  EXPECT_EQ(holidays.status().code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> lines;
  for (const FieldViolation& fault : FieldViolations(holidays.status())) {
    lines.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  return lines;
}

TEST(ICalHolidays, SingleDaysAndStretchesOfDays) {
  EXPECT_THAT(Read(Event("New Year\\, at last", "DTSTART;VALUE=DATE:20260101") +
                   Event("Shutdown", "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227") +
                   Event("Days", "DTSTART;VALUE=DATE:20270101\nDURATION:P2D") +
                   Event("Its own end", "DTSTART;VALUE=DATE:20270201\nDTEND;VALUE=DATE:20270201")),
              ElementsAre("2026-01-01 New Year, at last", "2026-12-24 Shutdown",
                          "2026-12-25 Shutdown", "2026-12-26 Shutdown", "2027-01-01 Days",
                          "2027-01-02 Days", "2027-02-01 Its own end"));
}

TEST(ICalHolidays, APlainYearlyRuleIsAYearlyHoliday) {
  EXPECT_THAT(
      Read(Event("Christmas", "DTSTART;VALUE=DATE:20101225\nRRULE:FREQ=YEARLY") +
           Event("May Day",
                 "DTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1") +
           Event("Two",
                 "DTSTART;VALUE=DATE:20210704\nDTEND;VALUE=DATE:20210706\nRRULE:FREQ=YEARLY")),
      ElementsAre("2010-12-25 Christmas yearly", "2020-05-01 May Day yearly",
                  "2021-07-04 Two yearly", "2021-07-05 Two yearly"));
}

TEST(ICalHolidays, OtherRulesAreExpandedWithinTheYears) {
  EXPECT_THAT(Read(Event("Memorial Day",
                         "DTSTART;VALUE=DATE:19710531\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO")),
              ElementsAre("2025-05-26 Memorial Day", "2026-05-25 Memorial Day",
                          "2027-05-31 Memorial Day", "2028-05-29 Memorial Day"));
  EXPECT_THAT(
      Read(Event("Until", "DTSTART;VALUE=DATE:20250601\nRRULE:FREQ=YEARLY;UNTIL=20260601") +
           Event("Count", "DTSTART;VALUE=DATE:20240701\nRRULE:FREQ=YEARLY;COUNT=2") +
           Event("Every other", "DTSTART;VALUE=DATE:20240801\nRRULE:FREQ=YEARLY;INTERVAL=2")),
      ElementsAre("2025-06-01 Until", "2025-07-01 Count", "2026-06-01 Until",
                  "2026-08-01 Every other", "2028-08-01 Every other"));
  // A yearly one over the end of February moves in leap years.
  EXPECT_THAT(
      Read(Event("Leap",
                 "DTSTART;VALUE=DATE:20270228\nDTEND;VALUE=DATE:20270302\n"
                 "RRULE:FREQ=YEARLY")),
      ElementsAre("2027-02-28 Leap", "2027-03-01 Leap", "2028-02-28 Leap", "2028-02-29 Leap"));
}

TEST(ICalHolidays, ExceptionsAdditionsAndMovedInstances) {
  EXPECT_THAT(Read(Event("Day",
                         "DTSTART;VALUE=DATE:20250301\nRRULE:FREQ=YEARLY\n"
                         "EXDATE;VALUE=DATE:20260301,20270301\nRDATE;VALUE=DATE:20260305")),
              ElementsAre("2025-03-01 Day", "2026-03-05 Day", "2028-03-01 Day"));
  // In 2026 it is two days later, in 2027 it is called off.
  EXPECT_THAT(Read(Event("Day", "DTSTART;VALUE=DATE:20250301\nRRULE:FREQ=YEARLY") +
                   Event("Day", "RECURRENCE-ID;VALUE=DATE:20260301\nDTSTART;VALUE=DATE:20260303") +
                   Event("Day",
                         "RECURRENCE-ID;VALUE=DATE:20270301\nDTSTART;VALUE=DATE:20270301\n"
                         "STATUS:CANCELLED")),
              ElementsAre("2025-03-01 Day", "2026-03-03 Day", "2028-03-01 Day"));
  EXPECT_THAT(Read(Event("Off", "DTSTART;VALUE=DATE:20260101\nSTATUS:CANCELLED")), IsEmpty());
}

TEST(ICalHolidays, OneHolidayADateAndNamesThatFit) {
  const auto lines = Read(Event("Ascension", "DTSTART;VALUE=DATE:20260514") +
                          Event("Town Day", "DTSTART;VALUE=DATE:20260514") +
                          Event("Ascension", "DTSTART;VALUE=DATE:20260514") +
                          Event("A\\nB", "DTSTART;VALUE=DATE:20260601") +
                          Event("Yearly", "DTSTART;VALUE=DATE:20260701\nRRULE:FREQ=YEARLY") +
                          Event("Single", "DTSTART;VALUE=DATE:20260701"));
  EXPECT_THAT(lines, ElementsAre("2026-05-14 Ascension / Town Day", "2026-06-01 A B",
                                 "2026-07-01 Yearly / Single yearly"));
  std::string longest;
  for (int i = 0; i < 150; ++i) longest += "\xC3\xA9";  // 300 bytes
  const auto cut = ReadHolidays(Calendar(Event(longest, "DTSTART;VALUE=DATE:20260101") +
                                         Event("a" + longest, "DTSTART;VALUE=DATE:20260102")),
                                2025, 2028);
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ((*cut)[0].name.size(), 200u);
  EXPECT_EQ((*cut)[1].name.size(), 199u);
}

TEST(ICalHolidays, SeveralCalendarsAndOtherComponents) {
  const auto holidays = ReadHolidays(
      Calendar("BEGIN:VTODO\nSUMMARY:x\nEND:VTODO\n" + Event("A", "DTSTART;VALUE=DATE:20260101")) +
          Calendar(Event("B", "DTSTART;VALUE=DATE:20260102")),
      2025, 2028);
  ASSERT_TRUE(holidays.ok()) << holidays.status();
  EXPECT_EQ(holidays->size(), 2u);
  EXPECT_THAT(Read(""), IsEmpty());
}

TEST(ICalHolidays, EveryFaultIsNamedByItsEvent) {
  EXPECT_THAT(Faults(Event("Good", "DTSTART;VALUE=DATE:20260101") +
                     Event("Lunch", "DTSTART:20260101T120000Z\nDTEND:20260101T130000Z") +
                     Event("Nothing", "DESCRIPTION:no start") +
                     Event("No such day", "DTSTART;VALUE=DATE:20260231") +
                     Event("Backwards", "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260101") +
                     Event("Endless", "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20290101") +
                     Event("Rule", "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=SOMETIMES") +
                     Event("Old", "DTSTART;VALUE=DATE:18000105")),
              ElementsAre(HasSubstr("events[1]: event \"Lunch\" is not all-day"),
                          HasSubstr("events[2]: event \"Nothing\" has no date"),
                          HasSubstr("events[3]: event \"No such day\" has no date"),
                          HasSubstr("events[4]: event \"Backwards\" does not end"),
                          HasSubstr("events[5]: event \"Endless\" does not end"),
                          HasSubstr("events[6]: event \"Rule\" has a property that cannot be read"),
                          HasSubstr("events[7]: event \"Old\" has no date")));
  EXPECT_THAT(Faults(Event("Hourly", "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=SECONDLY")),
              ElementsAre(HasSubstr("has a rule that is not DAILY")));
  EXPECT_THAT(Faults(Event("Never",
                           "DTSTART;VALUE=DATE:20260105\n"
                           "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")),
              ElementsAre(HasSubstr("has a rule that fits no date")));
}

TEST(ICalHolidays, TextThatIsNoCalendarIsRefused) {
  const std::string whole = Calendar(Event("A", "DTSTART;VALUE=DATE:20260101"));
  for (const std::string& text :
       {std::string(), std::string("hello\n"), std::string("<html></html>"),
        whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 20),
        whole + std::string(1, '\0'), Event("A", "DTSTART;VALUE=DATE:20260101")}) {
    const auto holidays = ReadHolidays(text, 2025, 2028);
    EXPECT_EQ(holidays.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(holidays.status().message()), HasSubstr("no iCalendar text")) << text;
  }
}

// Work is bounded whatever the text asks for.
TEST(ICalHolidays, TooMuchIsRefused) {
  std::string rules;
  for (int i = 0; i < 101; ++i) {
    rules += Event(absl::StrCat("R", i), "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY;COUNT=2");
  }
  EXPECT_THAT(Faults(rules), ElementsAre(HasSubstr("one rule too many")));
  std::string daily;
  for (int i = 0; i < 3; ++i) {
    daily += Event(absl::StrCat("D", i), "DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=DAILY");
  }
  EXPECT_THAT(Faults(daily), ElementsAre(HasSubstr("more than 20000 dates")));
  std::string events;
  for (int i = 0; i < 5001; ++i) events += Event("E", "DTSTART;VALUE=DATE:20260101");
  const auto many = ReadHolidays(Calendar(events), 2025, 2028);
  EXPECT_THAT(std::string(many.status().message()), HasSubstr("more than 5000 events"));
}

// Small texts that ask for much: each once took seconds, or minutes.
TEST(ICalHolidays, SmallTextsThatAskForMuchAreRefused) {
  const auto too_many = ElementsAre(HasSubstr("more than 20000 dates"));
  std::string long_events;
  for (int i = 0; i < 24; ++i) {
    long_events += Event(absl::StrCat("L", i),
                         "DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20270101\n"
                         "RRULE:FREQ=MONTHLY");
  }
  EXPECT_THAT(Faults(long_events), too_many);
  std::string rare;
  for (int i = 0; i < 100; ++i) {
    rare += Event(absl::StrCat("R", i),
                  "DTSTART;VALUE=DATE:19040229\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29");
  }
  EXPECT_THAT(Faults(rare), too_many);
  std::string years;
  for (int i = 0; i < 100; ++i) {
    years += Event(absl::StrCat("Y", i),
                   "DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20261231\nRRULE:FREQ=YEARLY");
  }
  EXPECT_THAT(Faults(years), too_many);
  // One series with many instances that stand for others, told many times.
  std::string moved;
  for (int i = 0; i < 300; ++i) {
    const std::string day = FormatLocalDate(absl::CivilDay(2026, 1, 1) + i);
    moved +=
        Event("M", absl::StrCat("RECURRENCE-ID;VALUE=DATE:", absl::StrReplaceAll(day, {{"-", ""}}),
                                "\nDTSTART;VALUE=DATE:20270101"));
    moved += Event("M", "DTSTART;VALUE=DATE:20260101");
  }
  EXPECT_THAT(Faults(moved), too_many);
  std::string unreadable;
  for (int i = 0; i < 101; ++i) unreadable += "RRULE:X\n";
  const auto lines = ReadHolidays(Calendar(unreadable), 2025, 2028);
  EXPECT_THAT(std::string(lines.status().message()), HasSubstr("more than 100 lines"));
}

// The bound on work cuts no rule short in silence.
TEST(ICalHolidays, RulesThatEndCostWhatTheyAre) {
  std::string breaks;
  for (int i = 0; i < 100; ++i) {
    breaks += Event("Break", "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=DAILY;COUNT=3");
  }
  EXPECT_THAT(Read(breaks),
              ElementsAre("2026-12-24 Break", "2026-12-25 Break", "2026-12-26 Break"));
  EXPECT_EQ(
      Read(Event("Weekend", "DTSTART;VALUE=DATE:19500107\nRRULE:FREQ=WEEKLY;BYDAY=SA,SU")).size(),
      418u);
  EXPECT_THAT(
      Read(Event("Workdays", "DTSTART;VALUE=DATE:20260102\nRRULE:FREQ=DAILY;BYDAY=MO,FR;COUNT=3") +
           Event("Later", "DTSTART;VALUE=DATE:20350101\nRRULE:FREQ=DAILY")),
      ElementsAre("2026-01-02 Workdays", "2026-01-05 Workdays", "2026-01-09 Workdays"));
}

TEST(ICalHolidays, LinesEndAsProgramsEndThem) {
  const std::string text = "\xEF\xBB\xBF" + Calendar(Event("A", "DTSTART;VALUE=DATE:20260101"));
  for (const char* line_end : {"\r\n", "\n", "\r"}) {
    const auto read = ReadHolidays(absl::StrReplaceAll(text, {{"\r\n", line_end}}), 2025, 2028);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->size(), 1u);
  }
}

}  // namespace
}  // namespace watchbell
