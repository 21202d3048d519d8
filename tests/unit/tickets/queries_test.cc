// The queries over a real engine and an in-memory database.
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/service_core.h"
#include "services/tickets/spec.h"
#include "services/tickets/ticket_history.h"
#include "services/tickets/ticket_watch.h"
#include "services/tickets/tickets_entities.h"
#include "services/tickets/tickets_store.h"

namespace watchbell::tickets {
namespace {

class QueryTest : public testing::Test {
 protected:
  QueryTest() {
    runtime::ServiceSpec spec = Spec();
    spec.consumes = {};  // nobody else is here
    database_ = *db::OpenSqliteInMemory();
    EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(spec)).ok());
    auto core = runtime::ServiceCore::Make(std::move(spec), {*database_, clock_, ids_, bus_});
    EXPECT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    EXPECT_TRUE(core_->Open().ok());
  }

  template <typename Response, typename Request>
  Response Do(const Request& request) {
    absl::StatusOr<engine::Reply> reply = absl::InternalError("not answered");
    engine::Input input;
    input.identity = {tenant_, "ana", {"agent", "manager", "integration"}};
    input.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    input.message = std::make_shared<Request>(request);
    input.done = [&](absl::StatusOr<engine::Reply> answer) { reply = std::move(answer); };
    EXPECT_TRUE(core_->engine().Submit(std::move(input)).ok());
    while (core_->engine().RunOnce().more) {
    }
    EXPECT_TRUE(reply.ok()) << reply.status();
    Response response;
    if (reply.ok()) response.ParseFromString(reply->bytes);
    return response;
  }

  v1::Ticket Create(const std::string& group, const std::string& category = "") {
    v1::CreateTicketRequest request;
    request.set_type(v1::TICKET_TYPE_INCIDENT);
    request.set_title("t");
    request.set_description("long");
    request.set_impact(v1::IMPACT_HIGH);
    request.set_urgency(v1::URGENCY_HIGH);
    request.set_group(group);
    request.mutable_classification()->set_category(category);
    return Do<v1::Ticket>(request);
  }

