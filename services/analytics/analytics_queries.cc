#include "services/analytics/analytics_queries.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/analytics/adherence_table.h"
#include "services/analytics/analytics_store.h"
#include "services/analytics/desk_summary.h"
#include "services/analytics/import_report.h"

namespace watchbell::analytics {
namespace {

// OK if the import is counted and settled to its last ticket.
absl::Status CheckComplete(const std::string& source, const ImportProgress& progress,
                           int64_t expected) {
  const std::string resource = absl::StrCat("imports/", source);
  if (progress.tickets == 0 && expected == 0) return NotFound(resource);
  const int64_t all = std::max(expected, progress.tickets);
  if (progress.finished == all && progress.settled == all) return absl::OkStatus();
  return ForbiddenMove(
      "IMPORT_NOT_COMPLETE", resource,
      absl::StrFormat(
          "of %d tickets %d have not been seen, %d are not finished, %d are not settled", all,
          all - progress.tickets, all - progress.finished, all - progress.settled));
}

}  // namespace

absl::StatusOr<v1::GetDeskSummaryResponse> GetDeskSummary(
    db::Database& database, const std::string& tenant, const v1::GetDeskSummaryRequest& request) {
  const absl::Time from = request.has_from() ? FromProto(request.from()) : absl::InfinitePast();
  const absl::Time to = request.has_to() ? FromProto(request.to()) : absl::InfiniteFuture();
  if (to < from) return InvalidField("to", "must not be before from");
  DeskSummary summary;
  RETURN_IF_ERROR(VisitOpened(database, tenant, from, to,
                              [&](const TicketFacts& facts) { summary.Add(facts); }));
  return summary.Finish();
}

absl::StatusOr<v1::GetImportProgressResponse> GetImportProgress(
    db::Database& database, const std::string& tenant,
    const v1::GetImportProgressRequest& request) {
  ASSIGN_OR_RETURN(const ImportProgress progress,
                   ReadImportProgress(database, tenant, request.source()));
  v1::GetImportProgressResponse response;
  response.set_tickets(progress.tickets);
  response.set_finished(progress.finished);
  response.set_settled(progress.settled);
  return response;
}

absl::StatusOr<v1::GetImportReportResponse> GetImportReport(
    db::Database& database, const std::string& tenant, const v1::GetImportReportRequest& request) {
  ASSIGN_OR_RETURN(const ImportProgress progress,
                   ReadImportProgress(database, tenant, request.source()));
  RETURN_IF_ERROR(CheckComplete(request.source(), progress, request.expected_tickets()));
  ImportReport report(progress.first_opening);
  RETURN_IF_ERROR(VisitImport(database, tenant, request.source(),
                              [&](const TicketFacts& facts) { report.Add(facts); }));
  return report.Finish();
}

absl::StatusOr<v1::GetAdherenceResponse> GetAdherence(db::Database& database,
                                                      const std::string& tenant,
                                                      const v1::GetAdherenceRequest& request) {
  std::vector<FieldViolation> violations = CheckAdherenceRequest(request);
  if (!violations.empty()) return InvalidFields(std::move(violations));
  const std::string& source = request.import_source();
  if (!source.empty()) {
    ASSIGN_OR_RETURN(const ImportProgress progress, ReadImportProgress(database, tenant, source));
    if (progress.tickets == 0) return NotFound(absl::StrCat("imports/", source));
  }
  AdherenceTable table(request);
  RETURN_IF_ERROR(
      VisitImport(database, tenant, source, [&](const TicketFacts& facts) { table.Add(facts); }));
  return table.Finish();
}

}  // namespace watchbell::analytics
