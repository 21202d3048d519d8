// Points of the fine print that no other test names alone; services/sla/README.md has
// all 37.
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

v1::Target Solve(int minutes) { return MakeTarget("solve", v1::METRIC_RESOLUTION, minutes); }

// 12: a day may be 24 hours or a working day, so nothing takes bare days.
TEST(FinePrint, BareDaysCannotBeWritten) {
  const auto read = [](const std::string& json) {
    v1::Target target;
    return google::protobuf::util::JsonStringToMessage(json, &target).ok();
  };
  EXPECT_TRUE(read(R"({"duration": "86400s"})"));
  EXPECT_TRUE(read(R"({"relative": {"business_days": 1}})"));
  EXPECT_FALSE(read(R"({"duration": "1d"})"));
  EXPECT_FALSE(read(R"({"duration": "1 day"})"));
  EXPECT_FALSE(read(R"({"relative": {"days": 1}})"));
}

// 13: the verdict compares instants, to the microsecond.
TEST(FinePrint, AMicrosecondOverIsMissed) {
  Bench bench({Business(WarnedAt(Solve(30), {99}))});
  for (const int64_t over : {0, 1}) {
    Life life(bench);
    life.Do("Mon 09:00", Opened(PRIORITY_LOW));
    TicketInput stop = Resolve();
    stop.set_at(At("Mon 09:30") + over);
    stop.set_sequence(2);
    Happenings told;
    ApplyInput(bench.judge(), life.ticket, stop, told);
    EXPECT_EQ(life.Clock().verdict(), over == 0 ? v1::VERDICT_MET : v1::VERDICT_MISSED);
    EXPECT_EQ(life.Clock().elapsed(), int64_t{30} * 60'000'000 + over);
  }
}

// 13: pauses count in microseconds too, not from minute to minute.
TEST(FinePrint, PausesOfSecondsAreNotCut) {
  Bench bench({PausedBy(Solve(60), HOLD_REASON_USER)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  Happenings told;
  for (int i = 0; i < 60; ++i) {
    for (const int second : {10, 50}) {  // 40 s of each minute
      TicketInput input = second == 10 ? Hold() : Work();
      input.set_at(At("Mon 09:00") + int64_t{1'000'000} * (60 * i + second));
      input.set_sequence(2 + 2 * i + second / 50);
      ApplyInput(bench.judge(), life.ticket, input, told);
    }
  }
  EXPECT_EQ(life.Due(), "Mon 10:40");
}

// 14: what is over a weekend counts for nothing, held or not.
TEST(FinePrint, APauseOverTheWeekendCountsItsWorkingTimeOnly) {
  Bench bench({Business(PausedBy(Solve(240), HOLD_REASON_USER))});
  Life life(bench);
  life.Do("Fri 13:00", Opened(PRIORITY_LOW));
  life.Do("Fri 15:00", Hold());
  life.Do("+Mon 10:00", Work());
  EXPECT_EQ(life.ElapsedMinutes(), 120);
  EXPECT_EQ(life.Due(), "+Mon 12:00");
}

// 17: nothing runs before the first resume.
TEST(FinePrint, CreatedOnHoldDoesNotRun) {
  Bench bench({PausedBy(Solve(60), HOLD_REASON_USER)});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW, STATE_ON_HOLD);
  opened.mutable_change()->set_hold_reason(HOLD_REASON_USER);
  life.Do("Mon 09:00", opened);
  EXPECT_EQ(life.Due(), "none");
  life.Until("Tue 09:00");
  life.Do("Tue 09:00", Work());
  EXPECT_EQ(life.Due(), "Tue 10:00");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Tue 09:00 resolution resumed"));
}

// 19: the old cycle is judged; a new one begins at zero, where its start holds.
TEST(FinePrint, AResetBeginsAnewOnlyWhereTheStartHolds) {
  v1::Target target = MakeTarget("x", v1::METRIC_NAMED, 60);
  *target.mutable_start() = Is("site", {"plant"});
  *target.mutable_stop() = Is("state", {"STATE_RESOLVED"});
  *target.mutable_reset() = Is("event", {"assigned"});
  Bench bench({target});
  Life life(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_site("plant");
  life.Do("Mon 09:00", opened);
  life.Do("Mon 09:40", GiveTo("net"));
  TicketInput moved = GiveTo("desk");
  moved.mutable_change()->set_site("office");
  life.Do("Mon 10:50", moved);
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 09:00 x attached", "Mon 09:40 x stopped met", "Mon 09:40 x#2 attached",
                  "Mon 10:40 x#2 breached leg 1 due Mon 10:40", "Mon 10:50 x#2 stopped missed"));
}

