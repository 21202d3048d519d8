// The clocks of a ticket before and after a change that is not made.
#include "services/sla/preview_change.h"

#include <gmock/gmock.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/tables.h"
#include "common/runtime/service_core.h"
#include "services/sla/clocks/ticket_change.h"
#include "services/sla/sla_store.h"
#include "services/sla/spec.h"
#include "tests/unit/sla/moments.h"
#include "tests/unit/sla/question.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities, states by their names

v1::PreviewChangeRequest Change(const std::string& change, const std::vector<std::string>& mask) {
  v1::PreviewChangeRequest request;
  request.set_ticket("tickets/inc-1");
  *request.mutable_change() = Parsed<Ticket>(change);
  for (const std::string& path : mask) request.add_update_mask(path);
  return request;
}

v1::PreviewChangeRequest Reply() {
  v1::PreviewChangeRequest request;
  request.set_ticket("tickets/inc-1");
  request.set_reply(true);
  return request;
}

std::vector<std::string> Fields(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  std::vector<std::string> fields;
  for (const FieldViolation& fault : FieldViolations(status)) fields.push_back(fault.field);
  return fields;
}

// "held changes state hold_reason responded by ACTOR_KIND_AGENT".
std::string Line(const TicketInput& input) {
  std::string line = absl::AsciiStrToLower(
      state::v1::TicketEventKind_Name(input.event()).substr(strlen("TICKET_EVENT_KIND_")));
  std::vector<const google::protobuf::FieldDescriptor*> changed;
  input.change().GetReflection()->ListFields(input.change(), &changed);
  for (const auto* field : changed) absl::StrAppend(&line, " ", field->name());
  if (input.actor_kind() == events::v1::ACTOR_KIND_AGENT) absl::StrAppend(&line, ", by an agent");
  if (input.public_()) absl::StrAppend(&line, ", public");
  return line;
}

// What a change of this ticket comes to.
std::vector<std::string> Inputs(const std::string& ticket,
                                const v1::PreviewChangeRequest& request) {
  TicketInput first;
  first.set_at(7);
  first.set_sequence(5);
  const auto inputs = InputsOfChange(Parsed<Ticket>(ticket), request, first);
  EXPECT_TRUE(inputs.ok()) << inputs.status();
  std::vector<std::string> lines;
  int64_t sequence = 5;
  for (const TicketInput& input : inputs.value_or(std::vector<TicketInput>())) {
    EXPECT_EQ(input.at(), 7);
    EXPECT_EQ(input.sequence(), sequence++);
    lines.push_back(Line(input));
  }
  return lines;
}

absl::Status Refusal(const std::string& ticket, const v1::PreviewChangeRequest& request) {
  return InputsOfChange(Parsed<Ticket>(ticket), request, TicketInput()).status();
}

constexpr char kNew[] = "type: TICKET_TYPE_INCIDENT state: STATE_NEW priority: PRIORITY_LOW";
constexpr char kHeld[] =
    "type: TICKET_TYPE_INCIDENT state: STATE_ON_HOLD hold_reason: HOLD_REASON_USER";
constexpr char kClosed[] = "type: TICKET_TYPE_INCIDENT state: STATE_CLOSED";

TEST(InputsOfChange, MovesAreToldAsTheTicketsServiceTellsThem) {
  const auto move = [](const std::string& ticket, const std::string& to) {
    return absl::StrJoin(Inputs(ticket, Change(absl::StrCat("state: STATE_", to), {"state"})), ";");
  };
  EXPECT_EQ(move(kNew, "IN_PROGRESS"), "work_started state responded, by an agent");
  EXPECT_EQ(move(kNew, "RESOLVED"), "resolved state responded, by an agent");
  EXPECT_EQ(move(kNew, "CLOSED"), "closed state responded, by an agent");
  EXPECT_EQ(move(kHeld, "IN_PROGRESS"), "resumed state hold_reason");
  EXPECT_EQ(move(kHeld, "RESOLVED"), "resolved state hold_reason responded, by an agent");
  EXPECT_EQ(move(kClosed, "IN_PROGRESS"), "reopened state");
  EXPECT_EQ(move("type: TICKET_TYPE_INCIDENT state: STATE_RESOLVED", "CLOSED"),
            "closed state, by an agent");
  EXPECT_EQ(move(kNew, "NEW"), "");
}

