// The clocks of an import, for the programs that brought it. Reads the tickets of the tenant in the
// order of their ids, so it costs a scan: once an import, not once a screen.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// INVALID_ARGUMENT for a bad page token.
absl::StatusOr<v1::ListImportClocksResponse> ListImportClocks(
    db::Database& database, const std::string& tenant, const v1::ListImportClocksRequest& request);

}  // namespace watchbell::sla
