// Misses that somebody excuses: by command, over what happens to the clock afterwards.
#include "services/sla/clocks/waiver.h"

#include <optional>

#include "common/base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/decider_desk.h"
#include "watchbell/sla/v1/waiver.pb.h"

namespace watchbell::sla {
namespace {

using test::Add;
using test::DeciderDesk;
using test::Office;
using test::Standard;
using test::T;
using testing::ElementsAre;
using testing::IsEmpty;
namespace tv = tickets::v1;
namespace ev = events::v1;

constexpr char kSolve[] = "inc-1/resolution/1";  // allows 4 hours

std::string Day(const std::string& time) { return "2026-01-05T" + time + ":00Z"; }

google::protobuf::Duration Minutes(int64_t minutes) { return ToProto(absl::Minutes(minutes)); }

// What is refused, and why: "ALREADY_WAIVED", or "excused" for a field.
std::string Why(const absl::Status& status) {
  const std::vector<FieldViolation> faults = FieldViolations(status);
  return faults.empty() ? ErrorReason(status) : faults[0].field;
}

class WaiverTest : public DeciderDesk {
 protected:
  absl::StatusOr<v1::Clock> Waive(
      const std::optional<google::protobuf::Duration>& excused = std::nullopt,
      const std::string& clock_id = kSolve) {
    v1::WaiveClockRequest request;
    request.set_clock_id(clock_id);
    request.set_reason("the vendor's fault");
    if (excused) *request.mutable_excused() = *excused;
    return desk.Command<v1::Clock>(request);
  }
  absl::StatusOr<v1::Clock> Withdraw(const std::string& clock_id = kSolve) {
    v1::WithdrawWaiverRequest request;
    request.set_clock_id(clock_id);
    request.set_reason("it was ours");
    return desk.Command<v1::Clock>(request);
  }

