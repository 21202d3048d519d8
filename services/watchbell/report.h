// The report of a replay: the figures analytics gives, and what only the file can say, under the
// names and in the shapes of the reference figures of the log. Pure. Holds no ids of ours, paths,
// wall times or rates: the same log gives the same bytes in one process and in five, at any speed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/watchbell/audit_log.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::cli {

// What a replay did, beside what analytics counts.
struct ReplayTally {
  std::map<std::string, int64_t> commands;  // by kind: newly applied or remembered
  std::vector<FailedTicket> failed;         // of the file, then of the server
};

// The JSON of --report, ending in a line feed. Hours with 3 decimals, rates with 6, times as
// YYYY-MM-DDTHH:MM:SS (UTC).
std::string ReportJson(const AuditLog& log, const ReplayTally& tally,
                       const analytics::v1::GetImportReportResponse& figures);

// The same for people: at most 100 columns, plain text.
std::string ReportText(const AuditLog& log, const ReplayTally& tally,
                       const analytics::v1::GetImportReportResponse& figures);

// `value` rounded to so many decimals, as the nearest double.
double RoundTo(double value, int decimals);
// Percentile by linear interpolation, rank (n-1)q; `sorted` must be sorted and not empty.
double Percentile(const std::vector<int>& sorted, double q);

}  // namespace watchbell::cli
