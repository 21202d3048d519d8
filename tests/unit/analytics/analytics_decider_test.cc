#include "services/analytics/analytics_decider.h"

#include "gtest/gtest.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/analytics/analytics_store.h"
#include "tests/support/decider_harness.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

const absl::Time kOpen = At("2026-01-05T09:00:00Z");

ev::TicketCreated Created() {
  ev::TicketCreated event;
  event.mutable_ticket()->set_state(tickets::v1::STATE_NEW);
  event.mutable_ticket()->set_priority(tickets::v1::PRIORITY_HIGH);
  return event;
}

class AnalyticsDeciderTest : public testing::Test {
 protected:
  AnalyticsDecider decider_;
  test::DeciderHarness harness_{decider_};
  const engine::EntityKey key_ = TicketKey("default", "inc-1");
};

TEST_F(AnalyticsDeciderTest, FoldsTheFourTopicsIntoOneTicket) {
  ASSERT_TRUE(harness_.Event(events::kEscalationTopic, "inc-1", ev::RunStarted(), kOpen).ok());
  ASSERT_TRUE(harness_.Event(events::kTicketsTopic, "inc-1", Created(), kOpen).ok());
  ev::ClockAttached attached;
  *attached.mutable_clock() = MakeClock("inc-1/resolution/1", sla::v1::METRIC_RESOLUTION,
                                        tickets::v1::PRIORITY_HIGH, sla::v1::CLOCK_STATE_RUNNING);
  ASSERT_TRUE(harness_.Event(events::kSlaTopic, "inc-1", attached, kOpen).ok());
  ASSERT_TRUE(harness_.Event(events::kNotificationsTopic, "inc-1", ev::DeliverySent(), kOpen).ok());
  const auto* facts = harness_.State<TicketFacts>(key_);
  ASSERT_NE(facts, nullptr);
  EXPECT_EQ(facts->opened_at(), absl::ToUnixMicros(kOpen));
  EXPECT_EQ(facts->clocks_size(), 1);
  EXPECT_EQ(facts->runs_started(), 1);
  EXPECT_EQ(facts->deliveries_sent(), 1);
  EXPECT_TRUE(harness_.events.empty());
  EXPECT_TRUE(harness_.timers.empty());
}

TEST_F(AnalyticsDeciderTest, LoadsNothingForEventsItDoesNotCount) {
  engine::Input input;
  input.kind = engine::Input::Kind::kEvent;
  input.identity.tenant = "default";
  input.envelope.subject = "inc-1";
  input.message = std::make_shared<ev::TicketTouched>();
  EXPECT_TRUE(decider_.Needs(input).empty());
  input.message = std::make_shared<ev::TicketCreated>(Created());
  EXPECT_EQ(decider_.Needs(input), std::vector<engine::EntityKey>{key_});
  ASSERT_TRUE(harness_.Event(events::kTicketsTopic, "inc-1", ev::TicketTouched(), kOpen).ok());
  EXPECT_EQ(harness_.State<TicketFacts>(key_), nullptr);
}

TEST_F(AnalyticsDeciderTest, KeepsTenantsApart) {
  ASSERT_TRUE(harness_.Event(events::kTicketsTopic, "inc-1", Created(), kOpen).ok());
  harness_.identity.tenant = "other";
  ASSERT_TRUE(harness_.Event(events::kTicketsTopic, "inc-1", Created(), kOpen).ok());
  EXPECT_EQ(harness_.State<TicketFacts>(key_)->states_size(), 1);
  EXPECT_EQ(harness_.State<TicketFacts>(TicketKey("other", "inc-1"))->states_size(), 1);
}

TEST_F(AnalyticsDeciderTest, RefusesCommands) {
  EXPECT_FALSE(harness_.Command<ev::TicketTouched>(ev::TicketTouched()).ok());
}

}  // namespace
}  // namespace watchbell::analytics
