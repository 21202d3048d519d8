// Deadlines that are no stretch of time, and calendars read in the zone of a site or a requester.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/waiver.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

v1::Target Solve(int minutes) { return MakeTarget("solve", v1::METRIC_RESOLUTION, minutes); }

TicketInput DueAt(const std::string& at) {
  TicketInput input;
  input.mutable_change()->set_due_at(at.empty() ? 0 : At(at));
  return input;
}

// --- relative targets: sla.md (b) 32 ---

v1::Target Relative(v1::RelativeTarget relative) {
  v1::Target target = Business(MakeTarget("rel", v1::METRIC_RESOLUTION, 0));
  target.clear_duration();
  *target.mutable_relative() = std::move(relative);
  return target;
}
v1::RelativeTarget EndOfDay(int n) {
  v1::RelativeTarget relative;
  relative.set_end_of_business_day(n);
  return relative;
}

TEST(RelativeTargets, EndOfTheNextBusinessDay) {
  Bench bench({WarnedAt(Relative(EndOfDay(1)), {50})});
  Life life(bench);
  life.Do("Fri 13:00", Opened(PRIORITY_LOW));
  EXPECT_EQ(life.Due(), "+Mon 17:00");
  life.Until("+Mon 18:00");
  // 4 h on Friday and 8 h on Monday: half of it is used on Monday at 11:00.
  EXPECT_THAT(life.Told(),
              ElementsAre("Fri 13:00 resolution attached", "+Mon 11:00 resolution warned 50%",
                          "+Mon 17:00 resolution breached leg 1 due +Mon 17:00"));
}

TEST(RelativeTargets, BusinessDaysKeepTheTimeOfDay) {
  v1::RelativeTarget relative;
  relative.set_business_days(2);
  Bench bench({Relative(relative)});
  Life life(bench);
  life.Do("Thu 10:30", Opened(PRIORITY_LOW));
  EXPECT_EQ(life.Due(), "+Mon 10:30");
  Life at_night(bench);
  at_night.Do("Thu 20:00", Opened(PRIORITY_LOW));
  EXPECT_EQ(at_night.Due(), "+Tue 09:00") << "from the next opening, Friday 09:00";
}

v1::RelativeTarget ByDueDate() {
  v1::RelativeTarget relative;
  relative.set_due_date(true);
  return relative;
}

TEST(RelativeTargets, ADueDateIsDueWhenItSaysAndMovesWithIt) {
  Bench bench({Relative(ByDueDate())});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_THAT(life.Told(), IsEmpty()) << "no date, no promise";
  life.Do("Mon 10:00", DueAt("Wed 20:00"));
  EXPECT_EQ(life.Due(), "Wed 20:00");
  life.Do("Mon 11:00", DueAt("Tue 12:00"));
  EXPECT_EQ(life.Due(), "Tue 12:00");
  life.Until("Tue 13:00");
  life.Do("Tue 13:00", DueAt(""));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:00 resolution attached",
                                       "Mon 11:00 resolution retargeted (due date)",
                                       "Tue 12:00 resolution breached leg 2 due Tue 12:00",
                                       "Tue 13:00 resolution cancelled"));
}

TEST(RelativeTargets, ADueDateInThePastIsDueAtTheStart) {
  Bench bench({Relative(ByDueDate())});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_due_at(At("Mon 08:00"));
  life.Do("Mon 09:00", opened);
  life.Until("Mon 09:01");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:00 resolution attached",
                                       "Mon 09:00 resolution breached leg 1 due Mon 09:00"));
}

