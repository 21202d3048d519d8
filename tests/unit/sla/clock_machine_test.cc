// The rules of semantics sections 1 and 3, each by name.
#include "services/sla/clocks/clock_machine.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

constexpr v1::Metric kResponse = v1::METRIC_FIRST_RESPONSE;
constexpr v1::Metric kResolution = v1::METRIC_RESOLUTION;
using v1::CLOCK_STATE_PAUSED;
using v1::CLOCK_STATE_RUNNING;

v1::Target Resolution(int minutes, std::vector<Priority> priorities = {}) {
  return PausedBy(MakeTarget(absl::StrCat("solve-", minutes), kResolution, minutes, priorities),
                  HOLD_REASON_USER);
}

TEST(ClockMachine, FridayEveningBreachesOnMondayMorning) {
  Bench bench({Business(MakeTarget("answer", kResponse, 30))});
  Life life(bench);
  life.Do("Fri 16:50", Opened(PRIORITY_CRITICAL));
  life.Until("+Mon 09:20");
  EXPECT_THAT(life.Told(), ElementsAre("Fri 16:50 response attached"));
  life.Until("+Mon 09:21");
  EXPECT_THAT(life.Told(), ElementsAre("+Mon 09:20 response breached leg 1 due +Mon 09:20"));
}

TEST(ClockMachine, StopExactlyAtDueIsMet) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", Resolve());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 10:00 resolution stopped met"));
}

TEST(ClockMachine, StopAfterDueIsMissedAndTheBreachComesFirst) {
  Bench bench({WarnedAt(Resolution(60), {50, 90})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:01", Resolve());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:30 resolution warned 50%",
                          "Mon 09:54 resolution warned 90%",
                          "Mon 10:00 resolution breached leg 1 due Mon 10:00",
                          "Mon 10:01 resolution stopped missed"));
  EXPECT_EQ(life.ElapsedMinutes(), 61);
}

TEST(ClockMachine, SettlingGoesInDueOrderAcrossClocks) {
  Bench bench(
      {WarnedAt(MakeTarget("answer", kResponse, 40), {50}), WarnedAt(Resolution(60), {50})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Told();
  life.Until("Mon 12:00");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:20 response warned 50%", "Mon 09:30 resolution warned 50%",
                          "Mon 09:40 response breached leg 1 due Mon 09:40",
                          "Mon 10:00 resolution breached leg 1 due Mon 10:00"));
  life.Until("Tue 12:00");
  EXPECT_THAT(life.Told(), IsEmpty());
}

TEST(ClockMachine, PausedThereIsNoDeadlineOnlyARemainder) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Hold());
  EXPECT_EQ(life.Due(), "none");
  EXPECT_EQ(life.ElapsedMinutes(), 20);
  life.Until("Tue 09:00");
  life.Do("Tue 09:00", Work());
  EXPECT_EQ(life.Due(), "Tue 09:40");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:20 resolution paused",
                          "Tue 09:00 resolution resumed"));
}

TEST(ClockMachine, OnlyTheHoldReasonsOfTheTargetPause) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:10", Hold(HOLD_REASON_PROBLEM));
  EXPECT_EQ(life.Due(), "Mon 10:00");
  life.Do("Mon 09:20", Hold(HOLD_REASON_USER));
  EXPECT_EQ(life.Clock().state(), CLOCK_STATE_PAUSED);
  life.Do("Mon 09:30", Hold(HOLD_REASON_CHANGE));
  EXPECT_EQ(life.Due(), "Mon 10:10");
}

TEST(ClockMachine, PauseOutsideHoursCostsAndGivesNothing) {
  Bench bench({Business(Resolution(120))});
  Life life(bench);
  life.Do("Mon 16:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 18:00", Hold());
  life.Do("Mon 20:00", Work());
  EXPECT_EQ(life.Due(), "Tue 10:00");
}

