#include "services/sla/import_clocks.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "tests/unit/sla/sla_database.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ImportClocksTest : public testing::Test {
 protected:
  // Tickets with two clocks each, stored in one transaction.
  void Store(const std::string& tenant, const std::string& source,
             const std::vector<std::string>& tickets, const std::string& target_id = "t") {
    std::vector<std::pair<engine::EntityKey, state::v1::TicketClocks>> entities;
    for (const std::string& id : tickets) {
      state::v1::TicketClocks stored;
      stored.mutable_ticket()->set_ticket_id(id);
      stored.mutable_ticket()->mutable_import()->set_source(source);
      stored.mutable_ticket()->mutable_import()->set_external_id("EXT-" + id);
      for (const char* name : {"first-response", "resolution"}) {
        state::v1::ClockRecord& clock = *stored.add_clocks();
        clock.set_name(name);
        clock.set_cycle(1);
        clock.set_target_id(target_id);
      }
      entities.emplace_back(TicketKey(tenant, id), stored);
    }
    database_.Store(entities);
  }

  v1::ListImportClocksResponse List(const std::string& token = "", int size = 0,
                                    const std::string& tenant = "acme") {
    v1::ListImportClocksRequest request;
    request.set_source("log");
    request.set_page_size(size);
    request.set_page_token(token);
    const auto page = ListImportClocks(*database_, tenant, request);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.value_or(v1::ListImportClocksResponse());
  }

  static std::vector<std::string> Ids(const v1::ListImportClocksResponse& page) {
    std::vector<std::string> ids;
    for (const v1::ImportClock& clock : page.clocks()) {
      EXPECT_EQ(clock.external_id(), "EXT-" + clock.ticket_id());
      ids.push_back(clock.clock().clock_id());
    }
    return ids;
  }

  test::SlaDatabase database_;
};

TEST_F(ImportClocksTest, OnlyThoseOfTheImportByTicket) {
  Store("acme", "log", {"inc-3", "inc-1"});
  Store("acme", "other", {"inc-2"});
  Store("rival", "log", {"inc-9"});
  const auto page = List();
  EXPECT_THAT(Ids(page), ElementsAre("inc-1/first-response/1", "inc-1/resolution/1",
                                     "inc-3/first-response/1", "inc-3/resolution/1"));
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(ImportClocksTest, PagesCoverEachTicketOnce) {
  Store("acme", "log", {"inc-1", "inc-3", "inc-5"});
  Store("acme", "other", {"inc-2", "inc-4"});
  std::vector<std::vector<std::string>> pages;
  std::string token;
  do {
    const auto page = List(token, 2);
    pages.push_back(Ids(page));
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(pages, ElementsAre(ElementsAre("inc-1/first-response/1", "inc-1/resolution/1"),
                                 ElementsAre("inc-3/first-response/1", "inc-3/resolution/1"),
                                 ElementsAre("inc-5/first-response/1", "inc-5/resolution/1")));
  // Whole pages: the last one is known to be it.
  EXPECT_EQ(List("", 5).next_page_token(), "");
  EXPECT_NE(List("", 4).next_page_token(), "");
}

TEST_F(ImportClocksTest, APageMayHoldNoneAndNotBeTheLast) {
  Store("acme", "other", {"inc-1"});
  Store("acme", "log", {"inc-2"});
  const auto page = List("", 1);
  EXPECT_THAT(Ids(page), IsEmpty());
  EXPECT_EQ(Ids(List(page.next_page_token(), 1)).size(), 2u);
}

TEST_F(ImportClocksTest, APageIsAtMostAThousandTicketsAndAboutAMegabyte) {
  std::vector<std::string> tickets;
  for (int i = 0; i < 1001; ++i) tickets.push_back(absl::StrFormat("inc-%05d", i));
  Store("acme", "log", tickets);
  EXPECT_EQ(List().clocks_size(), 2 * 500);
  const auto most = List("", 5000);
  EXPECT_EQ(most.clocks_size(), 2 * 1000);
  EXPECT_THAT(Ids(List(most.next_page_token())),
              ElementsAre("inc-01000/first-response/1", "inc-01000/resolution/1"));
  Store("large", "log", tickets, std::string(2000, 'x'));
  const auto bytes = List("", 1000, "large");
  EXPECT_NE(bytes.next_page_token(), "");
  EXPECT_LT(bytes.ByteSizeLong(), 1'010'000u);
  EXPECT_GT(bytes.ByteSizeLong(), 990'000u);
}

TEST_F(ImportClocksTest, TokensBelongToTheirImportAndTenant) {
  Store("acme", "log", {"inc-1", "inc-2"});
  v1::ListImportClocksRequest request;
  request.set_source("other");
  request.set_page_token(List("", 1).next_page_token());
  for (const char* tenant : {"acme", "rival"}) {
    const auto refused = ListImportClocks(*database_, tenant, request).status();
    ASSERT_EQ(FieldViolations(refused).size(), 1u);
    EXPECT_EQ(FieldViolations(refused)[0].field, "page_token");
    request.set_source("log");
  }
}

}  // namespace
}  // namespace watchbell::sla
