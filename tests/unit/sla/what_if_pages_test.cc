// Which tickets a what-if judges, and page by page.
#include "services/sla/what_if_pages.h"

#include <gmock/gmock.h>

#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "tests/unit/sla/decider_desk.h"
#include "tests/unit/sla/desk.h"
#include "tests/unit/sla/sla_database.h"

namespace watchbell::sla::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WhatIfPagesTest : public testing::Test {
 protected:
  WhatIfPagesTest() {
    *request_.mutable_policy()->mutable_policy_set() = Standard();
    *request_.mutable_policy()->add_calendars() = Office();
  }

  // Opened then, answered 20 minutes later, judged by a policy that allows 10.
  static state::v1::TicketClocks Ticket(const std::string& id, const std::string& source,
                                        absl::string_view opened) {
    const Bench present({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 10)});
    Life life(present);
    life.Do(opened, Opened(tickets::v1::PRIORITY_HIGH));
    TicketInput answer = Respond();
    answer.set_at(At(opened) + int64_t{20} * 60'000'000);
    answer.set_sequence(2);
    Happenings unheard;
    ApplyInput(present.judge(), life.ticket, answer, unheard);
    life.ticket.mutable_ticket()->set_ticket_id(id);
    life.ticket.mutable_ticket()->mutable_import()->set_source(source);
    life.ticket.mutable_ticket()->mutable_import()->set_external_id("EXT-" + id);
    return life.ticket;
  }
  void Store(const std::string& id, const std::string& source = "",
             absl::string_view opened = "Mon 10:00", const std::string& tenant = "acme") {
    database_.Store(TicketKey(tenant, id), Ticket(id, source, opened));
  }

  absl::StatusOr<v1::WhatIfResponse> Call(const std::string& tenant = "acme") {
    return AnswerWhatIf(*database_, clock_, tenant, request_, deadline_);
  }
  v1::WhatIfResponse Page(const std::string& tenant = "acme") {
    const auto page = Call(tenant);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.value_or(v1::WhatIfResponse());
  }
  // Tickets whose first response changed.
  static std::vector<std::string> Gained(const v1::WhatIfResponse& page) {
    std::vector<std::string> ids;
    for (const v1::WhatIfChange& change : page.changes()) {
      EXPECT_EQ(change.external_id(), "EXT-" + change.ticket_id());
      EXPECT_EQ(change.after(), v1::VERDICT_MET);
      ids.push_back(change.ticket_id());
    }
    return ids;
  }
  static int64_t GainedCount(const v1::WhatIfResponse& page) {
    int64_t gained = 0;
    for (const v1::WhatIfCount& count : page.counts()) gained += count.gained();
    return gained;
  }

  SlaDatabase database_;
  FakeClock clock_{T("2026-01-10T00:00:00Z")};
  absl::Time deadline_ = absl::InfiniteFuture();
  v1::WhatIfRequest request_;
};

TEST_F(WhatIfPagesTest, AllTicketsOfTheTenantById) {
  Store("inc-3");
  Store("inc-1", "log");
  Store("inc-2", "", "Mon 10:00", "rival");
  const auto page = Page();
  EXPECT_THAT(Gained(page), ElementsAre("inc-1", "inc-3"));
  EXPECT_EQ(page.tickets(), 2);
  EXPECT_EQ(page.next_page_token(), "");
  // By clock, then priority; the draft has a clock more.
  ASSERT_EQ(page.counts_size(), 2);
  EXPECT_EQ(page.counts(0).clock(), "first-response");
  EXPECT_EQ(page.counts(0).missed_before(), 2);
  EXPECT_EQ(page.counts(0).met_after(), 2);
  EXPECT_EQ(page.counts(1).clock(), "resolution");
  EXPECT_EQ(page.counts(1).open_breached_after(), 2);
}

TEST_F(WhatIfPagesTest, TheWindowIsHalfOpenAndOnTheOpening) {
  Store("inc-1", "", "Mon 09:59");
  Store("inc-2", "", "Mon 10:00");
  Store("inc-3", "", "Mon 10:59");
  Store("inc-4", "", "Mon 11:00");
  *request_.mutable_from() = ToProto(absl::FromUnixMicros(At("Mon 10:00")));
  EXPECT_THAT(Gained(Page()), ElementsAre("inc-2", "inc-3", "inc-4"));
  *request_.mutable_to() = ToProto(absl::FromUnixMicros(At("Mon 11:00")));
  EXPECT_THAT(Gained(Page()), ElementsAre("inc-2", "inc-3"));
  EXPECT_EQ(Page().tickets(), 2);
  request_.clear_from();
  EXPECT_THAT(Gained(Page()), ElementsAre("inc-1", "inc-2", "inc-3"));
  *request_.mutable_from() = request_.to();
  const auto refused = Call().status();
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "to");
}

TEST_F(WhatIfPagesTest, OnlyThoseOfAnImport) {
  Store("inc-1", "log");
  Store("inc-2", "other");
  Store("inc-3");
  request_.set_import_source("log");
  EXPECT_THAT(Gained(Page()), ElementsAre("inc-1"));
  EXPECT_EQ(Page().tickets(), 1);
}