TEST(ClockMachine, HoldExactlyAtDueLeavesRemainderZeroDueAgainAtTheResume) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", Hold());
  life.Until("Mon 11:00");
  EXPECT_EQ(life.Clock().allowed() - life.Clock().elapsed(), 0);
  life.Do("Mon 11:00", Work());
  EXPECT_EQ(life.Due(), "Mon 11:00");
  life.Until("Mon 11:01");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 10:00 resolution paused",
                          "Mon 11:00 resolution resumed",
                          "Mon 11:00 resolution breached leg 1 due Mon 11:00"));
}

TEST(ClockMachine, PausedToResolvedClosesThePauseFirst) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Hold());
  life.Do("Wed 09:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MET);
  EXPECT_EQ(life.Due(), "Wed 09:40");
  EXPECT_EQ(life.ElapsedMinutes(), 20);
}

TEST(ClockMachine, BreachedThenPausedIsStillMissed) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 11:00", Hold());
  life.Do("Mon 12:00", Work());
  EXPECT_EQ(life.Due(), "Mon 10:00");
  life.Do("Mon 12:30", Hold());
  life.Do("Mon 13:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(life.Due(), "Mon 10:00");
  EXPECT_EQ(life.Clock().breaches_size(), 1);
}

TEST(ClockMachine, PriorityChangeKeepsTheClockAndItsElapsedTime) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL}), Resolution(240, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Hold());
  life.Do("Mon 10:20", Work());
  life.Do("Mon 10:30", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Clock().leg(), 2);
  EXPECT_EQ(life.Due(), "Mon 11:00");
  EXPECT_EQ(life.Clock().priority(), PRIORITY_CRITICAL);
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 09:00 resolution attached", "Mon 09:20 resolution paused",
                  "Mon 10:20 resolution resumed", "Mon 10:30 resolution retargeted (priority)"));
}

TEST(ClockMachine, SameTargetAgainIsNoNewLeg) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:30", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Clock().leg(), 1);
  EXPECT_EQ(life.Due(), "Mon 10:00");
}

TEST(ClockMachine, RaiseThatHasAlreadyCrossedBreachesOnceOnAttach) {
  Bench bench(
      {WarnedAt(Resolution(60, {PRIORITY_CRITICAL}), {50}), Resolution(240, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 11:30", Raise(PRIORITY_CRITICAL));
  life.Until("Tue 11:30");
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 09:00 resolution attached", "Mon 11:30 resolution retargeted (priority)",
                  "Mon 09:30 resolution warned 50% skipped",
                  "Mon 11:30 resolution breached leg 2 due Mon 10:00 on attach"));
  EXPECT_EQ(life.Due(), "Mon 10:00");
}

TEST(ClockMachine, RaiseWhilePausedBreachesAtOnceIfCrossed) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL}), Resolution(240, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 11:00", Hold());
  life.Told();
  life.Do("Mon 13:00", Raise(PRIORITY_CRITICAL));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 13:00 resolution retargeted (priority)",
                          "Mon 13:00 resolution breached leg 2 due Mon 10:00 on attach"));
  EXPECT_EQ(life.Clock().state(), CLOCK_STATE_PAUSED);
  EXPECT_EQ(life.Due(), "none");
  life.Do("Mon 14:00", Work());
  EXPECT_EQ(life.Due(), "Mon 10:00");
  life.Until("Tue 14:00");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 14:00 resolution resumed"));
}

TEST(ClockMachine, RaiseWhilePausedExactlyAtTheNewTargetIsDueAtTheResume) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL}), Resolution(240, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", Hold());
  life.Do("Mon 13:00", Raise(PRIORITY_CRITICAL));
  life.Told();
  life.Do("Mon 14:00", Work());
  life.Until("Mon 14:01");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 14:00 resolution resumed",
                                       "Mon 14:00 resolution breached leg 2 due Mon 14:00"));
}

