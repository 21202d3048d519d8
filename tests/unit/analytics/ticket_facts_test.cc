#include "services/analytics/ticket_facts.h"

#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::PRIORITY_CRITICAL;
using tickets::v1::PRIORITY_HIGH;
using tickets::v1::PRIORITY_LOW;

const absl::Time kOpen = At("2026-01-05T09:00:00Z");
absl::Time Min(int minutes) { return kOpen + absl::Minutes(minutes); }
int64_t MicrosAt(int minutes) { return absl::ToUnixMicros(Min(minutes)); }

TEST(TicketFacts, KeepsThePriorityItHasNow) {
  History ticket(kOpen, PRIORITY_LOW);
  EXPECT_EQ(ticket.facts().priority(), PRIORITY_LOW);
  ticket.Start(Min(1)).Priority(PRIORITY_CRITICAL, Min(2));
  EXPECT_EQ(ticket.facts().priority(), PRIORITY_CRITICAL);
}

TEST(TicketFacts, StateBeforeTakesEventsStrictlyBefore) {
  History ticket(kOpen, PRIORITY_LOW);
  ticket.Start(Min(10)).Hold(Min(20)).Hold(Min(20));
  EXPECT_EQ(StateBefore(ticket.facts(), MicrosAt(10)), tickets::v1::STATE_NEW);
  EXPECT_EQ(StateBefore(ticket.facts(), MicrosAt(10) + 1), tickets::v1::STATE_IN_PROGRESS);
  EXPECT_EQ(StateBefore(ticket.facts(), MicrosAt(20)), tickets::v1::STATE_IN_PROGRESS);
  EXPECT_EQ(LastState(ticket.facts()), tickets::v1::STATE_ON_HOLD);
}

TEST(TicketFacts, ResolveAndCloseResolves) {
  History ticket(kOpen, PRIORITY_LOW);
  EXPECT_FALSE(FirstResolved(ticket.facts()).has_value());
  ticket.Close(Min(7));
  EXPECT_EQ(FirstResolved(ticket.facts()), MicrosAt(7));
  EXPECT_FALSE(LastMoveTo(ticket.facts(), tickets::v1::STATE_RESOLVED).has_value());
}

TEST(TicketFacts, FirstAndLastResolutionDifferAfterAReopening) {
  History ticket(kOpen, PRIORITY_LOW);
  ticket.Resolve(Min(5)).Reopen(Min(6)).Resolve(Min(9)).Close(Min(10)).Reopen(Min(11));
  EXPECT_EQ(FirstResolved(ticket.facts()), MicrosAt(5));
  EXPECT_EQ(LastMoveTo(ticket.facts(), tickets::v1::STATE_RESOLVED), MicrosAt(9));
  ASSERT_EQ(ticket.facts().reopenings_size(), 2);
  EXPECT_FALSE(ticket.facts().reopenings(0).from_closed());
  EXPECT_TRUE(ticket.facts().reopenings(1).from_closed());
}

TEST(TicketFacts, AcknowledgedByTheFirstPerson) {
  History explicitly(kOpen, PRIORITY_LOW);
  explicitly.Acknowledge(Min(3)).Start(Min(8));
  EXPECT_EQ(explicitly.facts().acknowledged_at(), MicrosAt(3));

  History late(kOpen, PRIORITY_LOW);  // heard later, dated earlier
  late.Start(Min(8)).Acknowledge(Min(8) - absl::Seconds(1));
  EXPECT_EQ(late.facts().acknowledged_at(), MicrosAt(8) - 1'000'000);

  History by_program(kOpen, PRIORITY_LOW);
  by_program.actor = ev::ACTOR_KIND_AUTOMATION;
  by_program.Hold(Min(1));
  EXPECT_EQ(by_program.facts().acknowledged_at(), 0);
  by_program.actor = ev::ACTOR_KIND_AGENT;
  by_program.Resolve(Min(4));
  EXPECT_EQ(by_program.facts().acknowledged_at(), MicrosAt(4));
}

TEST(TicketFacts, ClosingAResolvedTicketIsNoAcknowledgement) {
  History ticket(kOpen, PRIORITY_LOW);
  ticket.actor = ev::ACTOR_KIND_AUTOMATION;
  ticket.Resolve(Min(1));
  ticket.actor = ev::ACTOR_KIND_AGENT;
  ticket.Close(Min(2));
  EXPECT_EQ(ticket.facts().acknowledged_at(), 0);
}

