#include "gmock/gmock.h"
#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr sla::v1::Metric kResponse = sla::v1::METRIC_FIRST_RESPONSE;
constexpr sla::v1::Metric kResolution = sla::v1::METRIC_RESOLUTION;

// Midnight of the new year, ana on call; ben follows a day later.
class Runs : public EscalationTest {
 protected:
  void SetUp() override { ASSERT_TRUE(Put(Desk()).ok()); }
  // A run of "on-breach" that has paged step one.
  void StartRun() {
    Create("network");
    Breach(kResponse);
    Pass(absl::Seconds(1));
    Said();
  }
};

TEST_F(Runs, StepsStartOnlyFromTheTimer) {
  Create("network");
  Pass(absl::Hours(1));
  const absl::Time breached = harness_.now;
  Breach(kResponse);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)"));
  const v1::Run started = Last<events::v1::RunStarted>().run();
  EXPECT_EQ(FromProto(started.started_at()), breached);
  EXPECT_EQ(FromProto(started.next_step_at()), breached);
  EXPECT_EQ(started.step(), 0);
  EXPECT_EQ(started.pass(), 1);
  EXPECT_EQ(StepDue(), breached);
  Pass(absl::Microseconds(1));
  EXPECT_THAT(Said(), ElementsAre("step 1/1", "page(ana)"));
  EXPECT_EQ(harness_.events.back().occurred_at, breached);
  EXPECT_EQ(StepDue(), breached + absl::Minutes(10));
}

TEST_F(Runs, ACauseHeardLateStartsAtItsTimeAndPagesNow) {
  Create("network");
  const absl::Time due = harness_.now + absl::Minutes(1);
  Pass(absl::Minutes(20));
  events::v1::ClockBreached breached;
  *breached.mutable_clock() = MakeClock(kResponse);
  breached.set_leg(1);
  TellSla(breached, due);
  EXPECT_EQ(FromProto(Last<events::v1::RunStarted>().run().started_at()), due);
  EXPECT_EQ(harness_.events.back().occurred_at, due);
  EXPECT_EQ(StepDue(), harness_.now);
}

TEST_F(Runs, APageSaysWhatItIsAbout) {
  Create("network");
  Breach(kResponse);
  Pass(absl::Seconds(1));
  const auto requested = Last<events::v1::PageRequested>();
  EXPECT_EQ(requested.page().page_id(), "inc-1/run/1/1/1/ana");
  EXPECT_EQ(requested.page().run_id(), "inc-1/run/1");
  EXPECT_EQ(requested.page().ticket_id(), kId);
  EXPECT_EQ(requested.page().step(), 1);
  EXPECT_EQ(requested.page().pass(), 1);
  EXPECT_EQ(requested.page().reason(), "rota days");
  EXPECT_EQ(requested.ticket().title(), "mail is down");
  EXPECT_EQ(requested.ticket().description(), "");
  EXPECT_EQ(requested.summary(), "first response breached, step 1");
}

TEST_F(Runs, StepsRepeatsAndExhaustion) {
  v1::EscalationSetup setup = Desk();
  setup.mutable_policies(0)->set_repeats(1);
  setup.mutable_policies(0)->add_catch_all("boss");
  setup.mutable_policies(0)->add_catch_all("ana");
  ASSERT_TRUE(Put(setup).ok());
  Create("network");
  Breach(kResponse);
  const absl::Time start = harness_.now;
  Pass(absl::Hours(2));
  EXPECT_THAT(Said(),
              ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "step 1/1", "page(ana)",
                          "step 1/2", "page(carl)", "step 2/1", "page(ana)", "step 2/2",
                          "page(carl)", "page(boss)", "page(ana)", "ended(EXHAUSTED)"));
  const auto last = Last<events::v1::PageRequested>();
  EXPECT_EQ(last.page().page_id(), "inc-1/run/1/2/0/ana");
  EXPECT_EQ(last.page().step(), 0);
  EXPECT_EQ(last.page().reason(), "catch-all");
  EXPECT_EQ(last.summary(), "first response breached, nobody answered");
  EXPECT_EQ(FromProto(Last<events::v1::RunEnded>().run().ended_at()), start + absl::Minutes(40));
  std::vector<absl::Time> steps;
  for (const test::EmittedEvent& event : harness_.events) {
    if (event.As<events::v1::StepStarted>() != nullptr) steps.push_back(event.occurred_at);
  }
  EXPECT_THAT(steps, ElementsAre(start, start + absl::Minutes(10), start + absl::Minutes(20),
                                 start + absl::Minutes(30)));
  EXPECT_TRUE(harness_.timers.empty());
  EXPECT_FALSE(State()->has_active());
  const auto* history = harness_.State<state::v1::RunHistory>(HistoryKey("default", kId));
  ASSERT_NE(history, nullptr);
  EXPECT_EQ(history->runs(0).end(), v1::RUN_END_EXHAUSTED);
  EXPECT_FALSE(history->runs(0).has_next_step_at());
}

TEST_F(Runs, ExhaustedWithoutACatchAllStillSaysSo) {
  Create("desk");
  Pass(absl::Minutes(6));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:opened)", "step 1/1", "page(dora)",
                                  "ended(EXHAUSTED)"));
}

