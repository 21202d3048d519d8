// Deadlines that are no stretch of time, and calendars read in the zone of a site or a requester.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
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