TEST(InputsOfChange, HoldsGoWithTheirReason) {
  const auto hold = [](const std::string& ticket, const std::string& reason,
                       const std::vector<std::string>& mask) {
    return Inputs(ticket, Change(absl::StrCat("state: STATE_ON_HOLD ", reason), mask));
  };
  EXPECT_THAT(hold(kNew, "hold_reason: HOLD_REASON_USER", {"state", "hold_reason"}),
              ElementsAre("held state hold_reason responded, by an agent"));
  EXPECT_THAT(hold(kHeld, "hold_reason: HOLD_REASON_VENDOR", {"hold_reason"}),
              ElementsAre("hold_reason_changed hold_reason"));
  EXPECT_THAT(hold(kHeld, "hold_reason: HOLD_REASON_USER", {"hold_reason"}), IsEmpty());
}

TEST(InputsOfChange, OneEventForEachThingThatChanges) {
  v1::PreviewChangeRequest all = Change(
      R"(state: STATE_IN_PROGRESS priority: PRIORITY_HIGH urgency: URGENCY_HIGH group: "db"
         assignee: "ada" site: "rome" vip: true tags: "b" tags: "a" due_at { seconds: 9 }
         requester_time_zone: "Europe/Rome" classification { category: "disk" })",
      {"state", "group", "assignee", "priority", "urgency", "site", "vip", "tags", "due_at",
       "requester_time_zone", "classification"});
  all.set_reply(true);
  EXPECT_THAT(
      Inputs(kNew, all),
      ElementsAre("reprioritized priority urgency", "reclassified category",
                  "attribute_changed site", "attribute_changed vip", "attribute_changed tags",
                  "attribute_changed due_at", "attribute_changed requester_time_zone",
                  "assigned group assignee", "commented responded, by an agent, public",
                  "work_started state responded, by an agent"));
}

TEST(InputsOfChange, WhatIsNotNamedStaysAndWhatIsNamedAndAbsentIsCleared) {
  const std::string ticket = absl::StrCat(kNew, R"( site: "rome" group: "db" due_at { seconds: 9 }
      classification { category: "disk" symptom: "full" })");
  EXPECT_THAT(Inputs(ticket, Change(R"(site: "oslo" group: "net")", {"site"})),
              ElementsAre("attribute_changed site"));
  EXPECT_THAT(Inputs(ticket, Change("", {"due_at", "group"})),
              ElementsAre("attribute_changed due_at", "assigned group"));
  EXPECT_THAT(Inputs(ticket, Change("", {"classification.symptom"})),
              ElementsAre("reclassified symptom"));
  EXPECT_THAT(Inputs(ticket, Change(R"(classification { category: "disk" })", {"classification"})),
              ElementsAre("reclassified symptom"));
}

TEST(InputsOfChange, WhatCannotBeIsRefusedByPath) {
  EXPECT_THAT(Fields(Refusal(kNew, Change("", {"site", "title", "classification.colour", ""}))),
              ElementsAre("update_mask[1]", "update_mask[2]", "update_mask[3]"));
  EXPECT_THAT(Fields(Refusal(kNew, Change("", {}))), ElementsAre("update_mask"));
  EXPECT_THAT(Fields(Refusal(kNew, Change("state: STATE_ON_HOLD", {"state"}))),
              ElementsAre("change.hold_reason"));
  EXPECT_THAT(Fields(Refusal(kNew, Change("hold_reason: HOLD_REASON_USER", {"hold_reason"}))),
              ElementsAre("change.hold_reason"));
  EXPECT_THAT(Fields(Refusal(kHeld, Change("", {"hold_reason"}))),
              ElementsAre("change.hold_reason"));
  EXPECT_THAT(Fields(Refusal(kNew, Change("", {"state", "type"}))),
              ElementsAre("change.type", "change.state"));
  EXPECT_THAT(Fields(Refusal(kNew, Change("", {"urgency", "priority", "impact"}))),
              ElementsAre("change.priority", "change.impact", "change.urgency"));
  EXPECT_THAT(Fields(Refusal(kNew, Change(R"(tags: "a\nb")", {"tags"}))),
              ElementsAre("change.tags[0]"));
}

TEST(InputsOfChange, MovesThatNoEventTellsOfAreRefused) {
  const auto refused = [](const std::string& ticket, const std::string& to) {
    return Fields(Refusal(ticket, Change(absl::StrCat("state: STATE_", to), {"state"})));
  };
  EXPECT_THAT(refused(kHeld, "NEW"), ElementsAre("change.state"));
  EXPECT_THAT(refused(kClosed, "RESOLVED"), ElementsAre("change.state"));
}

