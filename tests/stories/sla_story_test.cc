// What users of other desks complain about (with the tracker and number where they do), and the
// sequences that are easy to get wrong, told through the whole desk.
#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/analytics/analytics_queries.h"
#include "tests/support/desk.h"
#include "watchbell/sla/v1/waiver.pb.h"

namespace watchbell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tickets::v1::HOLD_REASON_USER;

constexpr auto kNextResponse = sla::v1::METRIC_NEXT_RESPONSE;

sla::v1::Target Solve(absl::Duration within) {
  sla::v1::Target target;
  target.set_target_id("solve");
  target.set_metric(kResolution);
  *target.mutable_duration() = ToProto(within);
  target.set_basis(sla::v1::TIME_BASIS_BUSINESS);
  return target;
}

// glpi-project/glpi#6902, #15605.
TEST(SlaComplaint, PauseIsKeptOverAPriorityChange) {
  Desk desk;
  desk.Hours("09:00", "17:00")
      .Promise(P1, kResolution, absl::Hours(2), {}, {HOLD_REASON_USER})
      .Promise(P3, kResolution, absl::Hours(4), {}, {HOLD_REASON_USER});
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P3);
  desk.At("2026-01-05 10:00").Hold(ticket, HOLD_REASON_USER);
  desk.At("2026-01-05 15:00").Resume(ticket);  // one hour is used, not six
  desk.At("2026-01-05 15:30")
      .Reprioritize(ticket, tickets::v1::IMPACT_HIGH, tickets::v1::URGENCY_HIGH);
  desk.At("2026-01-05 16:00:01");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 16:00")) << "two hours of running";
}

// glpi-project/glpi#24481.
TEST(SlaComplaint, NoBreachWhilePending) {
  Desk desk;
  desk.Hours("09:00", "17:00").Promise(P1, kResolution, absl::Hours(1), {50}, {HOLD_REASON_USER});
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 09:20").Hold(ticket, HOLD_REASON_USER);
  desk.At("2026-03-05 09:00");
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
  EXPECT_THAT(desk.Warnings(ticket), IsEmpty());
  EXPECT_EQ(desk.Verdict(ticket, kResolution), "paused");
}

// frappe/helpdesk PR 3776: held from February to August, reported as 42 days.
TEST(SlaComplaint, HoldTimeCountsForNothingAlsoWhenPausedIsResolved) {
  Desk desk;
  desk.Hours("09:00", "17:00").Promise(P1, kResolution, absl::Hours(2), {}, {HOLD_REASON_USER});
  desk.At("2026-02-02 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-02-02 10:00").Hold(ticket, HOLD_REASON_USER);
  desk.At("2026-08-03 12:00").Resolve(ticket);
  EXPECT_EQ(desk.Verdict(ticket, kResolution), "met");
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
}

// glpi-project/glpi#9082: due times outside hours after a pause.
TEST(SlaComplaint, DeadlinesNeverLieOutsideHours) {
  Desk desk;
  desk.Hours("09:00", "17:00").Promise(P1, kResolution, absl::Hours(8), {}, {HOLD_REASON_USER});
  desk.At("2026-01-05 13:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 16:00").Hold(ticket, HOLD_REASON_USER);
  desk.At("2026-01-05 22:00").Resume(ticket);  // at night: nothing is gained, nothing lost
  desk.At("2026-01-09 00:00");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-06 14:00"));
}

// glpi-project/glpi#23359, zammad/zammad: reopened tickets, in the three ways a desk may want.
TEST(SlaComplaint, ReopenInThreeModes) {
  const auto breaches = [](sla::v1::ReopenMode mode) {
    Desk desk;
    sla::v1::Target target = Solve(absl::Hours(3));
    target.set_on_reopen(mode);
    desk.Hours("09:00", "17:00").Promise(target);
    desk.At("2026-01-05 09:00");
    const std::string ticket = desk.Open(P1);
    desk.At("2026-01-05 11:00").Resolve(ticket);
    EXPECT_EQ(desk.Verdict(ticket, kResolution), "met");
    desk.At("2026-01-05 13:00").Reopen(ticket);
    desk.At("2026-01-06 00:00");
    return desk.Breaches(ticket);
  };
  EXPECT_THAT(breaches(sla::v1::REOPEN_MODE_UNSPECIFIED), ElementsAre("2026-01-05 14:00"));
  EXPECT_THAT(breaches(sla::v1::REOPEN_MODE_NEW_CYCLE), ElementsAre("2026-01-05 16:00"));
  EXPECT_THAT(breaches(sla::v1::REOPEN_MODE_FROM_CREATION), ElementsAre("2026-01-05 12:00"));
}