// 26: what has not begun, rests or is over takes no part in what is due next.
TEST(FinePrint, TheNextDeadlineIsThatOfAClockThatRuns) {
  Bench bench({MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 5),
               MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 30),
               PausedBy(Solve(60), HOLD_REASON_USER)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_EQ(Show(*NextDue(life.ticket)), "Mon 09:30") << "nobody waits for a reply yet";
  life.Do("Mon 09:10", Respond());
  EXPECT_EQ(Show(*NextDue(life.ticket)), "Mon 10:00");
  life.Do("Mon 09:20", Hold());
  EXPECT_FALSE(NextDue(life.ticket).has_value());
  life.Do("Mon 09:30", Say(events::v1::ACTOR_KIND_REQUESTER));
  EXPECT_EQ(Show(*NextDue(life.ticket)), "Mon 09:35");
}

// 31: a clock that is attached late sees every field as it was then.
TEST(FinePrint, HistoryIsSeenWithTheValuesOfThen) {
  v1::Target target = MakeTarget("solve", v1::METRIC_RESOLUTION, 120, {PRIORITY_HIGH});
  *target.mutable_pause() = All({Is("vendor", {"acme"}), Is("tags", {"parts"})});
  Bench bench({target});
  Life life(bench);
  const auto set = [](const std::string& vendor, const std::string& tags) {
    TicketInput input;
    input.mutable_change()->set_vendor(vendor);
    input.mutable_change()->set_tags(tags);
    return input;
  };
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:20", set("acme", "parts\nred"));
  life.Do("Mon 09:50", set("other", "parts"));
  life.Do("Mon 10:00", set("acme", "red"));
  life.Do("Mon 10:30", Raise(PRIORITY_HIGH));
  EXPECT_EQ(life.Due(), "Mon 11:30") << "half an hour of pause, which nothing shows any more";
}

// 34: the overrun is exact however long it lasts.
TEST(FinePrint, ElapsedGoesOnAfterTheBreach) {
  Bench bench({Business(PausedBy(Solve(60), HOLD_REASON_USER))});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Until("Tue 12:00");
  life.Do("Tue 12:00", Hold());
  EXPECT_EQ(life.ElapsedMinutes(), 8 * 60 + 180);
  life.Do("Wed 12:00", Work());
  TicketInput stop = Resolve();
  stop.set_at(At("+Mon 10:00") + 7);
  stop.set_sequence(4);
  Happenings told;
  ApplyInput(bench.judge(), life.ticket, stop, told);
  EXPECT_EQ(life.Clock().elapsed(), int64_t{660 + 300 + 960 + 60} * 60'000'000 + 7);
  EXPECT_EQ(life.Clock().breaches_size(), 1);
}

// A target whose stop held before it applied is judged when that stop came, not when it applied.
TEST(FinePrint, AStopThatHeldBeforeTheRematchIsJudgedAtItsOwnInstant) {
  v1::Target low = Solve(600);
  low.add_priorities(PRIORITY_LOW);
  v1::Target high = MakeTarget("answer-it", v1::METRIC_RESOLUTION, 60, {PRIORITY_HIGH});
  *high.mutable_stop() = Is("responded", {"true"});
  Bench bench({low, high});
  const auto raised = [&](const std::string& responded_at) {
    Life life(bench);
    life.Do("Mon 09:00", Opened(PRIORITY_LOW));
    life.Do("Mon 09:10", Hold());  // which this target does not pause for
    life.Do(responded_at, Respond());
    life.Do("Mon 12:00", Raise(PRIORITY_HIGH));
    EXPECT_EQ(Show(life.Clock().ended_at()), responded_at);
    EXPECT_EQ(Show(life.Clock().elapsed() + At("Mon 09:00")), responded_at);
    EXPECT_EQ(life.Clock().segments_size(), 1);
    EXPECT_EQ(Show(life.Clock().segments(0).to()), responded_at);
    return life.Told();
  };
  EXPECT_THAT(raised("Mon 09:45"), ElementsAre("Mon 09:00 resolution attached",
                                               "Mon 12:00 resolution retargeted (priority)",
                                               "Mon 09:45 resolution stopped met"));
  EXPECT_THAT(raised("Mon 10:00").back(), "Mon 10:00 resolution stopped met") << "exactly at due";
  EXPECT_THAT(
      raised("Mon 10:30"),
      ElementsAre("Mon 09:00 resolution attached", "Mon 12:00 resolution retargeted (priority)",
                  "Mon 12:00 resolution breached leg 2 due Mon 10:00 on attach",
                  "Mon 10:30 resolution stopped missed"));
}

}  // namespace
}  // namespace watchbell::sla::test
