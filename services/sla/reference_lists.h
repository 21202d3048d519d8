// Which policy sets and calendars there are, and which of their versions count.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// Both block on the database. `now` in microseconds.
absl::StatusOr<v1::ListPolicySetsResponse> ListPolicySets(db::Database& database,
                                                          const std::string& tenant, int64_t now);
absl::StatusOr<v1::ListCalendarsResponse> ListCalendars(db::Database& database,
                                                        const std::string& tenant, int64_t now);

}  // namespace watchbell::sla
