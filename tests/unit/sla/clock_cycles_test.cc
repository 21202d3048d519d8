// Cycles of a clock: what begins one, what a reopening makes of one that has stopped, and what is
// made of those that nobody saw begin.
#include <memory>
#include <optional>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

constexpr auto kAgent = events::v1::ACTOR_KIND_AGENT;
constexpr auto kRequester = events::v1::ACTOR_KIND_REQUESTER;

v1::Target Solve(int minutes) { return MakeTarget("solve", v1::METRIC_RESOLUTION, minutes); }

v1::Target Team(const std::string& group, int minutes) {
  v1::Target target = MakeTarget(group, v1::METRIC_OPERATIONAL_LEVEL, minutes);
  target.add_groups(group);
  return target;
}

// --- reopen in three modes: sla.md (b) 23, (c) 3 ---

std::vector<std::string> Reopened(v1::ReopenMode mode) {
  v1::Target target = Solve(60);
  target.set_on_reopen(mode);
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:40", Resolve());
  life.Told();
  life.Do("Mon 11:00", Reopen());
  life.Until("Mon 12:30");
  life.Do("Mon 12:30", Resolve());
  return life.Told();
}

TEST(ReopenMode, ResumeDoesNotCountTheGap) {
  EXPECT_THAT(Reopened(v1::REOPEN_MODE_UNSPECIFIED),
              ElementsAre("Mon 11:00 resolution retargeted (reopen)",
                          "Mon 11:20 resolution breached leg 1 due Mon 11:20",
                          "Mon 12:30 resolution stopped missed restated"));
}

TEST(ReopenMode, NewCycleLeavesTheFirstVerdictAlone) {
  EXPECT_THAT(Reopened(v1::REOPEN_MODE_NEW_CYCLE),
              ElementsAre("Mon 11:00 resolution#2 attached",
                          "Mon 12:00 resolution#2 breached leg 1 due Mon 12:00",
                          "Mon 12:30 resolution#2 stopped missed"));
}

TEST(ReopenMode, NewCycleAtTheInstantOfTheStopLeavesTheFirstVerdictAlone) {
  v1::Target target = Solve(240);
  target.set_on_reopen(v1::REOPEN_MODE_NEW_CYCLE);
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:00", Resolve());
  life.Do("Mon 10:00", Reopen());
  life.Do("Mon 15:30", Resolve());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 10:00 resolution stopped met",
                          "Mon 10:00 resolution#2 attached",
                          "Mon 14:00 resolution#2 breached leg 1 due Mon 14:00",
                          "Mon 15:30 resolution#2 stopped missed"));
  Life at_once(bench);  // as from a source that knows no part of a minute
  at_once.Do("Mon 09:00", Opened(PRIORITY_LOW));
  at_once.Do("Mon 09:00", Resolve());
  at_once.Do("Mon 09:00", Reopen());
  EXPECT_THAT(at_once.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:00 resolution stopped met",
                          "Mon 09:00 resolution#2 attached"));
}

TEST(ReopenMode, FromCreationCountsTheGap) {
  EXPECT_THAT(Reopened(v1::REOPEN_MODE_FROM_CREATION),
              ElementsAre("Mon 11:00 resolution retargeted (reopen)",
                          "Mon 11:00 resolution breached leg 1 due Mon 10:00 on attach",
                          "Mon 12:30 resolution stopped missed restated"));
}

// --- rests and returns ---

TEST(Cycles, WhatRepeatsBeginsWhenItsStartComesToHoldNotWhileItHolds) {
  v1::Target taken = Team("net", 30);  // until somebody takes it
  *taken.mutable_stop() = Any({IsSet("assignee"), None({Is("group", {"net"})})});
  Bench bench({taken});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:00", GiveTo("net"));
  TicketInput bob;
  bob.mutable_change()->set_assignee("bob");
  life.Do("Mon 10:10", bob);
  life.Do("Mon 10:20", Raise(PRIORITY_HIGH));
  life.Do("Mon 12:20", Raise(PRIORITY_LOW));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 net attached", "Mon 10:10 net stopped met"));
}

