#include "services/watchbell/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/base/proto_time.h"

namespace watchbell::cli {
namespace {

using Json = nlohmann::ordered_json;

google::protobuf::Timestamp At(const char* time) {
  absl::Time parsed;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%dT%H:%M:%S", time, &parsed, nullptr));
  return ToProto(parsed);
}

AuditLog SmallLog() {
  AuditLog log;
  log.tickets = {{"INC1", 5, true, "Closed", true, true},
                 {"INC2", 8, true, "Closed", true, false},
                 {"INC3", 1, false, "New", true, true}};
  log.rows = 14;
  log.rows_malformed = 1;
  log.rows_by_state = {{"New", 4}, {"Active", 10}};
  log.missing_marker_counts = {{"caller_id", 2}};
  return log;
}

analytics::v1::GetImportReportResponse Figures() {
  analytics::v1::GetImportReportResponse figures;
  figures.set_tickets(3);
  figures.set_tickets_closed(2);
  *figures.mutable_opened_first() = At("2016-02-29T01:16:00");
  *figures.mutable_opened_last() = At("2016-03-07T00:00:00");
  figures.add_not_closed_external_ids("INC3");
  auto* week = figures.add_volume_per_week();
  week->set_week("2016-W09");
  week->set_opened(3);
  (*week->mutable_by_final_priority())[3] = 2;
  (*week->mutable_by_final_priority())[1] = 1;
  for (const char* end : {"2016-03-07T00:00:00", "2016-03-14T00:00:00"}) {
    auto* backlog = figures.add_backlog_at_week_end();
    *backlog->mutable_week_end_exclusive() = At(end);
    backlog->set_open_unresolved(1);
    for (int i = 0; i < 6; ++i) backlog->add_age_buckets(i);
  }
  figures.mutable_reopen_rate()->set_numerator(234);
  figures.mutable_reopen_rate()->set_denominator(20768);
  figures.mutable_reopen_rate()->set_rate(234.0 / 20768);
  (*figures.mutable_reopen_distribution())[10] = 1;
  (*figures.mutable_reopen_distribution())[2] = 4;
  auto* times = figures.add_time_to_resolve();
  times->set_priority(tickets::v1::PRIORITY_MODERATE);
  times->mutable_first_resolved()->set_count(3);
  times->mutable_first_resolved()->set_sum_seconds(3 * 3600 + 60);
  times->mutable_first_resolved()->set_p50_seconds(67425 * 60 / 1000.0);
  figures.add_time_to_resolve()->mutable_acknowledged()->set_count(1);
  return figures;
}

Json Report() {
  ReplayTally tally;
  tally.commands = {{"Close", 2}, {"Touch", 7}, {"CreateTicket", 3}};
  tally.failed = {{"INC9", "line 3, column 4 (number): bad", 3, 4, "number", 2}};
  return Json::parse(ReportJson(SmallLog(), tally, Figures()));
}

TEST(RoundToTest, AsDecimalTextDoes) {
  EXPECT_EQ(RoundTo(265.7734, 3), 265.773);
  EXPECT_EQ(RoundTo(0.0112673, 6), 0.011267);
  EXPECT_EQ(RoundTo(2.0004999, 3), 2.0);
  EXPECT_EQ(RoundTo(0.0125, 3), 0.013);  // its double is a little above
  EXPECT_EQ(RoundTo(1.0005, 3),
            1.0);  // its double is a little below; multiplying first would say 1.001
  EXPECT_EQ(RoundTo(0.5, 0), 0.0);  // a true tie goes to the even one
}

TEST(PercentileTest, LinearInterpolation) {
  EXPECT_EQ(Percentile({7}, 0.99), 7);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 0.75), 3.25);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 1), 4);
}

TEST(ReportJsonTest, BlocksAndNumbers) {
  const Json report = Report();
  EXPECT_EQ(report["counts"]["rows"], 14);
  EXPECT_EQ(report["counts"]["truncated"], Json::array({"INC3"}));
  EXPECT_EQ(report["counts"]["opened_first"], "2016-02-29T01:16:00");
  EXPECT_EQ(report["counts"]["rows_per_incident"]["mean"], 6.5);
  EXPECT_EQ(report["counts"]["rows_per_incident"]["max"], 8);
  EXPECT_EQ(report["counts"]["last_row_state"].dump(), R"({"Closed":2,"New":1})");
  EXPECT_EQ(report["counts"]["rows_by_state"].dump(), R"({"Active":10,"New":4})");
  EXPECT_EQ(report["replay_commands"].dump(),
            R"({"counts":{"Touch":7,"CreateTicket":3,"Close":2},"total":12})");
  EXPECT_EQ(report["volume_per_week"][0]["by_final_priority"].dump(),
            R"({"1 - Critical":1,"3 - Moderate":2})");
  EXPECT_EQ(report["backlog_at_week_end"][0]["week_end_exclusive"], "2016-03-07T00:00:00");
  EXPECT_EQ(report["backlog_at_week_end"][0]["age_buckets_open_unresolved"]["30d+"], 5);
  EXPECT_EQ(report["reopen"]["rate_incidents"]["rate"].dump(), "0.011267");
  EXPECT_EQ(report["reopen"]["distribution_final_reopen_count"].dump(), R"({"2":4,"10":1})");
  EXPECT_EQ(report["reopen"]["agrees_with_state_transitions_for_incidents"], 2);
  EXPECT_EQ(report["pingpong"]["aba_total"], 0);
  const Json& hours = report["time_to_resolve"]["3 - Moderate"]["first_resolved_row_calendar_h"];
  EXPECT_EQ(hours["mean"].dump(), "1.006");
  EXPECT_EQ(hours["p50"].dump(), "1.124");
  EXPECT_TRUE(report["time_to_resolve"].contains("all"));
  EXPECT_FALSE(report["time_to_resolve"]["all"].contains("first_resolved_row_calendar_h"));
  EXPECT_EQ(report["failed"]["tickets"][0]["external_id"], "INC9");
  EXPECT_EQ(report["failed"]["rows_malformed"], 1);
}

