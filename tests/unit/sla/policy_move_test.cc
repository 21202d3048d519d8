// Running clocks are moved to another version on purpose, and only then.
#include "services/sla/policy_move.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/metric_rules.h"
#include "tests/unit/sla/decider_desk.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace tv = tickets::v1;
namespace ev = events::v1;
using namespace test;

class PolicyMove : public DeciderDesk {
 protected:
  // Open since Monday 09:00, to be resolved by 13:00; it is 11:00.
  void SetUp() override {
    SetUpStandard();
    ticket = Ticket("2026-01-05T09:00:00Z");
    Create(ticket);
    Move<ev::TicketWorkStarted>(ticket, tv::STATE_IN_PROGRESS, "2026-01-05T09:10:00Z");
    ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T11:00:00Z")).ok());
    Heard();
  }

  state::v1::MoveTicketsResult MoveAll(int64_t version = 2) {
    state::v1::MoveTickets move;
    move.set_policy_set_id("standard");
    move.set_version(version);
    move.set_reason("new contract");
    move.add_ticket_ids("inc-1");
    const auto reply = desk.Command<state::v1::MoveTicketsResult>(move);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(state::v1::MoveTicketsResult());
  }
  // The second version of the standard set.
  static v1::PolicySet WithResolution(int minutes) {
    v1::PolicySet policy = Standard();
    policy.mutable_targets(1)->mutable_duration()->set_seconds(minutes * 60);
    return policy;
  }
  const state::v1::TicketClocks& Stored() {
    return *desk.State<state::v1::TicketClocks>(TicketKey("default", "inc-1"));
  }

  tv::Ticket ticket;
};

TEST_F(PolicyMove, CarriesTheTimeOverAndTellsBothDeadlines) {
  Put(WithResolution(180));
  const auto result = MoveAll();
  EXPECT_EQ(result.moved_tickets(), 1);
  ASSERT_EQ(result.moves_size(), 1) << "the response is stopped and stays";
  EXPECT_EQ(FromProto(result.moves(0).before().due_at()), T("2026-01-05T13:00:00Z"));
  EXPECT_EQ(FromProto(result.moves(0).after().due_at()), T("2026-01-05T12:00:00Z"));

  const auto told = Last<ev::ClockRetargeted>();
  EXPECT_EQ(told.cause(), "policy version");
  EXPECT_EQ(FromProto(told.previous_due_at()), T("2026-01-05T13:00:00Z"));
  EXPECT_EQ(FromProto(told.clock().due_at()), T("2026-01-05T12:00:00Z"));
  EXPECT_EQ(told.clock().leg(), 2);
  EXPECT_EQ(told.clock().policy_version(), 2);
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T13:00:00Z")).ok());
  EXPECT_EQ(FromProto(Last<ev::ClockBreached>().due_at()), T("2026-01-05T12:00:00Z"));
}

TEST_F(PolicyMove, SaysWhoAndWhyAndOnlyOnce) {
  Put(WithResolution(180));
  MoveAll();
  Heard();
  ASSERT_EQ(Stored().eras_size(), 2);
  EXPECT_EQ(Stored().eras(1).by(), "ana");
  EXPECT_EQ(Stored().eras(1).reason(), "new contract");
  EXPECT_EQ(MoveAll().moved_tickets(), 0);
  EXPECT_THAT(Heard(), IsEmpty());
  EXPECT_EQ(Stored().eras_size(), 2);
}

TEST_F(PolicyMove, AnUnchangedPromiseGoesOnInSilence) {
  v1::PolicySet policy = Standard();
  policy.mutable_targets(0)->mutable_duration()->set_seconds(60);
  Put(policy);
  const auto result = MoveAll();
  EXPECT_EQ(result.moved_tickets(), 1);
  EXPECT_THAT(result.moves(), IsEmpty());
  EXPECT_THAT(Heard(), IsEmpty());
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T14:00:00Z")).ok());
  const auto breached = Last<ev::ClockBreached>();
  EXPECT_EQ(breached.leg(), 1);
  EXPECT_EQ(FromProto(breached.due_at()), T("2026-01-05T13:00:00Z"));
  EXPECT_EQ(breached.clock().policy_version(), 2);
}

