// Working days, unions, and hours described stretch by stretch.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/time/hours_described.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/calendar_tools.h"

namespace watchbell {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Show(const std::optional<absl::Time>& time) {
  return time ? FormatRfc3339(*time) : "never";
}

// sla.md (b) 12: a business day is a date with working time, whatever its length.
TEST(BusinessDays, KeepTheLocalTimeOnALaterDateWithWorkingTime) {
  CalendarSpec spec = Office("Europe/Berlin");
  spec.holidays = {{absl::CivilDay(2026, 1, 6), "Epiphany", false}};
  const auto calendar = Compiled(spec);
  const absl::Time monday = T("2026-01-05T09:30:15.5Z");  // 10:30:15.5
  EXPECT_EQ(Show(calendar->BusinessDays(monday, 1)), "2026-01-07T09:30:15.500000Z");
  EXPECT_EQ(Show(calendar->BusinessDays(monday, 3)), "2026-01-09T09:30:15.500000Z");
  EXPECT_EQ(Show(calendar->BusinessDays(monday, 4)), "2026-01-12T09:30:15.500000Z");
  // Over the change of clocks the local time stays: 10:30 is 08:30 UTC in summer.
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-03-27T09:30:00Z"), 1)), "2026-03-30T08:30:00Z");
}

TEST(BusinessDays, AStartOutsideHoursCountsAsTheNextOpening) {
  const auto office = Compiled(Office("UTC"));
  // Friday evening: Monday 09:00, so one day later is Tuesday 09:00.
  EXPECT_EQ(Show(office->BusinessDays(T("2026-01-09T17:00:00Z"), 1)), "2026-01-13T09:00:00Z");
  EXPECT_EQ(Show(office->EndOfBusinessDay(T("2026-01-09T17:00:00Z"), 0)), "2026-01-12T17:00:00Z");
  EXPECT_EQ(Show(office->EndOfBusinessDay(T("2026-01-09T17:00:00Z"), 1)), "2026-01-13T17:00:00Z");
}

TEST(BusinessDays, AreClampedIntoTheDatesHours) {
  CalendarSpec spec = Office("UTC");
  spec.overrides = {
      {absl::CivilDay(2026, 1, 6), {Hours("12:00", "14:00")}},
      {absl::CivilDay(2026, 1, 7), {Hours("09:00", "12:00"), Hours("13:00", "17:00")}}};
  const auto calendar = Compiled(spec);
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-01-05T10:00:00Z"), 1)), "2026-01-06T12:00:00Z");
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-01-05T16:00:00Z"), 1)), "2026-01-06T14:00:00Z");
  // In a gap: on to the next opening; at its beginning, a closing time, it stays.
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-01-05T12:30:00Z"), 2)), "2026-01-07T13:00:00Z");
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-01-05T12:00:00Z"), 2)), "2026-01-07T12:00:00Z");
}

TEST(BusinessDays, SkippedAndRepeatedLocalTimes) {
  const auto calendar = Compiled(Around("Europe/Berlin"));
  // 02:30 of the next day is skipped: the instant of the change.
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-03-28T01:30:00Z"), 1)), "2026-03-29T01:00:00Z");
  // 02:30 of the next day comes twice: the first.
  EXPECT_EQ(Show(calendar->BusinessDays(T("2026-10-24T00:30:00Z"), 1)), "2026-10-25T00:30:00Z");
  // Friday 2011-12-30 never was on Apia.
  const auto apia = Compiled(Around("Pacific/Apia"));
  EXPECT_EQ(apia->LaterWorkingDay(absl::CivilDay(2011, 12, 29), 1), absl::CivilDay(2011, 12, 31));
}

// sla.md (b) 7: of midnights that come twice.
TEST(BusinessDays, DatesWhoseMidnightComesTwice) {
  CalendarSpec spec = Around("America/St_Johns");
  const auto around = Compiled(spec);
  EXPECT_EQ(around->LaterWorkingDay(absl::CivilDay(2010, 11, 6), 1), absl::CivilDay(2010, 11, 7));
  EXPECT_EQ(Show(around->EndOfBusinessDay(T("2010-11-06T12:00:00Z"), 0)), "2010-11-07T03:30:00Z");
  // Saturdays only: what is open after the first midnight is Saturday still, no later day.
  spec.weekly = {{6, {Hours("00:00", "24:00")}}};
  const auto saturdays = Compiled(spec);
  EXPECT_EQ(saturdays->LaterWorkingDay(absl::CivilDay(2010, 11, 6), 1),
            absl::CivilDay(2010, 11, 13));
  // Only the first of the two midnights' minutes belongs to Sunday's hours and to the past.
  spec.weekly = {{6, {Hours("23:30", "24:00")}}, {7, {Hours("00:00", "00:01")}}};
  const auto night = Compiled(spec);
  const absl::Time second = T("2010-11-07T03:15:00Z");  // 23:45 of Saturday, the second
  ASSERT_TRUE(night->IsOpen(second));
  EXPECT_GE(*night->BusinessDays(second, 1), second);
}

// sla.md (b) 32, 36.
TEST(BusinessDays, EndOfTheDayAndNever) {
  CalendarSpec spec = Office("UTC");
  spec.weekly[4].intervals = {Hours("09:00", "12:00"), Hours("13:00", "15:30")};  // Friday
  const auto calendar = Compiled(spec);
  EXPECT_EQ(Show(calendar->EndOfBusinessDay(T("2026-01-08T09:00:00Z"), 0)), "2026-01-08T17:00:00Z");
  EXPECT_EQ(Show(calendar->EndOfBusinessDay(T("2026-01-08T09:00:00Z"), 1)), "2026-01-09T15:30:00Z");
  EXPECT_EQ(Show(calendar->EndOfBusinessDay(T("2026-01-09T12:30:00Z"), 0)), "2026-01-09T15:30:00Z");
  EXPECT_EQ(Show(calendar->EndOfBusinessDay(T("2026-01-08T09:00:00Z"), 2)), "2026-01-12T17:00:00Z");

  CalendarSpec once;
  once.time_zone = "UTC";
  EXPECT_EQ(Show(Compiled(once)->EndOfBusinessDay(T("2026-01-08T09:00:00Z"), 0)), "never");
  once.overrides = {{absl::CivilDay(2026, 1, 8), {Hours("09:00", "10:00")}}};
  EXPECT_EQ(Show(Compiled(once)->EndOfBusinessDay(T("2026-01-08T09:00:00Z"), 0)),
            "2026-01-08T10:00:00Z");
  EXPECT_EQ(Show(Compiled(once)->BusinessDays(T("2026-01-08T09:00:00Z"), 1)), "never");
  once.overrides.push_back({absl::CivilDay(2046, 1, 8), {Hours("09:00", "10:00")}});
  EXPECT_EQ(Show(Compiled(once)->BusinessDays(T("2026-01-08T09:00:00Z"), 1)), "never");
}

// Tokyo, Berlin, New York, each in its own hours: 7 of them are shared.
std::vector<CalendarSpec> FollowTheSun() {
  return {Office("Asia/Tokyo"), Office("Europe/Berlin"), Office("America/New_York")};
}

TEST(UnionOfCalendars, AnInstantCountsOnceForTheFirstOpenMember) {
  const auto all = Compiled(FollowTheSun());
  std::vector<std::string> parts;
  for (const OpenStretch& open :
       all->OpenBetween(T("2026-01-05T00:00:00Z"), T("2026-01-06T00:00:00Z"))) {
    parts.push_back(absl::StrCat(open.member, " ", FormatRfc3339(open.from).substr(11, 5), "-",
                                 FormatRfc3339(open.to).substr(11, 5)));
  }
  // Tokyo 00-08, Berlin 08-16, New York 14-22 UTC.
  EXPECT_THAT(parts, ElementsAre("0 00:00-08:00", "1 08:00-16:00", "2 16:00-22:00"));
  EXPECT_EQ(all->Elapsed(T("2026-01-05T00:00:00Z"), T("2026-01-06T00:00:00Z")), absl::Hours(22));
  EXPECT_EQ(Show(all->Add(T("2026-01-05T07:30:00Z"), absl::Hours(1))), "2026-01-05T08:30:00Z");
  EXPECT_EQ(Show(all->Add(T("2026-01-05T21:30:00Z"), absl::Hours(1))), "2026-01-06T00:30:00Z");
  // The other way round New York takes what it shares with Berlin.
  std::vector<CalendarSpec> turned = FollowTheSun();
  std::swap(turned[1], turned[2]);
  const auto order =
      Compiled(turned)->OpenBetween(T("2026-01-05T13:00:00Z"), T("2026-01-05T20:00:00Z"));
  ASSERT_EQ(order.size(), 2u);
  EXPECT_EQ(order[1].member, 1);
  EXPECT_EQ(order[1].from, T("2026-01-05T14:00:00Z"));
}

TEST(UnionOfCalendars, AMemberWithinAnotherIsCutOutOfIt) {
  CalendarSpec inner = Office("UTC");
  const auto both = Compiled(std::vector<CalendarSpec>{inner, Around("UTC")});
  const auto open = both->OpenBetween(T("2026-01-05T00:00:00Z"), T("2026-01-06T00:00:00Z"));
  ASSERT_EQ(open.size(), 3u);
  EXPECT_EQ(open[0].member, 1);
  EXPECT_EQ(open[1].member, 0);
  EXPECT_EQ(open[1].to - open[1].from, absl::Hours(8));
  EXPECT_EQ(open[2].member, 1);
  EXPECT_EQ(both->Elapsed(T("2026-01-05T00:00:00Z"), T("2027-01-05T00:00:00Z")),
            absl::Hours(365 * 24));
}

// Local dates are those of the first member.
TEST(UnionOfCalendars, WorkingDaysGoByTheFirstMembersZone) {
  const auto all = Compiled(FollowTheSun());
  // Monday 20:00 UTC is Tuesday 05:00 in Tokyo, whose Tuesday ends at 15:00 UTC, when Berlin is
  // open.
  EXPECT_EQ(Show(all->EndOfBusinessDay(T("2026-01-05T20:00:00Z"), 0)), "2026-01-06T15:00:00Z");
  // Friday's New York goes on in Tokyo's Saturday.
  EXPECT_EQ(all->LaterWorkingDay(absl::CivilDay(2026, 1, 9), 1), absl::CivilDay(2026, 1, 10));
  EXPECT_EQ(all->LaterWorkingDay(absl::CivilDay(2026, 1, 10), 1), absl::CivilDay(2026, 1, 12));
}

TEST(UnionOfCalendars, FaultsSayWhoseTheyAreAndNeverIsForAll) {
  std::vector<CalendarSpec> specs = FollowTheSun();
  specs[1].time_zone = "Mars/Olympus";
  const absl::Status status = BusinessCalendar::Compile(specs).status();
  const auto faults = FieldViolations(status);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].field, "members[1].time_zone");
  EXPECT_FALSE(BusinessCalendar::Compile(std::vector<CalendarSpec>()).ok());
  CalendarSpec empty;
  empty.time_zone = "UTC";
  const auto never = Compiled(std::vector<CalendarSpec>{empty, empty});
  EXPECT_EQ(Show(never->NextOpen(T("2026-01-05T20:00:00Z"))), "never");
  const auto second = Compiled(std::vector<CalendarSpec>{empty, Office("UTC")});
  EXPECT_EQ(Show(second->NextOpen(T("2026-01-05T20:00:00Z"))), "2026-01-06T09:00:00Z");
}