TEST(ReportJsonTest, AWeekIsCompleteIfTheIntakeWentOnPastIt) {
  const Json report = Report();
  EXPECT_EQ(report["backlog_at_week_end"][0]["complete_inflow"], true);
  EXPECT_EQ(report["backlog_at_week_end"][1]["complete_inflow"], false);
}

TEST(ReportJsonTest, AnEmptyImportIsAReportToo) {
  const Json report = Json::parse(ReportJson({}, {}, {}));
  EXPECT_EQ(report["counts"]["rows_per_incident"]["n"], 0);
  EXPECT_FALSE(report["counts"].contains("opened_first"));
  EXPECT_EQ(report["volume_per_week"], Json::array());
}

// Two clocks every desk has, one whose name is the block's own word, one with a long name.
analytics::v1::GetImportReportResponse Promises() {
  analytics::v1::GetImportReportResponse figures;
  figures.set_policy("standard@3");
  for (const char* clock : {"first-response", "resolution", "policy", "vendor-callback-overseas"}) {
    auto* row = figures.add_adherence();
    row->set_clock(clock);
    row->set_priority(tickets::v1::PRIORITY_HIGH);
    row->set_met(2);
    row->set_earlier_breaches(1);
  }
  return figures;
}

TEST(ReportJsonTest, AdherenceByTheNamesOfTheClocks) {
  const Json report = Json::parse(ReportJson({}, {}, Promises()));
  const std::string counts = R"({"2 - High":{"met":2,"missed":0,"pending":0,"open_breached":0}})";
  EXPECT_EQ(report["sla_adherence"].dump(),
            R"({"policy":"standard@3","first_response":)" + counts + R"(,"resolution":)" + counts +
                R"(,"policy_":)" + counts + R"(,"vendor_callback_overseas":)" + counts + "}");
}

TEST(ReportTextTest, CallsClocksByTheirNames) {
  const std::string text = ReportText({}, {}, Promises());
  EXPECT_NE(text.find("\nPromises kept (closed tickets, policy "), std::string::npos) << text;
  EXPECT_NE(text.find("\n  first response  2 - High      met      2"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  vendor callback overseas\n                  2 - High "),
            std::string::npos)
      << text;
}

TEST(ReportTest, WaiversShowWhereThereAreAny) {
  analytics::v1::GetImportReportResponse figures = Promises();
  EXPECT_EQ(ReportText({}, {}, figures).find("waived"), std::string::npos);
  auto& row = *figures.mutable_adherence(1);
  row.set_missed(2);
  row.set_waived(1);
  row.mutable_kept_with_waivers()->set_numerator(3);
  row.mutable_kept_with_waivers()->set_denominator(4);
  row.mutable_kept_with_waivers()->set_rate(0.75);
  const Json adherence = Json::parse(ReportJson({}, {}, figures))["sla_adherence"];
  EXPECT_FALSE(adherence["first_response"]["2 - High"].contains("waived"));
  const Json& counts = adherence["resolution"]["2 - High"];
  EXPECT_EQ(counts["missed"], 2);
  EXPECT_EQ(counts["waived"], 1);
  EXPECT_EQ(counts["kept_with_waivers"]["rate"].dump(), "0.75");
  const std::string text = ReportText({}, {}, figures);
  EXPECT_NE(text.find(" with 1 waived"), std::string::npos) << text;
}

TEST(ReportTextTest, SaysWhatFailed) {
  ReplayTally tally;
  tally.failed = {{"INC9", "line 3, column 4 (number): bad", 3, 4, "number", 2}};
  const std::string text = ReportText(SmallLog(), tally, Figures());
  EXPECT_NE(text.find("3 tickets, 2 of them closed"), std::string::npos) << text;
  EXPECT_NE(text.find("INC9: line 3, column 4 (number): bad; rows skipped: 2"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace watchbell::cli
