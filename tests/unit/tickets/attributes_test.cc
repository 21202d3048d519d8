// What SLA selectors ask of a ticket beyond its first attributes: service, VIP, tags, due date, the
// requester's zone, and the type.
#include <functional>
#include <string>
#include <vector>

#include "common/rpc/validate.h"
#include "tests/unit/tickets/tickets_fixture.h"

namespace watchbell::tickets {
namespace {

namespace ev = events::v1;

constexpr int64_t kFriday = 1'772'816'400;  // 2026-03-06T17:00:00Z
constexpr int64_t kMonday = 1'773'075'600;  // 2026-03-09T17:00:00Z

std::vector<std::string> TagsOf(const v1::Ticket& ticket) {
  return {ticket.tags().begin(), ticket.tags().end()};
}

// The only field a refusal names; "" if nothing was refused.
std::string RefusedField(const absl::Status& status) {
  const std::vector<FieldViolation> violations = FieldViolations(status);
  EXPECT_EQ(violations.size(), status.ok() ? 0u : 1u) << status;
  return violations.empty() ? "" : violations[0].field;
}

class AttributesTest : public TicketsTest {
 protected:
  static v1::CreateTicketRequest Detailed() {
    v1::CreateTicketRequest request = NewTicket();
    request.set_service("payments");
    request.set_vip(true);
    for (const char* tag : {"till", "Branch 7", "till", "\u00e4mter"}) request.add_tags(tag);
    request.mutable_due_at()->set_seconds(kFriday);
    request.set_requester_time_zone("Europe/Berlin");
    return request;
  }

  v1::Ticket CreateDetailed() {
    const auto ticket = desk.Command<v1::Ticket>(Detailed());
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    return ticket.ok() ? *ticket : v1::Ticket();
  }