  // Opened at 09:00, resolved at `at`; missed from 13:00 on. Nothing before is in Heard().
  tv::Ticket Resolved(const std::string& at) {
    SetUpStandard();
    tv::Ticket ticket = Ticket(Day("09:00"));
    Create(ticket);
    Resolve(ticket, at);
    Heard();
    return ticket;
  }
  void Resolve(tv::Ticket& ticket, const std::string& at) {
    Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, Day(at));
  }
  void Reopen(tv::Ticket& ticket, const std::string& at) {
    Move<ev::TicketReopened>(ticket, tv::STATE_IN_PROGRESS, Day(at));
  }
  void Say(const tv::Ticket& ticket, ev::ActorKind author, const std::string& at) {
    ev::TicketCommented comment;
    comment.set_public_(true);
    comment.set_author_kind(author);
    Hear(comment, ticket, Day(at));
  }
  void Hold(tv::Ticket& ticket, const std::string& at) {
    ticket.set_hold_reason(tv::HOLD_REASON_USER);
    Move<ev::TicketHeld>(ticket, tv::STATE_ON_HOLD, Day(at));
  }
  void Resume(tv::Ticket& ticket, const std::string& at) {
    ticket.clear_hold_reason();
    Move<ev::TicketResumed>(ticket, tv::STATE_IN_PROGRESS, Day(at));
  }
};

TEST_F(WaiverTest, ExcusesAMissAndLeavesTheVerdict) {
  Resolved("14:00");
  const auto timers = desk.timers;
  desk.now = T(Day("15:30"));
  const absl::StatusOr<v1::Clock> clock = Waive();
  ASSERT_TRUE(clock.ok()) << clock.status();
  EXPECT_EQ(clock->verdict(), v1::VERDICT_MISSED);
  EXPECT_TRUE(clock->breached());
  EXPECT_EQ(clock->effective_verdict(), v1::VERDICT_MET);
  EXPECT_EQ(clock->waiver().excused().seconds(), 3600) << "all that it went over by";
  EXPECT_EQ(clock->waiver().reason(), "the vendor's fault");
  EXPECT_EQ(clock->waiver().approved_by(), "ana");
  EXPECT_EQ(FromProto(clock->waiver().approved_at()), T(Day("15:30")));
  const ev::ClockWaived told = Last<ev::ClockWaived>();
  EXPECT_EQ(told.clock().SerializeAsString(), clock->SerializeAsString());
  EXPECT_FALSE(told.historic());
  EXPECT_EQ(desk.events.back().stream.id, "inc-1");
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T15:30:00Z ClockWaived"));
  EXPECT_EQ(desk.timers, timers);
}

TEST_F(WaiverTest, IsOfOneClockOnly) {
  tv::Ticket ticket = Resolved("14:00");
  ASSERT_TRUE(Waive().ok());
  ev::TicketImportFinished finished;
  Hear(finished, ticket, Day("15:00"));
  const ev::TicketSettled settled = Last<ev::TicketSettled>();
  ASSERT_EQ(settled.clocks_size(), 2);
  EXPECT_EQ(settled.clocks(0).clock(), "first-response");
  EXPECT_EQ(settled.clocks(0).effective_verdict(), v1::VERDICT_MISSED);
  EXPECT_FALSE(settled.clocks(0).has_waiver());
  EXPECT_TRUE(settled.clocks(1).has_waiver());
}

TEST_F(WaiverTest, OnlyAStoppedClockThatMissed) {
  SetUpStandard();
  tv::Ticket ticket = Ticket(Day("09:00"));
  Create(ticket);
  EXPECT_EQ(Why(Waive().status()), "CLOCK_NOT_MISSED") << "running";
  Hold(ticket, "16:00");
  EXPECT_TRUE(Last<ev::ClockPaused>().clock().breached());
  EXPECT_EQ(Why(Waive().status()), "CLOCK_NOT_MISSED") << "breached, but not at its end yet";
  EXPECT_EQ(Waive().status().code(), absl::StatusCode::kFailedPrecondition);
  tv::Ticket second = Ticket(Day("16:00"));
  second.set_ticket_id("inc-2");
  Create(second);
  Resolve(second, "16:10");
  EXPECT_EQ(Last<ev::ClockStopped>().clock().effective_verdict(), v1::VERDICT_MET);
  EXPECT_EQ(Why(Waive({}, "inc-2/resolution/1").status()), "CLOCK_NOT_MISSED") << "met";
}

TEST_F(WaiverTest, IsGivenOnceAndTakenBack) {
  Resolved("14:00");
  EXPECT_EQ(Why(Withdraw().status()), "NOT_WAIVED");
  ASSERT_TRUE(Waive().ok());
  EXPECT_EQ(Why(Waive(Minutes(90)).status()), "ALREADY_WAIVED");
  desk.identity.subject = "otto";
  const absl::StatusOr<v1::Clock> clock = Withdraw();
  ASSERT_TRUE(clock.ok()) << clock.status();
  EXPECT_FALSE(clock->has_waiver());
  EXPECT_EQ(clock->effective_verdict(), v1::VERDICT_MISSED);
  const ev::WaiverWithdrawn told = Last<ev::WaiverWithdrawn>();
  EXPECT_EQ(told.clock().SerializeAsString(), clock->SerializeAsString());
  EXPECT_EQ(told.waiver().approved_by(), "ana");
  EXPECT_EQ(told.waiver().excused().seconds(), 3600);
  EXPECT_EQ(told.by(), "otto");
  EXPECT_EQ(told.reason(), "it was ours");
  EXPECT_EQ(Why(Withdraw().status()), "NOT_WAIVED");
  EXPECT_TRUE(Waive().ok()) << "once it was taken back it may be given again";
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T14:00:00Z ClockWaived",
                                   "2026-01-05T14:00:00Z WaiverWithdrawn",
                                   "2026-01-05T14:00:00Z ClockWaived"));
}

TEST_F(WaiverTest, LessThanItWentOverByExcusesNothing) {
  Resolved("14:00");
  const auto almost = ToProto(absl::Minutes(60) - absl::Microseconds(1));
  EXPECT_EQ(Waive(almost)->effective_verdict(), v1::VERDICT_MISSED);
  ASSERT_TRUE(Withdraw().ok());
  EXPECT_EQ(Waive(Minutes(60))->effective_verdict(), v1::VERDICT_MET);
}

TEST_F(WaiverTest, MissedByNothingTheTargetCounts) {
  SetUpStandard();
  tv::Ticket ticket = Ticket(Day("13:00"));
  Create(ticket);
  Resolve(ticket, "18:00");  // due at closing time
  EXPECT_EQ(Last<ev::ClockStopped>().clock().effective_verdict(), v1::VERDICT_MISSED);
  const absl::StatusOr<v1::Clock> clock = Waive();
  ASSERT_TRUE(clock.ok()) << clock.status();
  EXPECT_EQ(absl::ZeroDuration(), FromProto(clock->waiver().excused()));
  EXPECT_EQ(clock->effective_verdict(), v1::VERDICT_MET);
}

