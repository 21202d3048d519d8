// The decider with its entities, timers and events: what the machine's rules become on the topic.
#include "services/sla/sla_decider.h"

#include "common/base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/decider_desk.h"

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

class SlaDeciderTest : public DeciderDesk {};

TEST_F(SlaDeciderTest, FridayEveningBreachesOnMondayMorning) {
  SetUpStandard();
  Create(Ticket("2026-01-09T16:50:00Z"));
  const ev::ClockAttached attached = Last<ev::ClockAttached>();
  EXPECT_EQ(attached.clock().clock_id(), "inc-1/resolution/1");
  EXPECT_EQ(attached.clock().policy_set_id(), "standard");
  EXPECT_EQ(attached.clock().policy_version(), 1);
  EXPECT_EQ(attached.clock().calendar_version(), 1);
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-12T09:20:00Z")).ok());
  EXPECT_THAT(Heard(), ElementsAre("2026-01-09T16:50:00Z ClockAttached",
                                   "2026-01-09T16:50:00Z ClockAttached",
                                   "2026-01-12T09:05:00Z ClockWarned"));
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-12T09:20:00.000001Z")).ok());
  EXPECT_EQ(Last<ev::ClockBreached>().due_at().seconds(),
            absl::ToUnixSeconds(T("2026-01-12T09:20:00Z")));
  EXPECT_EQ(Last<ev::ClockBreached>().ticket().title(), "mail is down");
  EXPECT_FALSE(Last<ev::ClockBreached>().on_attach());
  EXPECT_THAT(Heard(), ElementsAre("2026-01-12T09:20:00Z ClockBreached"));
  EXPECT_EQ(desk.timers.size(), 1u);  // the resolution clock's
}

TEST_F(SlaDeciderTest, AcknowledgementExactlyAtDueHeardAfterTheFiring) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T09:40:00Z")).ok());
  Heard();
  Hear(ev::TicketAcknowledged(), ticket, "2026-01-05T09:30:00Z");
  EXPECT_EQ(Last<ev::ClockStopped>().clock().verdict(), v1::VERDICT_MET);
  EXPECT_FALSE(Last<ev::ClockStopped>().restated());
  EXPECT_FALSE(Last<ev::BreachWithdrawn>().clock().breached());
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T09:30:00Z BreachWithdrawn",
                                   "2026-01-05T09:30:00Z ClockStopped"));
}

TEST_F(SlaDeciderTest, WhatWasDueBeforeAnInputIsToldFirstAndWithTheFactsOfThen) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  Heard();
  ticket.set_group("network");
  Hear(ev::TicketAssigned(), ticket, "2026-01-05T09:31:00Z");
  EXPECT_EQ(Last<ev::ClockBreached>().ticket().group(), "");
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T09:15:00Z ClockWarned",
                                   "2026-01-05T09:30:00Z ClockBreached"));
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2026-01-05T14:00:00Z");
  EXPECT_EQ(Last<ev::ClockBreached>().ticket().group(), "network");
  EXPECT_THAT(Heard(),
              ElementsAre("2026-01-05T13:00:00Z ClockBreached", "2026-01-05T14:00:00Z ClockStopped",
                          "2026-01-05T14:00:00Z ClockStopped"));
  EXPECT_THAT(desk.timers, IsEmpty());
}

TEST_F(SlaDeciderTest, AutomaticActsAreNoResponse) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  ev::TicketCommented note;
  note.set_author_kind(ev::ACTOR_KIND_AGENT);
  Hear(note, ticket, "2026-01-05T09:01:00Z");  // internal
  note.set_public_(true);
  note.set_author_kind(ev::ACTOR_KIND_AUTOMATION);
  Hear(note, ticket, "2026-01-05T09:02:00Z");
  note.set_author_kind(ev::ACTOR_KIND_REQUESTER);
  Hear(note, ticket, "2026-01-05T09:03:00Z");
  ev::TicketWorkStarted started;
  started.set_actor_kind(ev::ACTOR_KIND_AUTOMATION);
  ticket.set_state(tv::STATE_IN_PROGRESS);
  Hear(started, ticket, "2026-01-05T09:04:00Z");
  Heard();
  note.set_author_kind(ev::ACTOR_KIND_AGENT);
  Hear(note, ticket, "2026-01-05T09:05:00Z");
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T09:05:00Z ClockStopped"));
}