// zammad/zammad#3140: it escalated although the agent had replied; #5177: the update time overruled
// the first response.
TEST(SlaComplaint, ReplyStopsTheNextResponseAndNothingElseOverrulesIt) {
  Desk desk;
  sla::v1::Target next = Solve(absl::Hours(1));
  next.set_target_id("next");
  next.set_metric(kNextResponse);
  desk.Hours("09:00", "17:00").Promise(next).Promise(P1, kFirstResponse, absl::Minutes(30));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 09:10").Reply(ticket);
  desk.At("2026-01-05 10:00").Ask(ticket);
  desk.At("2026-01-05 10:40").Reply(ticket);
  EXPECT_EQ(desk.Verdict(ticket, kFirstResponse), "met");
  EXPECT_EQ(desk.Verdict(ticket, kNextResponse), "met");
  desk.At("2026-01-07 00:00");
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
}

// chatwoot/chatwoot#10178, #14009: runs on after the resolution.
TEST(SlaComplaint, NothingRunsAfterTheResolution) {
  Desk desk;
  sla::v1::Target next = Solve(absl::Hours(1));
  next.set_metric(kNextResponse);
  desk.Hours("09:00", "17:00").Promise(next);
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 09:10").Resolve(ticket);
  desk.At("2026-01-05 09:20").Ask(ticket);  // "thanks!"
  desk.At("2026-01-07 00:00");
  EXPECT_THAT(desk.Told(ticket), IsEmpty());
}

// glpi-project/glpi#1996: mails with every run of the job.
TEST(SlaComplaint, ABreachIsToldOnceOverRestarts) {
  Desk desk;
  desk.Hours("09:00", "17:00")
      .Promise(P1, kFirstResponse, absl::Minutes(30))
      .Team("network", {"ana"}, absl::Minutes(15));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  for (int hour = 10; hour < 20; ++hour) {
    desk.At(absl::StrCat("2026-01-05 ", hour, ":00")).world().Restart();
  }
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 09:30"));
  EXPECT_THAT(desk.Mailed(ticket), ElementsAre("ana@example.org"));
}

// Nosdesk/Nosdesk PR 181: picked up from the backlog, and breached at once.
TEST(SlaComplaint, AClockOfTheWorkStartsWithTheWork) {
  Desk desk;
  sla::v1::Target work = Solve(absl::Hours(2));
  work.set_metric(sla::v1::METRIC_NAMED);
  auto& started = *work.mutable_start()->mutable_compare();
  started.set_field("state");
  started.set_operator_(sla::v1::OPERATOR_IS);
  started.add_values("STATE_IN_PROGRESS");
  auto& finished = *work.mutable_stop()->mutable_compare();
  finished = started;
  finished.clear_values();
  finished.add_values("STATE_RESOLVED");
  desk.Hours("09:00", "17:00").Promise(work);
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-02-02 09:00").StartWork(ticket);
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
  desk.At("2026-02-02 12:00");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-02-02 11:00"));
}

// Jira, "Resolve Wrong or Missing SLAs": results of the past are made anew under today's goal.
TEST(SlaComplaint, ANewPolicyLeavesOldVerdictsAlone) {
  Desk desk;
  desk.Hours("09:00", "17:00").Promise(P1, kResolution, absl::Hours(4));
  desk.At("2026-01-05 09:00");
  const std::string done = desk.Open(P1);
  const std::string running = desk.Open(P1);
  desk.At("2026-01-05 11:00").Resolve(done);
  desk.Promise(P1, kFirstResponse, absl::Minutes(5));  // another version of the set, in force now
  const std::string later = desk.Open(P1);
  desk.At("2026-01-06 00:00");
  EXPECT_EQ(desk.Verdict(done, kResolution), "met");
  EXPECT_EQ(desk.Verdict(running, kFirstResponse), "none") << "it keeps what judges it";
  EXPECT_THAT(desk.Breaches(running), ElementsAre("2026-01-05 13:00"));
  EXPECT_THAT(desk.Breaches(later), ElementsAre("2026-01-05 11:05", "2026-01-05 15:00"));
}

