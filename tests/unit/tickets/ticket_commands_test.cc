#include "services/tickets/ticket_commands.h"

#include "tests/unit/tickets/tickets_fixture.h"

namespace watchbell::tickets {
namespace {

using absl::StatusCode;
namespace ev = events::v1;

using CommandTest = TicketsTest;

TEST_F(CommandTest, CreateAnswersTheWholeTicket) {
  const v1::Ticket ticket = Create();
  EXPECT_EQ(ticket.name(), "tickets/inc-1");
  EXPECT_EQ(ticket.ticket_id(), "inc-1");
  EXPECT_EQ(ticket.version(), 1);
  EXPECT_EQ(ticket.state(), v1::STATE_NEW);
  EXPECT_EQ(ticket.priority(), v1::PRIORITY_HIGH);
  EXPECT_EQ(ticket.requester(), "ana");
  EXPECT_EQ(ticket.creator(), "ana");
  EXPECT_EQ(ticket.channel(), v1::CHANNEL_API);
  EXPECT_EQ(ticket.description(), "Nobody can send");
  EXPECT_EQ(FromProto(ticket.opened_at()), desk.now);
  EXPECT_EQ(Last<ev::TicketCreated>().ticket().description(), "Nobody can send");
  EXPECT_EQ(Create().ticket_id(), "inc-2");
  ExpectVersionsWithoutHoles();
}

TEST_F(CommandTest, ATitleMustShowSomething) {
  const std::string name = Create().name();
  for (const char* blank : {" ", "\t\n", "\u00a0", " \u3000\u2009 ", "\u200b", "\ufeff\u00ad"}) {
    v1::CreateTicketRequest request = NewTicket();
    request.set_title(blank);
    const absl::Status refused = desk.Command<v1::Ticket>(request).status();
    ASSERT_EQ(refused.code(), StatusCode::kInvalidArgument) << blank;
    EXPECT_EQ(FieldViolations(refused)[0].field, "title");
    v1::UpdateTicketRequest update;
    update.mutable_changes()->set_title(blank);
    EXPECT_EQ(FieldViolations(Do(name, update).status())[0].field, "changes.title");
  }
  v1::CreateTicketRequest request = NewTicket();
  request.set_title("\u00a0\u00e4 ");
  EXPECT_TRUE(desk.Command<v1::Ticket>(request).ok());
}

TEST_F(CommandTest, NumbersArePerTenant) {
  Create();
  desk.identity.tenant = "other";
  EXPECT_EQ(Create().ticket_id(), "inc-1");
}

TEST_F(CommandTest, CreateMayBeDated) {
  v1::CreateTicketRequest request = NewTicket();
  *request.mutable_occurred_at() = ToProto(desk.now - absl::Hours(2));
  const auto ticket = desk.Command<v1::Ticket>(request);
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(FromProto(ticket->opened_at()), desk.now - absl::Hours(2));
  EXPECT_EQ(desk.events.back().occurred_at, desk.now - absl::Hours(2));
  desk.identity.roles = {"agent"};
  EXPECT_EQ(desk.Command<v1::Ticket>(request).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(CommandTest, ALifeFromEndToEnd) {
  const std::string name = Create().name();
  EXPECT_EQ(Do<v1::AcknowledgeTicketRequest>(name)->acknowledged_by(), "ana");
  EXPECT_EQ(Do<v1::StartWorkRequest>(name)->state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(Last<ev::TicketWorkStarted>().actor_kind(), ev::ACTOR_KIND_AGENT);
  EXPECT_EQ(Hold(name, v1::HOLD_REASON_USER)->state(), v1::STATE_ON_HOLD);
  EXPECT_EQ(Last<ev::TicketHeld>().previous_state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(Hold(name, v1::HOLD_REASON_VENDOR)->hold_reason(), v1::HOLD_REASON_VENDOR);
  EXPECT_EQ(Last<ev::TicketHoldReasonChanged>().previous_reason(), v1::HOLD_REASON_USER);
  desk.now += absl::Minutes(3);
  const auto resumed = Do<v1::ResumeTicketRequest>(name);
  EXPECT_EQ(resumed->hold_reason(), v1::HOLD_REASON_UNSPECIFIED);
  EXPECT_EQ(FromProto(resumed->state_since()), desk.now);
  v1::ResolveTicketRequest resolve;
  resolve.set_resolution_code("fixed");
  resolve.set_resolution_note("restarted");
  const auto resolved = Do(name, resolve);
  EXPECT_EQ(resolved->resolver(), "ana");
  EXPECT_EQ(resolved->resolution_code(), "fixed");
  EXPECT_EQ(FromProto(resolved->resolved_at()), desk.now);
  EXPECT_EQ(Do<v1::CloseTicketRequest>(name)->state(), v1::STATE_CLOSED);
  EXPECT_EQ(Last<ev::TicketClosed>().previous_state(), v1::STATE_RESOLVED);
  v1::ReopenTicketRequest reopen;
  reopen.set_reason("broken again");
  const auto reopened = Do(name, reopen);
  EXPECT_EQ(reopened->state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(reopened->reopen_count(), 1);
  EXPECT_EQ(reopened->resolution_code(), "fixed");
  EXPECT_EQ(Last<ev::TicketReopened>().reason(), "broken again");
  ExpectVersionsWithoutHoles();
}

TEST_F(CommandTest, ResolveAndCloseIsOneEvent) {
  const std::string name = Create().name();
  EXPECT_EQ(ErrorReason(Do<v1::CloseTicketRequest>(name).status()), "MOVE_FORBIDDEN");
  v1::CloseTicketRequest close;
  close.set_resolve(true);
  close.set_resolution_code("duplicate");
  const auto closed = Do(name, close);
  ASSERT_TRUE(closed.ok());
  EXPECT_EQ(closed->state(), v1::STATE_CLOSED);
  EXPECT_TRUE(closed->has_resolved_at());
  EXPECT_EQ(desk.events.size(), 2u);
  EXPECT_EQ(Last<ev::TicketClosed>().previous_state(), v1::STATE_NEW);
  EXPECT_EQ(Last<ev::TicketClosed>().ticket().resolution_code(), "duplicate");
}

TEST_F(CommandTest, ASecondAcknowledgementChangesNothing) {
  const std::string name = Create().name();
  const auto first = Do<v1::AcknowledgeTicketRequest>(name);
  desk.identity.subject = "bo";
  const auto second = Do<v1::AcknowledgeTicketRequest>(name);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(desk.events.size(), 2u);
}

TEST_F(CommandTest, OnlyIntegrationsAcknowledgeForOthers) {
  const std::string name = Create().name();
  v1::AcknowledgeTicketRequest request;
  request.set_by("cy");
  desk.identity.roles = {"agent", "manager"};
  EXPECT_EQ(Do(name, request).status().code(), StatusCode::kPermissionDenied);
  desk.identity.roles = {"integration"};
  EXPECT_EQ(Do(name, request)->acknowledged_by(), "cy");
  EXPECT_EQ(Last<ev::TicketAcknowledged>().by(), "cy");
}

TEST_F(CommandTest, WhatIsOverIsNotAcknowledged) {
  const std::string name = Create().name();
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>(name).ok());
  EXPECT_EQ(ErrorReason(Do<v1::AcknowledgeTicketRequest>(name).status()), "MOVE_FORBIDDEN");
}

TEST_F(CommandTest, ReopeningAClosedTicketNeedsARoleAndAReason) {
  const std::string name = Create().name();
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>(name).ok());
  ASSERT_TRUE(Do<v1::CloseTicketRequest>(name).ok());
  desk.identity.roles = {"agent"};
  v1::ReopenTicketRequest request;
  request.set_reason("again");
  EXPECT_EQ(Do(name, request).status().code(), StatusCode::kPermissionDenied);
  desk.identity.roles = {"manager"};
  EXPECT_EQ(FieldViolations(Do<v1::ReopenTicketRequest>(name).status())[0].field, "reason");
  request.set_target(v1::STATE_ON_HOLD);
  request.set_hold_reason(v1::HOLD_REASON_PROBLEM);
  const auto reopened = Do(name, request);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ(reopened->hold_reason(), v1::HOLD_REASON_PROBLEM);
}

TEST_F(CommandTest, AnAgentReopensAResolvedTicketWithoutReason) {
  const std::string name = Create().name();
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>(name).ok());
  desk.identity.roles = {"agent"};
  EXPECT_EQ(Do<v1::ReopenTicketRequest>(name)->state(), v1::STATE_IN_PROGRESS);
}

template <typename Request>
void ExpectCommonErrors(test::DeciderHarness& desk, const std::string& name) {
  const size_t events = desk.events.size();
  Request request;
  request.set_name("INC-1");
  EXPECT_EQ(FieldViolations(desk.Command<v1::Ticket>(request).status())[0].field, "name");
  request.set_name("tickets/inc-999");
  EXPECT_EQ(desk.Command<v1::Ticket>(request).status().code(), StatusCode::kNotFound);
  request.set_name(name);
  desk.identity.tenant = "other";
  EXPECT_EQ(desk.Command<v1::Ticket>(request).status().code(), StatusCode::kNotFound);
  desk.identity.tenant = "default";
  request.set_etag("v999");
  EXPECT_EQ(desk.Command<v1::Ticket>(request).status().code(), StatusCode::kAborted);
  request.clear_etag();
  *request.mutable_occurred_at() = ToProto(desk.now + absl::Seconds(6));
  EXPECT_EQ(FieldViolations(desk.Command<v1::Ticket>(request).status())[0].field, "occurred_at");
  *request.mutable_occurred_at() = ToProto(desk.now - absl::Seconds(6));
  EXPECT_EQ(FieldViolations(desk.Command<v1::Ticket>(request).status())[0].field, "occurred_at")
      << "before the opening";
  EXPECT_EQ(desk.events.size(), events) << Request::descriptor()->name();
}

TEST_F(CommandTest, EveryCommandFindsComparesAndDatesAlike) {
  const std::string name = Create().name();
  ExpectCommonErrors<v1::AcknowledgeTicketRequest>(desk, name);
  ExpectCommonErrors<v1::AssignTicketRequest>(desk, name);
  ExpectCommonErrors<v1::StartWorkRequest>(desk, name);
  ExpectCommonErrors<v1::HoldTicketRequest>(desk, name);
  ExpectCommonErrors<v1::ResumeTicketRequest>(desk, name);
  ExpectCommonErrors<v1::ResolveTicketRequest>(desk, name);
  ExpectCommonErrors<v1::ReopenTicketRequest>(desk, name);
  ExpectCommonErrors<v1::CloseTicketRequest>(desk, name);
  ExpectCommonErrors<v1::AddCommentRequest>(desk, name);
  ExpectCommonErrors<v1::UpdateTicketRequest>(desk, name);
}

TEST_F(CommandTest, TheRightEtagPasses) {
  const v1::Ticket ticket = Create();
  v1::StartWorkRequest request;
  request.set_etag(ticket.etag());
  EXPECT_NE(Do(ticket.name(), request)->etag(), ticket.etag());
}

TEST_F(CommandTest, AssignSaysWhatChanged) {
  const std::string name = Create().name();
  v1::AssignTicketRequest request;
  request.set_group("network");
  request.set_assignee("bo");
  request.set_reason("knows it");
  ASSERT_TRUE(Do(name, request).ok());
  EXPECT_TRUE(Last<ev::TicketAssigned>().group_changed());
  EXPECT_TRUE(Last<ev::TicketAssigned>().assignee_changed());
  ASSERT_TRUE(Do(name, request).ok());
  EXPECT_EQ(desk.events.size(), 2u) << "nothing changed, no event";
  v1::AssignTicketRequest clear;
  clear.set_assignee("");
  EXPECT_EQ(Do(name, clear)->group(), "network");
  EXPECT_FALSE(Last<ev::TicketAssigned>().group_changed());
  EXPECT_EQ(Last<ev::TicketAssigned>().previous_assignee(), "bo");
  EXPECT_EQ(Last<ev::TicketAssigned>().ticket().assignee(), "");
}

TEST_F(CommandTest, CommentsSayAsWhatTheyWereWritten) {
  const std::string name = Create().name();
  v1::AddCommentRequest request;
  request.set_text("looking");
  request.set_public_(true);
  ASSERT_TRUE(Do(name, request).ok());
  EXPECT_EQ(Last<ev::TicketCommented>().author_kind(), ev::ACTOR_KIND_AGENT);
  EXPECT_TRUE(Last<ev::TicketCommented>().public_());
  request.set_automatic(true);
  ASSERT_TRUE(Do(name, request).ok());
  EXPECT_EQ(Last<ev::TicketCommented>().author_kind(), ev::ACTOR_KIND_AUTOMATION);
  desk.identity = {"default", "customer", {}};
  request.set_automatic(false);
  ASSERT_TRUE(Do(name, request).ok());
  EXPECT_EQ(Last<ev::TicketCommented>().author_kind(), ev::ACTOR_KIND_REQUESTER);
  EXPECT_EQ(Last<ev::TicketCommented>().author(), "customer");
}

TEST_F(CommandTest, ActorKinds) {
  EXPECT_EQ(ActorKindOf({"t", "ana", {"agent"}}), ev::ACTOR_KIND_AGENT);
  EXPECT_EQ(ActorKindOf({"t", "ana", {"manager"}}), ev::ACTOR_KIND_AGENT);
  EXPECT_EQ(ActorKindOf({"t", "service:x", {"agent"}}), ev::ACTOR_KIND_AUTOMATION);
  EXPECT_EQ(ActorKindOf({"t", "poller", {"integration"}}), ev::ACTOR_KIND_AUTOMATION);
  EXPECT_EQ(ActorKindOf({"t", "joe", {}}), ev::ACTOR_KIND_REQUESTER);
}

TEST_F(CommandTest, UpdateEmitsOneEventPerChangedGroup) {
  const std::string name = Create().name();
  v1::UpdateTicketRequest request;
  v1::AttributeChanges& changes = *request.mutable_changes();
  changes.set_title("Mail is slow");
  changes.set_urgency(v1::URGENCY_HIGH);
  changes.mutable_classification()->set_category("mail");
  changes.set_site("Berlin");
  changes.set_requester("joe");
  changes.set_vendor("acme");
  changes.set_config_item("mx1");
  changes.set_problem("prb-1");
  changes.set_change("chg-1");
  changes.set_caused_by("chg-0");
  changes.set_knowledge(true);
  changes.set_priority_confirmed(true);
  const auto updated = Do(name, request);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->priority(), v1::PRIORITY_CRITICAL);
  std::multiset<std::string> seen;
  for (size_t i = 1; i < desk.events.size(); ++i) {
    const auto* attribute = desk.events[i].As<ev::TicketAttributeChanged>();
    seen.insert(attribute != nullptr ? attribute->field()
                                     : desk.events[i].payload->GetDescriptor()->name());
  }
  EXPECT_EQ(seen, (std::multiset<std::string>{"TicketReprioritized", "TicketReclassified", "title",
                                              "site", "requester", "vendor", "config_item",
                                              "links.problem", "links.change", "links.caused_by",
                                              "knowledge", "priority_confirmed"}));
  const size_t events = desk.events.size();
  const auto again = Do(name, request);
  EXPECT_EQ(again->version(), updated->version());
  EXPECT_EQ(desk.events.size(), events) << "nothing changed, no event";
  ExpectVersionsWithoutHoles();
}

TEST_F(CommandTest, UpdateTellsBeforeAndAfter) {
  const std::string name = Create().name();
  v1::UpdateTicketRequest request;
  request.mutable_changes()->set_site("Berlin");
  ASSERT_TRUE(Do(name, request).ok());
  request.mutable_changes()->set_site("");
  EXPECT_EQ(Do(name, request)->site(), "");
  EXPECT_EQ(Last<ev::TicketAttributeChanged>().previous(), "Berlin");
  EXPECT_EQ(Last<ev::TicketAttributeChanged>().current(), "");
}

TEST_F(CommandTest, TheTitleCannotBeCleared) {
  const std::string name = Create().name();
  v1::UpdateTicketRequest request;
  request.mutable_changes()->set_title("");
  EXPECT_EQ(FieldViolations(Do(name, request).status())[0].field, "changes.title");
}

TEST_F(CommandTest, AttributesChangeInEveryState) {
  const std::string name = Create().name();
  v1::CloseTicketRequest close;
  close.set_resolve(true);
  ASSERT_TRUE(Do(name, close).ok());
  v1::UpdateTicketRequest request;
  request.mutable_changes()->set_knowledge(true);
  EXPECT_TRUE(Do(name, request)->knowledge());
  v1::AddCommentRequest comment;
  comment.set_text("thanks");
  EXPECT_TRUE(Do(name, comment).ok());
}

TEST_F(CommandTest, TheServersDateFollowsTheLastChange) {
  const std::string name = Create().name();
  const absl::Time opened = desk.now;
  desk.now -= absl::Minutes(10);  // the clock went back
  const auto started = Do<v1::StartWorkRequest>(name);
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(FromProto(started->state_since()), opened);
}

}  // namespace
}  // namespace watchbell::tickets