TEST_F(Runs, TargetsResolveAtStepStart) {
  v1::EscalationSetup setup = Desk();
  v1::EscalationPolicy* policy = setup.mutable_policies(0);
  policy->clear_steps();
  *setup.add_rotas() = MakeRota("nights", "UTC", "2026-01-01T00:00", 1, {"ben"});
  AddStep(policy, {"days", "nights"}, {"carl", "ana"}, absl::Minutes(30));
  AddStep(policy, {"days", "nights"}, {"carl", "ana"}, absl::Minutes(30));
  ASSERT_TRUE(Put(setup).ok());
  Pass(absl::Hours(24) - absl::Minutes(15));
  Create("network");
  Breach(kResponse);
  Pass(absl::Minutes(40));  // past midnight: ben has both rotas
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "step 1/1",
                                  "page(ana)", "page(ben)", "page(carl)", "step 1/2", "page(ben)",
                                  "page(carl)", "page(ana)"));
  EXPECT_EQ(Last<events::v1::PageRequested>().page().reason(), "named");
}

TEST_F(Runs, EmptyStepIsPassedAtOnce) {
  v1::EscalationSetup setup = Desk();
  *setup.mutable_rotas(0) = MakeRota("days", "UTC", "2030-01-01T00:00", 1, {"ana"});
  ASSERT_TRUE(Put(setup).ok());
  Create("network");
  Breach(kResponse);
  const absl::Time start = harness_.now;
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "empty 1/1",
                                  "step 1/2", "page(carl)"));
  EXPECT_LE(harness_.events.back().occurred_at - start, absl::Milliseconds(1));
}

TEST_F(Runs, NobodyAtAllEndsAtOnce) {
  v1::EscalationSetup setup = Desk();
  *setup.mutable_rotas(0) = MakeRota("days", "UTC", "2030-01-01T00:00", 1, {"ana"});
  setup.mutable_policies(0)->mutable_steps()->DeleteSubrange(1, 1);
  setup.mutable_policies(0)->set_repeats(2);
  setup.mutable_policies(0)->add_catch_all("boss");
  ASSERT_TRUE(Put(setup).ok());
  Create("network");
  Breach(kResponse);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "empty 1/1",
                                  "empty 2/1", "empty 3/1", "page(boss)", "ended(EXHAUSTED)"));
}

TEST_F(Runs, AcknowledgementEndsIt) {
  StartRun();
  Acknowledge();
  EXPECT_THAT(Said(), ElementsAre("ended(ACKNOWLEDGED)"));
  EXPECT_FALSE(StepDue());
  EXPECT_EQ(FromProto(Last<events::v1::RunEnded>().run().ended_at()), harness_.now);
  Pass(absl::Hours(5));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(Runs, AcknowledgementBeforeTheFirstStepPagesNobody) {
  Create("network");
  Breach(kResponse);
  Acknowledge();
  Pass(absl::Hours(5));
  EXPECT_THAT(Said(),
              ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "ended(ACKNOWLEDGED)"));
}

TEST_F(Runs, AnAgentWhoActsHasAcknowledged) {
  StartRun();
  ticket_.set_state(tickets::v1::STATE_IN_PROGRESS);
  events::v1::TicketWorkStarted started;
  started.set_actor_kind(events::v1::ACTOR_KIND_AUTOMATION);
  Tell(started);
  EXPECT_THAT(Said(), IsEmpty());
  started.set_actor_kind(events::v1::ACTOR_KIND_AGENT);
  Tell(started);
  EXPECT_THAT(Said(), ElementsAre("ended(ACKNOWLEDGED)"));
  Breach(kResolution);
  Said();
  ticket_.set_state(tickets::v1::STATE_ON_HOLD);
  events::v1::TicketHeld held;
  held.set_actor_kind(events::v1::ACTOR_KIND_AGENT);
  Tell(held);
  EXPECT_THAT(Said(), ElementsAre("ended(ACKNOWLEDGED)"));
}

TEST_F(Runs, ResolvingEndsIt) {
  StartRun();
  ticket_.set_state(tickets::v1::STATE_RESOLVED);
  events::v1::TicketResolved resolved;
  resolved.set_actor_kind(events::v1::ACTOR_KIND_AGENT);
  Tell(resolved);
  EXPECT_THAT(Said(), ElementsAre("ended(RESOLVED)"));
  EXPECT_FALSE(StepDue());
}

TEST_F(Runs, ResolvedAndClosedInOneMoveEndsIt) {
  StartRun();
  ticket_.set_state(tickets::v1::STATE_CLOSED);
  Tell(events::v1::TicketClosed());
  EXPECT_THAT(Said(), ElementsAre("ended(RESOLVED)"));
}

