// The life of a delivery: claim, outcome, retry, loss, recovery, withdrawal.
#include "tests/unit/notifications/decider_fixture.h"

namespace watchbell::notifications {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kSend[] = "send/inc-7/run/1/1/1/ana/email1";
constexpr char kClaim[] = "claim/inc-7/run/1/1/1/ana/email1";

class DeliveryTest : public DeciderTest {
 protected:
  void SetUp() override {
    Put(1);
    Page();
  }
  state::v1::RecoverDeliveries RecoverMail(int attempt) {
    state::v1::RecoverDeliveries recover;
    recover.set_tenant("default");
    recover.set_ticket_id("inc-7");
    recover.add_claims()->set_delivery_id(kMail);
    recover.mutable_claims(0)->set_attempt(attempt);
    return recover;
  }
  void FailUntilAttempt(int last) {
    for (int attempt = 1; attempt < last; ++attempt) {
      Fire();
      Answer(Outcome(attempt));
      Advance(RetryDelay(kMail, attempt));
    }
    Fire();
    ASSERT_EQ(Mail().attempts(), last);
    ASSERT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
  }
};

TEST_F(DeliveryTest, TheClaimIsStoredWithItsEffect) {
  Fire();
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
  EXPECT_EQ(Mail().attempts(), 1);
  EXPECT_FALSE(Mail().has_next_attempt_at());
  ASSERT_EQ(harness.effects.size(), 1u);
  EXPECT_EQ(harness.effects[0].entity, TicketKey("default", "inc-7"));
  EXPECT_EQ(harness.effects[0].payload->SerializeAsString(), Mail().SerializeAsString());
  EXPECT_EQ(harness.effects[0].traceparent, Mail().traceparent());
  ASSERT_EQ(Timers().size(), 1u);
  EXPECT_EQ(Timers()[0].first, kClaim);
  EXPECT_NEAR(absl::ToDoubleSeconds(Timers()[0].second), 60, 0.001);
}

TEST_F(DeliveryTest, TakenIsSent) {
  Fire();
  Taken(1);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(Mail().last_result(), "250 2.0.0 queued");
  EXPECT_EQ(FromProto(Mail().sent_at()), harness.now);
  EXPECT_FALSE(Mail().possible_repeat());
  EXPECT_THAT(Timers(), IsEmpty());
  Taken(1);  // told twice
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliverySent"));
}

TEST_F(DeliveryTest, AFailedAttemptIsTriedAgainLater) {
  Fire();
  Answer(Outcome(1));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_EQ(Mail().last_result(), "451 4.3.0 try later");
  EXPECT_FALSE(Mail().possible_repeat());
  EXPECT_EQ(FromProto(Mail().next_attempt_at()), harness.now + RetryDelay(kMail, 1));
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, RetryDelay(kMail, 1))));
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryRetried"));
  Advance(RetryDelay(kMail, 1));
  EXPECT_EQ(harness.effects.size(), 1u);
  Fire();
  EXPECT_EQ(harness.effects.size(), 2u);
  EXPECT_EQ(Mail().attempts(), 2);
}

TEST_F(DeliveryTest, GivenUpAfterTheEighthAttempt) {
  const absl::Time begin = harness.now;
  FailUntilAttempt(kMaxAttempts);
  EXPECT_GT(harness.now - begin, absl::Minutes(20));
  Answer(Outcome(kMaxAttempts));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_FAILED);
  EXPECT_EQ(Events().back(), "DeliveryFailed");
  EXPECT_THAT(Timers(), IsEmpty());
  EXPECT_EQ(harness.effects.size(), 8u);
}

TEST_F(DeliveryTest, RefusedForGoodFailsAtOnce) {
  Fire();
  state::v1::DeliveryOutcome refused = Outcome(1);
  refused.set_permanent(true);
  refused.set_result("550 5.1.1 no such user");
  Answer(refused);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_FAILED);
  EXPECT_EQ(Mail().last_result(), "550 5.1.1 no such user");
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryFailed"));
  EXPECT_THAT(Timers(), IsEmpty());
}

TEST_F(DeliveryTest, AnAttemptWithoutAnswerMayBeARepeat) {
  Fire();
  state::v1::DeliveryOutcome unsure = Outcome(1);
  unsure.set_maybe_taken(true);
  Answer(unsure);
  EXPECT_TRUE(Mail().possible_repeat());
  Advance(RetryDelay(kMail, 1));
  Fire();
  EXPECT_TRUE(static_cast<const v1::Delivery&>(*harness.effects[1].payload).possible_repeat());
}