TEST_F(WhatIfPagesTest, PagesAddUp) {
  std::vector<std::pair<engine::EntityKey, state::v1::TicketClocks>> tickets;
  for (int i = 0; i < 1203; ++i) {
    const std::string id = absl::StrFormat("inc-%04d", i);
    tickets.emplace_back(TicketKey("acme", id), Ticket(id, i % 3 == 0 ? "log" : "", "Mon 10:00"));
  }
  database_.Store(tickets);
  const auto whole = Page();
  ASSERT_EQ(whole.tickets(), 1203);
  EXPECT_EQ(GainedCount(whole), 1203);
  request_.set_page_size(250);
  request_.set_import_source("log");
  std::vector<std::string> ids;
  std::vector<int64_t> tickets_of_pages;
  int64_t gained = 0;
  do {
    const auto page = Page();
    for (const std::string& id : Gained(page)) ids.push_back(id);
    gained += GainedCount(page);
    tickets_of_pages.push_back(page.tickets());
    request_.set_page_token(page.next_page_token());
  } while (!request_.page_token().empty());
  EXPECT_THAT(tickets_of_pages, ElementsAre(250, 151)) << "what is not asked for fills no page";
  EXPECT_EQ(gained, 401);
  EXPECT_EQ(ids.size(), 401u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST_F(WhatIfPagesTest, APageIsAboutAMegabyte) {
  std::vector<std::pair<engine::EntityKey, state::v1::TicketClocks>> tickets;
  for (int i = 0; i < 300; ++i) {
    const std::string id = absl::StrFormat("inc-%04d-%s", i, std::string(5000, 'x'));
    tickets.emplace_back(TicketKey("acme", id), Ticket(id, "", "Mon 10:00"));
  }
  database_.Store(tickets);
  const auto page = Page();
  EXPECT_NE(page.next_page_token(), "");
  EXPECT_LT(page.ByteSizeLong(), 1'020'000u);
  EXPECT_GT(page.ByteSizeLong(), 990'000u);
  request_.set_counts_only(true);
  EXPECT_EQ(Page().next_page_token(), "");
  EXPECT_THAT(Page().changes(), IsEmpty());
  EXPECT_EQ(Page().tickets(), 300);
}

// Goes on by a second whenever it is looked at.
class BusyClock : public FakeClock {
 public:
  using FakeClock::FakeClock;
  absl::Time Now() override {
    Advance(absl::Seconds(1));
    return FakeClock::Now();
  }
};

TEST_F(WhatIfPagesTest, APageEndsWhenHalfTheTimeIsGone) {
  std::vector<std::pair<engine::EntityKey, state::v1::TicketClocks>> tickets;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = absl::StrFormat("inc-%04d", i);
    tickets.emplace_back(TicketKey("acme", id), Ticket(id, "", "Mon 10:00"));
  }
  database_.Store(tickets);
  BusyClock busy(FromProto(ToProto(T("2026-01-10T00:00:00Z"))));
  deadline_ = T("2026-01-10T00:00:09Z");
  const auto page = AnswerWhatIf(*database_, busy, "acme", request_, deadline_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_NE(page->next_page_token(), "");
  EXPECT_GT(page->tickets(), 0);
  EXPECT_LT(page->tickets(), 1000);
  request_.set_page_token(page->next_page_token());
  deadline_ = absl::InfiniteFuture();
  EXPECT_EQ(Page().tickets(), 1000 - page->tickets());
}

TEST_F(WhatIfPagesTest, WithoutAPolicyInForceAllClocksAreGone) {
  Store("inc-1");
  request_.clear_policy();
  const auto page = Page();
  ASSERT_EQ(page.changes_size(), 1);
  EXPECT_EQ(page.changes(0).before(), v1::VERDICT_MISSED);
  EXPECT_EQ(page.changes(0).after(), v1::VERDICT_UNSPECIFIED);
}

TEST_F(WhatIfPagesTest, FaultsOfTheDraftAreBelowPolicy) {
  request_.mutable_policy()->mutable_policy_set()->mutable_targets(0)->set_calendar_id("moon");
  const auto refused = Call().status();
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "policy.policy_set.targets[0].calendar_id");
}

TEST_F(WhatIfPagesTest, TokensBelongToTheirQuestion) {
  Store("inc-1");
  Store("inc-2");
  request_.set_page_size(1);
  request_.set_page_token(Page().next_page_token());
  EXPECT_THAT(Gained(Page()), ElementsAre("inc-2"));
  EXPECT_EQ(FieldViolations(Call("rival").status())[0].field, "page_token");
  request_.mutable_policy()->mutable_policy_set()->mutable_targets(0)->add_warn_percent(70);
  EXPECT_EQ(FieldViolations(Call().status())[0].field, "page_token");
}

}  // namespace
}  // namespace watchbell::sla::test
