#include "services/analytics/import_report.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::PRIORITY_HIGH;
using tickets::v1::PRIORITY_LOW;
using tickets::v1::PRIORITY_UNSPECIFIED;

// Monday 2026-01-05 is the first day of 2026-W02; its week ends on Monday 2026-01-12.
const absl::Time kMonday = At("2026-01-05T00:00:00Z");
absl::Time Hour(int hours) { return kMonday + absl::Hours(hours); }

v1::GetImportReportResponse Report(const std::vector<History>& tickets) {
  ImportReport report(Hour(10));
  for (const History& ticket : tickets) report.Add(ticket.facts());
  return report.Finish();
}

// Three tickets by hand:
//  A: low, opened Mon 10:00, resolved 13:00, reopened 14:00, resolved 20:00, closed next Tuesday
//  10:00; groups a b a. B: high from Wed on, opened Tue 10:00, closed in one move Wed 10:00; group
//  none -> a. C: low, opened Sunday 23:00 but first recorded on Monday 01:00 of the next week, then
//  on hold for good.
std::vector<History> ThreeTickets() {
  History a(Hour(10), PRIORITY_LOW, "a", "A", Hour(10));
  a.Start(Hour(11)).Group("b", Hour(11)).Group("a", Hour(12)).Resolve(Hour(13)).Reopen(Hour(14));
  a.Resolve(Hour(20)).Close(Hour(8 * 24 + 10));
  History b(Hour(34), PRIORITY_LOW, "", "B", Hour(34));
  b.Group("a", Hour(35)).Priority(PRIORITY_HIGH, Hour(48)).Close(Hour(58));
  History c(Hour(7 * 24 - 1), PRIORITY_LOW, "", "C", Hour(7 * 24 + 1));
  c.Hold(Hour(7 * 24 + 1));
  return {a, b, c};
}

TEST(ImportReport, CountsAllTickets) {
  const v1::GetImportReportResponse report = Report(ThreeTickets());
  EXPECT_EQ(report.tickets(), 3);
  EXPECT_EQ(report.tickets_closed(), 2);
  EXPECT_EQ(FromProto(report.opened_first()), Hour(10));
  EXPECT_EQ(FromProto(report.opened_last()), Hour(7 * 24 - 1));
  EXPECT_EQ(FromProto(report.closed_last()), Hour(8 * 24 + 10));
  ASSERT_EQ(report.not_closed_external_ids_size(), 1);
  EXPECT_EQ(report.not_closed_external_ids(0), "C");
  ASSERT_EQ(report.volume_per_week_size(), 1);
  EXPECT_EQ(report.volume_per_week(0).week(), "2026-W02");
  EXPECT_EQ(report.volume_per_week(0).opened(), 3);
  EXPECT_EQ(report.volume_per_week(0).by_final_priority().at(PRIORITY_LOW), 2);
  EXPECT_EQ(report.volume_per_week(0).by_final_priority().at(PRIORITY_HIGH), 1);
}

TEST(ImportReport, BacklogAtWeekEnds) {
  const v1::GetImportReportResponse report = Report(ThreeTickets());
  ASSERT_EQ(report.backlog_at_week_end_size(), 22);
  const v1::WeekBacklog& first = report.backlog_at_week_end(0);
  EXPECT_EQ(first.week_just_ended(), "2026-W02");
  EXPECT_EQ(FromProto(first.week_end_exclusive()), Hour(7 * 24));
  EXPECT_EQ(first.opened_to_date(), 3);
  EXPECT_EQ(first.open_unresolved(), 1);  // C, as New
  EXPECT_EQ(first.of_which_no_row_yet(), 1);
  EXPECT_EQ(first.awaiting_any(), 0);
  EXPECT_EQ(first.resolved_not_closed(), 1);  // A
  EXPECT_EQ(first.not_closed(), 2);
  EXPECT_EQ(first.age_buckets(0), 1);  // C is an hour old
  const v1::WeekBacklog& second = report.backlog_at_week_end(1);
  EXPECT_EQ(second.open_unresolved(), 1);
  EXPECT_EQ(second.of_which_no_row_yet(), 0);
  EXPECT_EQ(second.awaiting_any(), 1);
  EXPECT_EQ(second.resolved_not_closed(), 0);
  EXPECT_EQ(second.age_buckets(3), 1);  // 7 days and an hour
  EXPECT_EQ(report.backlog_at_week_end(21).age_buckets(5), 1);
}

