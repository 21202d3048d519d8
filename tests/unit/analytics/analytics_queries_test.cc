// The rpcs' answers over the real database layer: index rows, chunks, and when a report may be
// given.
#include "services/analytics/analytics_queries.h"

#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "gtest/gtest.h"
#include "tests/unit/analytics/facts_database.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::PRIORITY_LOW;

const absl::Time kOpen = At("2026-01-05T09:00:00Z");
const absl::Time kEnd = At("2026-03-01T00:00:00Z");

class AnalyticsQueriesTest : public FactsDatabase {
 protected:
  absl::StatusOr<v1::GetImportReportResponse> Report(const std::string& tenant,
                                                     const std::string& source,
                                                     int64_t expected = 0) {
    v1::GetImportReportRequest request;
    request.set_source(source);
    request.set_expected_tickets(expected);
    return GetImportReport(*database_, tenant, request);
  }
};

History Imported(int number) {
  return History(kOpen + absl::Minutes(number), PRIORITY_LOW, "",
                 absl::StrFormat("INC%05d", number));
}

TEST_F(AnalyticsQueriesTest, ATicketIsCountedOnceItIsOpened) {
  TicketFacts early;  // sla was faster than tickets
  ApplyEvent(ev::RunStarted(), {kOpen, std::nullopt}, early);
  EXPECT_EQ(Store("default", {{"inc-1", early}}), 0);
  EXPECT_EQ(Store("default", {{"inc-1", History(kOpen, PRIORITY_LOW).facts()}}), 1);
  auto summary = GetDeskSummary(*database_, "default", v1::GetDeskSummaryRequest());
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->total().opened(), 1);
}

TEST_F(AnalyticsQueriesTest, UnknownImport) {
  EXPECT_TRUE(absl::IsNotFound(Report("default", "nothing").status()));
  // Its tickets are known to exist: they are on their way.
  const absl::Status waiting = Report("default", "nothing", 3).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(waiting));
  EXPECT_EQ(ErrorReason(waiting), "IMPORT_NOT_COMPLETE");
  v1::GetImportProgressRequest request;
  request.set_source("nothing");
  auto progress = GetImportProgress(*database_, "default", request);
  ASSERT_TRUE(progress.ok());
  EXPECT_EQ(progress->tickets(), 0);
}

TEST_F(AnalyticsQueriesTest, ReportWaitsUntilAllIsFinishedAndSettled) {
  History first = Imported(1), second = Imported(2);
  first.Finish(kEnd).Settle(kEnd);
  second.Finish(kEnd);
  Store("default", {{"inc-1", first.facts()}, {"inc-2", second.facts()}});
  const absl::Status waiting = Report("default", "log").status();
  EXPECT_EQ(ErrorReason(waiting), "IMPORT_NOT_COMPLETE");
  EXPECT_NE(waiting.message().find("1 are not settled"), absl::string_view::npos) << waiting;
  v1::GetImportProgressRequest request;
  request.set_source("log");
  auto progress = GetImportProgress(*database_, "default", request);
  ASSERT_TRUE(progress.ok());
  EXPECT_EQ(progress->tickets(), 2);
  EXPECT_EQ(progress->finished(), 2);
  EXPECT_EQ(progress->settled(), 1);

  Store("default", {{"inc-2", second.Settle(kEnd).facts()}});
  EXPECT_TRUE(Report("default", "log").ok());
  EXPECT_TRUE(Report("default", "log", 2).ok());
  EXPECT_EQ(ErrorReason(Report("default", "log", 3).status()), "IMPORT_NOT_COMPLETE");
  EXPECT_TRUE(absl::IsNotFound(Report("other", "log").status()));
}

