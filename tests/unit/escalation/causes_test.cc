#include "gmock/gmock.h"
#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr sla::v1::Metric kResponse = sla::v1::METRIC_FIRST_RESPONSE;
constexpr sla::v1::Metric kResolution = sla::v1::METRIC_RESOLUTION;

class Causes : public EscalationTest {
 protected:
  void SetUp() override { ASSERT_TRUE(Put(Desk()).ok()); }
};

struct TriggerCase {
  const char* team;
  const char* what;
  bool starts;
};

class CauseTriggers : public Causes, public ::testing::WithParamInterface<TriggerCase> {};

TEST_P(CauseTriggers, TriggerDecides) {
  Create(GetParam().team);
  const std::string what = GetParam().what;
  if (what != "opened") {
    Said();
    const bool on = State()->has_active();
    if (on) Acknowledge();  // what the opening started is over
    Said();
    if (what == "warned") Warn(kResolution);
    if (what == "breached") Breach(kResolution);
  }
  EXPECT_EQ(!Said().empty(), GetParam().starts);
  EXPECT_EQ(State()->has_active(), GetParam().starts);
}

INSTANTIATE_TEST_SUITE_P(
    All, CauseTriggers,
    ::testing::Values(TriggerCase{"desk", "opened", true}, TriggerCase{"desk", "warned", false},
                      TriggerCase{"desk", "breached", false}, TriggerCase{"apps", "opened", false},
                      TriggerCase{"apps", "warned", true}, TriggerCase{"apps", "breached", true},
                      TriggerCase{"network", "opened", false},
                      TriggerCase{"network", "warned", false},
                      TriggerCase{"network", "breached", true},
                      TriggerCase{"quiet", "opened", false}, TriggerCase{"quiet", "warned", false},
                      TriggerCase{"quiet", "breached", false}),
    [](const auto& tested) { return absl::StrCat(tested.param.team, "_", tested.param.what); });

TEST_F(Causes, SecondOneJoinsAndLastWithdrawnEnds) {
  Create("network");
  Breach(kResponse);
  Breach(kResponse);  // known already
  Breach(kResolution);
  Withdraw(kResponse);
  Withdraw(kResponse);  // gone already
  Pass(absl::Seconds(1));
  Withdraw(kResolution);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)",
                                  "causes(inc-1/first-response/1#1,inc-1/resolution/1#1)",
                                  "causes(inc-1/resolution/1#1)", "step 1/1", "page(ana)",
                                  "ended(WITHDRAWN)"));
  EXPECT_FALSE(StepDue());
  Breach(kResolution, 2);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/2:inc-1/resolution/1#2)"));
}

TEST_F(Causes, AWaiverBeginsAndEndsNothing) {
  Create("network");
  Breach(kResolution);
  Said();
  const std::string before = State()->SerializeAsString();
  events::v1::ClockWaived waived;
  *waived.mutable_clock() = MakeClock(kResolution, 1);
  TellSla(waived, harness_.now);
  events::v1::WaiverWithdrawn withdrawn;
  *withdrawn.mutable_clock() = MakeClock(kResolution, 1);
  TellSla(withdrawn, harness_.now);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(State()->SerializeAsString(), before);
}

TEST_F(Causes, WithdrawnLegsAreTheirOwn) {
  Create("network");
  Breach(kResolution, 2);
  Withdraw(kResolution);  // leg 1
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/resolution/1#2)"));
}

TEST_F(Causes, AWarningThatBreachesIsTheSameCause) {
  Create("apps");
  Warn(kResponse);
  Breach(kResponse);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)", "step 1/1",
                                  "page(emil)"));
  EXPECT_EQ(Last<events::v1::PageRequested>().summary(), "first response breached, step 1");
}

TEST_F(Causes, AreCalledAfterTheirClock) {
  Create("apps");
  events::v1::ClockWarned warned;
  *warned.mutable_clock() = MakeClock(sla::v1::METRIC_OPERATIONAL_LEVEL);
  warned.mutable_clock()->set_clock("ola-net");
  *warned.mutable_ticket() = ticket_;
  TellSla(warned, harness_.now);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Last<events::v1::PageRequested>().summary(), "ola net soon due, step 1");
}

TEST_F(Causes, WaitsForTheGroup) {
  Create("");
  Breach(kResolution);
  Pass(absl::Minutes(3));
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(harness_.timers.empty());
  Assign("network");
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/resolution/1#1)"));
  EXPECT_EQ(StepDue(), harness_.now);
  EXPECT_TRUE(State()->waiting().empty());
}

