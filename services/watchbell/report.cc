#include "services/watchbell/report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/proto_time.h"
#include "services/watchbell/servicenow_audit.h"

namespace watchbell::cli {
namespace {

using analytics::v1::DurationStats;
using analytics::v1::GetImportReportResponse;
using Json = nlohmann::ordered_json;

constexpr int kHourDecimals = 3;
constexpr int kRateDecimals = 6;

std::string Civil(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S", FromProto(time), absl::UTCTimeZone());
}

double Hours(double seconds) { return RoundTo(seconds / 3600, kHourDecimals); }

// Counts, the most frequent first.
Json Counts(const std::map<std::string, int64_t>& counts) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  Json json = Json::object();
  for (const auto& [name, count] : sorted) json[name] = count;
  return json;
}

// Counts by number, ascending.
template <typename ProtoMap>
Json Distribution(const ProtoMap& map) {
  Json json = Json::object();
  for (const auto& [number, count] : std::map<int32_t, int64_t>(map.begin(), map.end())) {
    json[absl::StrCat(number)] = count;
  }
  return json;
}

Json RatioJson(const analytics::v1::Ratio& ratio) {
  return {{"num", ratio.numerator()},
          {"den", ratio.denominator()},
          {"rate", RoundTo(ratio.rate(), kRateDecimals)},
          {"wilson95", Json::array({RoundTo(ratio.wilson95_low(), kRateDecimals),
                                    RoundTo(ratio.wilson95_high(), kRateDecimals)})}};
}

Json HoursJson(const DurationStats& s) {
  return {{"n", s.count()},
          {"mean", Hours(static_cast<double>(s.sum_seconds()) / static_cast<double>(s.count()))},
          {"p50", Hours(s.p50_seconds())},
          {"p75", Hours(s.p75_seconds())},
          {"p90", Hours(s.p90_seconds())},
          {"p95", Hours(s.p95_seconds())},
          {"p99", Hours(s.p99_seconds())},
          {"max", Hours(static_cast<double>(s.max_seconds()))}};
}

Json RowsPerIncident(const AuditLog& log) {
  std::vector<int> rows;
  int64_t sum = 0;
  for (const AuditTicket& ticket : log.tickets) {
    if (!ticket.closed) continue;
    rows.push_back(ticket.rows);
    sum += ticket.rows;
  }
  if (rows.empty()) return {{"n", 0}};
  std::sort(rows.begin(), rows.end());
  Json json = {{"n", rows.size()},
               {"mean", RoundTo(static_cast<double>(sum) / static_cast<double>(rows.size()), 3)}};
  for (const int q : {50, 75, 90, 95, 99})
    json[absl::StrCat("p", q)] = RoundTo(Percentile(rows, q / 100.0), 3);
  json["max"] = rows.back();
  return json;
}

Json CountsBlock(const AuditLog& log, const GetImportReportResponse& figures) {
  std::map<std::string, int64_t> last_row_state;
  for (const AuditTicket& ticket : log.tickets) ++last_row_state[ticket.last_state];
  Json missing = Json::object();
  for (const auto& [column, count] : log.missing_marker_counts) missing[column] = count;
  Json truncated = Json::array();
  for (const std::string& id : figures.not_closed_external_ids()) truncated.push_back(id);
  Json json = {{"rows", log.rows},
               {"incidents_all", figures.tickets()},
               {"incidents_complete", figures.tickets_closed()},
               {"truncated", std::move(truncated)}};
  if (figures.has_opened_first()) json["opened_first"] = Civil(figures.opened_first());
  if (figures.has_opened_last()) json["opened_last"] = Civil(figures.opened_last());
  if (figures.has_closed_last()) json["closed_last"] = Civil(figures.closed_last());
  json["rows_per_incident"] = RowsPerIncident(log);
  json["rows_by_state"] = Counts(log.rows_by_state);
  json["first_row_state"] = Counts(log.first_row_state);
  json["last_row_state"] = Counts(last_row_state);
  json["missing_marker_counts"] = std::move(missing);
  return json;
}

Json CommandsBlock(const ReplayTally& tally) {
  int64_t total = 0;
  for (const auto& [kind, count] : tally.commands) total += count;
  return {{"counts", Counts(tally.commands)}, {"total", total}};
}

Json VolumeBlock(const GetImportReportResponse& figures) {
  Json json = Json::array();
  for (const auto& week : figures.volume_per_week()) {
    Json by_priority = Json::object();
    const auto& counts = week.by_final_priority();
    for (const auto& [level, count] : std::map<int32_t, int64_t>(counts.begin(), counts.end())) {
      by_priority[PriorityLabel(static_cast<tickets::v1::Priority>(level))] = count;
    }
    json.push_back({{"week", week.week()},
                    {"opened", week.opened()},
                    {"by_final_priority", std::move(by_priority)}});
  }
  return json;
}

Json BacklogBlock(const GetImportReportResponse& figures) {
  static constexpr const char* kAges[] = {"0-1d", "1-3d", "3-7d", "7-14d", "14-30d", "30d+"};
  Json json = Json::array();
  for (const auto& week : figures.backlog_at_week_end()) {
    Json ages = Json::object();
    for (int i = 0; i < week.age_buckets_size() && i < 6; ++i) ages[kAges[i]] = week.age_buckets(i);
    json.push_back({{"week_end_exclusive", Civil(week.week_end_exclusive())},
                    {"week_just_ended", week.week_just_ended()},
                    {"opened_to_date", week.opened_to_date()},
                    {"open_unresolved_by_rows", week.open_unresolved()},
                    {"of_which_no_row_yet", week.of_which_no_row_yet()},
                    {"resolved_not_closed_by_rows", week.resolved_not_closed()},
                    {"not_closed_by_rows", week.not_closed()},
                    {"awaiting_any_by_rows", week.awaiting_any()},
                    // The log goes on past the week's end, so the week's inflow is whole.
                    {"complete_inflow",
                     FromProto(week.week_end_exclusive()) <= FromProto(figures.opened_last())},
                    {"age_buckets_open_unresolved", std::move(ages)}});
  }
  return json;
}

Json ReopenBlock(const AuditLog& log, const GetImportReportResponse& figures) {
  Json json = Json::object();
  if (figures.has_reopen_rate()) json["rate_incidents"] = RatioJson(figures.reopen_rate());
  json["reopen_events_total"] = figures.reopen_events();
  json["distribution_final_reopen_count"] = Distribution(figures.reopen_distribution());
  json["agrees_with_state_transitions_for_incidents"] =
      std::count_if(log.tickets.begin(), log.tickets.end(),
                    [](const AuditTicket& t) { return t.closed && t.reopen_count_agrees; });
  json["after_Closed_events"] = figures.reopen_events_after_closed();
  Json months = Json::object();
  for (const auto& month : figures.reopen_by_month())
    months[month.month()] = RatioJson(month.rate());
  json["by_open_month"] = std::move(months);
  return json;
}

Json GroupChangesBlock(const AuditLog& log, const GetImportReportResponse& figures) {
  const auto differing =
      std::count_if(log.tickets.begin(), log.tickets.end(),
                    [](const AuditTicket& t) { return t.closed && !t.reassignment_count_agrees; });
  return {
      {"rule",
       absl::StrCat(
           "COMPLETE incidents; changes of the assignment_group value between consecutive rows in "
           "file order, to and from the missing marker included: what a replay of AssignGroup "
           "commands counts (the log's own reassignment_count differs in ",
           differing, " incidents)")},
      {"distribution", Distribution(figures.group_changes_distribution())},
      {"total", figures.group_changes_total()}};
}

Json TimeToResolveBlock(const GetImportReportResponse& figures) {
  Json json = Json::object();
  for (const auto& row : figures.time_to_resolve()) {
    Json measures = Json::object();
    if (row.has_first_resolved())
      measures["first_resolved_row_calendar_h"] = HoursJson(row.first_resolved());
    if (row.has_last_resolved()) {
      measures["last_transition_to_Resolved_row_calendar_h"] = HoursJson(row.last_resolved());
    }
    if (row.has_acknowledged())
      measures["ack_first_row_not_New_calendar_h"] = HoursJson(row.acknowledged());
    const bool all = row.priority() == tickets::v1::PRIORITY_UNSPECIFIED;
    json[all ? "all" : PriorityLabel(row.priority())] = std::move(measures);
  }
  return json;
}

Json AdherenceBlock(const GetImportReportResponse& figures) {
  constexpr char kPolicy[] = "policy";
  Json json = Json::object();
  json[kPolicy] = figures.policy();
  for (const auto& row : figures.adherence()) {
    Json counts = {{"met", row.met()},
                   {"missed", row.missed()},
                   {"pending", row.pending()},
                   {"open_breached", row.open_breached()}};
    if (row.has_kept()) counts["kept"] = RatioJson(row.kept());
    if (row.waived() > 0) {  // hardly ever, and then both ways
      counts["waived"] = row.waived();
      counts["kept_with_waivers"] = RatioJson(row.kept_with_waivers());
    }
    std::string clock = absl::StrReplaceAll(row.clock(), {{"-", "_"}});
    if (clock == kPolicy) clock += '_';  // no clock's name ends so
    json[clock][PriorityLabel(row.priority())] = std::move(counts);
  }
  return json;
}

Json FailedBlock(const AuditLog& log, const ReplayTally& tally) {
  Json tickets = Json::array();
  int64_t skipped = 0;
  for (const FailedTicket& failed : tally.failed) {
    Json json = {{"external_id", failed.external_id}, {"reason", failed.reason}};
    if (failed.line > 0) {
      json["line"] = failed.line;
      json["column"] = failed.column;
      if (!failed.column_name.empty()) json["column_name"] = failed.column_name;
    }
    json["rows_skipped"] = failed.rows_skipped;
    skipped += failed.rows_skipped;
    tickets.push_back(std::move(json));
  }
  return {{"rows_malformed", log.rows_malformed},
          {"rows_skipped", skipped},
          {"tickets", std::move(tickets)}};
}

}  // namespace