TEST_F(SlaDeciderTest, HoldByAPersonIsAResponseAndPausesTheResolution) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  Heard();
  ticket.set_hold_reason(tv::HOLD_REASON_USER);
  Move<ev::TicketHeld>(ticket, tv::STATE_ON_HOLD, "2026-01-05T09:10:00Z");
  const v1::Clock paused = Last<ev::ClockPaused>().clock();
  EXPECT_FALSE(paused.has_due_at());
  EXPECT_EQ(paused.remaining().seconds(), 230 * 60);
  EXPECT_THAT(Heard(),
              ElementsAre("2026-01-05T09:10:00Z ClockStopped", "2026-01-05T09:10:00Z ClockPaused"));
  EXPECT_THAT(desk.timers, IsEmpty());
}

TEST_F(SlaDeciderTest, RunningClocksKeepTheirVersions) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  v1::Calendar longer = Office();
  longer.mutable_weekly(0)->mutable_intervals(0)->set_to("24:00");
  EXPECT_EQ(Put(longer).version(), 2);
  v1::PolicySet other = Standard();
  other.mutable_targets(1)->mutable_duration()->set_seconds(60);
  EXPECT_EQ(Put(other).version(), 2);
  ticket.set_hold_reason(tv::HOLD_REASON_USER);
  Move<ev::TicketHeld>(ticket, tv::STATE_ON_HOLD, "2026-01-05T12:00:00Z");
  ticket.set_hold_reason(tv::HOLD_REASON_UNSPECIFIED);
  ticket.set_state(tv::STATE_IN_PROGRESS);
  Hear(ev::TicketResumed(), ticket, "2026-01-05T16:30:00Z");
  EXPECT_EQ(FormatRfc3339(FromProto(Last<ev::ClockResumed>().clock().due_at())),
            "2026-01-06T09:30:00Z");
  tv::Ticket second = Ticket("2026-01-05T16:30:00Z");
  second.set_ticket_id("inc-2");
  Create(second);
  EXPECT_EQ(Last<ev::ClockAttached>().clock().policy_version(), 1) << "a draft judges nothing";
  ASSERT_TRUE(Activate("standard").ok());
  second.set_ticket_id("inc-3");
  Create(second);
  EXPECT_EQ(Last<ev::ClockAttached>().clock().policy_version(), 2);
  EXPECT_EQ(Last<ev::ClockAttached>().clock().calendar_version(), 2);
}

TEST_F(SlaDeciderTest, WithoutAPolicyThereAreNoClocks) {
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2026-01-05T14:00:00Z");
  EXPECT_THAT(Heard(), IsEmpty());
  const auto* kept = desk.State<state::v1::TicketClocks>(TicketKey("default", "inc-1"));
  ASSERT_NE(kept, nullptr) << "its life is kept for a policy that may come";
  EXPECT_THAT(kept->clocks(), IsEmpty());
}

TEST_F(SlaDeciderTest, AnotherTenantsPolicyJudgesNothing) {
  SetUpStandard();
  desk.identity.tenant = "other";
  Create(Ticket("2026-01-05T09:00:00Z"));
  EXPECT_THAT(Heard(), IsEmpty());
  EXPECT_EQ(Activate("standard").code(), absl::StatusCode::kNotFound);
}

TEST_F(SlaDeciderTest, HistoricTicketsAreSettledByEventTimeWithoutTimers) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2016-02-29T09:00:00Z");
  ticket.mutable_import()->set_source("audit");
  ticket.mutable_import()->set_historic(true);
  Create(ticket);
  // Who acted is not said: a person did.
  Move<ev::TicketResolved>(ticket, tv::STATE_RESOLVED, "2016-02-29T10:00:00Z",
                           ev::ACTOR_KIND_UNSPECIFIED);
  EXPECT_TRUE(Last<ev::ClockBreached>().historic());
  EXPECT_THAT(
      Heard(),
      ElementsAre("2016-02-29T09:00:00Z ClockAttached", "2016-02-29T09:00:00Z ClockAttached",
                  "2016-02-29T09:15:00Z ClockWarned", "2016-02-29T09:30:00Z ClockBreached",
                  "2016-02-29T10:00:00Z ClockStopped", "2016-02-29T10:00:00Z ClockStopped"));
  EXPECT_THAT(desk.timers, IsEmpty());
}