TEST_F(Causes, WhatWaitsMayBeWithdrawnAnsweredOrResolved) {
  Create("");
  Breach(kResponse);
  Breach(kResolution);
  Withdraw(kResolution);
  Acknowledge();
  EXPECT_TRUE(State()->waiting().empty());
  Breach(kResolution);
  ticket_.set_state(tickets::v1::STATE_RESOLVED);
  Tell(events::v1::TicketResolved());
  EXPECT_TRUE(State()->waiting().empty());
  ticket_.set_state(tickets::v1::STATE_IN_PROGRESS);
  Tell(events::v1::TicketReopened());
  Assign("network");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(Causes, AcknowledgedWhileItWaitedForTheGroup) {
  Create("");
  Breach(kResolution);
  Acknowledge();
  Assign("network");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(Causes, WaitsForTheTicketItWasDecidedOn) {
  // sla has heard the acknowledgement and then found the resolution breached; the topic of sla is
  // ahead of tickets'.
  Create("network");
  ticket_.set_version(2);
  Breach(kResolution);
  EXPECT_THAT(Said(), IsEmpty());
  ticket_.set_version(1);
  Pass(absl::Seconds(5));
  Acknowledge();
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/resolution/1#1)"));
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("step 1/1", "page(ana)"));
}

TEST_F(Causes, MayComeBeforeTheTicketItself) {
  ticket_.set_version(1);
  Breach(kResponse);
  EXPECT_THAT(Said(), IsEmpty());
  ticket_.set_version(0);
  Create("network");
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#1)"));
}

TEST_F(Causes, NoPolicyNoMemory) {
  Create("quiet");
  Breach(kResolution);
  Assign("network");
  EXPECT_THAT(Said(), IsEmpty());
  Breach(kResolution, 2);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/resolution/1#2)"));
}

TEST_F(Causes, PriorityFilterOfThePolicy) {
  v1::EscalationSetup setup = Desk();
  setup.mutable_policies(0)->add_priorities(tickets::v1::PRIORITY_CRITICAL);
  ASSERT_TRUE(Put(setup).ok());
  Create("network");
  Breach(kResponse);
  EXPECT_THAT(Said(), IsEmpty());
  ticket_.set_priority(tickets::v1::PRIORITY_CRITICAL);
  Tell(events::v1::TicketReprioritized());
  Breach(kResponse, 2);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/first-response/1#2)"));
}

TEST_F(Causes, ResolutionPagesDespiteAnEarlierAcknowledgement) {
  Create("network");
  Acknowledge();
  Breach(kResponse);  // moot
  EXPECT_THAT(Said(), IsEmpty());
  Breach(kResolution);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(),
              ElementsAre("started(inc-1/run/1:inc-1/resolution/1#1)", "step 1/1", "page(ana)"));
}

TEST_F(Causes, AnAnswerToTheRequesterEndsOnlyWhatItAnswers) {
  Create("network");
  Breach(kResponse);
  Breach(kResolution);
  Said();
  events::v1::TicketCommented comment;
  comment.set_author_kind(events::v1::ACTOR_KIND_AGENT);
  Tell(comment);  // an internal note
  comment.set_public_(true);
  comment.set_author_kind(events::v1::ACTOR_KIND_AUTOMATION);
  Tell(comment);
  EXPECT_THAT(Said(), IsEmpty());
  comment.set_author_kind(events::v1::ACTOR_KIND_AGENT);
  Tell(comment);
  EXPECT_THAT(Said(), ElementsAre("causes(inc-1/resolution/1#1)"));
  EXPECT_TRUE(StepDue());
}

TEST_F(Causes, AnAnswerEndsARunThatOnlyWantedOne) {
  Create("desk");
  events::v1::TicketCommented comment;
  comment.set_author_kind(events::v1::ACTOR_KIND_AGENT);
  comment.set_public_(true);
  Tell(comment);
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:opened)", "ended(ACKNOWLEDGED)"));
}

TEST_F(Causes, NothingOfAClosedTicketPages) {
  Create("network");
  ticket_.set_state(tickets::v1::STATE_CLOSED);
  Tell(events::v1::TicketClosed());
  Breach(kResolution);
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(Causes, SkippedAndHistoricAreNone) {
  Create("apps");
  Warn(kResolution, /*skipped=*/true);
  events::v1::ClockBreached historic;
  *historic.mutable_clock() = MakeClock(kResolution);
  historic.set_historic(true);
  TellSla(historic, harness_.now);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(State()->waiting().empty());
}

}  // namespace
}  // namespace watchbell::escalation
