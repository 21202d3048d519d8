#include "services/escalation/routing.h"

#include "gmock/gmock.h"
#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::RoutingRule* AddRule(v1::EscalationSetup* setup, const std::string& id,
                         const std::string& team) {
  v1::RoutingRule* rule = setup->add_routing();
  rule->set_rule_id(id);
  rule->set_team_id(team);
  return rule;
}

v1::EscalationSetup Rules() {
  v1::EscalationSetup setup = Desk();
  v1::RoutingRule* rule = AddRule(&setup, "mail-in-bonn", "apps");
  rule->add_categories("mail");
  rule->add_sites("bonn");
  rule = AddRule(&setup, "urgent", "network");
  rule->add_priorities(tickets::v1::PRIORITY_CRITICAL);
  rule->add_priorities(tickets::v1::PRIORITY_HIGH);
  rule = AddRule(&setup, "mail", "desk");
  rule->add_categories("mail");
  rule->add_categories("calendar");
  return setup;
}

TEST(Routing, FirstMatchDecides) {
  struct Case {
    const char* category;
    const char* site;
    tickets::v1::Priority priority;
    const char* rule;  // "" = none
  };
  const Case cases[] = {
      {"mail", "bonn", tickets::v1::PRIORITY_CRITICAL, "mail-in-bonn"},
      {"mail", "ulm", tickets::v1::PRIORITY_CRITICAL, "urgent"},
      {"mail", "ulm", tickets::v1::PRIORITY_LOW, "mail"},
      {"calendar", "", tickets::v1::PRIORITY_UNSPECIFIED, "mail"},
      {"", "bonn", tickets::v1::PRIORITY_HIGH, "urgent"},
      {"printer", "bonn", tickets::v1::PRIORITY_LOW, ""},
      {"Mail", "bonn", tickets::v1::PRIORITY_LOW, ""},
  };
  const v1::EscalationSetup setup = Rules();
  for (const Case& c : cases) {
    tickets::v1::Ticket ticket;
    ticket.mutable_classification()->set_category(c.category);
    ticket.set_site(c.site);
    ticket.set_priority(c.priority);
    const v1::RoutingRule* rule = MatchRule(setup, ticket);
    EXPECT_EQ(rule == nullptr ? "" : rule->rule_id(), c.rule) << c.category << " " << c.site;
  }
}

TEST(Routing, PolicyOfTheGroupForThePriority) {
  v1::EscalationSetup setup = Desk();
  setup.mutable_policies(0)->add_priorities(tickets::v1::PRIORITY_CRITICAL);
  tickets::v1::Ticket ticket;
  ticket.set_group("network");
  ticket.set_priority(tickets::v1::PRIORITY_CRITICAL);
  ASSERT_NE(PolicyFor(setup, ticket), nullptr);
  EXPECT_EQ(PolicyFor(setup, ticket)->escalation_policy_id(), "on-breach");
  ticket.set_priority(tickets::v1::PRIORITY_LOW);
  EXPECT_EQ(PolicyFor(setup, ticket), nullptr);
  ticket.set_group("quiet");
  EXPECT_EQ(PolicyFor(setup, ticket), nullptr);
  ticket.set_group("nobody-knows");
  EXPECT_EQ(PolicyFor(setup, ticket), nullptr);
}

class RoutingEvents : public EscalationTest {
 protected:
  void SetUp() override { ASSERT_TRUE(Put(Rules()).ok()); }
};

TEST_F(RoutingEvents, GoesToWhoeverIsOnCallAtThatMoment) {
  harness_.now = At("2026-01-02T12:00:00Z");
  Create("");
  EXPECT_THAT(Said(), ElementsAre("routed(network,ben)"));
  const auto routed = Last<events::v1::TicketRouted>();
  EXPECT_EQ(routed.ticket_id(), kId);
  EXPECT_EQ(routed.rule_id(), "urgent");
  EXPECT_EQ(harness_.events.back().occurred_at, harness_.now);
  EXPECT_EQ(harness_.events.back().stream, TicketKey("default", kId));
}

TEST_F(RoutingEvents, NobodyOnCallLeavesThePersonEmpty) {
  ticket_.set_priority(tickets::v1::PRIORITY_LOW);
  ticket_.mutable_classification()->set_category("mail");
  Create("");
  EXPECT_THAT(Said(), ElementsAre("routed(desk,)"));
}

TEST_F(RoutingEvents, NoRuleNoRouting) {
  ticket_.set_priority(tickets::v1::PRIORITY_LOW);
  Create("");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(RoutingEvents, ATicketWithAGroupIsLeftAlone) {
  Create("quiet");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(RoutingEvents, OnlyTheOpeningRoutes) {
  ticket_.set_priority(tickets::v1::PRIORITY_LOW);
  Create("");
  ticket_.set_priority(tickets::v1::PRIORITY_CRITICAL);
  Tell(events::v1::TicketReprioritized());
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(RoutingEvents, WithoutASetupNothingHappens) {
  harness_.identity.tenant = "another";
  Create("");
  Breach(sla::v1::METRIC_RESOLUTION);
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(RoutingEvents, TheRoutedGroupsPolicyPagesForTheOpening) {
  ticket_.set_priority(tickets::v1::PRIORITY_LOW);
  ticket_.mutable_classification()->set_category("mail");
  Create("");
  EXPECT_FALSE(StepDue());
  Assign("desk");
  Pass(absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("routed(desk,)", "started(inc-1/run/1:opened)", "step 1/1",
                                  "page(dora)"));
}

}  // namespace
}  // namespace watchbell::escalation