std::vector<std::string> Described(const BusinessCalendar& calendar, const std::string& from,
                                   const std::string& to) {
  static constexpr const char* kNames[] = {"open", "outside", "holiday", "override", "break"};
  std::vector<std::string> lines;
  for (const HoursStretch& stretch : DescribeHours(calendar, T(from), T(to))) {
    lines.push_back(absl::StrCat(kNames[static_cast<int>(stretch.kind)], stretch.member, " ",
                                 absl::FormatDuration(stretch.to - stretch.from),
                                 stretch.holiday.empty() ? "" : " ", stretch.holiday));
  }
  return lines;
}

TEST(HoursDescribed, SayWhyHoursDoNotCount) {
  CalendarSpec spec = Office("UTC");
  spec.holidays = {{absl::CivilDay(2026, 1, 6), "Epiphany", false},
                   {absl::CivilDay(2026, 1, 10), "On a Saturday", false}};
  spec.overrides = {{absl::CivilDay(2026, 1, 7), {Hours("10:00", "18:00")}}};
  spec.breaks = {{absl::CivilDay(2026, 1, 7), {Hours("12:00", "13:00")}},
                 {absl::CivilDay(2026, 1, 8), {Hours("08:00", "10:00")}}};
  const auto calendar = Compiled(spec);
  EXPECT_THAT(
      Described(*calendar, "2026-01-05T16:00:00.25Z", "2026-01-06T20:00:00Z"),
      ElementsAre("open0 59m59.75s", "outside0 16h", "holiday0 8h Epiphany", "outside0 3h"));
  EXPECT_THAT(Described(*calendar, "2026-01-07T00:00:00Z", "2026-01-07T20:00:00Z"),
              ElementsAre("outside0 9h", "override0 1h", "open0 2h", "break0 1h", "open0 5h",
                          "outside0 2h"));
  EXPECT_THAT(Described(*calendar, "2026-01-08T00:00:00Z", "2026-01-08T12:00:00Z"),
              ElementsAre("outside0 9h", "break0 1h", "open0 2h"));
  // From Friday's close over a holiday that costs nothing.
  EXPECT_THAT(Described(*calendar, "2026-01-09T17:00:00Z", "2026-01-12T09:00:00Z"),
              ElementsAre("outside0 64h"));
  EXPECT_THAT(Described(*calendar, "2026-01-09T17:00:00Z", "2026-01-09T17:00:00Z"), IsEmpty());
}

TEST(HoursDescribed, AUnionIsClosedForTheFirstReasonThatIsOne) {
  std::vector<CalendarSpec> specs = {Office("UTC"), Office("UTC")};
  specs[0].weekly = {{1, {Hours("08:00", "12:00")}}};
  specs[1].holidays = {{absl::CivilDay(2026, 1, 5), "Founders", true}};
  EXPECT_THAT(Described(*Compiled(specs), "2026-01-05T07:00:00Z", "2026-01-05T18:00:00Z"),
              ElementsAre("outside0 1h", "open0 4h", "holiday1 5h Founders", "outside0 1h"));
}

}  // namespace
}  // namespace watchbell
