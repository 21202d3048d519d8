// Contacts, and how pages become deliveries.
#include "common/base/errors.h"
#include "tests/unit/notifications/decider_fixture.h"

namespace watchbell::notifications {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST_F(DeciderTest, PutContactCountsVersions) {
  EXPECT_EQ(harness.Command<v1::Contact>(Ana(1))->version(), 1);
  EXPECT_EQ(harness.Command<v1::Contact>(Ana(2))->version(), 2);
  // Identical content changes nothing, whatever version the caller says.
  v1::PutContactRequest same = Ana(2);
  same.mutable_contact()->set_version(99);
  EXPECT_EQ(harness.Command<v1::Contact>(same)->version(), 2);
  EXPECT_EQ(
      harness.State<state::v1::ContactState>(ContactKey("default", "ana"))->contact().points_size(),
      2);
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(DeciderTest, PutContactIsRefusedByField) {
  v1::PutContactRequest request = Ana(2);
  request.mutable_contact()->mutable_points(1)->set_address("ana@example.com");
  const absl::Status status = harness.Command<v1::Contact>(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolations(status).size(), 1u);
  EXPECT_EQ(FieldViolations(status)[0].field, "contact.points[1].address");
  EXPECT_EQ(harness.State<state::v1::ContactState>(ContactKey("default", "ana")), nullptr);
}

TEST_F(DeciderTest, APageBecomesADeliveryPerPoint) {
  Put(3);
  Page();
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliveryQueued", "DeliveryQueued"));
  ASSERT_EQ(State().deliveries_size(), 3);
  EXPECT_EQ(State().deliveries(0).delivery_id(), "inc-7/run/1/1/1/ana/email1");
  EXPECT_EQ(State().deliveries(1).delivery_id(), "inc-7/run/1/1/1/ana/webhook1");
  EXPECT_EQ(State().deliveries(2).delivery_id(), "inc-7/run/1/1/1/ana/webhook2");
  EXPECT_THAT(Timers(),
              ElementsAre(Pair("send/inc-7/run/1/1/1/ana/email1", absl::ZeroDuration()),
                          Pair("send/inc-7/run/1/1/1/ana/webhook1", absl::ZeroDuration()),
                          Pair("send/inc-7/run/1/1/1/ana/webhook2", absl::ZeroDuration())));
  // Nothing is sent before its timer fires.
  EXPECT_THAT(harness.effects, IsEmpty());

  const v1::Delivery& mail = Mail();
  EXPECT_EQ(mail.state(), v1::DELIVERY_STATE_PENDING);
  EXPECT_EQ(mail.page_id(), kPage);
  EXPECT_EQ(mail.run_id(), kRun);
  EXPECT_EQ(mail.ticket_id(), "inc-7");
  EXPECT_EQ(mail.person(), "ana");
  EXPECT_EQ(mail.address(), "ana@example.com");
  EXPECT_EQ(mail.attempts(), 0);
  EXPECT_EQ(mail.subject(), "[P1] inc-7 Payment API down: first response breached, step 1");
  EXPECT_EQ(FromProto(mail.created_at()), harness.now);
  EXPECT_FALSE(mail.traceparent().empty());
  EXPECT_EQ(harness.events[0].stream, TicketKey("default", "inc-7"));
}

TEST_F(DeciderTest, TheSamePageMakesNothingNew) {
  Put(1);
  Page();
  Fire();
  Taken(1);
  Put(3);
  Page();
  EXPECT_EQ(State().deliveries_size(), 1);
  EXPECT_THAT(Events(), ElementsAre("DeliveryQueued", "DeliverySent"));
  EXPECT_THAT(Timers(), IsEmpty());
}

TEST_F(DeciderTest, WhoHasNoContactIsUnreachableOnce) {
  Page("bob");
  Page("bob");
  ASSERT_THAT(Events(), ElementsAre("PersonUnreachable"));
  const auto* event = harness.events[0].As<events::v1::PersonUnreachable>();
  EXPECT_EQ(event->person(), "bob");
  EXPECT_EQ(event->ticket_id(), "inc-7");
  EXPECT_EQ(event->page_id(), "inc-7/run/1/1/1/bob");
  EXPECT_THAT(Timers(), IsEmpty());
  // A contact of another tenant is none.
  Put(1);
  harness.identity.tenant = "other";
  Page("ana");
  EXPECT_THAT(Events(), ElementsAre("PersonUnreachable", "PersonUnreachable"));
}

TEST_F(DeciderTest, NobodyIsToldAboutAHistoricTicket) {
  Put(1);
  events::v1::PageRequested event = PageFor("ana");
  event.mutable_ticket()->mutable_import()->set_historic(true);
  ASSERT_TRUE(harness.Event(events::kEscalationTopic, "inc-7", event, harness.now).ok());
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_THAT(Timers(), IsEmpty());
}

TEST_F(DeciderTest, OtherEventsOfEscalationChangeNothing) {
  events::v1::RunStarted event;
  event.mutable_run()->set_ticket_id("inc-7");
  ASSERT_TRUE(harness.Event(events::kEscalationTopic, "inc-7", event, harness.now).ok());
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(harness.State<state::v1::TicketDeliveries>(TicketKey("default", "inc-7")), nullptr);
}

TEST_F(DeciderTest, EventTimeNeverGoesBackWithTheClock) {
  Put(1);
  Page();
  const absl::Time queued = harness.now;
  harness.now -= absl::Minutes(5);
  Page("bob");
  EXPECT_EQ(harness.events[1].occurred_at, queued);
}

struct IndexSpy : engine::IndexWriter {
  void Upsert(const db::Table& table, db::Row row) override {
    EXPECT_EQ(table.name, "notification_in_flight");
    rows[db::AsText(row[1])] = db::AsInt(row[2]);
  }
  void Delete(const db::Table&, db::Row key) override {
    EXPECT_EQ(rows.erase(db::AsText(key[1])), 1u) << "there is none";
  }
  std::map<std::string, int64_t> rows;
};

TEST_F(DeciderTest, TheIndexCountsWhatIsInFlight) {
  IndexSpy index;
  std::unique_ptr<state::v1::TicketDeliveries> before;
  const auto write = [&] {
    decider.Index(TicketKey("default", "inc-7"), before.get(), State(), index);
    before = std::make_unique<state::v1::TicketDeliveries>(State());
  };
  Put(3);
  Page();
  write();
  EXPECT_THAT(index.rows, IsEmpty());
  Fire();
  write();
  EXPECT_THAT(index.rows, ElementsAre(Pair("inc-7", 3)));
  Taken(1);
  write();
  EXPECT_THAT(index.rows, ElementsAre(Pair("inc-7", 2)));
  index.rows.clear();  // what did not change is not written again
  write();
  EXPECT_THAT(index.rows, IsEmpty());
  index.rows["inc-7"] = 2;
  for (const char* id : {"inc-7/run/1/1/1/ana/webhook1", "inc-7/run/1/1/1/ana/webhook2"})
    Answer(Outcome(1, id));
  write();
  EXPECT_THAT(index.rows, IsEmpty());
}

}  // namespace
}  // namespace watchbell::notifications