TEST_F(Runs, ReassignedGoesToTheOtherPolicy) {
  StartRun();
  Assign("apps");
  EXPECT_THAT(Said(),
              ElementsAre("ended(REASSIGNED)", "started(inc-1/run/2:inc-1/first-response/1#1)"));
  EXPECT_EQ(StepDue(), harness_.now);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("step 1/1", "page(emil)"));
  EXPECT_EQ(Last<events::v1::PageRequested>().page().page_id(), "inc-1/run/2/1/1/emil");
  Assign("quiet");
  EXPECT_THAT(Said(), ElementsAre("ended(REASSIGNED)"));
  EXPECT_FALSE(StepDue());
}

TEST_F(Runs, ReassignedToAPolicyThatDoesNotTakeTheCause) {
  Create("apps");
  Warn(kResponse);
  Said();
  Assign("network");
  EXPECT_THAT(Said(), ElementsAre("ended(REASSIGNED)"));
  Breach(kResponse);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/2:inc-1/first-response/1#1)"));
}

TEST_F(Runs, AnotherGroupOfTheSamePolicyGoesOn) {
  v1::EscalationSetup setup = Desk();
  AddTeam(&setup, "network-south", "", "on-breach");
  ASSERT_TRUE(Put(setup).ok());
  StartRun();
  const std::optional<absl::Time> due = StepDue();
  Assign("network-south");
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(StepDue(), due);
}

TEST_F(Runs, WithoutAGroupTheCauseWaits) {
  StartRun();
  Assign("");
  EXPECT_THAT(Said(), ElementsAre("ended(REASSIGNED)"));
  Assign("apps");
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/2:inc-1/first-response/1#1)"));
}

TEST_F(Runs, LateTimerFiresOneStep) {
  Create("network");
  Breach(kResponse);
  const absl::Time due = harness_.now;
  // Nobody was there to fire it for an hour: the harness is set to a later now without firing.
  harness_.now = due + absl::Hours(1);
  Pass(absl::Microseconds(1));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "step 1/1",
                                  "page(ana)"));
  EXPECT_EQ(harness_.events.back().occurred_at, due + absl::Hours(1));
  EXPECT_EQ(StepDue(), due + absl::Hours(1) + absl::Minutes(10));
}

TEST_F(Runs, ALittleLateKeepsTheRhythm) {
  Create("network");
  Breach(kResponse);
  const absl::Time due = harness_.now;
  harness_.now = due + kOnTime;
  Pass(absl::Microseconds(1));
  EXPECT_EQ(StepDue(), due + absl::Minutes(10));
}

TEST_F(Runs, PinsItsPolicy) {
  StartRun();
  v1::EscalationSetup changed = Desk();
  changed.mutable_policies(0)->mutable_steps(1)->set_people(0, "zoe");
  *changed.mutable_policies(0)->mutable_steps(1)->mutable_delay() = ToProto(absl::Hours(3));
  ASSERT_TRUE(Put(changed).ok());
  Pass(absl::Minutes(11));
  EXPECT_THAT(Said(), ElementsAre("step 1/2", "page(carl)"));
  Pass(absl::Minutes(10));
  EXPECT_THAT(Said(), ElementsAre("ended(EXHAUSTED)"));
  Breach(kResponse, 2);
  Pass(absl::Minutes(11));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/2:inc-1/first-response/1#2)", "step 1/1",
                                  "page(ana)", "step 1/2", "page(zoe)"));
}

TEST_F(Runs, ASetupWithoutTheRotaReachesNobodyThroughIt) {
  Create("network");
  Breach(kResponse);
  ASSERT_TRUE(Put(v1::EscalationSetup()).ok());
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "empty 1/1",
                                  "step 1/2", "page(carl)"));
}

TEST_F(Runs, StaleTimerDoesNothing) {
  StartRun();
  const engine::TimerKey key{TicketKey("default", kId), kStepTimer};
  const absl::Time due = harness_.timers[key];
  harness_.timers[key] = due - absl::Minutes(1);  // fired a second time, for what it once was
  Pass(absl::Minutes(11));
  EXPECT_THAT(Said(), IsEmpty());
  harness_.timers[key] = due;
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("step 1/2", "page(carl)"));
  Acknowledge();
  Said();
  harness_.timers[key] = due + absl::Minutes(10);
  Pass(absl::Hours(1));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(Runs, TimesNeverGoBack) {
  StartRun();
  Pass(absl::Minutes(15));
  // The acknowledgement was given before step two, and is heard after it.
  Tell(events::v1::TicketAcknowledged(), harness_.now - absl::Minutes(10));
  absl::Time last = absl::InfinitePast();
  for (const test::EmittedEvent& event : harness_.events) {
    EXPECT_GE(event.occurred_at, last);
    last = event.occurred_at;
  }
  EXPECT_EQ(Said().back(), "ended(ACKNOWLEDGED)");
}

TEST_F(Runs, HistoryIsBounded) {
  Create("apps");
  for (int i = 0; i < kMaxHistory + 5; ++i) {
    Breach(kResolution);
    Acknowledge();
  }
  const auto* history = harness_.State<state::v1::RunHistory>(HistoryKey("default", kId));
  ASSERT_NE(history, nullptr);
  ASSERT_EQ(history->runs_size(), kMaxHistory);
  EXPECT_EQ(history->runs(0).run_id(), "inc-1/run/6");
}

}  // namespace
}  // namespace watchbell::escalation