TEST_F(DeliveryTest, WhatWasNotBegunCostsNoAttempt) {
  Fire();
  state::v1::DeliveryOutcome busy = Outcome(1);
  busy.set_not_begun(true);
  Answer(busy);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_EQ(Mail().not_begun(), 1);
  EXPECT_FALSE(Mail().possible_repeat());
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, RetryDelay(kMail, 1))));
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued"));
  // Told twice (a commit of unknown outcome), it takes nothing from the next claim.
  Advance(RetryDelay(kMail, 1));
  Fire();
  ASSERT_EQ(Mail().attempts(), 2) << "numbers are never given twice";
  Answer(busy);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
  // And the pause of the first attempt that fails is the first one's.
  Answer(Outcome(2));
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, RetryDelay(kMail, 1))));
}

TEST_F(DeliveryTest, WhatWasNotBegunCountsTowardsNoLimit) {
  FailUntilAttempt(kMaxAttempts);
  for (int i = 0; i < 3; ++i) {
    state::v1::DeliveryOutcome busy = Outcome(kMaxAttempts + i);
    busy.set_not_begun(true);
    Answer(busy);
    ASSERT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
    Advance(RetryDelay(kMail, 1));
    Fire();
  }
  Answer(Outcome(kMaxAttempts + 3));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_FAILED);
}

TEST_F(DeliveryTest, WhatAStopBrokeOffIsTriedAgainHoweverOftenItWas) {
  FailUntilAttempt(kMaxAttempts);
  state::v1::DeliveryOutcome broken = Outcome(kMaxAttempts);
  broken.set_broken_off(true);
  Answer(broken);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_FALSE(Mail().possible_repeat()) << "not all of it was out";
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, RetryDelay(kMail, 1))));
  Advance(RetryDelay(kMail, 1));
  Fire();
  broken = Outcome(kMaxAttempts + 1);
  broken.set_broken_off(true);
  broken.set_maybe_taken(true);
  Answer(broken);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_TRUE(Mail().possible_repeat());
}

TEST_F(DeliveryTest, AClaimNamesItsReplicaWhileItLasts) {
  harness.replica = "replica-a";
  Fire();
  EXPECT_EQ(Mail().claimed_by(), "replica-a");
  Answer(Outcome(1));
  EXPECT_EQ(Mail().claimed_by(), "");
  harness.replica = "replica-b";
  Advance(RetryDelay(kMail, 1));
  Fire();
  EXPECT_EQ(Mail().claimed_by(), "replica-b");
  Taken(2);
  EXPECT_EQ(Mail().claimed_by(), "");
}

// Replica A claimed and stood still; B took over, A goes on and reports.
TEST_F(DeliveryTest, AnOldHoldersOutcomeCountsOnlyIfItSaysTaken) {
  state::v1::DeliveryOutcome refused = Outcome(1);
  refused.set_permanent(true);
  state::v1::DeliveryOutcome unsure = Outcome(1);
  unsure.set_maybe_taken(true);
  state::v1::DeliveryOutcome unbegun = Outcome(1);
  unbegun.set_not_begun(true);
  state::v1::DeliveryOutcome broken = Outcome(1);
  broken.set_broken_off(true);
  const auto all = {Outcome(1), refused, unsure, unbegun, broken};
  harness.replica = "replica-a";
  Fire();
  harness.replica = "replica-b";
  ASSERT_TRUE(harness.Outcome(RecoverMail(1)).ok());
  const std::string waiting = State().SerializeAsString();
  for (const state::v1::DeliveryOutcome& late : all) Answer(late);
  EXPECT_EQ(State().SerializeAsString(), waiting) << "B has not begun yet";
  Fire();
  ASSERT_EQ(Mail().attempts(), 2);
  const std::string sending = State().SerializeAsString();
  for (const state::v1::DeliveryOutcome& late : all) Answer(late);
  EXPECT_EQ(State().SerializeAsString(), sending) << "B's attempt is under way";
  EXPECT_EQ(Mail().claimed_by(), "replica-b");
  // A recovery that lags behind touches nothing either.
  ASSERT_TRUE(harness.Outcome(RecoverMail(1)).ok());
  EXPECT_EQ(State().SerializeAsString(), sending);
  Taken(1);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
  const std::string sent = State().SerializeAsString();
  Answer(Outcome(2));
  Taken(2);
  EXPECT_EQ(State().SerializeAsString(), sent);
}

TEST_F(DeliveryTest, ALostOutcomeIsSentAgainAsAPossibleRepeat) {
  Fire();
  Advance(absl::Seconds(59));
  EXPECT_EQ(harness.effects.size(), 1u);
  Advance(absl::Seconds(2));
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryRetried"));
  EXPECT_TRUE(harness.events[1].As<events::v1::DeliveryRetried>()->delivery().possible_repeat());
  ASSERT_EQ(harness.effects.size(), 2u);
  EXPECT_TRUE(static_cast<const v1::Delivery&>(*harness.effects[1].payload).possible_repeat());
  EXPECT_EQ(Mail().attempts(), 2);
  // What the first attempt's failure says no longer matters.
  Answer(Outcome(1));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
  // That it was taken does.
  Taken(1);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
  EXPECT_TRUE(Mail().possible_repeat());
  EXPECT_THAT(Timers(), IsEmpty());
  Answer(Outcome(2));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
}