// What the ticket is already is not the change's fault.
TEST(InputsOfChange, FaultsOfTheTicketAsItIsAreLetBe) {
  EXPECT_THAT(Inputs("state: STATE_ON_HOLD", Change(R"(site: "rome")", {"site"})),
              ElementsAre("attribute_changed site"));
}

// A ticket of two targets, opened on Monday at 09:00: an hour for all, 30 minutes if it is high.
class PreviewChangeTest : public testing::Test {
 protected:
  PreviewChangeTest()
      : ask_({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 60),
              MakeTarget("high", v1::METRIC_RESOLUTION, 30, {PRIORITY_HIGH}),
              PausedBy(MakeTarget("solve", v1::METRIC_RESOLUTION, 60), HOLD_REASON_USER)}) {
    ask_.Do("Mon 09:00", Opened(PRIORITY_LOW));
    *ask_.ticket.mutable_ticket() = Parsed<Ticket>(kNew);
    ask_.ticket.mutable_ticket()->set_ticket_id("inc-1");
  }

  absl::StatusOr<v1::PreviewChangeResponse> Try(const v1::PreviewChangeRequest& request,
                                                absl::string_view now = "Mon 09:10") {
    return PreviewChange(ask_.judge, ask_.ticket, request, At(now));
  }

  // One line a clock that changes: where it stands before, and after.
  std::vector<std::string> Ask(const v1::PreviewChangeRequest& request,
                               absl::string_view now = "Mon 09:10") {
    const auto answer = Try(request, now);
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<std::string> lines;
    if (!answer.ok()) return lines;
    for (const v1::ClockMove& move : answer->clocks()) {
      if (!move.changed()) continue;
      lines.push_back(absl::StrCat(Stands(move.has_before(), move.before()), " > ",
                                   Stands(move.has_after(), move.after())));
    }
    return lines;
  }

  static std::string Stands(bool exists, const v1::Clock& clock) {
    if (!exists) return "none";
    std::string line =
        absl::AsciiStrToLower(v1::ClockState_Name(clock.state()).substr(strlen("CLOCK_STATE_")));
    if (clock.has_due_at()) absl::StrAppend(&line, " ", Show(Micros(clock.due_at())));
    return absl::StrCat(clock.target_id(), clock.cycle() > 1 ? "#2 " : " ", line,
                        clock.breached() ? " breached" : "");
  }

  Question ask_;
};

TEST_F(PreviewChangeTest, AnotherPriorityBringsAnotherTarget) {
  const auto raise = Change("priority: PRIORITY_HIGH", {"priority"});
  EXPECT_THAT(Ask(raise), ElementsAre("solve running Mon 10:00 > high running Mon 09:30"));
  EXPECT_THAT(Ask(raise, "Mon 09:45"),
              ElementsAre("solve running Mon 10:00 > high running Mon 09:30 breached"));
}

TEST_F(PreviewChangeTest, AHoldPausesAndAResolutionEnds) {
  EXPECT_THAT(
      Ask(Change("state: STATE_ON_HOLD hold_reason: HOLD_REASON_USER", {"state", "hold_reason"})),
      ElementsAre("answer running Mon 10:00 > answer stopped Mon 10:00",
                  "solve running Mon 10:00 > solve paused"));
  EXPECT_THAT(Ask(Change("state: STATE_RESOLVED", {"state"})),
              ElementsAre("answer running Mon 10:00 > answer stopped Mon 10:00",
                          "solve running Mon 10:00 > solve stopped Mon 10:00"));
}

TEST_F(PreviewChangeTest, AReplyIsAResponse) {
  EXPECT_THAT(Ask(Reply()), ElementsAre("answer running Mon 10:00 > answer stopped Mon 10:00"));
}

TEST_F(PreviewChangeTest, WhatNoTargetAsksForChangesNothingAndEveryClockIsAnswered) {
  const auto answer = Try(Change("vip: true", {"vip"}));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->clocks_size(), 2);
  EXPECT_EQ(answer->clocks(0).before().clock_id(), "inc-1/first-response/1");
  EXPECT_EQ(answer->clocks(1).before().clock_id(), "inc-1/resolution/1");
  for (const v1::ClockMove& move : answer->clocks()) EXPECT_FALSE(move.changed());
}

TEST_F(PreviewChangeTest, BeforeIsSettledToThatInstantToo) {
  auto later = Reply();
  *later.mutable_at() = ToProto(absl::FromUnixMicros(At("Mon 11:00")));
  EXPECT_THAT(Ask(later), ElementsAre("answer running Mon 10:00 breached > "
                                      "answer stopped Mon 10:00 breached"));
}