TEST_F(AnalyticsQueriesTest, ALaterFinishAsksForALaterSettlement) {
  History ticket = Imported(1);
  ticket.Finish(kEnd).Settle(kEnd).Finish(kEnd + absl::Hours(1));
  Store("default", {{"inc-1", ticket.facts()}});
  EXPECT_EQ(ErrorReason(Report("default", "log").status()), "IMPORT_NOT_COMPLETE");
  Store("default", {{"inc-1", ticket.Settle(kEnd + absl::Hours(1)).facts()}});
  EXPECT_TRUE(Report("default", "log").ok());
}

TEST_F(AnalyticsQueriesTest, ReadsEveryTicketOnceOverManyChunks) {
  constexpr int kTickets = 2 * kChunk + 1;
  std::vector<std::pair<std::string, TicketFacts>> tickets, others;
  for (int i = 0; i < kTickets; ++i) {
    // Pairs share their opening, so that chunks end between equals.
    History ticket(kOpen + absl::Minutes(i / 2), PRIORITY_LOW, "", absl::StrFormat("INC%05d", i));
    tickets.emplace_back(absl::StrFormat("inc-%d", i), ticket.Finish(kEnd).Settle(kEnd).facts());
    others.emplace_back(absl::StrFormat("inc-%d", i), History(kOpen, PRIORITY_LOW).facts());
  }
  Store("default", tickets);
  Store("other", others);
  auto report = Report("default", "log", kTickets);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->tickets(), kTickets);
  EXPECT_EQ(FromProto(report->opened_first()), kOpen);
  auto summary = GetDeskSummary(*database_, "default", v1::GetDeskSummaryRequest());
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->total().opened(), kTickets);
}

TEST_F(AnalyticsQueriesTest, SummaryTakesTicketsOpenedInTheHalfOpenPeriod) {
  std::vector<std::pair<std::string, TicketFacts>> tickets;
  for (int hour = 0; hour < 4; ++hour) {
    tickets.emplace_back(absl::StrFormat("inc-%d", hour),
                         History(kOpen + absl::Hours(hour), PRIORITY_LOW).facts());
  }
  Store("default", tickets);
  v1::GetDeskSummaryRequest request;
  *request.mutable_from() = ToProto(kOpen + absl::Hours(1));
  *request.mutable_to() = ToProto(kOpen + absl::Hours(3));
  auto summary = GetDeskSummary(*database_, "default", request);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->total().opened(), 2);
  *request.mutable_to() = ToProto(kOpen);
  EXPECT_TRUE(absl::IsInvalidArgument(GetDeskSummary(*database_, "default", request).status()));
}

TEST_F(AnalyticsQueriesTest, AdherenceIsOfTheTenantsTicketsOfOneImportOrOfNone) {
  auto met = [](History ticket, int clocks) {
    for (int i = 0; i < clocks; ++i) {
      sla::v1::Clock clock = MakeClock(absl::StrFormat("c/%d", i), sla::v1::METRIC_RESOLUTION,
                                       PRIORITY_LOW, sla::v1::CLOCK_STATE_STOPPED);
      clock.set_verdict(sla::v1::VERDICT_MET);
      ticket.Clock<ev::ClockStopped>(clock);
    }
    return ticket.facts();
  };
  Store("default", {{"inc-1", met(Imported(1), 1)}, {"inc-2", met({kOpen, PRIORITY_LOW}, 2)}});
  Store("other", {{"inc-3", met({kOpen, PRIORITY_LOW}, 4)}});
  auto count = [&](const std::string& tenant, const std::string& source) -> int64_t {
    v1::GetAdherenceRequest request;
    request.set_import_source(source);
    auto response = GetAdherence(*database_, tenant, request);
    if (absl::IsNotFound(response.status())) return -1;
    EXPECT_TRUE(response.ok()) << response.status();
    return response->rows_size() == 1 ? response->rows(0).met() : 0;
  };
  EXPECT_EQ(count("default", ""), 2);
  EXPECT_EQ(count("default", "log"), 1);
  EXPECT_EQ(count("other", ""), 4);
  EXPECT_EQ(count("other", "log"), -1);
  EXPECT_EQ(count("empty", ""), 0);
}

}  // namespace
}  // namespace watchbell::analytics