TEST(TicketFacts, HistoricTicketIsAcknowledgedByItsFirstMove) {
  History ticket(kOpen, PRIORITY_LOW, "", "INC1");
  ticket.actor = ev::ACTOR_KIND_UNSPECIFIED;
  ticket.Resolve(Min(6)).Reopen(Min(7)).Resolve(Min(8));
  EXPECT_EQ(ticket.facts().acknowledged_at(), MicrosAt(6));
}

TEST(TicketFacts, CountsGroupChangesToAndFromNone) {
  History ticket(kOpen, PRIORITY_LOW, "a");
  EXPECT_EQ(GroupChanges(ticket.facts()), 0);
  ticket.Group("", Min(1))
      .Group("a", Min(2))
      .Group("b", Min(3))
      .Group("a", Min(4))
      .Group("b", Min(5));
  EXPECT_EQ(GroupChanges(ticket.facts()), 5);
  const PingPong pingpong = CountPingPong(ticket.facts());  // a b a b
  EXPECT_EQ(pingpong.returns, 2);
  EXPECT_EQ(pingpong.bounces, 2);
}

TEST(TicketFacts, ReturnWithoutBounce) {
  History ticket(kOpen, PRIORITY_LOW);
  ticket.Group("a", Min(1)).Group("b", Min(2)).Group("c", Min(3)).Group("a", Min(4));
  EXPECT_EQ(CountPingPong(ticket.facts()).returns, 1);
  EXPECT_EQ(CountPingPong(ticket.facts()).bounces, 0);
}

TEST(TicketFacts, KeepsOneStandingVerdictPerClock) {
  History ticket(kOpen, PRIORITY_LOW);
  sla::v1::Clock clock = MakeClock("t/resolution/1", sla::v1::METRIC_RESOLUTION, PRIORITY_LOW,
                                   sla::v1::CLOCK_STATE_RUNNING);
  *clock.mutable_started_at() = ToProto(Min(3));
  ticket.Clock<ev::ClockAttached>(clock);
  clock.set_breached(true);
  ticket.Clock<ev::ClockBreached>(clock);
  EXPECT_TRUE(ticket.facts().clocks(0).breached());
  clock.set_breached(false);
  ticket.Clock<ev::BreachWithdrawn>(clock);
  clock.set_priority(PRIORITY_HIGH);
  clock.set_leg(2);
  clock.set_earlier_breaches(1);
  ticket.Clock<ev::ClockRetargeted>(clock);
  clock.set_state(sla::v1::CLOCK_STATE_STOPPED);
  clock.set_verdict(sla::v1::VERDICT_MET);
  ticket.Clock<ev::ClockStopped>(clock);
  ASSERT_EQ(ticket.facts().clocks_size(), 1);
  const state::v1::ClockFacts& fact = ticket.facts().clocks(0);
  EXPECT_FALSE(fact.breached());
  EXPECT_EQ(fact.priority(), PRIORITY_HIGH);
  EXPECT_EQ(fact.phase(), state::v1::CLOCK_PHASE_FINISHED);
  EXPECT_EQ(fact.verdict(), sla::v1::VERDICT_MET);
  EXPECT_EQ(fact.clock(), "resolution");
  EXPECT_EQ(fact.cycle(), 1);
  EXPECT_EQ(fact.started_at(), MicrosAt(3));
  EXPECT_EQ(fact.earlier_breaches(), 1);
}

TEST(TicketFacts, AWaiverChangesTheEffectiveVerdictOnly) {
  History ticket(kOpen, PRIORITY_LOW);
  sla::v1::Clock clock = MakeClock("t/resolution/1", sla::v1::METRIC_RESOLUTION, PRIORITY_LOW,
                                   sla::v1::CLOCK_STATE_STOPPED);
  clock.set_verdict(sla::v1::VERDICT_MISSED);
  clock.set_effective_verdict(sla::v1::VERDICT_MISSED);
  const TicketFacts missed = ticket.Clock<ev::ClockStopped>(clock).facts();
  clock.set_effective_verdict(sla::v1::VERDICT_MET);
  ticket.Clock<ev::ClockWaived>(clock);
  ASSERT_EQ(ticket.facts().clocks_size(), 1);
  EXPECT_EQ(ticket.facts().clocks(0).verdict(), sla::v1::VERDICT_MISSED);
  EXPECT_EQ(ticket.facts().clocks(0).effective_verdict(), sla::v1::VERDICT_MET);
  clock.set_effective_verdict(sla::v1::VERDICT_MISSED);
  ticket.Clock<ev::WaiverWithdrawn>(clock);
  EXPECT_EQ(ticket.facts().SerializeAsString(), missed.SerializeAsString());
}