TEST(RelativeTargets, ADueDateBeyondTheHorizonIsNeverDue) {
  Bench bench({WarnedAt(Relative(ByDueDate()), {50})});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_due_at(253'402'300'799'000'000);  // the last second of 9999
  life.Do("Mon 09:00", opened);
  EXPECT_EQ(life.Due(), "none");
  life.Do("Mon 10:00", Resolve());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 10:00 resolution stopped met"));
}

TEST(RelativeTargets, ADueDateThatMovesWhileTheClockRestsCounts) {
  Bench bench({Relative(ByDueDate())});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_due_at(At("Tue 12:00"));
  life.Do("Mon 09:00", opened);
  life.Do("Mon 10:00", Resolve());
  life.Do("Mon 11:00", DueAt("Thu 12:00"));
  life.Do("Mon 12:00", Reopen());
  EXPECT_EQ(life.Due(), "Thu 12:00");
  life.Do("Mon 13:00", DueAt(""));
  life.Do("Mon 14:00", DueAt("Fri 12:00"));
  EXPECT_EQ(life.Due(), "Fri 12:00");
}

TEST(RelativeTargets, LessTimeThanTheWarningAsksForIsNoNegativeTime) {
  v1::Target target = Relative(EndOfDay(0));
  target.add_warn_time_left()->set_seconds(3600);
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 16:50", Opened(PRIORITY_LOW));
  life.Until("Mon 16:51");
  EXPECT_EQ(life.ElapsedMinutes(), 0);
}

// --- relative targets: time left and time over are those to and since the deadline ---

TicketInput OpenedDue(const std::string& at) {
  TicketInput input = Opened(PRIORITY_LOW);
  input.mutable_change()->set_due_at(At(at));
  return input;
}

// "2 h left", "1 h over": what everybody is told, and what a waiver would have to cover.
std::string TimeLeft(const Life& life) {
  const v1::Clock clock = ToClock(life.ticket, life.Clock());
  if (!clock.has_remaining()) return "no deadline";
  const absl::Duration left = FromProto(clock.remaining());
  const bool over = left < absl::ZeroDuration();
  EXPECT_EQ(Overrun(life.Clock()), over ? absl::ToInt64Microseconds(-left) : 0);
  return absl::StrCat(absl::FormatDuration(absl::AbsDuration(left)), over ? " over" : " left");
}

v1::Target AllTime(v1::Target target) {
  target.set_basis(v1::TIME_BASIS_CALENDAR);
  return target;
}

TEST(RelativeTargets, ReopenedAfterTheDueDateItIsOverByTheTimeSince) {
  Bench bench({AllTime(Relative(ByDueDate()))});
  Life life(bench);
  life.Do("Mon 09:00", OpenedDue("Fri 09:00"));
  EXPECT_EQ(TimeLeft(life), "96h left");
  life.Do("Wed 09:00", Resolve());
  EXPECT_EQ(TimeLeft(life), "48h left");
  life.Do("+Mon 09:00", Reopen());
  EXPECT_EQ(life.Due(), "+Mon 09:00");
  EXPECT_EQ(TimeLeft(life), "0 left");
  life.Do("+Tue 09:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(TimeLeft(life), "24h over");
  life.Do("+Wed 09:00", Reopen());
  life.Do("+Wed 10:00", Resolve());
  EXPECT_EQ(TimeLeft(life), "25h over") << "the time in between does not count";
}

TEST(RelativeTargets, ReopenedFromCreationItIsOverByAllTheTimeSince) {
  v1::Target target = AllTime(Relative(ByDueDate()));
  target.set_on_reopen(v1::REOPEN_MODE_FROM_CREATION);
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", OpenedDue("Fri 09:00"));
  life.Do("Wed 09:00", Resolve());
  life.Do("+Mon 09:00", Reopen());
  EXPECT_EQ(TimeLeft(life), "72h over");
}

TEST(RelativeTargets, APauseBeforeTheRaiseIsNoTimeLeft) {
  v1::Target low = Business(PausedBy(Solve(6000), HOLD_REASON_USER));
  low.add_priorities(PRIORITY_LOW);
  v1::Target high = Relative(EndOfDay(1));
  high.add_priorities(PRIORITY_HIGH);
  Bench bench({low, high});
  Life life(bench);
  life.Do("Mon 08:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:00", Hold());
  life.Do("+Tue 09:00", Work());
  life.Do("+Tue 10:00", Raise(PRIORITY_HIGH));
  EXPECT_EQ(TimeLeft(life), "1h over") << "due when it went on";
  life.Do("+Tue 14:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(TimeLeft(life), "5h over");
}

TEST(RelativeTargets, WarningsComeBeforeTheDeadlineAlsoAfterAGap) {
  v1::Target target = AllTime(Relative(ByDueDate()));
  target.add_warn_time_left()->set_seconds(24 * 3600);
  Bench bench({WarnedAt(target, {80})});
  Life life(bench);
  life.Do("Mon 09:00", OpenedDue("Fri 09:00"));
  life.Do("Tue 09:00", Resolve());
  life.Do("Wed 09:00", Reopen());
  EXPECT_EQ(TimeLeft(life), "48h left");
  life.Told();
  life.Until("Sat 00:00");
  // A day was used before, two are to come: 80 % of three days are 57.6 hours.
  EXPECT_THAT(life.Told(), ElementsAre("Thu 09:00 resolution warned 1440 min left",
                                       "Thu 18:36 resolution warned 80%",
                                       "Fri 09:00 resolution breached leg 1 due Fri 09:00"));
  EXPECT_EQ(TimeLeft(life), "0 left");
}

TEST(RelativeTargets, WhatIsNeverDueHasNoTimeLeft) {
  Bench bench({AllTime(Relative(ByDueDate()))});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_due_at(253'402'300'799'000'000);  // the last second of 9999
  life.Do("Mon 09:00", opened);
  EXPECT_EQ(TimeLeft(life), "no deadline");
  life.Do("Mon 10:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MET);
  EXPECT_EQ(TimeLeft(life), "no deadline");
}

// --- zones: sla.md (b) 33 ---

TEST(Zones, TheRequestersZoneIsFrozenAtAttach) {
  v1::Target target = Business(Solve(60));
  target.set_zone_source(v1::ZONE_SOURCE_REQUESTER);
  Bench bench({target});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_requester_time_zone("Asia/Kolkata");  // UTC+5:30: 03:30 to 11:30
  life.Do("Mon 02:00", opened);
  EXPECT_EQ(life.Due(), "Mon 04:30");
  TicketInput moved;
  moved.mutable_change()->set_requester_time_zone("America/New_York");
  life.Do("Mon 03:45", moved);
  life.Do("Mon 04:00", Hold());
  life.Do("Mon 04:10", Work());
  EXPECT_EQ(life.Due(), "Mon 04:30");
}

TEST(Zones, TheSitesZoneComesFromThePolicySetElseTheCalendarsOwn) {
  v1::Target target = Business(Solve(60));
  target.set_zone_source(v1::ZONE_SOURCE_SITE);
  Bench bench({target}, {{"pune", "Asia/Kolkata"}});
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_site("pune");
  Life known(bench);
  known.Do("Mon 02:00", opened);
  EXPECT_EQ(known.Due(), "Mon 04:30");
  EXPECT_EQ(known.Clock().time_zone(), "Asia/Kolkata");
  opened.mutable_change()->set_site("elsewhere");
  Life unknown(bench);
  unknown.Do("Mon 02:00", opened);
  EXPECT_EQ(unknown.Due(), "Mon 10:00");
  EXPECT_EQ(unknown.Clock().time_zone(), "");
}

}  // namespace
}  // namespace watchbell::sla::test