TEST_F(DeliveryTest, TheLastAttemptsLostOutcomeGivesUp) {
  FailUntilAttempt(kMaxAttempts);
  Advance(absl::Seconds(61));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_FAILED);
  EXPECT_THAT(Timers(), IsEmpty());
  // A late success corrects it.
  Taken(kMaxAttempts);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
}

TEST_F(DeliveryTest, ALateSuccessStopsTheNextAttempt) {
  Fire();
  Answer(Outcome(1));
  Taken(1);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
  EXPECT_THAT(Timers(), IsEmpty());
}

TEST_F(DeliveryTest, RecoveryTakesBackWhatADeadProcessClaimed) {
  Fire();
  ASSERT_TRUE(harness.Outcome(RecoverMail(1)).ok());
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_TRUE(Mail().possible_repeat());
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, absl::ZeroDuration())));
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryRetried"));
  Fire();
  EXPECT_EQ(harness.effects.size(), 2u);
  // Told again, it touches nothing that this process claimed.
  ASSERT_TRUE(harness.Outcome(RecoverMail(1)).ok());
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
}

TEST_F(DeliveryTest, RecoveryIsNotBoundByTheLimitOfAttempts) {
  FailUntilAttempt(kMaxAttempts);
  ASSERT_TRUE(harness.Outcome(RecoverMail(kMaxAttempts)).ok());
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
}

TEST_F(DeliveryTest, AWithdrawnRunCancelsWhatIsPending) {
  for (const auto end : {escalation::v1::RUN_END_ACKNOWLEDGED, escalation::v1::RUN_END_RESOLVED,
                         escalation::v1::RUN_END_WITHDRAWN, escalation::v1::RUN_END_REASSIGNED}) {
    const std::string run = absl::StrCat("inc-7/run/", 10 + end);
    harness.events.clear();
    Page("ana", run);
    End(end, run);
    End(end, run);
    EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryCancelled"));
    EXPECT_EQ(State().deliveries().rbegin()->state(), v1::DELIVERY_STATE_CANCELLED);
    EXPECT_FALSE(State().deliveries().rbegin()->has_next_attempt_at());
  }
  // The first run goes on.
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, absl::ZeroDuration())));
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
}

TEST_F(DeliveryTest, AnExhaustedRunsPagesStay) {
  End(escalation::v1::RUN_END_EXHAUSTED);
  EXPECT_THAT(Timers(), ElementsAre(Pair(kSend, absl::ZeroDuration())));
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
}

TEST_F(DeliveryTest, WhatIsInFlightAtTheWithdrawalIsNotTriedAgain) {
  Fire();
  End(escalation::v1::RUN_END_ACKNOWLEDGED);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENDING);
  Answer(Outcome(1));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_CANCELLED);
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryCancelled"));
  EXPECT_THAT(Timers(), IsEmpty());
  // Unless it arrived after all.
  Taken(1);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_SENT);
}

TEST_F(DeliveryTest, ALostOutcomeAfterTheWithdrawalIsNotSentAgain) {
  Fire();
  End(escalation::v1::RUN_END_RESOLVED);
  Advance(absl::Seconds(61));
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_CANCELLED);
  EXPECT_FALSE(Mail().possible_repeat());
  EXPECT_EQ(harness.effects.size(), 1u);
}

TEST_F(DeliveryTest, RecoveryAfterTheWithdrawalSendsNothing) {
  Fire();
  End(escalation::v1::RUN_END_RESOLVED);
  ASSERT_TRUE(harness.Outcome(RecoverMail(1)).ok());
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_CANCELLED);
  EXPECT_THAT(Timers(), IsEmpty());
}

// A timer that fires although it was moved or disarmed meanwhile (the engine may fire one twice).
TEST_F(DeliveryTest, StaleTimersDoNothing) {
  const engine::TimerKey send{TicketKey("default", "inc-7"), kSend};
  const engine::TimerKey claim{TicketKey("default", "inc-7"), kClaim};
  const absl::Time first = harness.now;
  Fire();
  harness.timers[send] = first;  // again, while it is in flight
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
  Answer(Outcome(1));
  harness.timers[send] = first;  // again, before the next attempt is due
  harness.timers[claim] = first;
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
  EXPECT_EQ(Mail().state(), v1::DELIVERY_STATE_PENDING);
  End(escalation::v1::RUN_END_ACKNOWLEDGED);
  harness.timers[send] = first;
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
  harness.timers[{TicketKey("default", "inc-8"), "send/unknown"}] = first;
  Fire();
  EXPECT_EQ(harness.effects.size(), 1u);
}

TEST_F(DeliveryTest, OutcomesOfUnknownDeliveriesAreIgnored) {
  Answer(Outcome(1, "inc-7/run/9/1/1/ana/email1"));
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued"));
}

}  // namespace
}  // namespace watchbell::notifications