TEST_F(WaiverTest, OfADueDateThatPassedWhileTheTicketWasResolved) {
  v1::PolicySet policy;
  policy.set_policy_set_id("standard");
  v1::Target& target = *Add(policy, "solve", v1::METRIC_RESOLUTION, 0);
  target.clear_duration();
  target.mutable_relative()->set_due_date(true);
  Put(Office());
  Put(policy);
  ASSERT_TRUE(Activate("standard").ok());
  tv::Ticket ticket = Ticket(Day("09:00"));
  *ticket.mutable_due_at() = ToProto(T(Day("13:00")));
  Create(ticket);
  Resolve(ticket, "11:00");
  Reopen(ticket, "15:00");
  Resolve(ticket, "16:00");
  EXPECT_EQ(Waive(Minutes(59))->effective_verdict(), v1::VERDICT_MISSED);
  ASSERT_TRUE(Withdraw().ok());
  const absl::StatusOr<v1::Clock> clock = Waive();
  ASSERT_TRUE(clock.ok()) << clock.status();
  EXPECT_EQ(clock->waiver().excused().seconds(), 3600) << "since the reopening";
  EXPECT_EQ(clock->effective_verdict(), v1::VERDICT_MET);
}

TEST_F(WaiverTest, BadRequestsByTheirField) {
  Resolved("14:00");
  for (const char* id : {"inc-1", "inc-1/resolution", "inc-1/resolution/0", "a/b/c/1", ""}) {
    EXPECT_EQ(Why(Waive({}, id).status()), "clock_id") << id;
    EXPECT_EQ(Why(Withdraw(id).status()), "clock_id") << id;
  }
  auto finer = Minutes(60);
  finer.set_nanos(500);
  for (const auto& excused : {Minutes(0), Minutes(-60), finer, Minutes(20 * 365 * 24 * 60 + 1)}) {
    EXPECT_EQ(Why(Waive(excused).status()), "excused") << excused.ShortDebugString();
  }
  v1::WaiveClockRequest silent;
  silent.set_clock_id("inc-1/resolution/1");
  silent.set_reason(" \t\u00a0");
  EXPECT_EQ(Why(desk.Command<v1::Clock>(silent).status()), "reason");
  EXPECT_THAT(Heard(), IsEmpty());
  EXPECT_TRUE(Waive(Minutes(20 * 365 * 24 * 60)).ok());
}