// Timers have decided up to now; the change is dated before that.
TEST_F(PreviewChangeTest, DatedBeforeABreachThatWasToldItIsInTime) {
  Happenings unheard;
  Settle(ask_.ticket, At("Mon 11:00"), unheard);
  auto reply = Reply();
  *reply.mutable_at() = ToProto(absl::FromUnixMicros(At("Mon 09:50")));
  EXPECT_THAT(Ask(reply, "Mon 11:00"),
              ElementsAre("answer running Mon 10:00 breached > answer stopped Mon 10:00"));
}

TEST_F(PreviewChangeTest, NotBeforeTheLastChange) {
  auto reply = Reply();
  *reply.mutable_at() = ToProto(absl::FromUnixMicros(At("Mon 09:00") - 1));
  EXPECT_THAT(Fields(Try(reply).status()), ElementsAre("at"));
  *reply.mutable_at() = ToProto(absl::FromUnixMicros(At("Mon 09:00")));
  EXPECT_TRUE(Try(reply).ok());
}

TEST_F(PreviewChangeTest, NotSoFarAheadThatDeadlinesCouldNotBeTold) {
  auto reply = Reply();
  reply.mutable_at()->set_seconds(253402300799);
  EXPECT_THAT(Fields(Try(reply).status()), ElementsAre("at"));
}

TEST_F(PreviewChangeTest, AClockThatBeginsHasNothingBefore) {
  Question ask({PausedBy(MakeTarget("solve", v1::METRIC_RESOLUTION, 60), HOLD_REASON_USER),
                MakeTarget("vendor", v1::METRIC_UNDERPINNING_CONTRACT, 30)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  *ask.ticket.mutable_ticket() = Parsed<Ticket>(kNew);
  const auto answer = PreviewChange(
      ask.judge, ask.ticket,
      Change("state: STATE_ON_HOLD hold_reason: HOLD_REASON_VENDOR", {"state", "hold_reason"}),
      At("Mon 09:10"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->clocks_size(), 2);
  EXPECT_FALSE(answer->clocks(0).changed());
  EXPECT_FALSE(answer->clocks(1).has_before());
  EXPECT_EQ(Stands(true, answer->clocks(1).after()), "vendor running Mon 09:40");
  EXPECT_TRUE(answer->clocks(1).changed());
}

TEST_F(PreviewChangeTest, AnImportedTicketLivesInItsOwnTime) {
  ask_.ticket.set_historic(true);
  Happenings unheard;
  Settle(ask_.ticket, At("Mon 09:20"), unheard);
  EXPECT_THAT(Ask(Reply(), "+Sun 09:00"),
              ElementsAre("answer running Mon 10:00 > answer stopped Mon 10:00"));
}

// Tickets as they are stored.
class AnswerPreviewChangeTest : public PreviewChangeTest {
 protected:
  AnswerPreviewChangeTest() {
    EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(Spec())).ok());
  }

  void Store(const std::string& id, const state::v1::TicketClocks& ticket) {
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(
        (*transaction)
            ->Insert(engine::EntityTable(), {{int64_t{kTicketClass}, std::string("acme"), id,
                                              int64_t{1}, db::Bytes{ticket.SerializeAsString()}}})
            .ok());
    ASSERT_TRUE((*transaction)->Commit().ok());
  }
  absl::Status Answer(const std::string& ticket) {
    v1::PreviewChangeRequest request = Reply();
    request.set_ticket(ticket);
    return AnswerPreviewChange(*database_, caches_, "acme", request, At("Mon 09:10")).status();
  }

  const std::unique_ptr<db::Database> database_ = *db::OpenSqliteInMemory();
  JudgeCaches caches_;
};

TEST_F(AnswerPreviewChangeTest, OnlyOfTicketsThatAreKnownAndJudged) {
  EXPECT_THAT(Fields(Answer("inc-1")), ElementsAre("ticket"));
  EXPECT_EQ(Answer("tickets/inc-1").code(), absl::StatusCode::kNotFound);
  ask_.ticket.add_eras();  // of no policy set
  Store("inc-1", ask_.ticket);
  EXPECT_EQ(Answer("tickets/inc-1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(Answer("tickets/inc-1")), "TICKET_NOT_JUDGED");
}

}  // namespace
}  // namespace watchbell::sla::test