TEST_F(PolicyMove, ATargetThatIsCrossedAlreadyBreachesOnAttach) {
  Put(WithResolution(60));
  MoveAll();
  const auto breached = Last<ev::ClockBreached>();
  EXPECT_TRUE(breached.on_attach());
  EXPECT_EQ(FromProto(breached.due_at()), T("2026-01-05T10:00:00Z"));
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T11:00:00Z ClockRetargeted",
                                   "2026-01-05T11:00:00Z ClockBreached"));
}

TEST_F(PolicyMove, WaitsForWhatIsDueBefore) {
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T12:59:00Z")).ok());
  desk.now = T("2026-01-05T13:30:00Z");  // the timer has not come yet
  Put(WithResolution(600));
  const auto waits = MoveAll();
  EXPECT_EQ(waits.moved_tickets(), 0);
  EXPECT_THAT(waits.waiting(), ElementsAre("inc-1"));
  EXPECT_THAT(Heard(), IsEmpty());
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T13:30:00Z")).ok());
  EXPECT_THAT(MoveAll().waiting(), IsEmpty());
  EXPECT_EQ(Last<ev::ClockRetargeted>().clock().earlier_breaches(), 1);
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T13:00:00Z ClockBreached",
                                   "2026-01-05T13:30:00Z ClockRetargeted"));
}

TEST_F(PolicyMove, APausedClockKeepsItsPause) {
  ticket.set_hold_reason(tv::HOLD_REASON_USER);
  Move<ev::TicketHeld>(ticket, tv::STATE_ON_HOLD, "2026-01-05T11:00:00Z");
  Put(WithResolution(180));
  MoveAll();
  EXPECT_EQ(Last<ev::ClockRetargeted>().clock().state(), v1::CLOCK_STATE_PAUSED);
  ticket.clear_hold_reason();
  Move<ev::TicketResumed>(ticket, tv::STATE_IN_PROGRESS, "2026-01-05T12:00:00Z");
  EXPECT_EQ(FromProto(Last<ev::ClockResumed>().clock().due_at()), T("2026-01-05T13:00:00Z"));
}

TEST_F(PolicyMove, NewPromisesBeginWithTheTicketAndGoneOnesEnd) {
  v1::PolicySet policy = Standard();
  policy.mutable_targets()->RemoveLast();
  v1::Target* update = Add(policy, "update", v1::METRIC_PERIODIC_UPDATE, 180);
  update->set_clock("news");
  Put(policy);
  MoveAll();
  EXPECT_EQ(Last<ev::ClockCancelled>().clock().clock(), "resolution");
  const auto attached = Last<ev::ClockAttached>();
  EXPECT_EQ(attached.clock().clock(), "news");
  EXPECT_EQ(FromProto(attached.clock().started_at()), T("2026-01-05T09:00:00Z"));
  EXPECT_EQ(FromProto(attached.clock().due_at()), T("2026-01-05T12:00:00Z"));
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2026-01-05T11:30:00Z");
  EXPECT_EQ(Stored().clocks_size(), 3);
}

TEST_F(PolicyMove, AClockIsWhatItsNameSaysWhateverItMeasures) {
  v1::PolicySet policy = WithResolution(180);
  v1::Target& target = *policy.mutable_targets(1);
  *target.mutable_stop() = ConditionsOf(target).stop;
  *target.mutable_start()->mutable_none()->add_of() = target.stop();
  target.set_metric(v1::METRIC_NAMED);
  target.set_clock("resolution");
  Put(policy);
  const auto result = MoveAll();
  ASSERT_EQ(result.moves_size(), 1);
  EXPECT_EQ(result.moves(0).before().metric(), v1::METRIC_RESOLUTION);
  EXPECT_EQ(result.moves(0).after().metric(), v1::METRIC_NAMED);
  EXPECT_EQ(Last<ev::ClockRetargeted>().clock().metric(), v1::METRIC_NAMED);
  EXPECT_EQ(Stored().clocks_size(), 2);
}

