// Every SQL text of the code, read by PostgreSQL against the schema it is for: what SQLite lets
// pass (a missing GROUP BY, a sum that is wider than its parts) shows here, not in production.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/db/migrations.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "services/analytics/analytics_store.h"
#include "services/analytics/spec.h"
#include "services/escalation/spec.h"
#include "services/notifications/notifications_store.h"
#include "services/notifications/spec.h"
#include "services/sla/at_risk_index.h"
#include "services/sla/at_risk_places.h"
#include "services/sla/spec.h"
#include "services/tickets/spec.h"
#include "services/tickets/tickets_store.h"
#include "tests/contract/postgres_backend.h"

namespace watchbell {
namespace {

namespace fs = std::filesystem;

// One service's database, migrated as in production.
class ServiceSchema {
 public:
  explicit ServiceSchema(const runtime::ServiceSpec& spec) {
    const absl::Status migrated = db::Migrate(*database_, runtime::AllMigrations(spec));
    EXPECT_TRUE(migrated.ok()) << migrated;
  }
  db::Database& database() { return *database_; }

 private:
  db::PostgresSchema schema_;
  std::unique_ptr<db::Database> database_ = schema_.Open();
};

struct SqlText {
  std::string place;  // FILE:LINE
  std::string file;
  std::string sql;
  bool whole;  // nothing is put together with it
};

// String literals that begin like SQL, with those that follow them directly.
std::vector<SqlText> TextsOf(const fs::path& path, const std::string& name) {
  static const std::regex* const begins =
      new std::regex("\"(SELECT|INSERT|UPDATE|DELETE|WITH) ([^\"\\\\]|\\\\.)*\"");
  static const std::regex* const follows = new std::regex("^\\s*\"(([^\"\\\\]|\\\\.)*)\"");
  std::ifstream in(path);
  const std::string code((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::vector<SqlText> texts;
  for (auto at = std::sregex_iterator(code.begin(), code.end(), *begins);
       at != std::sregex_iterator(); ++at) {
    const size_t start = at->position();
    size_t end = start;
    std::string sql;
    std::smatch literal;
    std::string rest = code.substr(end);
    while (std::regex_search(rest, literal, *follows)) {
      sql += literal[1];
      end += literal[0].length();
      rest = code.substr(end);
    }
    const std::string before =
        code.substr(start < 200 ? 0 : start - 200, start < 200 ? start : 200);
    const size_t line = 1 + std::count(code.begin(), code.begin() + start, '\n');
    const bool composed =
        std::regex_search(before, std::regex("(StrCat|StrAppend)\\([^;]*$|sql = $"));
    texts.push_back({absl::StrCat(name, ":", line), name, sql, !composed});
  }
  return texts;
}

std::vector<SqlText> AllTexts() {
  std::vector<SqlText> texts;
  const fs::path root = WATCHBELL_SOURCE_DIR;
  for (const char* folder : {"common", "services"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string name = fs::relative(entry.path(), root).string();
      const std::string extension = entry.path().extension().string();
      if (extension != ".cc" && extension != ".h") continue;
      if (absl::StartsWith(name, "common/db/")) continue;  // has tests of its own
      for (SqlText& text : TextsOf(entry.path(), name)) texts.push_back(std::move(text));
    }
  }
  return texts;
}

// Files whose SQL is put together: run below, or in the tests of journal and engine on PostgreSQL.
const std::set<std::string>& FilesThatCompose() {
  static const std::set<std::string>* const files = new std::set<std::string>{
      "common/engine/dead_letters.cc", "common/engine/shards.cc", "common/journal/journal.cc",
      "services/sla/at_risk_places.cc", "services/tickets/tickets_store.cc"};
  return *files;
}

TEST(SqlPostgresTest, EveryTextIsUnderstood) {
  std::map<std::string, std::unique_ptr<ServiceSchema>> schemas;
  schemas["tickets"] = std::make_unique<ServiceSchema>(tickets::Spec());
  schemas["sla"] = std::make_unique<ServiceSchema>(sla::Spec());
  schemas["escalation"] = std::make_unique<ServiceSchema>(escalation::Spec());
  schemas["notifications"] = std::make_unique<ServiceSchema>(notifications::Spec());
  schemas["analytics"] = std::make_unique<ServiceSchema>(analytics::Spec());
  int understood = 0;
  for (const SqlText& text : AllTexts()) {
    if (!text.whole) {
      EXPECT_EQ(FilesThatCompose().count(text.file), 1u)
          << text.place << " puts SQL together: run it in a test on PostgreSQL and list its file";
      continue;
    }
    const std::vector<std::string> parts = absl::StrSplit(text.file, '/');
    // What is common to all services stands in each one's schema.
    const std::string service = parts[0] == "services" ? parts[1] : "tickets";
    ASSERT_EQ(schemas.count(service), 1u) << text.place;
    const absl::Status prepared =
        schemas[service]->database().RunScript(absl::StrCat("PREPARE it AS ", text.sql, ";"));
    EXPECT_TRUE(prepared.ok()) << text.place << ": " << text.sql << "\n  " << prepared;
    ++understood;
  }
  EXPECT_GE(understood, 12) << "the texts are not found any more";
}

TEST(SqlPostgresTest, TheTicketListIsFilteredAndPaged) {
  ServiceSchema schema(tickets::Spec());
  auto transaction = schema.database().Begin();
  ASSERT_TRUE(transaction.ok()) << transaction.status();
  std::vector<db::Row> rows;
  std::vector<std::string> expected;
  for (const char* id : {"b", "B", "a_1", "a 1", "é"}) {
    rows.push_back({"default", id, int64_t{5}, int64_t{1}, int64_t{2}, "g", "w", "r", "s", "c", "i",
                    absl::StrCat("x-", id)});
  }
  ASSERT_TRUE((*transaction)->Insert(tickets::TicketIndexTable(), rows).ok());
  ASSERT_TRUE((*transaction)->Commit().ok());

  tickets::v1::ListTicketsRequest request;
  request.add_states(tickets::v1::STATE_NEW);
  request.add_states(tickets::v1::STATE_IN_PROGRESS);
  request.add_priorities(static_cast<tickets::v1::Priority>(2));
  request.set_group("g");
  request.set_assignee("w");
  request.set_requester("r");
  request.set_site("s");
  request.set_category("c");
  request.set_import_source("i");
  // One at a time, as a caller pages: none twice, none left out, bytes decide.
  std::vector<std::string> found;
  tickets::ListCursor cursor;
  while (found.size() <= rows.size()) {
    const db::Statement query =
        tickets::MakeListQuery("default", request, found.empty() ? nullptr : &cursor, 1);
    const auto page = schema.database().Read(query.sql, query.params);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    cursor = {db::AsInt((*page)[0][1]), db::AsText((*page)[0][0])};
    found.push_back(cursor.ticket_id);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"é", "b", "a_1", "a 1", "B"}));
  request.set_external_id("x-B");
  const auto one = tickets::ListTickets(schema.database(), "default", request);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->tickets_size(), 0) << "only its index row is there";
}

TEST(SqlPostgresTest, TheClocksAtRiskAreFilteredAndReadInOrder) {
  ServiceSchema schema(sla::Spec());
  auto transaction = schema.database().Begin();
  ASSERT_TRUE(transaction.ok()) << transaction.status();
  std::vector<db::Row> rows;
  // By the other columns none is told from another; every second one is breached.
  for (const char* id : {"b", "B", "a_1", "a 1", "é", "c"}) {
    const int64_t breached = rows.size() % 2;
    rows.push_back({"default", id, "resolution", int64_t{1}, int64_t{5'000'000}, breached, "", "g",
                    int64_t{2}, "s", "2026a"});
  }
  rows.push_back(rows[0]);
  rows.back()[3] = int64_t{2};
  rows.back()[4] = int64_t{4'000'000};
  absl::Status stored = (*transaction)->Insert(sla::AtRiskTable(), rows);
  if (stored.ok()) stored = (*transaction)->Commit();
  ASSERT_TRUE(stored.ok()) << stored;

  sla::v1::AtRiskFilter filter;
  filter.add_groups("g");
  filter.add_groups("h");
  filter.add_priorities(static_cast<tickets::v1::Priority>(2));
  filter.add_sites("s");
  filter.add_clocks("resolution");
  filter.mutable_within()->set_seconds(5);
  sla::CalendarCache calendars;
  sla::TimesLeft times(schema.database(), calendars, "default", 0);
  // One at a time, as a caller pages: none twice, none left out, bytes decide.
  const auto found = [&] {
    std::vector<std::string> ids;
    std::optional<sla::AtRiskPlace> last;
    while (ids.size() <= rows.size()) {
      const auto page = sla::ReadAtRisk(schema.database(), "default", filter, last, 1, times);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok() || page->empty()) break;
      last = (*page)[0];
      ids.push_back(absl::StrCat(last->ticket_id, "/", last->cycle));
    }
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(found(), (Ids{"b/2", "a_1/1", "b/1", "é/1"}));
  filter.set_include_breached(true);
  EXPECT_EQ(found(), (Ids{"b/2", "B/1", "a 1/1", "a_1/1", "b/1", "c/1", "é/1"}));
  filter.mutable_within()->set_seconds(4);
  EXPECT_EQ(found(), (Ids{"b/2"}));
}

TEST(SqlPostgresTest, StoresReadTheirTypes) {
  ServiceSchema analytics(analytics::Spec());
  const auto visit = [](const analytics::TicketFacts&) {};
  const auto progress = analytics::ReadImportProgress(analytics.database(), "default", "i");
  EXPECT_TRUE(progress.ok()) << progress.status();
  absl::Status visited = analytics::VisitImport(analytics.database(), "default", "i", visit);
  EXPECT_TRUE(visited.ok()) << visited;
  visited = analytics::VisitOpened(analytics.database(), "default", absl::UnixEpoch(),
                                   absl::FromUnixSeconds(1), visit);
  EXPECT_TRUE(visited.ok()) << visited;
  ServiceSchema notifications(notifications::Spec());
  const auto in_flight = notifications::TicketsInFlight(notifications.database());
  EXPECT_TRUE(in_flight.ok()) << in_flight.status();
}

}  // namespace
}  // namespace watchbell