TEST(ImportReport, EventsAtTheWeekEndBelongToTheNextWeek) {
  const absl::Time end = Hour(7 * 24);
  History resolved(Hour(10), PRIORITY_LOW, "", "A", end);
  resolved.Resolve(end);
  History opened(end, PRIORITY_LOW, "", "B");
  const v1::GetImportReportResponse report = Report({resolved, opened});
  EXPECT_EQ(report.backlog_at_week_end(0).opened_to_date(), 1);
  EXPECT_EQ(report.backlog_at_week_end(0).open_unresolved(), 1);
  EXPECT_EQ(report.backlog_at_week_end(0).of_which_no_row_yet(), 1);
  EXPECT_EQ(report.backlog_at_week_end(1).opened_to_date(), 2);
  EXPECT_EQ(report.backlog_at_week_end(1).resolved_not_closed(), 1);
}

TEST(ImportReport, AgeBucketsAreHalfOpenDays) {
  const absl::Time end = Hour(21 * 7 * 24 + 7 * 24);  // the 22nd week end
  ImportReport report(Hour(10));
  for (int days : {0, 1, 3, 7, 14, 30}) {
    report.Add(History(end - absl::Hours(24 * days) - absl::Microseconds(1), PRIORITY_LOW).facts());
    if (days > 0) report.Add(History(end - absl::Hours(24 * days), PRIORITY_LOW).facts());
  }
  const v1::GetImportReportResponse result = report.Finish();
  const v1::WeekBacklog& last = result.backlog_at_week_end(21);
  EXPECT_EQ(last.age_buckets(0),
            1);  // each further bucket holds its own edge and the microsecond after
  for (int bucket = 1; bucket < 6; ++bucket) EXPECT_EQ(last.age_buckets(bucket), 2) << bucket;
}

TEST(ImportReport, ReopeningsOverClosedTickets) {
  const v1::GetImportReportResponse report = Report(ThreeTickets());
  EXPECT_EQ(report.reopen_rate().numerator(), 1);
  EXPECT_EQ(report.reopen_rate().denominator(), 2);
  EXPECT_EQ(report.reopen_events(), 1);
  EXPECT_EQ(report.reopen_events_after_closed(), 0);
  EXPECT_EQ(report.reopen_distribution().at(0), 1);
  EXPECT_EQ(report.reopen_distribution().at(1), 1);
  ASSERT_EQ(report.reopen_by_month_size(), 1);
  EXPECT_EQ(report.reopen_by_month(0).month(), "2026-01");
  EXPECT_EQ(report.reopen_by_month(0).rate().denominator(), 2);
}

TEST(ImportReport, GroupsOverClosedTickets) {
  const v1::GetImportReportResponse report = Report(ThreeTickets());
  EXPECT_EQ(report.group_changes_total(),
            3);  // A two, B one: what they were opened with is no change
  EXPECT_EQ(report.group_changes_distribution().at(1), 1);
  EXPECT_EQ(report.group_changes_distribution().at(2), 1);
  EXPECT_EQ(report.pingpong_tickets_with_return(), 1);
  EXPECT_EQ(report.pingpong_returns(), 1);
  EXPECT_EQ(report.pingpong_aba_tickets(), 1);
  EXPECT_EQ(report.pingpong_aba(), 1);
}