  absl::StatusOr<v1::Ticket> Change(const std::string& name, const v1::AttributeChanges& changes) {
    v1::UpdateTicketRequest request;
    *request.mutable_changes() = changes;
    return Do(name, request);
  }
};

void ExpectDetails(const v1::Ticket& ticket) {
  EXPECT_EQ(ticket.service(), "payments");
  EXPECT_TRUE(ticket.vip());
  EXPECT_EQ(TagsOf(ticket), (std::vector<std::string>{"Branch 7", "till", "\u00e4mter"}));
  EXPECT_EQ(ticket.due_at().seconds(), kFriday);
  EXPECT_EQ(ticket.requester_time_zone(), "Europe/Berlin");
}

TEST_F(AttributesTest, ACreationTakesThemAndTellsThem) {
  ExpectDetails(CreateDetailed());
  ExpectDetails(Last<ev::TicketCreated>().ticket());
  ExpectDetails(Stored("inc-1")->ticket());
  const v1::Ticket plain = Create();
  EXPECT_EQ(plain.service(), "");
  EXPECT_FALSE(plain.vip());
  EXPECT_TRUE(plain.tags().empty());
  EXPECT_FALSE(plain.has_due_at());
  EXPECT_EQ(plain.requester_time_zone(), "");
}

// An edit of a ticket made by CreateDetailed, and its only event.
struct Edit {
  const char* field;
  const char* previous;
  const char* current;
  std::function<void(v1::AttributeChanges*)> set;
  std::function<bool(const v1::Ticket&)> holds;
};

const std::vector<Edit>& Edits() {
  static const auto* const edits = new std::vector<Edit>{
      {"service", "payments", "tills", [](auto* c) { c->set_service("tills"); },
       [](const auto& t) { return t.service() == "tills"; }},
      {"service", "payments", "", [](auto* c) { c->set_service(""); },
       [](const auto& t) { return t.service().empty(); }},
      {"vip", "true", "false", [](auto* c) { c->set_vip(false); },
       [](const auto& t) { return !t.vip(); }},
      {"tags", "Branch 7\ntill\n\u00e4mter", "alpha, beta\nzeta",
       [](auto* c) {
         for (const char* tag : {"zeta", "alpha, beta", "zeta"}) c->mutable_tags()->add_tags(tag);
       },
       [](const auto& t) {
         return TagsOf(t) == std::vector<std::string>{"alpha, beta", "zeta"};
       }},
      {"tags", "Branch 7\ntill\n\u00e4mter", "", [](auto* c) { c->mutable_tags(); },
       [](const auto& t) { return t.tags().empty(); }},
      {"due_at", "2026-03-06T17:00:00Z", "2026-03-09T17:00:00.000001Z",
       [](auto* c) {
         c->mutable_due_at()->set_seconds(kMonday);
         c->mutable_due_at()->set_nanos(1'999);
       },
       [](const auto& t) {
         return t.due_at().seconds() == kMonday && t.due_at().nanos() == 1'000;
       }},
      {"due_at", "2026-03-06T17:00:00Z", "", [](auto* c) { c->set_no_due_at(true); },
       [](const auto& t) { return !t.has_due_at(); }},
      {"requester_time_zone", "Europe/Berlin", "Asia/Tokyo",
       [](auto* c) { c->set_requester_time_zone("Asia/Tokyo"); },
       [](const auto& t) { return t.requester_time_zone() == "Asia/Tokyo"; }},
      {"requester_time_zone", "Europe/Berlin", "", [](auto* c) { c->set_requester_time_zone(""); },
       [](const auto& t) { return t.requester_time_zone().empty(); }},
  };
  return *edits;
}

TEST_F(AttributesTest, AnEditIsOneEventWithBeforeAndAfter) {
  for (const Edit& edit : Edits()) {
    SCOPED_TRACE(std::string(edit.field) + " to " + edit.current);
    const std::string name = CreateDetailed().name();
    v1::AttributeChanges changes;
    edit.set(&changes);
    const size_t before = desk.events.size();
    const auto edited = Change(name, changes);
    ASSERT_TRUE(edited.ok()) << edited.status();
    EXPECT_TRUE(edit.holds(*edited));
    ASSERT_EQ(desk.events.size(), before + 1);
    const auto& event = Last<ev::TicketAttributeChanged>();
    EXPECT_EQ(event.field(), edit.field);
    EXPECT_EQ(event.previous(), edit.previous);
    EXPECT_EQ(event.current(), edit.current);
    EXPECT_TRUE(edit.holds(event.ticket()));
    EXPECT_EQ(Change(name, changes)->version(), edited->version());
    EXPECT_EQ(desk.events.size(), before + 1) << "nothing changed, no event";
  }
  ExpectVersionsWithoutHoles();
}

TEST_F(AttributesTest, WhatAnEditDoesNotNameStays) {
  const v1::Ticket ticket = CreateDetailed();
  v1::AttributeChanges changes;
  changes.set_no_due_at(false);
  for (const char* tag : {"\u00e4mter", "till", "Branch 7"}) changes.mutable_tags()->add_tags(tag);
  const auto same = Change(ticket.name(), changes);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->version(), 1) << "the order of tags is no change";
  changes.Clear();
  changes.set_site("Berlin");
  const auto edited = Change(ticket.name(), changes);
  ASSERT_TRUE(edited.ok()) << edited.status();
  ExpectDetails(*edited);
}

TEST_F(AttributesTest, BadTagsAreNamed) {
  const std::string name = CreateDetailed().name();
  for (const char* bad : {"", " ", "\u00a0", "a\nb", "a\r", "\t", "a\x7f", "a\u0085", "\u009f",
                          "a\u2028b", "\u2029x", "\x1b[0m"}) {
    v1::CreateTicketRequest request = NewTicket();
    request.add_tags("good");
    request.add_tags(bad);
    EXPECT_EQ(RefusedField(desk.Command<v1::Ticket>(request).status()), "tags[1]") << bad;
    v1::AttributeChanges changes;
    changes.mutable_tags()->add_tags("good");
    changes.mutable_tags()->add_tags("better");
    changes.mutable_tags()->add_tags(bad);
    EXPECT_EQ(RefusedField(Change(name, changes).status()), "changes.tags.tags[2]") << bad;
  }
  EXPECT_EQ(desk.events.size(), 1u);
  EXPECT_EQ(Create().ticket_id(), "inc-2") << "a refused creation takes no number";
}

TEST_F(AttributesTest, TagsMayHoldWhatShows) {
  v1::CreateTicketRequest request = NewTicket();
  for (const char* good : {"a", " a b ", "\u00e9", "\u20ac", "\U0001F525", "a,b", "key=value"}) {
    request.add_tags(good);
  }
  const auto ticket = desk.Command<v1::Ticket>(request);
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  EXPECT_EQ(ticket->tags_size(), 7);
}

TEST_F(AttributesTest, ADueDateMustBeADate) {
  const std::string name = CreateDetailed().name();
  v1::CreateTicketRequest request = NewTicket();
  request.mutable_due_at()->set_nanos(-1);
  EXPECT_EQ(RefusedField(desk.Command<v1::Ticket>(request).status()), "due_at");
  v1::AttributeChanges changes;
  *changes.mutable_due_at() = request.due_at();
  EXPECT_EQ(RefusedField(Change(name, changes).status()), "changes.due_at");
  request.mutable_due_at()->set_nanos(0);  // 1970: long ago, but a date
  EXPECT_EQ(desk.Command<v1::Ticket>(request)->due_at().seconds(), 0);
}

TEST_F(AttributesTest, ServiceRequestsLiveAsIncidentsDo) {
  Create();
  v1::CreateTicketRequest request = NewTicket();
  request.set_type(v1::TICKET_TYPE_SERVICE_REQUEST);
  const auto asked = desk.Command<v1::Ticket>(request);
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->type(), v1::TICKET_TYPE_SERVICE_REQUEST);
  EXPECT_EQ(asked->name(), "tickets/req-2");
  EXPECT_EQ(asked->ticket_id(), "req-2");
  EXPECT_EQ(Create().ticket_id(), "inc-3") << "one counter for all types";
  EXPECT_EQ(Do<v1::StartWorkRequest>(asked->name())->state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(Hold(asked->name(), v1::HOLD_REASON_USER)->state(), v1::STATE_ON_HOLD);
  EXPECT_EQ(Do<v1::ResumeTicketRequest>(asked->name())->state(), v1::STATE_IN_PROGRESS);
  EXPECT_EQ(Do<v1::ResolveTicketRequest>(asked->name())->state(), v1::STATE_RESOLVED);
  EXPECT_EQ(Do<v1::CloseTicketRequest>(asked->name())->type(), v1::TICKET_TYPE_SERVICE_REQUEST);
  ExpectVersionsWithoutHoles();
}

// ---- what the rules of the requests refuse, before any command is decided

std::string Invalid(const google::protobuf::Message& request) {
  return RefusedField(rpc::Validate(request));
}

v1::UpdateTicketRequest Update() {
  v1::UpdateTicketRequest request;
  request.set_name("tickets/inc-1");
  return request;
}

// All three requests that bring the attribute, each with the path it is refused by.
void ExpectRefused(const std::function<void(v1::CreateTicketRequest*)>& create,
                   const std::function<void(v1::AttributeChanges*)>& change,
                   const std::function<void(v1::Ticket*)>& facts, const std::string& field,
                   const std::string& changed_field) {
  v1::CreateTicketRequest creation;
  creation.set_type(v1::TICKET_TYPE_SERVICE_REQUEST);
  creation.set_title("A till");
  creation.set_impact(v1::IMPACT_LOW);
  creation.set_urgency(v1::URGENCY_LOW);
  EXPECT_EQ(Invalid(creation), "");
  create(&creation);
  EXPECT_EQ(Invalid(creation), field);
  v1::UpdateTicketRequest update = Update();
  change(update.mutable_changes());
  EXPECT_EQ(Invalid(update), "changes." + changed_field);
  v1::ImportBatchRequest import;
  import.set_source("log");
  v1::ImportCommand& command = *import.add_commands();
  command.set_external_id("REQ1");
  command.mutable_occurred_at();
  facts(command.mutable_create()->mutable_ticket());
  EXPECT_EQ(Invalid(import), "commands[0].create.ticket." + field);
}

TEST(AttributeRules, ServicesAreShort) {
  const auto set = [](auto* m) { m->set_service(std::string(201, 's')); };
  ExpectRefused(set, set, set, "service", "service");
  v1::UpdateTicketRequest update = Update();
  update.mutable_changes()->set_service(std::string(200, 's'));
  EXPECT_EQ(Invalid(update), "");
}

TEST(AttributeRules, ZonesAreKnown) {
  for (const char* zone : {"Mars/Olympus", "localtime", "+01:00", "../etc/passwd"}) {
    const auto set = [zone](auto* m) { m->set_requester_time_zone(zone); };
    ExpectRefused(set, set, set, "requester_time_zone", "requester_time_zone");
  }
  v1::UpdateTicketRequest update = Update();
  for (const char* zone : {"America/New_York", "UTC", ""}) {
    update.mutable_changes()->set_requester_time_zone(zone);
    EXPECT_EQ(Invalid(update), "") << zone;
  }
}

TEST(AttributeRules, TagsAreFewAndShort) {
  const auto too_long = [](auto* m) {
    m->add_tags(std::string(64, 't'));
    m->add_tags(std::string(65, 't'));
  };
  ExpectRefused(
      too_long, [&](auto* changes) { too_long(changes->mutable_tags()); }, too_long, "tags[1]",
      "tags.tags[1]");
  const auto too_many = [](auto* m) {
    for (int i = 0; i < 51; ++i) m->add_tags(std::to_string(i));
  };
  ExpectRefused(
      too_many, [&](auto* changes) { too_many(changes->mutable_tags()); }, too_many, "tags",
      "tags.tags");
  v1::UpdateTicketRequest update = Update();
  for (int i = 0; i < 50; ++i) update.mutable_changes()->mutable_tags()->add_tags("t");
  EXPECT_EQ(Invalid(update), "");
}

TEST(AttributeRules, DueDatesLieInTheYearsOfTheCalendar) {
  const auto set = [](auto* m) { m->mutable_due_at()->set_seconds(253'402'300'800); };
  ExpectRefused(set, set, set, "due_at", "due_at");
}

}  // namespace
}  // namespace watchbell::tickets
