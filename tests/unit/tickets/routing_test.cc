#include "services/tickets/routing.h"

#include "protos/watchbell/events/v1/topics.h"
#include "tests/unit/tickets/tickets_fixture.h"
#include "watchbell/events/v1/escalation.pb.h"

namespace watchbell::tickets {
namespace {

class RoutingTest : public TicketsTest {
 protected:
  absl::Status Route(const std::string& id, absl::Time at) {
    events::v1::TicketRouted routed;
    routed.set_ticket_id(id);
    routed.set_group("network");
    routed.set_assignee("bo");
    routed.set_rule_id("mail-to-network");
    return desk.Event(events::kEscalationTopic, id, routed, at);
  }
};

TEST_F(RoutingTest, GivesAGroupAndPersonByTheRule) {
  const std::string id = Create().ticket_id();
  ASSERT_TRUE(Route(id, desk.now).ok());
  const auto& assigned = Last<events::v1::TicketAssigned>();
  EXPECT_EQ(assigned.reason(), "rule mail-to-network");
  EXPECT_EQ(assigned.ticket().group(), "network");
  EXPECT_EQ(assigned.ticket().assignee(), "bo");
  ExpectVersionsWithoutHoles();
}

TEST_F(RoutingTest, IsDatedByItselfButNeverBeforeTheLastChange) {
  const std::string id = Create().ticket_id();
  const absl::Time opened = desk.now;
  desk.now += absl::Minutes(1);
  ASSERT_TRUE(Route(id, opened - absl::Hours(1)).ok());
  EXPECT_EQ(desk.events.back().occurred_at, opened);
}

TEST_F(RoutingTest, AGroupGivenMeanwhileStays) {
  v1::CreateTicketRequest request = NewTicket();
  request.set_group("mail");
  ASSERT_TRUE(desk.Command<v1::Ticket>(request).ok());
  ASSERT_TRUE(Route("inc-1", desk.now).ok());
  EXPECT_EQ(desk.events.size(), 1u);
}

TEST_F(RoutingTest, APersonWhoTookItKeepsIt) {
  v1::CreateTicketRequest request = NewTicket();
  request.set_assignee("cy");
  ASSERT_TRUE(desk.Command<v1::Ticket>(request).ok());
  ASSERT_TRUE(Route("inc-1", desk.now).ok());
  EXPECT_EQ(Stored("inc-1")->ticket().group(), "network");
  EXPECT_EQ(Stored("inc-1")->ticket().assignee(), "cy");
}

TEST_F(RoutingTest, WhatIsOverOrUnknownIsLeftAlone) {
  const v1::Ticket ticket = Create();
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>(ticket.name()).ok());
  const size_t events = desk.events.size();
  EXPECT_TRUE(Route(ticket.ticket_id(), desk.now).ok());
  EXPECT_TRUE(Route("inc-999", desk.now).ok());
  EXPECT_EQ(desk.events.size(), events);
}

TEST_F(RoutingTest, OtherEventsOfTheTopicAreNotOurs) {
  events::v1::RunStarted event;
  EXPECT_TRUE(desk.Event(events::kEscalationTopic, "inc-1", event, desk.now).ok());
  EXPECT_TRUE(desk.events.empty());
}

}  // namespace
}  // namespace watchbell::tickets