TEST_F(PolicyMove, FinishedAndHistoricTicketsAreLeftAlone) {
  Put(WithResolution(180));
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2026-01-05T11:00:00Z");
  Heard();
  EXPECT_EQ(MoveAll().moved_tickets(), 0);
  EXPECT_THAT(Heard(), IsEmpty());
  // Reopened, it goes on under what it was judged by.
  Move<ev::TicketReopened>(ticket, tv::STATE_IN_PROGRESS, "2026-01-05T12:00:00Z");
  EXPECT_EQ(FromProto(Last<ev::ClockRetargeted>().clock().due_at()), T("2026-01-05T14:00:00Z"));

  state::v1::TicketClocks historic = Stored();
  historic.set_historic(true);
  EXPECT_FALSE(MayMove(historic));
}

TEST_F(PolicyMove, ANewVersionOfACalendarIsAMove) {
  v1::Calendar longer = Office();
  for (v1::WeekdayHours& hours : *longer.mutable_weekly()) {
    hours.mutable_intervals(0)->set_from("12:00");
    hours.mutable_intervals(0)->set_to("20:00");
  }
  Put(longer);
  Heard();
  MoveAll(1);
  const auto told = Last<ev::ClockRetargeted>();
  EXPECT_EQ(told.clock().calendar_version(), 2);
  EXPECT_EQ(FromProto(told.clock().due_at()), T("2026-01-05T14:00:00Z"))
      << "two hours by the old calendar, two by the new";
}

TEST_F(PolicyMove, ATicketThatCannotBeMovedIsNamed) {
  v1::PolicySet policy = Standard();
  policy.set_policy_set_id("elsewhere");
  policy.mutable_targets(0)->set_calendar_id("gone");
  policy.mutable_targets(1)->set_calendar_id("gone");
  policy.set_version(2);
  desk.Store(PolicyVersionKey("default", "standard", 2), ToStored(policy));
  const auto result = MoveAll();
  EXPECT_EQ(result.moved_tickets(), 0);
  EXPECT_THAT(result.failed(), ElementsAre("inc-1: there is no calendar gone"));
}

TEST_F(PolicyMove, WhatRepeatsBeginsByWhatHasHappened) {
  v1::PolicySet policy = Standard();
  v1::Target* network = Add(policy, "network", v1::METRIC_OPERATIONAL_LEVEL, 60);
  network->add_groups("network");
  network->set_clock("ola");
  Put(policy);
  MoveAll(2);
  for (const char* group : {"network", "db"}) {
    ticket.set_group(group);
    Hear(ev::TicketAssigned(), ticket, "2026-01-05T11:00:00Z");
  }
  EXPECT_EQ(Last<ev::ClockStopped>().clock().clock(), "ola");
  policy.mutable_targets(2)->add_groups("db");
  Put(policy);
  Heard();
  desk.now = T("2026-01-05T11:30:00Z");
  MoveAll(3);
  const auto attached = Last<ev::ClockAttached>();
  EXPECT_EQ(attached.clock().clock(), "ola");
  EXPECT_EQ(attached.clock().cycle(), 2);
  EXPECT_EQ(FromProto(attached.clock().due_at()), T("2026-01-05T12:00:00Z"));
}

TEST_F(PolicyMove, ATicketThatNothingJudgedGetsItsClocks) {
  desk.identity.tenant = "acme";
  Put(Office());
  Put(Standard());
  Heard();
  ticket = Ticket("2026-01-05T11:00:00Z");
  Create(ticket);
  EXPECT_THAT(Heard(), IsEmpty());
  desk.now = T("2026-01-05T11:20:00Z");
  EXPECT_EQ(MoveAll(1).moved_tickets(), 1);
  EXPECT_THAT(Heard(),
              ElementsAre("2026-01-05T11:00:00Z ClockAttached", "2026-01-05T11:15:00Z ClockWarned",
                          "2026-01-05T11:00:00Z ClockAttached"));
}