  std::vector<std::string> List(v1::ListTicketsRequest request) {
    std::vector<std::string> ids;
    do {
      const auto page = ListTickets(*database_, tenant_, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      EXPECT_LE(page->tickets_size(), request.page_size() == 0 ? 50 : request.page_size());
      for (const v1::Ticket& ticket : page->tickets()) {
        ids.push_back(ticket.ticket_id());
        EXPECT_EQ(ticket.description(), "");
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty() && ids.size() < 1000);
    return ids;
  }

  absl::StatusOr<std::unique_ptr<rpc::WatchSource>> Watch(const v1::WatchTicketsRequest& request) {
    return WatchTickets(*database_, core_->journal(), tenant_, request);
  }
  static std::vector<v1::WatchTicketsResponse> Drain(rpc::WatchSource& source, int max = 100) {
    std::vector<v1::WatchTicketsResponse> all;
    const auto messages = source.Next(max);
    EXPECT_TRUE(messages.ok()) << messages.status();
    if (!messages.ok()) return all;
    for (const rpc::MessagePtr& message : *messages) {
      all.push_back(dynamic_cast<const v1::WatchTicketsResponse&>(*message));
    }
    return all;
  }
  static std::string Bookmark(rpc::WatchSource& source) {
    return dynamic_cast<const v1::WatchTicketsResponse&>(*source.Bookmark()).resume_token();
  }

  std::string tenant_ = "default";
  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SeededIdSource ids_{1};
  bus::EmbeddedBus bus_{kDefaultShards};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<runtime::ServiceCore> core_;
};

TEST_F(QueryTest, ListsNewestFirstInPagesWithoutLossOrRepeat) {
  std::vector<std::string> expected;
  for (int i = 0; i < 23; ++i) {
    if (i % 3 == 0) clock_.Advance(absl::Seconds(1));  // some are opened at the same instant
    expected.insert(expected.begin(), Create("g").ticket_id());
  }
  v1::ListTicketsRequest request;
  const std::vector<std::string> whole = List(request);
  EXPECT_EQ(std::set<std::string>(whole.begin(), whole.end()),
            std::set<std::string>(expected.begin(), expected.end()));
  EXPECT_EQ(whole.size(), expected.size());
  for (const int size : {1, 4, 23, 24}) {
    request.set_page_size(size);
    EXPECT_EQ(List(request), whole) << size;
  }
}

TEST(TicketIndex, ARowIsWrittenWhenItChanges) {
  struct Rows : engine::IndexWriter {
    void Upsert(const db::Table&, db::Row row) override { upserts.push_back(std::move(row)); }
    void Delete(const db::Table&, db::Row) override { FAIL() << "tickets stay"; }
    std::vector<db::Row> upserts;
  } rows;
  const auto decider = Spec().decider;
  const engine::EntityKey key{kTicketClass, "default", "inc-1"};
  state::v1::TicketState before;
  before.mutable_ticket()->set_ticket_id("inc-1");
  state::v1::TicketState after = before;
  decider->Index(key, nullptr, before, rows);
  EXPECT_EQ(rows.upserts, std::vector<db::Row>{TicketIndexRow("default", before)});
  after.mutable_ticket()->set_title("another");
  decider->Index(key, &before, after, rows);
  EXPECT_EQ(rows.upserts.size(), 1u);
  after.mutable_ticket()->set_assignee("ana");
  decider->Index(key, &before, after, rows);
  ASSERT_EQ(rows.upserts.size(), 2u);
  EXPECT_EQ(rows.upserts[1], TicketIndexRow("default", after));
}

TEST_F(QueryTest, TheListFollowsEveryChangeAndFilter) {
  Create("mail", "email");
  Create("net");
  Create("net", "email");
  v1::StartWorkRequest start;
  start.set_name("tickets/inc-2");
  Do<v1::Ticket>(start);
  v1::UpdateTicketRequest update;
  update.set_name("tickets/inc-3");
  update.mutable_changes()->set_site("Berlin");
  update.mutable_changes()->set_impact(v1::IMPACT_LOW);
  Do<v1::Ticket>(update);
  const auto list = [&](auto fill) {
    v1::ListTicketsRequest request;
    fill(request);
    std::vector<std::string> ids = List(request);
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(list([](auto& r) { r.set_group("net"); }), (Ids{"inc-2", "inc-3"}));
  EXPECT_EQ(list([](auto& r) { r.set_category("email"); }), (Ids{"inc-1", "inc-3"}));
  EXPECT_EQ(list([](auto& r) { r.set_site("Berlin"); }), (Ids{"inc-3"}));
  EXPECT_EQ(list([](auto& r) { r.set_requester("ana"); }), (Ids{"inc-1", "inc-2", "inc-3"}));
  EXPECT_EQ(list([](auto& r) { r.set_assignee("bo"); }), Ids{});
  EXPECT_EQ(list([](auto& r) { r.add_states(v1::STATE_IN_PROGRESS); }), (Ids{"inc-2"}));
  EXPECT_EQ(list([](auto& r) {
              r.add_states(v1::STATE_IN_PROGRESS);
              r.add_states(v1::STATE_NEW);
              r.add_priorities(v1::PRIORITY_CRITICAL);
            }),
            (Ids{"inc-1", "inc-2"}));
  EXPECT_EQ(list([](auto& r) { r.add_priorities(v1::PRIORITY_MODERATE); }), (Ids{"inc-3"}));
}

TEST_F(QueryTest, FindsAnImportedTicketByItsOriginalId) {
  Create("g");
  v1::ImportBatchRequest batch;
  batch.set_source("log");
  for (const char* id : {"INC7", "INC8"}) {
    v1::ImportCommand& command = *batch.add_commands();
    command.set_external_id(id);
    *command.mutable_occurred_at() = ToProto(clock_.Now() - absl::Hours(99));
    command.mutable_create()->mutable_ticket()->set_type(v1::TICKET_TYPE_INCIDENT);
  }
  Do<v1::ImportBatchResponse>(batch);
  v1::ListTicketsRequest request;
  request.set_external_id("INC8");
  EXPECT_EQ(FieldViolations(ListTickets(*database_, tenant_, request).status())[0].field,
            "import_source");
  request.set_import_source("log");
  EXPECT_EQ(List(request), std::vector<std::string>{"inc-3"});
}

TEST_F(QueryTest, PageTokensBelongToTheirQuery) {
  for (int i = 0; i < 3; ++i) Create("g");
  v1::ListTicketsRequest request;
  request.set_page_size(1);
  const std::string token = ListTickets(*database_, tenant_, request)->next_page_token();
  const auto refused = [&](const std::string& tenant) {
    const auto page = ListTickets(*database_, tenant, request);
    return page.status().code() == absl::StatusCode::kInvalidArgument &&
           FieldViolations(page.status())[0].field == "page_token";
  };
  request.set_page_token(token);
  request.set_page_size(2);
  EXPECT_TRUE(ListTickets(*database_, tenant_, request).ok()) << "the size may change";
  EXPECT_TRUE(refused("other"));
  request.set_group("g");
  EXPECT_TRUE(refused(tenant_));
  request.clear_group();
  for (const char* bad : {"x", "!!!", "MS4y"}) {
    request.set_page_token(bad);
    EXPECT_TRUE(refused(tenant_)) << bad;
  }
}

TEST_F(QueryTest, TenantsDoNotSeeEachOther) {
  Create("g");
  tenant_ = "other";
  EXPECT_EQ(List({}), std::vector<std::string>{});
  EXPECT_EQ(GetTicket(*database_, tenant_, "tickets/inc-1").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(QueryTest, GetAnswersTheWholeTicket) {
  const v1::Ticket created = Create("g");
  EXPECT_EQ(GetTicket(*database_, tenant_, created.name())->SerializeAsString(),
            created.SerializeAsString());
  EXPECT_EQ(FieldViolations(GetTicket(*database_, tenant_, "inc-1").status())[0].field, "name");
}

TEST_F(QueryTest, HistoryTellsWhoWhatWhenWhy) {
  const v1::Ticket ticket = Create("g");
  clock_.Advance(absl::Minutes(1));
  v1::AssignTicketRequest assign;
  assign.set_name(ticket.name());
  assign.set_group("net");
  assign.set_reason("theirs");
  Do<v1::Ticket>(assign);
  v1::ListTicketHistoryRequest request;
  request.set_name(ticket.name());
  request.set_page_size(1);
  const auto first = ListTicketHistory(*database_, core_->journal(), tenant_, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->entries_size(), 1);
  EXPECT_EQ(first->entries(0).type(), "io.watchbell.ticket.created.v1");
  EXPECT_TRUE(first->entries(0).detail().fields().empty());
  request.set_page_token(first->next_page_token());
  const auto second = ListTicketHistory(*database_, core_->journal(), tenant_, request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->next_page_token(), "");
  const v1::HistoryEntry& entry = second->entries(0);
  EXPECT_EQ(entry.version(), 2);
  EXPECT_EQ(entry.actor(), "ana");
  EXPECT_EQ(FromProto(entry.occurred_at()), clock_.Now());
  EXPECT_EQ(entry.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(entry.event_id().size(), 36u);
  EXPECT_EQ(entry.detail().fields().at("previous_group").string_value(), "g");
  EXPECT_EQ(entry.detail().fields().at("reason").string_value(), "theirs");
  EXPECT_TRUE(entry.detail().fields().at("group_changed").bool_value());
  EXPECT_EQ(entry.detail().fields().count("ticket"), 0u);
  request.set_name("tickets/inc-9");
  EXPECT_EQ(ListTicketHistory(*database_, core_->journal(), tenant_, request).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(QueryTest, APageOfHistoryFitsWhatClientsTakeAtOnce) {
  v1::AddCommentRequest comment;
  comment.set_name(Create("g").name());
  for (int i = 0; i < 16'000; ++i) *comment.mutable_text() += "\xf0\x9f\x94\x94";
  for (int i = 0; i < 80; ++i) Do<v1::Ticket>(comment);
  v1::ListTicketHistoryRequest request;
  request.set_name(comment.name());
  int64_t version = 0;
  int pages = 0;
  do {
    const auto page = ListTicketHistory(*database_, core_->journal(), tenant_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LT(page->ByteSizeLong(), 4u << 20);
    for (const v1::HistoryEntry& entry : page->entries()) EXPECT_EQ(entry.version(), ++version);
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 100);
  EXPECT_EQ(version, 81);
  EXPECT_GT(pages, 1);
}

TEST_F(QueryTest, AWatchShowsWhatCommitsFromNowOnAndResumes) {
  Create("g");
  const auto source = Watch({});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_TRUE(Drain(**source).empty()) << "nothing from before";
  const std::string start = Bookmark(**source);
  Create("net");
  Create("mail");
  const auto seen = Drain(**source, 1);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].ticket().ticket_id(), "inc-2");
  EXPECT_EQ(seen[0].event_type(), "io.watchbell.ticket.created.v1");
  v1::WatchTicketsRequest resume;
  resume.set_resume_token(seen[0].resume_token());
  const auto rest = Drain(**Watch(resume));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].ticket().ticket_id(), "inc-3");
  resume.set_resume_token(start);
  EXPECT_EQ(Drain(**Watch(resume)).size(), 2u);
  resume.set_group("mail");
  const auto filtered = Watch(resume);
  ASSERT_EQ(Drain(**filtered).size(), 1u);
  EXPECT_TRUE(Drain(**filtered).empty());
  resume.clear_group();
  resume.set_name("tickets/inc-2");
  EXPECT_EQ(Drain(**Watch(resume))[0].ticket().group(), "net");
  tenant_ = "other";
  EXPECT_EQ(Watch(resume).status().code(), absl::StatusCode::kNotFound);
  resume.clear_name();
  const auto foreign = Watch(resume);
  EXPECT_TRUE(Drain(**foreign).empty());
  EXPECT_NE(Bookmark(**foreign), start) << "a bookmark passes over what is not shown";
}

TEST_F(QueryTest, AWatchWhoseNextMatchLiesFarAheadTellsHowFarItCame) {
  v1::WatchTicketsRequest request;
  request.set_resume_token(Bookmark(**Watch(request)));
  for (int i = 0; i < 600; ++i) Create("net");
  Create("mail");
  request.set_group("mail");
  // Cut off after each look.
  int looks = 0;
  for (std::string group; group.empty(); ++looks) {
    const auto found = Drain(**Watch(request));
    ASSERT_EQ(found.size(), 1u);
    ASSERT_GT(*ReadResumeToken(found[0].resume_token()), *ReadResumeToken(request.resume_token()));
    request.set_resume_token(found[0].resume_token());
    group = found[0].ticket().group();
  }
  EXPECT_GT(looks, 1);
  EXPECT_TRUE(Drain(**Watch(request)).empty());
}

TEST_F(QueryTest, ResumeTokensAreChecked) {
  EXPECT_EQ(*ReadResumeToken(MakeResumeToken(1042)), 1042);
  v1::WatchTicketsRequest request;
  for (const std::string bad : {"x", "!", "dzEuLTE", "dzEu"}) {
    request.set_resume_token(bad);
    EXPECT_EQ(FieldViolations(Watch(request).status())[0].field, "resume_token") << bad;
  }
  request.set_resume_token(MakeResumeToken(1));
  EXPECT_EQ(Watch(request).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace watchbell::tickets