TEST(Cycles, WhatAnEventCancelledStaysCancelled) {
  v1::Target target = MakeTarget("x", v1::METRIC_NAMED, 60);
  *target.mutable_start() = Always();
  *target.mutable_stop() = Is("state", {"STATE_CLOSED"});
  *target.mutable_cancel() = Is("event", {"commented"});
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Say(kAgent));
  life.Do("Mon 09:20", Raise(PRIORITY_HIGH));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:00 x attached", "Mon 09:10 x cancelled"));
}

TEST(Cycles, ACycleThatBeganWhileNothingMatchedIsAttachedByItsOwnStart) {
  v1::Target net = Team("net", 120);
  net.add_priorities(PRIORITY_HIGH);
  Bench bench({net});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", GiveTo("net"));
  life.Do("Mon 10:30", Raise(PRIORITY_LOW));
  life.Do("Mon 11:00", GiveTo("desk"));
  life.Do("Mon 12:00", GiveTo("net"));
  life.Do("Mon 12:30", Raise(PRIORITY_HIGH));
  life.Until("Mon 15:00");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 net attached", "Mon 10:30 net cancelled",
                                       "Mon 12:00 net#2 attached",
                                       "Mon 14:00 net#2 breached leg 1 due Mon 14:00"));
}

// What the clock before ended by is no matter: a reply, a resolution, a group that gave it away.
TEST(Cycles, ALaterCycleThatBeganWhileNothingMatchedIsAttachedByItsOwnStart) {
  v1::Target net = Team("net", 120);
  net.add_priorities(PRIORITY_HIGH);
  Bench bench({net, MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 60, {PRIORITY_HIGH})});
  Life group(bench);
  group.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  group.Do("Mon 10:00", GiveTo("net"));
  group.Do("Mon 10:30", GiveTo("desk"));
  group.Do("Mon 11:00", Raise(PRIORITY_LOW));
  group.Do("Mon 12:00", GiveTo("net"));
  group.Do("Mon 12:30", Raise(PRIORITY_HIGH));
  group.Do("Mon 18:30", Resolve());
  EXPECT_THAT(group.Told(), ElementsAre("Mon 10:00 net attached", "Mon 10:30 net stopped met",
                                        "Mon 12:00 net#2 attached",
                                        "Mon 14:00 net#2 breached leg 1 due Mon 14:00",
                                        "Mon 18:30 net#2 stopped missed"));

  const auto asked_again = [&](TicketInput end, std::optional<TicketInput> answer) {
    Life life(bench);
    life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
    life.Do("Mon 09:10", Say(kRequester));
    life.Do("Mon 09:20", std::move(end));
    life.Do("Mon 09:30", Raise(PRIORITY_LOW));
    life.Do("Mon 09:40", Reopen());
    life.Told();
    life.Do("Mon 10:00", Say(kRequester));
    if (answer) life.Do("Mon 10:10", *answer);
    EXPECT_THAT(life.Told(), IsEmpty()) << "it is for high priorities";
    life.Do("Mon 10:30", Raise(PRIORITY_HIGH));
    life.Do("Mon 10:40", Raise(PRIORITY_LOW));
    life.Do("Mon 10:50", Raise(PRIORITY_HIGH));
    return life.Told();
  };
  const auto open =
      ElementsAre("Mon 10:00 next-response#2 attached", "Mon 10:40 next-response#2 cancelled",
                  "Mon 10:50 next-response#2 retargeted (priority)");
  EXPECT_THAT(asked_again(Say(kAgent), std::nullopt), open);
  EXPECT_THAT(asked_again(Resolve(), std::nullopt), open);
  EXPECT_THAT(
      asked_again(Say(kAgent), Say(kAgent)),
      ElementsAre("Mon 10:00 next-response#2 attached", "Mon 10:10 next-response#2 stopped met"));
}