double RoundTo(double value, int decimals) {
  // Through decimal text: multiplying first would move ties.
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return std::strtod(text, nullptr);
}

double Percentile(const std::vector<int>& sorted, double q) {
  const double rank = static_cast<double>(sorted.size() - 1) * q;
  const auto below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - static_cast<double>(below));
}

std::string ReportJson(const AuditLog& log, const ReplayTally& tally,
                       const GetImportReportResponse& figures) {
  Json json = Json::object();
  json["counts"] = CountsBlock(log, figures);
  json["replay_commands"] = CommandsBlock(tally);
  json["volume_per_week"] = VolumeBlock(figures);
  json["backlog_at_week_end"] = BacklogBlock(figures);
  json["reopen"] = ReopenBlock(log, figures);
  json["group_changes_from_rows"] = GroupChangesBlock(log, figures);
  json["pingpong"] = {{"incidents_with_return", figures.pingpong_tickets_with_return()},
                      {"returns_total", figures.pingpong_returns()},
                      {"aba_incidents", figures.pingpong_aba_tickets()},
                      {"aba_total", figures.pingpong_aba()}};
  json["time_to_resolve"] = TimeToResolveBlock(figures);
  json["sla_adherence"] = AdherenceBlock(figures);
  json["failed"] = FailedBlock(log, tally);
  return json.dump(1) + "\n";
}

}  // namespace watchbell::cli