TEST_F(PolicyMove, WhatIsHeardLateCountsUnderTheVersionOfThen) {
  Put(WithResolution(180));
  MoveAll();
  ticket.set_hold_reason(tv::HOLD_REASON_USER);
  Move<ev::TicketHeld>(ticket, tv::STATE_ON_HOLD, "2026-01-05T10:00:00Z");
  ticket.clear_hold_reason();
  Move<ev::TicketResumed>(ticket, tv::STATE_IN_PROGRESS, "2026-01-05T10:30:00Z");
  const state::v1::ClockRecord& clock = Stored().clocks(1);
  EXPECT_EQ(clock.leg(), 2);
  EXPECT_EQ(absl::FromUnixMicros(clock.due()), T("2026-01-05T12:30:00Z"));
  EXPECT_EQ(Stored().era(), 1);
}

// Whatever order the inputs of a life come in, and wherever the move lies among them, the same
// stands in the end.
TEST(PolicyMoveProperty, AnyOrderOfArrivalEndsInTheSame) {
  const auto solve = [](int minutes) {
    return Business(
        PausedBy(MakeTarget("solve", v1::METRIC_RESOLUTION, minutes), tv::HOLD_REASON_USER));
  };
  const v1::Target update = MakeTarget("update", v1::METRIC_PERIODIC_UPDATE, 120);
  const Bench first({solve(240), MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 60), update});
  const Bench second({solve(200), MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 45), update,
                      MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 60)});
  Judge judge;
  judge.Add(first.judge().era(0));
  judge.Add(second.judge().era(0));
  std::mt19937 random(7);
  for (int life = 0; life < 300; ++life) {
    std::vector<TicketInput> inputs = {Opened(tv::PRIORITY_HIGH)};
    for (int i = 0; i < 6; ++i) {
      const TicketInput choices[] = {Hold(),
                                     Work(),
                                     Resolve(),
                                     Reopen(),
                                     Respond(),
                                     Say(ev::ACTOR_KIND_AGENT),
                                     Say(ev::ACTOR_KIND_REQUESTER)};
      inputs.push_back(choices[random() % 7]);
    }
    TicketInput move;
    move.set_era(1);
    inputs.insert(inputs.begin() + 1 + static_cast<int>(random() % 6), move);
    int64_t at = At("Mon 09:00");
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i].set_at(at);
      inputs[i].set_sequence(static_cast<int64_t>(i));
      at += static_cast<int64_t>(random() % 90) * 60'000'000;
    }
    const auto end = [&](const std::vector<TicketInput>& arrivals) {
      state::v1::TicketClocks ticket;
      ticket.set_opened_at(inputs[0].at());
      Happenings unheard;
      for (const TicketInput& input : arrivals) ApplyInput(judge, ticket, input, unheard);
      Settle(ticket, At("+Fri 09:00"), unheard);
      std::string standing;
      for (const state::v1::ClockRecord& clock : ticket.clocks()) {
        absl::StrAppend(&standing, clock.name(), "#", clock.cycle(), " leg ", clock.leg(), " of ",
                        clock.target(), " state ", clock.state(), " due ", clock.due(), " counted ",
                        clock.counted(), " verdict ", clock.verdict());
        for (const auto& breach : clock.breaches()) {
          absl::StrAppend(&standing, " breach ", breach.leg(), "@", breach.due());
        }
        absl::StrAppend(&standing, "\n");
      }
      return standing;
    };
    std::vector<TicketInput> shuffled = inputs;
    std::shuffle(shuffled.begin() + 1, shuffled.end(), random);
    EXPECT_EQ(end(inputs), end(shuffled)) << "life " << life;
  }
}

}  // namespace
}  // namespace watchbell::sla