TEST(ClockMachine, BreachThenLoweredThenCrossedAgain) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL}), Resolution(240, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_CRITICAL));
  life.Do("Mon 11:00", Raise(PRIORITY_HIGH));
  EXPECT_EQ(life.Due(), "Mon 13:00");
  EXPECT_EQ(BreachOf(life.Clock(), 2), nullptr);
  life.Until("Mon 14:00");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:00 resolution attached",
                                       "Mon 10:00 resolution breached leg 1 due Mon 10:00",
                                       "Mon 11:00 resolution retargeted (priority)",
                                       "Mon 13:00 resolution breached leg 2 due Mon 13:00"));
  EXPECT_EQ(life.Clock().breaches_size(), 2);
}

TEST(ClockMachine, ChangeOfPriorityAfterTheResolutionEditsNoVerdict) {
  Bench bench({Resolution(60, {PRIORITY_HIGH}), Resolution(10, {PRIORITY_MODERATE})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:30", Resolve());
  life.Told();
  life.Do("Mon 09:40", Raise(PRIORITY_MODERATE));
  EXPECT_THAT(life.Told(), IsEmpty());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MET);
  // Reopened, the new target holds, and has been crossed.
  life.Do("Mon 10:00", Work());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 10:00 resolution retargeted (reopen)",
                          "Mon 10:00 resolution breached leg 2 due Mon 09:10 on attach"));
}

TEST(ClockMachine, ReopenResumesWithoutTheGapAndRestates) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:30", Resolve());
  life.Do("Tue 09:00", Work());
  EXPECT_EQ(life.Due(), "Tue 09:30");
  life.Do("Tue 09:40", Move(STATE_CLOSED));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:30 resolution stopped met",
                          "Tue 09:00 resolution retargeted (reopen)",
                          "Tue 09:30 resolution breached leg 1 due Tue 09:30",
                          "Tue 09:40 resolution stopped missed restated"));
}

TEST(ClockMachine, ReopenWithRemainderZeroIsDueAtTheReopen) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", Resolve());
  life.Do("Tue 09:00", Work());
  EXPECT_EQ(life.Due(), "Tue 09:00");
  life.Until("Tue 09:01");
  EXPECT_EQ(BreachOf(life.Clock(), 1)->due(), At("Tue 09:00"));
}

TEST(ClockMachine, ReopenAfterAMissBreachesNoSecondTime) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 11:00", Resolve());
  life.Do("Tue 09:00", Hold());
  life.Do("Tue 10:00", Work());
  life.Do("Tue 11:00", Resolve());
  EXPECT_EQ(life.Clock().breaches_size(), 1);
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(life.ElapsedMinutes(), 180);
}

TEST(ClockMachine, ResolvedToClosedChangesNothing) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:30", Resolve());
  life.Told();
  life.Do("Mon 12:00", Move(STATE_CLOSED));
  EXPECT_THAT(life.Told(), IsEmpty());
  EXPECT_EQ(life.Clock().ended_at(), At("Mon 09:30"));
}

TEST(ClockMachine, NoMatchAnyMoreCancelsAndAMatchAgainCarriesOn) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_CRITICAL));
  life.Do("Mon 09:20", Raise(PRIORITY_LOW));
  EXPECT_EQ(life.Clock().state(), v1::CLOCK_STATE_CANCELLED);
  life.Until("Mon 09:30");
  // The ticket was open all the time: the whole of it counts.
  life.Do("Mon 09:30", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Due(), "Mon 10:00");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:20 resolution cancelled",
                          "Mon 09:30 resolution retargeted (priority)"));
}

TEST(ClockMachine, LateMatchStartsWhenTheTicketWasOpenedAndEarlierPausesCount) {
  Bench bench({WarnedAt(Resolution(60, {PRIORITY_CRITICAL}), {25, 75})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Hold());
  life.Do("Mon 09:40", Work());
  life.Do("Mon 09:50", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Clock().started_at(), At("Mon 09:00"));
  EXPECT_EQ(life.Due(), "Mon 10:30");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:00 resolution attached",
                                       "Mon 09:45 resolution warned 25% skipped"));
  life.Until("Mon 10:20");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:15 resolution warned 75%"));
}

