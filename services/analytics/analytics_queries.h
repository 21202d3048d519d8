// The answers of the rpcs, read from the database and folded. No network.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

// INVALID_ARGUMENT if `to` is before `from`.
absl::StatusOr<v1::GetDeskSummaryResponse> GetDeskSummary(db::Database& database,
                                                          const std::string& tenant,
                                                          const v1::GetDeskSummaryRequest& request);

// Zeros for an import nothing was heard of: its first event may be on its way.
absl::StatusOr<v1::GetImportProgressResponse> GetImportProgress(
    db::Database& database, const std::string& tenant, const v1::GetImportProgressRequest& request);

// NOT_FOUND for an import nothing was heard of (unless tickets are expected of it);
// FAILED_PRECONDITION (IMPORT_NOT_COMPLETE) until finished, settled and expected tickets agree.
absl::StatusOr<v1::GetImportReportResponse> GetImportReport(
    db::Database& database, const std::string& tenant, const v1::GetImportReportRequest& request);

// INVALID_ARGUMENT with every fault of the request, or if it would give too many rows; NOT_FOUND
// for an import no ticket of which was seen.
absl::StatusOr<v1::GetAdherenceResponse> GetAdherence(db::Database& database,
                                                      const std::string& tenant,
                                                      const v1::GetAdherenceRequest& request);

}  // namespace watchbell::analytics
