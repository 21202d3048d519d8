#include "services/analytics/desk_summary.h"

#include "gtest/gtest.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::PRIORITY_CRITICAL;
using tickets::v1::PRIORITY_LOW;
using tickets::v1::PRIORITY_UNSPECIFIED;

const absl::Time kOpen = At("2026-01-05T09:00:00Z");
absl::Time Min(int minutes) { return kOpen + absl::Minutes(minutes); }

sla::v1::Clock Verdict(sla::v1::Metric metric, tickets::v1::Priority priority,
                       sla::v1::Verdict verdict) {
  sla::v1::Clock clock =
      MakeClock(std::to_string(metric), metric, priority, sla::v1::CLOCK_STATE_STOPPED);
  clock.set_verdict(verdict);
  return clock;
}

TEST(DeskSummary, OfAnEmptyDesk) {
  const v1::GetDeskSummaryResponse summary = DeskSummary().Finish();
  EXPECT_EQ(summary.priorities_size(), 0);
  EXPECT_EQ(summary.total().opened(), 0);
  EXPECT_FALSE(summary.total().has_time_to_acknowledge());
  EXPECT_TRUE(summary.has_deliveries());
}

TEST(DeskSummary, ByPresentPriority) {
  DeskSummary summary;
  summary.Add(History(kOpen, PRIORITY_CRITICAL).Acknowledge(Min(2)).Resolve(Min(30)).facts());
  summary.Add(
      History(kOpen, PRIORITY_LOW).Priority(PRIORITY_CRITICAL, Min(1)).Start(Min(4)).facts());
  summary.Add(History(kOpen, PRIORITY_LOW).Close(Min(60)).facts());
  summary.Add(History(kOpen, PRIORITY_LOW).facts());
  const v1::GetDeskSummaryResponse result = summary.Finish();
  ASSERT_EQ(result.priorities_size(), 2);
  const v1::PrioritySummary& critical = result.priorities(0);
  EXPECT_EQ(critical.priority(), PRIORITY_CRITICAL);
  EXPECT_EQ(critical.opened(), 2);
  EXPECT_EQ(critical.backlog(), 1);
  EXPECT_EQ(critical.resolved_not_closed(), 1);
  EXPECT_EQ(critical.time_to_acknowledge().count(), 2);
  EXPECT_EQ(critical.time_to_acknowledge().sum_seconds(), 6 * 60);
  EXPECT_DOUBLE_EQ(critical.time_to_acknowledge().p50_seconds(), 180);
  EXPECT_EQ(critical.time_to_resolve().sum_seconds(), 30 * 60);
  const v1::PrioritySummary& low = result.priorities(1);
  EXPECT_EQ(low.opened(), 2);
  EXPECT_EQ(low.backlog(), 1);
  EXPECT_EQ(low.resolved_not_closed(), 0);
  EXPECT_EQ(low.time_to_acknowledge().count(), 1);  // the other one was never acknowledged
  EXPECT_EQ(result.total().priority(), PRIORITY_UNSPECIFIED);
  EXPECT_EQ(result.total().opened(), 4);
  EXPECT_EQ(result.total().backlog(), 2);
  EXPECT_EQ(result.total().time_to_resolve().sum_seconds(), 90 * 60);
}

// Clocks stay with their ticket's summary under the priority of their last leg; the total puts
// priorities together.
TEST(DeskSummary, Adherence) {
  DeskSummary summary;
  const auto kResponse = sla::v1::METRIC_FIRST_RESPONSE;
  summary.Add(History(kOpen, PRIORITY_LOW)
                  .Clock<ev::ClockStopped>(Verdict(kResponse, PRIORITY_LOW, sla::v1::VERDICT_MET))
                  .Priority(PRIORITY_CRITICAL, Min(5))
                  .facts());
  summary.Add(
      History(kOpen, PRIORITY_CRITICAL)
          .Clock<ev::ClockStopped>(Verdict(kResponse, PRIORITY_CRITICAL, sla::v1::VERDICT_MISSED))
          .facts());
  const v1::GetDeskSummaryResponse result = summary.Finish();
  ASSERT_EQ(result.priorities_size(), 1);
  ASSERT_EQ(result.priorities(0).adherence_size(), 2);
  EXPECT_EQ(result.priorities(0).adherence(0).priority(), PRIORITY_CRITICAL);
  EXPECT_EQ(result.priorities(0).adherence(0).missed(), 1);
  EXPECT_EQ(result.priorities(0).adherence(1).priority(), PRIORITY_LOW);
  EXPECT_EQ(result.priorities(0).adherence(1).met(), 1);
  ASSERT_EQ(result.total().adherence_size(), 1);
  EXPECT_EQ(result.total().adherence(0).priority(), PRIORITY_UNSPECIFIED);
  EXPECT_EQ(result.total().adherence(0).kept().numerator(), 1);
  EXPECT_EQ(result.total().adherence(0).kept().denominator(), 2);
}

TEST(DeskSummary, CountsRunsPagesAndDeliveries) {
  ev::DeliverySent repeated;
  repeated.mutable_delivery()->set_possible_repeat(true);
  History first(kOpen, PRIORITY_LOW);
  first.Apply(ev::RunStarted(), kOpen)
      .Apply(ev::PageRequested(), kOpen)
      .Apply(ev::PageRequested(), kOpen);
  first.Apply(repeated, kOpen).Apply(ev::DeliverySent(), kOpen).Apply(ev::DeliveryFailed(), kOpen);
  History second(kOpen, PRIORITY_CRITICAL);
  second.Apply(ev::RunStarted(), kOpen)
      .Apply(ev::PageRequested(), kOpen)
      .Apply(ev::DeliveryCancelled(), kOpen);
  DeskSummary summary;
  summary.Add(first.facts());
  summary.Add(second.facts());
  const v1::GetDeskSummaryResponse result = summary.Finish();
  EXPECT_EQ(result.runs_started(), 2);
  EXPECT_EQ(result.pages_requested(), 3);
  EXPECT_EQ(result.deliveries().sent(), 2);
  EXPECT_EQ(result.deliveries().failed(), 1);
  EXPECT_EQ(result.deliveries().cancelled(), 1);
  EXPECT_EQ(result.deliveries().possible_repeats(), 1);
}

}  // namespace
}  // namespace watchbell::analytics