TEST_F(SlaDeciderTest, ImportFinishedSettlesToItsInstantAndAnswersPerTicket) {
  SetUpStandard();
  v1::PolicySet named = Standard();
  named.set_policy_set_id("history");
  Put(named);
  tv::Ticket ticket = Ticket("2016-02-29T09:00:00Z");
  ticket.mutable_import()->set_source("audit");
  ticket.mutable_import()->set_historic(true);
  ticket.mutable_import()->set_policy_set("history");
  Create(ticket);
  EXPECT_EQ(Last<ev::ClockAttached>().clock().policy_set_id(), "history");
  Heard();
  ev::TicketImportFinished finished;
  *finished.mutable_as_of() = ToProto(T("2016-02-29T12:00:00Z"));
  Hear(finished, ticket, "2016-02-29T12:00:00Z");
  const ev::TicketSettled settled = Last<ev::TicketSettled>();
  EXPECT_EQ(settled.import_source(), "audit");
  ASSERT_EQ(settled.clocks_size(), 2);
  EXPECT_TRUE(settled.clocks(0).breached());
  EXPECT_FALSE(settled.clocks(1).breached());
  EXPECT_THAT(Heard(),
              ElementsAre("2016-02-29T09:15:00Z ClockWarned", "2016-02-29T09:30:00Z ClockBreached",
                          "2016-02-29T12:00:00Z TicketSettled"));
  EXPECT_THAT(desk.timers, IsEmpty());
}

TEST_F(SlaDeciderTest, ImportFinishedAnswersForTicketsWithoutClocks) {
  tv::Ticket ticket = Ticket("2016-02-29T09:00:00Z");
  ticket.mutable_import()->set_source("audit");
  ticket.mutable_import()->set_historic(true);
  Create(ticket);
  ev::TicketImportFinished finished;
  *finished.mutable_as_of() = ToProto(T("2016-02-29T12:00:00Z"));
  Hear(finished, ticket, "2016-02-29T12:00:00Z");
  EXPECT_EQ(Last<ev::TicketSettled>().ticket_id(), "inc-1");
  EXPECT_THAT(Heard(), ElementsAre("2016-02-29T12:00:00Z TicketSettled"));
  // Other policies judge the life as far as that.
  const auto* stored = desk.State<state::v1::TicketClocks>(TicketKey("default", "inc-1"));
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->decided_before(), absl::ToUnixMicros(T("2016-02-29T12:00:00Z")));
}

// Parked, it can be tried again; accepted, it would never be judged.
TEST_F(SlaDeciderTest, AnImportThatNamesAnUnknownPolicySetWaitsForIt) {
  SetUpStandard();
  v1::PolicySet named = Standard();
  named.set_policy_set_id("history");
  ev::TicketCreated created;
  *created.mutable_ticket() = Ticket("2016-02-29T09:00:00Z");
  created.mutable_ticket()->mutable_import()->set_historic(true);
  created.mutable_ticket()->mutable_import()->set_policy_set("history");
  const auto hear = [&] {
    return desk.Event(events::kTicketsTopic, "inc-1", created, T("2016-02-29T09:00:00Z"));
  };
  const absl::Status unknown = hear();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(unknown), "POLICY_UNUSABLE");
  EXPECT_EQ(unknown.message(), "there is no policy set history");
  EXPECT_EQ(desk.State<state::v1::TicketClocks>(TicketKey("default", "inc-1")), nullptr);
  Put(named);
  const absl::Status again = hear();
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(Last<ev::ClockAttached>().clock().policy_set_id(), "history");
}