TEST(ClockMachine, AttachedWhilePausedIsPaused) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Hold());
  life.Do("Mon 09:40", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Clock().state(), CLOCK_STATE_PAUSED);
  EXPECT_EQ(life.ElapsedMinutes(), 10);
}

TEST(ClockMachine, StopHeldAtAttachIsJudgedAtTheStopsOwnInstant) {
  Bench bench({Resolution(60, {PRIORITY_CRITICAL}),
               MakeTarget("answer", kResponse, 5, {PRIORITY_CRITICAL})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Respond());
  life.Do("Mon 09:40", Resolve());
  life.Do("Mon 12:00", Raise(PRIORITY_CRITICAL));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 response attached",
                          "Mon 12:00 response breached leg 1 due Mon 09:05 on attach",
                          "Mon 09:10 response stopped missed", "Mon 09:00 resolution attached",
                          "Mon 09:40 resolution stopped met"));
}

TEST(ClockMachine, CreatedResolvedDoesNotVanish) {
  Bench bench({Resolution(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:30", Resolve());  // the first row of an imported history
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  Life instant(bench);
  instant.Do("Mon 09:00", Opened(PRIORITY_LOW, STATE_RESOLVED));
  EXPECT_THAT(instant.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:00 resolution stopped met"));
}

TEST(ClockMachine, FirstResponseStopsOnceForAll) {
  Bench bench({MakeTarget("answer", kResponse, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:30", Respond());
  life.Do("Mon 09:40", Resolve());
  life.Do("Mon 10:00", Work());
  life.Until("Tue 10:00");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 response attached", "Mon 09:30 response stopped met"));
}

TEST(ClockMachine, ResolvedWithoutAResponseCancelsAndAReopenCarriesOn) {
  Bench bench({MakeTarget("answer", kResponse, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Resolve());  // by the alert that opened it
  life.Until("Mon 12:00");
  life.Do("Mon 12:00", Work());
  EXPECT_EQ(life.Clock(kResponse).due(), At("Mon 12:20"));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 response attached", "Mon 09:10 response cancelled",
                          "Mon 12:00 response retargeted (reopen)"));
}

TEST(ClockMachine, FirstMatchByRankPerMetric) {
  Bench bench({Resolution(30, {PRIORITY_CRITICAL}), Resolution(60), Resolution(90)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_EQ(life.Clock().target_id(), "solve-60");
  EXPECT_EQ(life.ticket.clocks_size(), 1);
}

TEST(ClockMachine, ThresholdsFireOncePerLeg) {
  Bench bench({WarnedAt(Resolution(60, {PRIORITY_CRITICAL}), {50}),
               WarnedAt(Resolution(120, {PRIORITY_HIGH}), {50})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_CRITICAL));
  life.Do("Mon 09:30", Hold());  // exactly at the threshold
  life.Do("Mon 09:45", Work());
  life.Do("Mon 09:50", Hold());
  life.Do("Mon 09:55", Work());
  life.Told();
  life.Do("Mon 10:00", Raise(PRIORITY_HIGH));  // 40 minutes used
  life.Until("Mon 10:30");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 resolution retargeted (priority)",
                                       "Mon 10:20 resolution warned 50%"));
}

TEST(ClockMachine, TargetBeyondTheHorizonIsNeverDueAndMet) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  Bench bench({Business(Resolution(8 * 60 * 300 * 21))});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Due(), "none");
  EXPECT_FALSE(NextDue(life.ticket).has_value());
  life.Do("Fri 09:00", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MET);
}

}  // namespace
}  // namespace watchbell::sla::test