// Two targets of one clock that begin by other conditions: `high` does not see what is asked while
// the priority is low, and what ended its course before is not an end of this cycle.
TEST(Cycles, ARematchGoesByWhatHappenedInThisCycle) {
  v1::Target high = MakeTarget("high", v1::METRIC_NEXT_RESPONSE, 60, {PRIORITY_HIGH});
  *high.mutable_start() =
      All({Is("event", {"commented"}), Is("event_actor", {"ACTOR_KIND_REQUESTER"}),
           Is("priority", {"PRIORITY_HIGH"})});
  v1::Target low = MakeTarget("low", v1::METRIC_NEXT_RESPONSE, 120, {PRIORITY_LOW});
  Bench bench({high, low});
  const auto asked_low = [&](TicketInput end) {
    auto life = std::make_unique<Life>(bench);
    life->Do("Mon 09:00", Opened(PRIORITY_HIGH));
    life->Do("Mon 09:10", Say(kRequester));
    life->Do("Mon 09:20", std::move(end));
    life->Do("Mon 09:30", Raise(PRIORITY_LOW));
    life->Do("Mon 09:40", Reopen());
    life->Do("Mon 10:00", Say(kRequester));
    life->Told();
    return life;
  };
  for (const TicketInput& end : {Say(kAgent), Resolve()}) {
    const auto raised = asked_low(end);
    raised->Do("Mon 10:10", Raise(PRIORITY_HIGH));
    raised->Until("Mon 11:10");
    EXPECT_THAT(raised->Told(),
                ElementsAre("Mon 10:10 next-response#2 retargeted (priority)",
                            "Mon 11:00 next-response#2 breached leg 2 due Mon 11:00"));
    const auto taken_up = asked_low(end);
    taken_up->Do("Mon 10:10", Raise(PRIORITY_MODERATE));
    taken_up->Do("Mon 10:20", Raise(PRIORITY_HIGH));
    taken_up->Until("Mon 11:10");
    EXPECT_THAT(taken_up->Told(),
                ElementsAre("Mon 10:10 next-response#2 cancelled",
                            "Mon 10:20 next-response#2 retargeted (priority)",
                            "Mon 11:00 next-response#2 breached leg 2 due Mon 11:00"));
  }
}

// A stop that holds since before the cycle is the cycle's own all the same.
TEST(Cycles, ARematchToWhatHadStoppedWhenTheCycleBeganStopsThere) {
  v1::Target high = Team("net", 60);
  high.set_clock("team");
  high.add_priorities(PRIORITY_HIGH);
  v1::Target low = Team("net", 120);
  low.set_target_id("both");
  low.set_clock("team");
  low.add_groups("desk");
  low.add_priorities(PRIORITY_LOW);
  Bench bench({high, low});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:10", GiveTo("net"));
  life.Do("Mon 09:20", GiveTo("else"));
  life.Do("Mon 09:30", Raise(PRIORITY_LOW));
  life.Do("Mon 10:00", GiveTo("desk"));
  life.Told();
  life.Do("Mon 10:30", Raise(PRIORITY_HIGH));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:30 team#2 retargeted (priority)",
                                       "Mon 10:00 team#2 stopped met"));
}

TEST(Cycles, AResetAtTheInstantOfTheCancellationBeginsACycle) {
  Bench bench({MakeTarget("update", v1::METRIC_PERIODIC_UPDATE, 240, {PRIORITY_HIGH})});
  const auto at_once = [&](TicketInput first, TicketInput second) {
    Life life(bench);
    life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
    life.Do("Mon 10:00", std::move(first));
    life.Do("Mon 10:00", std::move(second));
    life.Told();
    life.Do("Mon 11:00", Raise(PRIORITY_HIGH));
    return life.Told();
  };
  EXPECT_THAT(at_once(Raise(PRIORITY_LOW), Say(kAgent)),
              ElementsAre("Mon 10:00 periodic-update#2 attached"));
  EXPECT_THAT(at_once(Say(kAgent), Raise(PRIORITY_LOW)),
              ElementsAre("Mon 11:00 periodic-update#2 retargeted (priority)"));
}

TEST(Cycles, AMatchAfterTheReopeningTakesTheClockUp) {
  Bench bench({MakeTarget("solve", v1::METRIC_RESOLUTION, 120, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:00", Resolve());
  life.Do("Mon 11:00", Raise(PRIORITY_LOW));
  life.Do("Mon 12:00", Reopen());
  life.Told();
  life.Do("Mon 12:30", Raise(PRIORITY_HIGH));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 12:30 resolution retargeted (priority)"));
  EXPECT_EQ(life.Due(), "Mon 13:00") << "an hour before, half an hour since the reopening";
}

}  // namespace
}  // namespace watchbell::sla::test