TEST_F(WaiverTest, UnknownClocksAndTickets) {
  Resolved("14:00");
  for (const char* id : {"inc-1/resolution/2", "inc-1/another/1", "inc-2/resolution/1"}) {
    EXPECT_EQ(Waive({}, id).status().code(), absl::StatusCode::kNotFound) << id;
    EXPECT_EQ(Withdraw(id).status().code(), absl::StatusCode::kNotFound) << id;
  }
  desk.identity.tenant = "other";
  EXPECT_EQ(Waive().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(WaiverTest, StaysOverAReopeningAndExcusesNoMoreThanItDid) {
  tv::Ticket ticket = Resolved("14:00");
  ASSERT_TRUE(Waive(Minutes(90)).ok());
  Reopen(ticket, "15:00");
  const v1::Clock open = Last<ev::ClockRetargeted>().clock();
  EXPECT_TRUE(open.has_waiver());
  EXPECT_EQ(open.effective_verdict(), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(Why(Waive().status()), "ALREADY_WAIVED");
  Resolve(ticket, "15:30");
  EXPECT_EQ(Last<ev::ClockStopped>().clock().verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(Last<ev::ClockStopped>().clock().effective_verdict(), v1::VERDICT_MET) << "90 minutes";
  Reopen(ticket, "16:00");
  Resolve(ticket, "16:01");
  EXPECT_EQ(Last<ev::ClockStopped>().clock().effective_verdict(), v1::VERDICT_MISSED) << "91";
  EXPECT_EQ(Last<ev::ClockStopped>().clock().waiver().excused().seconds(), 90 * 60);
}

TEST_F(WaiverTest, IsNotOfTheNextCycle) {
  Put(Office());
  v1::PolicySet policy = Standard();
  policy.mutable_targets(1)->set_on_reopen(v1::REOPEN_MODE_NEW_CYCLE);
  Put(policy);
  ASSERT_TRUE(Activate("standard").ok());
  tv::Ticket ticket = Ticket(Day("09:00"));
  Create(ticket);
  Resolve(ticket, "14:00");
  ASSERT_TRUE(Waive().ok());
  Reopen(ticket, "15:00");
  EXPECT_EQ(Last<ev::ClockAttached>().clock().clock_id(), "inc-1/resolution/2");
  EXPECT_FALSE(Last<ev::ClockAttached>().clock().has_waiver());
}

TEST_F(WaiverTest, SurvivesWhatIsHeardLate) {
  tv::Ticket ticket = Resolved("14:00");
  ASSERT_TRUE(Waive().ok());
  Hold(ticket, "10:00");
  Resume(ticket, "10:30");
  const v1::Clock less = Last<ev::ClockStopped>().clock();
  EXPECT_EQ(less.verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(less.remaining().seconds(), -30 * 60);
  EXPECT_EQ(less.effective_verdict(), v1::VERDICT_MET);
  EXPECT_EQ(less.waiver().excused().seconds(), 60 * 60) << "what it was";
  Hold(ticket, "11:00");
  Resume(ticket, "11:45");
  const v1::Clock met = Last<ev::ClockStopped>().clock();
  EXPECT_EQ(met.verdict(), v1::VERDICT_MET);
  EXPECT_EQ(met.effective_verdict(), v1::VERDICT_MET);
  EXPECT_TRUE(met.has_waiver()) << "of no effect, but not taken back";
  EXPECT_TRUE(Withdraw().ok());
}

TEST_F(WaiverTest, LateNewsOfALargerMissIsNotExcused) {
  SetUpStandard();
  tv::Ticket ticket = Ticket(Day("09:00"));
  Create(ticket);
  Hold(ticket, "10:00");
  Resume(ticket, "11:00");
  Resolve(ticket, "14:30");
  ASSERT_EQ(Waive()->waiver().excused().seconds(), 30 * 60);
  Resume(ticket, "10:45");  // it went on a quarter of an hour earlier
  const v1::Clock clock = Last<ev::ClockStopped>().clock();
  EXPECT_EQ(clock.remaining().seconds(), -45 * 60);
  EXPECT_EQ(clock.waiver().excused().seconds(), 30 * 60);
  EXPECT_EQ(clock.effective_verdict(), v1::VERDICT_MISSED);
}

TEST_F(WaiverTest, GoesWithAClockThatNeverWas) {
  Put(Office());
  v1::PolicySet policy;
  policy.set_policy_set_id("standard");
  Add(policy, "next", v1::METRIC_NEXT_RESPONSE, 60);
  Put(policy);
  ASSERT_TRUE(Activate("standard").ok());
  tv::Ticket ticket = Ticket(Day("09:00"));
  Create(ticket);
  Say(ticket, ev::ACTOR_KIND_REQUESTER, "10:00");
  Say(ticket, ev::ACTOR_KIND_AGENT, "10:05");
  Say(ticket, ev::ACTOR_KIND_REQUESTER, "10:10");
  Say(ticket, ev::ACTOR_KIND_AGENT, "12:00");
  ASSERT_TRUE(Waive({}, "inc-1/next-response/2").ok());
  Resolve(ticket, "10:08");  // before it was asked again
  EXPECT_EQ(Last<ev::ClockCancelled>().clock().clock_id(), "inc-1/next-response/2");
  EXPECT_FALSE(Last<ev::ClockCancelled>().clock().has_waiver());
  EXPECT_EQ(Withdraw("inc-1/next-response/2").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(WaiverTest, HistoricTicketsAreExcusedTheSameWay) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2016-02-29T09:00:00Z");
  ticket.mutable_import()->set_source("audit");
  ticket.mutable_import()->set_historic(true);
  Create(ticket);
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2016-02-29T16:00:00Z");
  Heard();
  ASSERT_TRUE(Waive().ok());
  EXPECT_TRUE(Last<ev::ClockWaived>().historic());
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T08:00:00Z ClockWaived")) << "dated when it was said";
  ev::TicketImportFinished finished;
  *finished.mutable_as_of() = ToProto(T("2016-03-01T00:00:00Z"));
  Hear(finished, ticket, "2016-03-01T00:00:00Z");
  const v1::Clock settled = Last<ev::TicketSettled>().clocks(1);
  EXPECT_EQ(settled.waiver().excused().seconds(), 3 * 3600);
  EXPECT_EQ(settled.verdict(), v1::VERDICT_MISSED);
  EXPECT_EQ(settled.effective_verdict(), v1::VERDICT_MET);
  EXPECT_TRUE(Withdraw().ok());
  EXPECT_TRUE(Last<ev::WaiverWithdrawn>().historic());
}

}  // namespace
}  // namespace watchbell::sla