TEST_F(SlaDeciderTest, AnImportIsJudgedByTheVersionsItNames) {
  SetUpStandard();
  v1::PolicySet changed = Standard();
  changed.mutable_targets(1)->mutable_duration()->set_seconds(7200);
  Put(changed);
  v1::Calendar longer = Office();
  longer.mutable_weekly(0)->mutable_intervals(0)->set_to("20:00");
  Put(longer);
  int tickets = 0;
  const auto judged = [&](int64_t policy, int64_t calendar) {
    ev::TicketCreated created;
    tv::Ticket& ticket = *created.mutable_ticket();
    ticket = Ticket("2016-02-29T09:00:00Z");
    const std::string id = absl::StrCat("old-", ++tickets);
    ticket.set_ticket_id(id);
    ticket.set_name(absl::StrCat("tickets/", id));
    tv::Import& import = *ticket.mutable_import();
    import.set_historic(true);
    import.set_policy_set("standard");
    import.set_policy_version(policy);
    if (calendar > 0) {
      import.add_calendar_versions()->set_calendar_id("office");
      import.mutable_calendar_versions(0)->set_version(calendar);
    }
    const absl::Status heard =
        desk.Event(events::kTicketsTopic, id, created, T("2016-02-29T09:00:00Z"));
    if (!heard.ok()) return absl::StrCat(heard.message());
    const v1::Clock clock = Last<ev::ClockAttached>().clock();
    return absl::StrCat(clock.policy_version(), " ", clock.calendar_version());
  };
  EXPECT_EQ(judged(1, 1), "1 1");
  EXPECT_EQ(judged(1, 2), "1 2");
  EXPECT_EQ(judged(2, 1), "2 1");
  EXPECT_EQ(judged(0, 0), "2 2");
  EXPECT_EQ(judged(3, 1), "there is no policy set standard@3");
  EXPECT_EQ(judged(1, 3), "there is no calendar office@3");
}

TEST_F(SlaDeciderTest, GoingLiveArmsWhatIsStillToCome) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  ticket.mutable_import()->set_historic(true);
  Create(ticket);
  EXPECT_THAT(desk.timers, IsEmpty());
  ticket.mutable_import()->set_historic(false);
  ev::TicketImportFinished finished;
  *finished.mutable_as_of() = ToProto(T("2026-01-05T10:00:00Z"));
  Hear(finished, ticket, "2026-01-05T10:00:00Z");
  EXPECT_TRUE(Last<ev::ClockBreached>().historic());  // before as_of: nobody is paged for it
  ASSERT_EQ(desk.timers.size(), 1u);
  EXPECT_EQ(desk.timers.begin()->second, T("2026-01-05T13:00:00Z"));
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T13:00:01Z")).ok());
  EXPECT_FALSE(Last<ev::ClockBreached>().historic());
}

TEST_F(SlaDeciderTest, StaleTimerDecidesNothing) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  const auto timers = desk.timers;
  Hear(ev::TicketAcknowledged(), ticket, "2026-01-05T09:10:00Z");
  Heard();
  desk.timers = timers;  // fires although it was moved
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T09:20:00Z")).ok());
  EXPECT_THAT(Heard(), IsEmpty());
  ASSERT_EQ(desk.timers.size(), 1u);
  EXPECT_EQ(desk.timers.begin()->second, T("2026-01-05T13:00:00Z"));
}

TEST_F(SlaDeciderTest, CategoryAndSiteSelectTargets) {
  Put(Office());
  v1::PolicySet policy;
  policy.set_policy_set_id("standard");
  Add(policy, "mail", v1::METRIC_RESOLUTION, 60)->add_categories("mail");
  Add(policy, "plant", v1::METRIC_RESOLUTION, 120)->add_sites("plant-1");
  Put(policy);
  ASSERT_TRUE(Activate("standard").ok());
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  EXPECT_THAT(Heard(), IsEmpty());
  ticket.mutable_classification()->set_category("mail");
  Hear(ev::TicketReclassified(), ticket, "2026-01-05T09:10:00Z");
  EXPECT_EQ(Last<ev::ClockAttached>().clock().target_id(), "mail");
  ticket.mutable_classification()->set_category("");
  ticket.set_site("plant-1");
  Hear(ev::TicketAttributeChanged(), ticket, "2026-01-05T09:20:00Z");
  EXPECT_EQ(Last<ev::ClockRetargeted>().clock().target_id(), "plant");
  ticket.set_site("");
  Hear(ev::TicketAttributeChanged(), ticket, "2026-01-05T09:30:00Z");
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T09:00:00Z ClockAttached",
                                   "2026-01-05T09:20:00Z ClockRetargeted",
                                   "2026-01-05T09:30:00Z ClockCancelled"));
}

