#include <gmock/gmock.h>

#include <random>

#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/import_batch.h"
#include "tests/unit/tickets/tickets_fixture.h"
#include "watchbell/events/v1/escalation.pb.h"

namespace watchbell::tickets {
namespace {

namespace ev = events::v1;

const absl::Time kThen = absl::FromUnixSeconds(1'456'704'000);  // 2016-02-29

class ImportTest : public TicketsTest {
 protected:
  ImportTest() {
    batch.set_source("log");
    batch.set_policy_set("uci");
  }

  // Adds a command `minutes` after kThen.
  v1::ImportCommand& Add(const std::string& id, int row, int step, int minutes) {
    v1::ImportCommand& command = *batch.add_commands();
    command.set_external_id(id);
    command.set_row(row);
    command.set_step(step);
    *command.mutable_occurred_at() = ToProto(kThen + absl::Minutes(minutes));
    command.set_actor("Updated by 1");
    return command;
  }

  void AddCreate(const std::string& id, int minutes = 0) {
    v1::Ticket& facts = *Add(id, 0, 0, minutes).mutable_create()->mutable_ticket();
    facts.set_type(v1::TICKET_TYPE_INCIDENT);
    facts.set_title(id);
    facts.set_impact(v1::IMPACT_LOW);
    facts.set_urgency(v1::URGENCY_LOW);
    facts.set_priority(v1::PRIORITY_LOW);  // the source's own matrix
  }

  v1::ImportBatchResponse Send() {
    const auto response = desk.Command<v1::ImportBatchResponse>(batch);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::ImportBatchResponse();
  }

  absl::StatusOr<v1::FinishImportResponse> Finish(absl::Time as_of = absl::InfinitePast(),
                                                  bool go_live = false) {
    v1::FinishImportRequest request;
    request.set_source("log");
    request.set_go_live(go_live);
    if (as_of != absl::InfinitePast()) *request.mutable_as_of() = ToProto(as_of);
    return desk.Command<v1::FinishImportResponse>(request);
  }

  v1::ImportBatchRequest batch;
};

TEST_F(ImportTest, ALifeInOneBatch) {
  AddCreate("INC1");
  Add("INC1", 0, 1, 5).mutable_start_work();
  Add("INC1", 1, 0, 6).mutable_assign()->set_group("G7");
  Add("INC1", 2, 0, 7).mutable_hold()->set_reason(v1::HOLD_REASON_USER);
  Add("INC1", 3, 0, 8).mutable_hold()->set_reason(v1::HOLD_REASON_VENDOR);
  Add("INC1", 4, 0, 9).mutable_resume();
  v1::ImportUpdate& update = *Add("INC1", 5, 0, 10).mutable_update();
  update.mutable_changes()->set_impact(v1::IMPACT_HIGH);
  update.set_priority(v1::PRIORITY_HIGH);
  Add("INC1", 6, 0, 11).mutable_touch();
  v1::ImportResolve& resolve = *Add("INC1", 7, 0, 12).mutable_resolve();
  resolve.set_resolution_code("code 6");
  resolve.set_resolver("R1");
  resolve.set_caused_by("CHG1");
  Add("INC1", 8, 0, 13).mutable_close();
  Add("INC1", 9, 0, 14).mutable_reopen()->set_target(v1::STATE_IN_PROGRESS);
  Add("INC1", 10, 0, 15).mutable_resolve_and_close();
  const v1::ImportBatchResponse response = Send();
  for (const v1::ImportResult& result : response.results()) {
    EXPECT_TRUE(result.applied()) << result.error();
    EXPECT_EQ(result.ticket(), "tickets/inc-1");
  }
  ASSERT_EQ(desk.events.size(), 12u);
  const v1::Ticket& ticket = Stored("inc-1")->ticket();
  EXPECT_EQ(ticket.state(), v1::STATE_CLOSED);
  EXPECT_EQ(ticket.version(), 12);
  EXPECT_EQ(ticket.priority(), v1::PRIORITY_HIGH) << "the source's own, not the matrix's";
  EXPECT_EQ(ticket.reopen_count(), 1);
  EXPECT_EQ(ticket.links().caused_by(), "CHG1");
  EXPECT_TRUE(ticket.import().historic());
  EXPECT_EQ(ticket.import().policy_set(), "uci");
  EXPECT_EQ(ticket.import().external_id(), "INC1");
  EXPECT_EQ(FromProto(ticket.opened_at()), kThen);
  const auto& closed = Last<ev::TicketClosed>();
  EXPECT_EQ(closed.previous_state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(desk.events.back().occurred_at, kThen + absl::Minutes(15));
  ExpectVersionsWithoutHoles();
}

TEST_F(ImportTest, PriorityComesFromTheMatrixIfTheSourceHasNone) {
  AddCreate("INC1");
  batch.mutable_commands(0)->mutable_create()->mutable_ticket()->clear_priority();
  Add("INC1", 1, 0, 1).mutable_update()->mutable_changes()->set_impact(v1::IMPACT_HIGH);
  Send();
  EXPECT_EQ(desk.events[0].As<ev::TicketCreated>()->ticket().priority(), v1::PRIORITY_PLANNING);
  EXPECT_EQ(Last<ev::TicketReprioritized>().ticket().priority(), v1::PRIORITY_MODERATE);
}

TEST_F(ImportTest, ASecondRunIsRememberedAndChangesNothing) {
  AddCreate("INC1");
  Add("INC1", 0, 1, 5).mutable_start_work();
  AddCreate("INC2");
  Send();
  const size_t events = desk.events.size();
  const std::string before = Stored("inc-1")->SerializeAsString();
  const v1::ImportBatchResponse again = Send();
  ASSERT_EQ(again.results_size(), 3);
  for (const v1::ImportResult& result : again.results()) {
    EXPECT_FALSE(result.applied());
    EXPECT_EQ(result.error(), "");
    EXPECT_NE(result.ticket(), "");
  }
  EXPECT_EQ(desk.events.size(), events);
  EXPECT_EQ(Stored("inc-1")->SerializeAsString(), before);
}

TEST_F(ImportTest, AnInterruptedRunGoesOn) {
  AddCreate("INC1");
  Send();
  Add("INC1", 1, 0, 5).mutable_start_work();
  Add("INC1", 1, 1, 5).mutable_touch();
  const v1::ImportBatchResponse response = Send();
  EXPECT_FALSE(response.results(0).applied());
  EXPECT_TRUE(response.results(1).applied());
  EXPECT_TRUE(response.results(2).applied());
  ExpectVersionsWithoutHoles();
}

// However the commands are cut into batches, and whatever is sent twice, the events are the same.
TEST_F(ImportTest, BatchSizesAndRepeatsDoNotMatter) {
  for (int ticket = 0; ticket < 7; ++ticket) {
    const std::string id = "INC" + std::to_string(ticket);
    AddCreate(id, ticket);
    Add(id, 0, 1, ticket + 1).mutable_start_work();
    Add(id, 1, 0, ticket + 2).mutable_assign()->set_group("G" + std::to_string(ticket));
    Add(id, 2, 0, ticket + 3).mutable_resolve();
  }
  const v1::ImportBatchRequest all = batch;
  const auto record = [](const test::DeciderHarness& run) {
    std::vector<std::string> lines;
    for (const test::EmittedEvent& event : run.events) {
      lines.push_back(event.stream.id + " " + event.payload->SerializeAsString());
    }
    return lines;
  };
  ASSERT_TRUE(desk.Command<v1::ImportBatchResponse>(all).ok());
  for (int seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    test::DeciderHarness other(decider);
    for (int at = 0; at < all.commands_size();) {
      batch.clear_commands();
      const int from = std::max(0, at - static_cast<int>(random() % 4));
      at = std::min<int>(all.commands_size(), at + 1 + static_cast<int>(random() % 6));
      for (int i = from; i < at; ++i) *batch.add_commands() = all.commands(i);
      ASSERT_TRUE(other.Command<v1::ImportBatchResponse>(batch).ok());
    }
    EXPECT_EQ(record(other), record(desk));
  }
}

TEST_F(ImportTest, ADateFarAheadCostsOnlyItsCommand) {
  AddCreate("INC1");
  Add("INC1", 1, 0, 0).mutable_start_work();
  *batch.mutable_commands(1)->mutable_occurred_at() = ToProto(desk.now + absl::Hours(25));
  Add("INC1", 2, 0, 6).mutable_touch();
  const v1::ImportBatchResponse response = Send();
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(1).error_reason(), "INVALID_FIELD");
  EXPECT_TRUE(response.results(2).applied());
  v1::FinishImportRequest finish;
  finish.set_source(batch.source());
  const auto finished = desk.Command<v1::FinishImportResponse>(finish);
  ASSERT_TRUE(finished.ok()) << finished.status();
  EXPECT_LE(FromProto(finished->as_of()), desk.now);
}

TEST_F(ImportTest, ARefusedCommandCostsOnlyItself) {
  Add("INC0", 1, 0, 0).mutable_start_work();  // never created
  AddCreate("INC1");
  Add("INC1", 1, 0, 5).mutable_resume();  // not on hold
  Add("INC1", 2, 0, 6).mutable_start_work();
  AddCreate("INC2");
  batch.mutable_commands(4)->mutable_create()->mutable_ticket()->clear_type();
  Add("INC1", 3, 0, 7);  // no action
  AddCreate("INC1");
  batch.mutable_commands(6)->set_row(4);
  Add("INC1", 5, 0, 8).mutable_occurred_at()->set_nanos(-1);
  batch.mutable_commands(7)->mutable_touch();
  const v1::ImportBatchResponse response = Send();
  const char* reasons[] = {
      "NOT_CREATED",  "", "MOVE_FORBIDDEN", "", "INVALID_FIELD", "INVALID_FIELD", "ALREADY_CREATED",
      "INVALID_FIELD"};
  ASSERT_EQ(response.results_size(), 8);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(response.results(i).error_reason(), reasons[i]) << i;
    EXPECT_EQ(response.results(i).error().empty(), std::string(reasons[i]).empty()) << i;
    EXPECT_EQ(response.results(i).applied(), std::string(reasons[i]).empty()) << i;
  }
  EXPECT_EQ(desk.events.size(), 2u);
  EXPECT_EQ(Stored("inc-1")->ticket().state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(Stored("inc-2"), nullptr) << "a refused creation takes no number";
  EXPECT_EQ(Create().ticket_id(), "inc-2");
}

TEST_F(ImportTest, AttributesOfSelectorsComeWithTheCreationAndChange) {
  AddCreate("REQ1");
  v1::Ticket& facts = *batch.mutable_commands(0)->mutable_create()->mutable_ticket();
  facts.set_type(v1::TICKET_TYPE_SERVICE_REQUEST);
  facts.set_service("payments");
  facts.set_vip(true);
  for (const char* tag : {"b", "a", "b"}) facts.add_tags(tag);
  *facts.mutable_due_at() = ToProto(kThen + absl::Hours(8));
  facts.set_requester_time_zone("Europe/Berlin");
  AddCreate("INC1");
  v1::AttributeChanges& changes = *Add("REQ1", 1, 0, 5).mutable_update()->mutable_changes();
  changes.set_service("tills");
  changes.set_vip(false);
  changes.mutable_tags()->add_tags("c");
  changes.set_no_due_at(true);
  changes.set_requester_time_zone("");
  Add("REQ1", 2, 0, 6).mutable_start_work();
  const v1::ImportBatchResponse response = Send();
  for (const v1::ImportResult& result : response.results()) EXPECT_EQ(result.error(), "");
  EXPECT_EQ(response.results(0).ticket(), "tickets/req-1");
  EXPECT_EQ(response.results(1).ticket(), "tickets/inc-2");
  const v1::Ticket& created = desk.events[0].As<ev::TicketCreated>()->ticket();
  EXPECT_EQ(created.type(), v1::TICKET_TYPE_SERVICE_REQUEST);
  EXPECT_EQ(created.service(), "payments");
  EXPECT_TRUE(created.vip());
  ASSERT_EQ(created.tags_size(), 2);
  EXPECT_EQ(created.tags(0) + created.tags(1), "ab");
  EXPECT_EQ(FromProto(created.due_at()), kThen + absl::Hours(8));
  EXPECT_EQ(created.requester_time_zone(), "Europe/Berlin");
  std::set<std::string> fields;
  for (const auto& event : desk.events) {
    const auto* changed = event.As<ev::TicketAttributeChanged>();
    if (changed != nullptr) fields.insert(changed->field());
  }
  EXPECT_EQ(fields,
            (std::set<std::string>{"service", "vip", "tags", "due_at", "requester_time_zone"}));
  const v1::Ticket& ticket = Stored("req-1")->ticket();
  EXPECT_EQ(ticket.state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(ticket.service(), "tills");
  EXPECT_FALSE(ticket.has_due_at());
  EXPECT_EQ(ticket.tags_size(), 1);
  batch.clear_commands();
  Add("REQ1", 3, 0, 7).mutable_resolve();
  EXPECT_TRUE(Send().results(0).applied()) << "found again by its external id";
  ExpectVersionsWithoutHoles();
}

TEST_F(ImportTest, BadTagsAndDueDatesCostOnlyTheirCommand) {
  AddCreate("INC1");
  batch.mutable_commands(0)->mutable_create()->mutable_ticket()->add_tags("a\nb");
  AddCreate("INC2");
  batch.mutable_commands(1)->mutable_create()->mutable_ticket()->mutable_due_at()->set_nanos(-1);
  AddCreate("INC3");
  Add("INC3", 1, 0, 5).mutable_update()->mutable_changes()->mutable_tags()->add_tags("");
  const v1::ImportBatchResponse response = Send();
  EXPECT_THAT(response.results(0).error(), testing::StartsWith("create.ticket.tags[0]: "));
  EXPECT_THAT(response.results(1).error(), testing::StartsWith("create.ticket.due_at: "));
  EXPECT_EQ(response.results(2).ticket(), "tickets/inc-1");
  EXPECT_THAT(response.results(3).error(), testing::StartsWith("changes.tags.tags[0]: "));
  EXPECT_EQ(response.results(3).error_reason(), "INVALID_FIELD");
  EXPECT_EQ(desk.events.size(), 1u);
}

TEST_F(ImportTest, DatesNeverGoBack) {
  AddCreate("INC1", 10);
  Add("INC1", 0, 1, 2).mutable_start_work();  // before the opening
  Add("INC1", 1, 0, 70).mutable_touch();
  Add("INC1", 2, 0, 52).mutable_touch();  // a step back
  *batch.mutable_commands(3)->mutable_source_recorded_at() = ToProto(kThen + absl::Minutes(52));
  Send();
  const int minutes[] = {10, 10, 70, 70};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(desk.events[i].occurred_at, kThen + absl::Minutes(minutes[i])) << i;
  }
}

TEST_F(ImportTest, HistoriesNeedNoPermissionToReopenWhatIsClosed) {
  AddCreate("INC1");
  Add("INC1", 1, 0, 1).mutable_resolve_and_close();
  v1::ImportReopen& reopen = *Add("INC1", 2, 0, 2).mutable_reopen();
  reopen.set_target(v1::STATE_ON_HOLD);
  reopen.set_hold_reason(v1::HOLD_REASON_USER);
  desk.identity.roles = {"integration"};
  EXPECT_TRUE(Send().results(2).applied());
  EXPECT_EQ(Stored("inc-1")->ticket().hold_reason(), v1::HOLD_REASON_USER);
}

TEST_F(ImportTest, TheVersionsThatJudgeItComeWithEveryTicket) {
  batch.set_policy_version(3);
  batch.add_calendar_versions()->set_calendar_id("office");
  batch.mutable_calendar_versions(0)->set_version(2);
  AddCreate("INC1");
  Send();
  const v1::Import& import = Stored("inc-1")->ticket().import();
  EXPECT_EQ(import.policy_version(), 3);
  ASSERT_EQ(import.calendar_versions_size(), 1);
  EXPECT_EQ(import.calendar_versions(0).calendar_id(), "office");
  EXPECT_EQ(import.calendar_versions(0).version(), 2);
}

TEST_F(ImportTest, VersionsGoWithAPolicySetAndAreGivenOnce) {
  batch.clear_policy_set();
  batch.set_policy_version(3);
  for (int i = 0; i < 2; ++i) batch.add_calendar_versions()->set_calendar_id("office");
  AddCreate("INC1");
  const absl::Status refused = desk.Command<v1::ImportBatchResponse>(batch).status();
  std::vector<std::string> faults;
  for (const FieldViolation& fault : FieldViolations(refused)) {
    faults.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  EXPECT_THAT(faults,
              testing::ElementsAre("policy_version: must be left out without policy_set",
                                   "calendar_versions: must be left out without policy_set",
                                   "calendar_versions[1].calendar_id: \"office\" is given twice"));
}

TEST_F(ImportTest, SourcesAndTenantsAreApart) {
  AddCreate("INC1");
  Send();
  batch.set_source("other-log");
  EXPECT_EQ(Send().results(0).ticket(), "tickets/inc-2");
  desk.identity.tenant = "other";
  EXPECT_EQ(Send().results(0).ticket(), "tickets/inc-1");
}

TEST_F(ImportTest, HistoricTicketsAreNotRouted) {
  AddCreate("INC1");
  Send();
  ev::TicketRouted routed;
  routed.set_ticket_id("inc-1");
  routed.set_group("network");
  ASSERT_TRUE(desk.Event(events::kEscalationTopic, "inc-1", routed, desk.now).ok());
  EXPECT_EQ(Stored("inc-1")->ticket().group(), "");
}

class FinishTest : public ImportTest {
 protected:
  // Imports tickets INC<from>..INC<to - 1>, one command each.
  void Import(int from, int to) {
    for (int at = from; at < to;) {
      batch.clear_commands();
      for (int i = 0; i < 400 && at < to; ++i, ++at) AddCreate("INC" + std::to_string(at), at);
      Send();
    }
  }

  // Calls until nothing remains; returns how many tickets each call finished.
  std::vector<int> FinishAll(absl::Time as_of = absl::InfinitePast()) {
    std::vector<int> calls;
    for (int i = 0; i < 10; ++i) {
      const auto response = Finish(as_of);
      EXPECT_TRUE(response.ok()) << response.status();
      if (!response.ok()) break;
      calls.push_back(response->finished());
      if (response->remaining() == 0) break;
    }
    return calls;
  }

  int FinishedEvents() const {
    int count = 0;
    for (const auto& event : desk.events) count += event.As<ev::TicketImportFinished>() != nullptr;
    return count;
  }
};

TEST_F(FinishTest, GoesPageByPageAndOnce) {
  Import(0, 1'203);
  EXPECT_EQ(FinishAll(), (std::vector<int>{500, 500, 203}));
  EXPECT_EQ(FinishedEvents(), 1'203);
  const auto again = Finish();
  EXPECT_EQ(again->finished(), 0);
  EXPECT_EQ(again->remaining(), 0);
  EXPECT_EQ(again->total(), 1'203);
  EXPECT_EQ(FromProto(again->as_of()), kThen + absl::Minutes(1'202)) << "the latest event time";
  EXPECT_EQ(FinishedEvents(), 1'203);
  EXPECT_EQ(FromProto(Last<ev::TicketImportFinished>().as_of()), kThen + absl::Minutes(1'202));
  ExpectVersionsWithoutHoles();
}

TEST_F(FinishTest, TellsWhatRemains) {
  Import(0, 700);
  const auto first = Finish();
  EXPECT_EQ(first->finished(), 500);
  EXPECT_EQ(first->remaining(), 200);
}

TEST_F(FinishTest, ALaterAsOfFinishesAgain) {
  Import(0, 3);
  EXPECT_EQ(FinishAll(), (std::vector<int>{3}));
  EXPECT_EQ(FinishAll(kThen + absl::Hours(24)), (std::vector<int>{3}));
  EXPECT_EQ(FinishAll(), (std::vector<int>{0})) << "the as_of in force is later than the default";
  EXPECT_EQ(FinishedEvents(), 6);
}

TEST_F(FinishTest, TicketsAddedLaterAreUnfinished) {
  Import(0, 501);
  FinishAll(kThen + absl::Hours(24));
  Import(501, 503);
  EXPECT_EQ(FinishAll(kThen + absl::Hours(24)), (std::vector<int>{2}));
  EXPECT_EQ(Stored("inc-503")->ticket().version(), 2);
  EXPECT_EQ(Stored("inc-501")->ticket().version(), 2) << "finished before: left alone";
}

TEST_F(FinishTest, WhatChangesAfterItWasFinishedIsFinishedAgain) {
  Import(0, 3);
  FinishAll(kThen + absl::Hours(24));
  batch.clear_commands();
  Add("INC1", 1, 0, 3).mutable_touch();
  Send();
  const auto response = Finish(kThen + absl::Hours(24));
  EXPECT_EQ(response->finished(), 1);
  EXPECT_EQ(response->remaining(), 0);
  EXPECT_EQ(Last<ev::TicketImportFinished>().ticket().ticket_id(), "inc-2");
}

TEST_F(FinishTest, RefusesAnAsOfThatCannotBe) {
  Import(0, 3);
  const auto refused = [&](absl::Time as_of, bool go_live = false) {
    const auto response = Finish(as_of, go_live);
    return response.status().code() == absl::StatusCode::kInvalidArgument &&
           FieldViolations(response.status())[0].field == "as_of";
  };
  EXPECT_TRUE(refused(kThen)) << "before the last event";
  EXPECT_TRUE(refused(desk.now + absl::Minutes(1))) << "ahead of now";
  EXPECT_TRUE(refused(desk.now - absl::Minutes(2), true)) << "long ago, live";
  EXPECT_TRUE(refused(absl::InfinitePast(), true)) << "the default is long ago, live";
  ASSERT_TRUE(Finish(kThen + absl::Hours(24)).ok());
  EXPECT_TRUE(refused(kThen + absl::Hours(23))) << "before the one in force";
  v1::FinishImportRequest unknown;
  unknown.set_source("never-seen");
  EXPECT_EQ(desk.Command<v1::FinishImportResponse>(unknown).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(FinishTest, GoingLiveArmsWhatIsStillOpen) {
  Import(0, 2);
  batch.clear_commands();
  Add("INC1", 1, 0, 5).mutable_resolve();
  Send();
  FinishAll(desk.now);
  EXPECT_TRUE(Stored("inc-1")->ticket().import().historic());
  const auto live = Finish(desk.now, true);
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_EQ(live->finished(), 2);
  EXPECT_FALSE(Stored("inc-1")->ticket().import().historic());
  EXPECT_TRUE(Stored("inc-2")->ticket().import().historic()) << "resolved: stays history";
  EXPECT_EQ(Finish(desk.now, true)->finished(), 0);
  ExpectVersionsWithoutHoles();
}

}  // namespace
}  // namespace watchbell::tickets