// fivetran/dbt_zendesk#274: what is exempted shows as never breached.
TEST(SlaComplaint, AnExcusedMissIsStillSeen) {
  Desk desk;
  desk.Hours("09:00", "17:00")
      .Promise(P1, kResolution, absl::Hours(2))
      .Team("network", {"ana"}, absl::Minutes(15));
  desk.At("2026-01-05 09:00");
  const std::string ours = desk.Open(P1);
  const std::string theirs = desk.Open(P1);
  desk.At("2026-01-05 12:00").Resolve(ours);
  desk.Resolve(theirs);
  const auto kept = [&desk] {  // of two: as it was, and with what was excused
    desk.world().Settle();
    analytics::v1::GetAdherenceRequest request;
    const auto answer = analytics::GetAdherence(desk.world().core("analytics").database(),
                                                desk.world().identity.tenant, request);
    if (!answer.ok() || answer->rows_size() != 1) return absl::StrCat("no row");
    const analytics::v1::Adherence& row = answer->rows(0);
    return absl::StrCat(row.kept().numerator(), " of ", row.kept().denominator(), ", ",
                        row.kept_with_waivers().numerator(), " of ",
                        row.kept_with_waivers().denominator());
  };
  EXPECT_EQ(kept(), "0 of 2, 0 of 2");
  const std::vector<std::string> mailed = desk.Mailed(theirs);
  sla::v1::WaiveClockRequest waive;
  waive.set_clock_id(theirs + "/resolution/1");
  waive.set_reason("the vendor's outage");
  ASSERT_TRUE(desk.world().Call<sla::v1::Clock>("sla", waive).ok());
  EXPECT_EQ(kept(), "0 of 2, 1 of 2");
  EXPECT_EQ(desk.Verdict(theirs, kResolution), "missed") << "what was, was";
  EXPECT_EQ(desk.Mailed(theirs), mailed) << "nobody is told";

  desk.At("2026-01-05 13:00").Reopen(theirs);  // as many hours excused as before, and one more used
  desk.At("2026-01-05 14:00").Resolve(theirs);
  EXPECT_EQ(kept(), "0 of 2, 0 of 2") << "the vendor is not to blame for that hour";
  sla::v1::WithdrawWaiverRequest withdraw;
  withdraw.set_clock_id(waive.clock_id());
  withdraw.set_reason("to be excused anew");
  ASSERT_TRUE(desk.world().Call<sla::v1::Clock>("sla", withdraw).ok());
  ASSERT_TRUE(desk.world().Call<sla::v1::Clock>("sla", waive).ok());
  EXPECT_EQ(kept(), "0 of 2, 1 of 2");
}

// --- the sequences of semantics 1 and 3 that show at the desk; the rest: ClockMachine, LateInputs
// ---

TEST(SlaSequence, HoldExactlyAtDue) {
  Desk desk;
  desk.Hours("09:00", "17:00").Promise(P1, kResolution, absl::Hours(1), {}, {HOLD_REASON_USER});
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 10:00").Hold(ticket, HOLD_REASON_USER);
  desk.At("2026-01-05 12:00");
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
  desk.Resume(ticket);
  desk.At("2026-01-05 12:00:01");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 12:00"));
}

TEST(SlaSequence, BreachThenLoweredThenCrossedAgain) {
  Desk desk;
  desk.Promise(P1, kResolution, absl::Hours(1)).Promise(P3, kResolution, absl::Hours(4));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 11:00")
      .Reprioritize(ticket, tickets::v1::IMPACT_MEDIUM, tickets::v1::URGENCY_MEDIUM);
  desk.At("2026-01-05 14:00");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 10:00", "2026-01-05 13:00"));
}

TEST(SlaSequence, ReopenWithRemainderZero) {
  Desk desk;
  desk.Promise(P1, kResolution, absl::Hours(1));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 10:00").Resolve(ticket);
  EXPECT_EQ(desk.Verdict(ticket, kResolution), "met") << "at the deadline is in time";
  desk.At("2026-01-05 12:00").Reopen(ticket);
  desk.At("2026-01-05 12:00:01");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 12:00"));
}

TEST(SlaSequence, PriorityChangedAfterTheResolution) {
  Desk desk;
  desk.Promise(P2, kResolution, absl::Hours(4)).Promise(P3, kResolution, absl::Hours(1));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P2);
  desk.At("2026-01-05 11:00").Resolve(ticket);
  desk.Reprioritize(ticket, tickets::v1::IMPACT_MEDIUM, tickets::v1::URGENCY_MEDIUM);
  desk.At("2026-01-06 09:00");
  EXPECT_EQ(desk.Verdict(ticket, kResolution), "met");
  EXPECT_THAT(desk.Told(ticket),
              ElementsAre("2026-01-05 09:00 clock_attached", "2026-01-05 11:00 clock_stopped"));
}

}  // namespace
}  // namespace watchbell::test