TEST(ImportReport, DurationsByFinalPriorityAndTogether) {
  const v1::GetImportReportResponse report = Report(ThreeTickets());
  ASSERT_EQ(report.time_to_resolve_size(), 3);
  const v1::PriorityDurations& high = report.time_to_resolve(0);  // B
  EXPECT_EQ(high.priority(), PRIORITY_HIGH);
  EXPECT_EQ(high.first_resolved().sum_seconds(), 24 * 3600);
  EXPECT_FALSE(high.has_last_resolved());  // it never moved to Resolved
  EXPECT_EQ(high.acknowledged().sum_seconds(), 24 * 3600);
  const v1::PriorityDurations& low = report.time_to_resolve(1);  // A
  EXPECT_EQ(low.priority(), PRIORITY_LOW);
  EXPECT_EQ(low.first_resolved().sum_seconds(), 3 * 3600);
  EXPECT_EQ(low.last_resolved().sum_seconds(), 10 * 3600);
  EXPECT_EQ(low.acknowledged().sum_seconds(), 3600);
  const v1::PriorityDurations& all = report.time_to_resolve(2);
  EXPECT_EQ(all.priority(), PRIORITY_UNSPECIFIED);
  EXPECT_EQ(all.first_resolved().count(), 2);
  EXPECT_EQ(all.last_resolved().count(), 1);
}

TEST(ImportReport, AdherenceByClockAndPriorityOfTheLastLeg) {
  auto closed = [](sla::v1::ClockState clock_state, sla::v1::Verdict verdict, bool breached) {
    History ticket(Hour(10), PRIORITY_LOW, "", "A");
    sla::v1::Clock clock = MakeClock("c", sla::v1::METRIC_RESOLUTION, PRIORITY_HIGH, clock_state);
    clock.set_verdict(verdict);
    clock.set_breached(breached);
    return ticket.Clock<ev::ClockStopped>(clock).Close(Hour(11));
  };
  const v1::GetImportReportResponse report =
      Report({closed(sla::v1::CLOCK_STATE_STOPPED, sla::v1::VERDICT_MET, false),
              closed(sla::v1::CLOCK_STATE_STOPPED, sla::v1::VERDICT_MET, false),
              closed(sla::v1::CLOCK_STATE_STOPPED, sla::v1::VERDICT_MISSED, true),
              closed(sla::v1::CLOCK_STATE_PAUSED, sla::v1::VERDICT_UNSPECIFIED, false),
              closed(sla::v1::CLOCK_STATE_RUNNING, sla::v1::VERDICT_UNSPECIFIED, true),
              closed(sla::v1::CLOCK_STATE_CANCELLED, sla::v1::VERDICT_UNSPECIFIED, false)});
  ASSERT_EQ(report.adherence_size(), 1);
  const v1::Adherence& adherence = report.adherence(0);
  EXPECT_EQ(adherence.clock(), "resolution");
  EXPECT_EQ(adherence.metric(), sla::v1::METRIC_RESOLUTION);
  EXPECT_EQ(adherence.priority(), PRIORITY_HIGH);
  EXPECT_EQ(adherence.met(), 2);
  EXPECT_EQ(adherence.missed(), 1);
  EXPECT_EQ(adherence.pending(), 1);
  EXPECT_EQ(adherence.open_breached(), 1);
  EXPECT_EQ(adherence.kept().denominator(), 3);
  EXPECT_EQ(report.policy(), "standard@3");
}

TEST(ImportReport, WithoutClosedTicketsRatiosAreAbsent) {
  const v1::GetImportReportResponse report = Report({History(Hour(10), PRIORITY_LOW, "", "A")});
  EXPECT_FALSE(report.has_reopen_rate());
  EXPECT_FALSE(report.has_closed_last());
  EXPECT_EQ(report.time_to_resolve_size(), 0);
  EXPECT_EQ(report.adherence_size(), 0);
}

TEST(ImportReport, NamesAtMostAThousandOpenTickets) {
  ImportReport report(Hour(10));
  for (int i = 1500; i > 0; --i) {
    report.Add(History(Hour(10), PRIORITY_LOW, "", std::to_string(100000 + i)).facts());
  }
  const v1::GetImportReportResponse result = report.Finish();
  ASSERT_EQ(result.not_closed_external_ids_size(), 1000);
  EXPECT_EQ(result.not_closed_external_ids(0), "100001");
  EXPECT_EQ(result.not_closed_external_ids(999), "101000");
}

}  // namespace
}  // namespace watchbell::analytics