TEST_F(SlaDeciderTest, DescriptionsAreNotKept) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  ticket.set_description("a long story");
  Create(ticket);
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T10:00:00Z")).ok());
  EXPECT_EQ(Last<ev::ClockBreached>().ticket().description(), "");
}

TEST_F(SlaDeciderTest, SameContentAgainIsNoNewVersion) {
  EXPECT_EQ(Put(Office()).version(), 1);
  v1::Calendar again = Office();
  again.set_version(77);
  EXPECT_EQ(Put(again).version(), 1);
  again.add_holidays()->set_date("2026-12-25");
  EXPECT_EQ(Put(again).version(), 2);
  EXPECT_EQ(Put(Office()).version(), 3);
  EXPECT_EQ(Put(Standard()).version(), 1);
  EXPECT_EQ(Put(Standard()).version(), 1);
  EXPECT_NE(desk.State<state::v1::StoredCalendar>(CalendarVersionKey("default", "office", 2)),
            nullptr);
}

TEST_F(SlaDeciderTest, EveryFaultOfACalendarAtOnce) {
  v1::PutCalendarRequest request;
  v1::Calendar& calendar = *request.mutable_calendar();
  calendar = Office();
  calendar.set_time_zone("Europe/Atlantis");
  calendar.mutable_weekly(0)->mutable_intervals(0)->set_to("9 pm");
  calendar.mutable_weekly(1)->add_intervals()->set_from("16:00");
  calendar.mutable_weekly(1)->mutable_intervals(1)->set_to("18:00");
  calendar.add_holidays()->set_date("2026-02-30");
  calendar.add_overrides()->set_date("2026-02-28");
  calendar.add_overrides()->set_date("2026-02-28");
  const absl::Status status = desk.Command<v1::Calendar>(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> fields;
  for (const FieldViolation& fault : FieldViolations(status)) fields.push_back(fault.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre(
                          "calendar.time_zone", "calendar.weekly[0].intervals[0].to",
                          "calendar.weekly[1].intervals[1]", "calendar.holidays[0].date",
                          "calendar.overrides[1].date"));
}

TEST_F(SlaDeciderTest, EveryFaultOfAPolicySetAtOnce) {
  v1::PutPolicySetRequest request;
  v1::PolicySet& policy = *request.mutable_policy_set();
  policy = Standard();  // there is no calendar "office" yet
  policy.mutable_targets(1)->set_target_id("answer");
  policy.mutable_targets(1)->clear_calendar_id();
  policy.mutable_targets(1)->mutable_duration()->set_seconds(0);
  v1::Target* third = Add(policy, "third", v1::METRIC_UNSPECIFIED, 60 * 24 * 365 * 21);
  third->set_basis(v1::TIME_BASIS_UNSPECIFIED);
  third->clear_calendar_id();
  for (const int percent : {50, 50, 100}) third->add_warn_percent(percent);
  third->add_priorities(tv::PRIORITY_UNSPECIFIED);
  third->add_pause_on(tv::HOLD_REASON_UNSPECIFIED);
  const absl::Status status = desk.Command<v1::PolicySet>(request).status();
  std::vector<std::string> fields;
  for (const FieldViolation& fault : FieldViolations(status)) fields.push_back(fault.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre(
                          "policy_set.targets[0].calendar_id", "policy_set.targets[1].target_id",
                          "policy_set.targets[1].duration", "policy_set.targets[1].calendar_id",
                          "policy_set.targets[2].metric", "policy_set.targets[2].priorities[0]",
                          "policy_set.targets[2].pause_on[0]", "policy_set.targets[2].duration",
                          "policy_set.targets[2].basis", "policy_set.targets[2].warn_percent[1]",
                          "policy_set.targets[2].warn_percent[2]"));
}

TEST_F(SlaDeciderTest, ActivatingAnUnknownSetIsNotFound) {
  EXPECT_EQ(Activate("standard").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace watchbell::sla
