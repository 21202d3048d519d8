#include "gmock/gmock.h"
#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Historic : public EscalationTest {
 protected:
  void SetUp() override {
    v1::EscalationSetup setup = Desk();
    v1::RoutingRule* rule = setup.add_routing();
    rule->set_rule_id("all");
    rule->set_team_id("desk");
    ASSERT_TRUE(Put(setup).ok());
    ticket_.mutable_import()->set_source("old-desk");
    ticket_.mutable_import()->set_historic(true);
  }
  // Whether the event would write anything.
  template <typename E>
  bool Writes(E event) {
    *event.mutable_ticket() = ticket_;
    engine::Input input;
    input.kind = engine::Input::Kind::kEvent;
    input.identity = harness_.identity;
    input.now = harness_.now;
    input.topic = events::kTicketsTopic;
    input.envelope.subject = kId;
    input.envelope.occurred_at = harness_.now;
    input.message = std::make_shared<E>(event);
    EXPECT_THAT(decider_.Needs(input), ElementsAre(TicketKey("default", kId)));
    return !decider_.Decide(harness_, input).writes().empty();
  }
};

TEST_F(Historic, NeverActs) {
  Create("");
  Assign("desk");
  ticket_.set_state(tickets::v1::STATE_IN_PROGRESS);
  Tell(events::v1::TicketWorkStarted());
  ticket_.set_state(tickets::v1::STATE_RESOLVED);
  Tell(events::v1::TicketResolved());
  ticket_.set_state(tickets::v1::STATE_IN_PROGRESS);
  Tell(events::v1::TicketReopened());
  events::v1::ClockBreached breached;
  *breached.mutable_clock() = MakeClock(sla::v1::METRIC_RESOLUTION);
  breached.set_leg(1);
  breached.set_historic(true);
  *breached.mutable_ticket() = ticket_;
  TellSla(breached, harness_.now);
  Pass(absl::Hours(1000));
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(harness_.timers.empty());
  EXPECT_TRUE(harness_.effects.empty());
}

TEST_F(Historic, KeepsTheLatestFactsOnly) {
  Create("Group 24");
  ticket_.set_priority(tickets::v1::PRIORITY_LOW);
  Tell(events::v1::TicketReprioritized());
  ASSERT_NE(State(), nullptr);
  EXPECT_EQ(State()->facts().group(), "Group 24");
  EXPECT_EQ(State()->facts().priority(), tickets::v1::PRIORITY_LOW);
  EXPECT_EQ(State()->facts().state(), tickets::v1::STATE_NEW);
  EXPECT_FALSE(State()->answered());
  EXPECT_EQ(State()->facts().title(), "");
  EXPECT_LT(State()->ByteSizeLong(), 64u);
  Acknowledge();
  EXPECT_TRUE(State()->answered());
}

TEST_F(Historic, WritesOnlyWhatChanged) {
  Create("Group 24");
  EXPECT_FALSE(Writes(events::v1::TicketTouched()));
  ticket_.set_title("another");
  ticket_.set_version(99);
  EXPECT_FALSE(Writes(events::v1::TicketAttributeChanged()));
  ticket_.set_group("Group 25");
  EXPECT_TRUE(Writes(events::v1::TicketAssigned()));
}

TEST_F(Historic, ClocksOfHistoricTicketsNeedNothing) {
  engine::Input input;
  input.kind = engine::Input::Kind::kEvent;
  input.identity = harness_.identity;
  input.topic = events::kSlaTopic;
  input.envelope.subject = kId;
  auto breached = std::make_shared<events::v1::ClockBreached>();
  breached->set_historic(true);
  input.message = breached;
  EXPECT_THAT(decider_.Needs(input), IsEmpty());
  input.message = std::make_shared<events::v1::TicketSettled>();
  EXPECT_THAT(decider_.Needs(input), IsEmpty());
}

TEST_F(Historic, GoingLiveStartsNothingByItselfButPagesFromThenOn) {
  Create("network");
  ticket_.mutable_import()->set_historic(false);
  Tell(events::v1::TicketImportFinished());
  EXPECT_THAT(Said(), IsEmpty());
  Breach(sla::v1::METRIC_RESOLUTION);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(),
              ElementsAre("started(inc-1/run/1:inc-1/resolution/1#1)", "step 1/1", "page(ana)"));
}

TEST_F(Historic, ALiveBreachMayBeHeardBeforeTheGoingLive) {
  Create("network");
  ticket_.mutable_import()->set_historic(false);
  ticket_.set_version(2);
  Breach(sla::v1::METRIC_RESOLUTION);
  EXPECT_THAT(Said(), IsEmpty());
  ticket_.set_version(1);
  Tell(events::v1::TicketImportFinished());
  EXPECT_THAT(Said(), ElementsAre("started(inc-1/run/1:inc-1/resolution/1#1)"));
}

TEST_F(Historic, ALiveCauseWaitsWhateverVersionItNames) {
  Create("network");
  ticket_.set_version(0);
  Breach(sla::v1::METRIC_RESOLUTION);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(harness_.timers.empty());
}

}  // namespace
}  // namespace watchbell::escalation