TEST(TicketFacts, KeepsTheCategoryItHasNow) {
  ev::TicketCreated created;
  created.mutable_ticket()->mutable_classification()->set_category("mail");
  TicketFacts facts;
  ApplyEvent(created, {kOpen, std::nullopt}, facts);
  EXPECT_EQ(facts.category(), "mail");
  ev::TicketReclassified event;
  event.mutable_previous()->set_category("mail");
  event.mutable_ticket()->mutable_classification()->set_category("mail");
  event.mutable_ticket()->mutable_classification()->set_subcategory("quota");
  EXPECT_FALSE(ChangesFacts(event));
  event.mutable_ticket()->mutable_classification()->set_category("network");
  EXPECT_TRUE(ChangesFacts(event));
  ApplyEvent(event, {Min(1), std::nullopt}, facts);
  EXPECT_EQ(facts.category(), "network");
}

TEST(TicketFacts, KnowsWhatChangesNothing) {
  EXPECT_FALSE(ChangesFacts(ev::TicketCommented()));
  EXPECT_FALSE(ChangesFacts(ev::TicketTouched()));
  EXPECT_FALSE(ChangesFacts(ev::ClockPaused()));
  EXPECT_FALSE(ChangesFacts(ev::ClockWarned()));
  EXPECT_FALSE(ChangesFacts(ev::DeliveryQueued()));
  ev::TicketAssigned assigned;
  assigned.set_assignee_changed(true);
  EXPECT_FALSE(ChangesFacts(assigned));
  assigned.set_group_changed(true);
  EXPECT_TRUE(ChangesFacts(assigned));
  TicketFacts untouched;
  ApplyEvent(ev::TicketTouched(), {kOpen, std::nullopt}, untouched);
  EXPECT_EQ(untouched.ByteSizeLong(), 0u);
}

// Events of each of the four topics in their order, in any interleaving: the same bytes.
TEST(TicketFacts, DoNotDependOnHowTopicsInterleave) {
  std::vector<std::vector<std::shared_ptr<google::protobuf::Message>>> topics(4);
  auto move = [&](auto event, tickets::v1::State to) {
    event.mutable_ticket()->set_state(to);
    event.mutable_ticket()->set_priority(PRIORITY_HIGH);
    topics[0].push_back(std::make_shared<decltype(event)>(event));
  };
  move(ev::TicketCreated(), tickets::v1::STATE_NEW);
  move(ev::TicketAcknowledged(), tickets::v1::STATE_NEW);
  move(ev::TicketHeld(), tickets::v1::STATE_ON_HOLD);
  move(ev::TicketResumed(), tickets::v1::STATE_IN_PROGRESS);
  move(ev::TicketResolved(), tickets::v1::STATE_RESOLVED);
  for (const char* id : {"t/first-response/1", "t/resolution/1"}) {
    ev::ClockAttached attached;
    *attached.mutable_clock() =
        MakeClock(id, sla::v1::METRIC_RESOLUTION, PRIORITY_HIGH, sla::v1::CLOCK_STATE_RUNNING);
    topics[1].push_back(std::make_shared<ev::ClockAttached>(attached));
  }
  topics[1].push_back(std::make_shared<ev::TicketSettled>());
  topics[2] = {std::make_shared<ev::RunStarted>(), std::make_shared<ev::PageRequested>(),
               std::make_shared<ev::PageRequested>()};
  ev::DeliverySent sent;
  sent.mutable_delivery()->set_possible_repeat(true);
  topics[3] = {std::make_shared<ev::DeliverySent>(sent), std::make_shared<ev::DeliveryFailed>(),
               std::make_shared<ev::DeliveryCancelled>(), std::make_shared<ev::DeliverySent>()};
  std::string expected;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<size_t> next(4, 0);
    TicketFacts facts;
    for (size_t left = 15; left > 0;) {
      const size_t topic = random() % 4;
      if (next[topic] == topics[topic].size()) continue;
      // Its time is its place in its own topic.
      const EventTimes times{kOpen + absl::Minutes(static_cast<int64_t>(next[topic])),
                             std::nullopt};
      ApplyEvent(*topics[topic][next[topic]++], times, facts);
      --left;
    }
    if (seed == 0) expected = facts.SerializeAsString();
    ASSERT_EQ(facts.SerializeAsString(), expected) << "seed " << seed;
    ASSERT_EQ(facts.deliveries_sent(), 2);
    ASSERT_EQ(facts.possible_repeats(), 1);
    ASSERT_EQ(facts.pages_requested(), 2);
  }
}

}  // namespace
}  // namespace watchbell::analytics
