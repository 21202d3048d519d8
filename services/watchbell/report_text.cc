// The report for people: ReportText of report.h.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/proto_time.h"
#include "services/watchbell/report.h"
#include "services/watchbell/servicenow_audit.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

using analytics::v1::DurationStats;
using analytics::v1::GetImportReportResponse;

constexpr size_t kFailedShown = 20;
constexpr int kBar = 40;
constexpr size_t kClockWidth = 14;

std::string Day(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d", FromProto(time), absl::UTCTimeZone());
}

std::string Percent(const analytics::v1::Ratio& ratio) {
  return absl::StrFormat("%.1f %% (95 %%: %.1f to %.1f)", ratio.rate() * 100,
                         ratio.wilson95_low() * 100, ratio.wilson95_high() * 100);
}

void AppendHead(const AuditLog& log, const ReplayTally& tally,
                const GetImportReportResponse& figures, std::string* out) {
  int64_t commands = 0;
  for (const auto& [kind, count] : tally.commands) commands += count;
  absl::StrAppend(out, WithThousands(figures.tickets()), " tickets, ",
                  WithThousands(figures.tickets_closed()), " of them closed; ",
                  WithThousands(log.rows), " rows made ", WithThousands(commands), " commands.\n");
  if (figures.has_opened_first()) {
    absl::StrAppend(out, "Opened ", Day(figures.opened_first()), " to ",
                    Day(figures.opened_last()));
    if (figures.has_closed_last())
      absl::StrAppend(out, ", last closed ", Day(figures.closed_last()));
    absl::StrAppend(out, ".\n");
  }
}

void AppendVolume(const GetImportReportResponse& figures, std::string* out) {
  int64_t most = 1;
  for (const auto& week : figures.volume_per_week()) most = std::max(most, week.opened());
  if (figures.volume_per_week().empty()) return;
  absl::StrAppend(out, "\nOpened per week, and unresolved at its end\n");
  for (const auto& week : figures.volume_per_week()) {
    std::string backlog;
    for (const auto& end : figures.backlog_at_week_end()) {
      if (end.week_just_ended() == week.week()) backlog = WithThousands(end.open_unresolved());
    }
    absl::StrAppendFormat(out, "  %s %7s %8s  %s\n", week.week(), WithThousands(week.opened()),
                          backlog,
                          std::string(static_cast<size_t>(week.opened() * kBar / most), '#'));
  }
}

void AppendAdherence(const GetImportReportResponse& figures, std::string* out) {
  if (figures.adherence().empty()) return;
  absl::StrAppend(out, "\nPromises kept (closed tickets, policy ", figures.policy(), ")\n");
  for (const auto& row : figures.adherence()) {
    std::string clock = absl::StrReplaceAll(row.clock(), {{"-", " "}});
    if (clock.size() > kClockWidth) {  // a line to itself
      absl::StrAppend(out, "  ", clock, "\n");
      clock.clear();
    }
    absl::StrAppendFormat(out, "  %-*s  %-12s  met %6s  missed %6s  ",
                          static_cast<int>(kClockWidth), clock, PriorityLabel(row.priority()),
                          WithThousands(row.met()), WithThousands(row.missed()));
    absl::StrAppend(out, row.has_kept() ? Percent(row.kept()) : "none finished");
    if (row.waived() > 0) {
      absl::StrAppend(out, ", ", Percent(row.kept_with_waivers()), " with ",
                      WithThousands(row.waived()), " waived");
    }
    if (row.pending() + row.open_breached() > 0) {
      absl::StrAppend(out, ", open ", row.pending() + row.open_breached());
    }
    absl::StrAppend(out, "\n");
  }
}

void AppendDurations(const GetImportReportResponse& figures, std::string* out) {
  if (figures.time_to_resolve().empty()) return;
  const auto hours = [](double seconds) { return absl::StrFormat("%.1f h", seconds / 3600); };
  absl::StrAppendFormat(out,
                        "\nTime to first resolution (closed tickets)\n  %-14s %8s %10s %10s %10s\n",
                        "priority", "tickets", "half", "9 of 10", "longest");
  for (const auto& row : figures.time_to_resolve()) {
    const DurationStats& s = row.first_resolved();
    const bool all = row.priority() == tickets::v1::PRIORITY_UNSPECIFIED;
    absl::StrAppendFormat(out, "  %-14s %8s %10s %10s %10s\n",
                          all ? "all" : PriorityLabel(row.priority()), WithThousands(s.count()),
                          hours(s.p50_seconds()), hours(s.p90_seconds()),
                          hours(static_cast<double>(s.max_seconds())));
  }
}

void AppendRework(const GetImportReportResponse& figures, std::string* out) {
  absl::StrAppend(out, "\nRework\n");
  if (figures.has_reopen_rate()) {
    absl::StrAppend(out, "  reopened: ", WithThousands(figures.reopen_rate().numerator()),
                    " tickets, ", Percent(figures.reopen_rate()), "\n");
  }
  absl::StrAppend(
      out, "  handed over: ", WithThousands(figures.group_changes_total()),
      " times; came back to a group: ", WithThousands(figures.pingpong_tickets_with_return()),
      " tickets, bounced at once: ", WithThousands(figures.pingpong_aba_tickets()), "\n");
}

void AppendFailed(const AuditLog& log, const ReplayTally& tally, std::string* out) {
  if (tally.failed.empty()) return;
  absl::StrAppend(out, "\nNot imported, or not wholly: ",
                  WithThousands(static_cast<int64_t>(tally.failed.size())), " tickets (",
                  WithThousands(log.rows_malformed), " malformed rows)\n");
  for (size_t i = 0; i < tally.failed.size() && i < kFailedShown; ++i) {
    const FailedTicket& failed = tally.failed[i];
    absl::StrAppend(
        out, "  ", failed.external_id.empty() ? "(no number)" : failed.external_id, ": ",
        failed.reason,
        failed.rows_skipped > 0 ? absl::StrCat("; rows skipped: ", failed.rows_skipped) : "", "\n");
  }
  if (tally.failed.size() > kFailedShown) {
    absl::StrAppend(out, "  and ", tally.failed.size() - kFailedShown,
                    " more (all are in the JSON report)\n");
  }
}

}  // namespace

std::string ReportText(const AuditLog& log, const ReplayTally& tally,
                       const GetImportReportResponse& figures) {
  std::string out;
  AppendHead(log, tally, figures, &out);
  AppendVolume(figures, &out);
  AppendAdherence(figures, &out);
  AppendDurations(figures, &out);
  AppendRework(figures, &out);
  AppendFailed(log, tally, &out);
  return out;
}

}  // namespace watchbell::cli
