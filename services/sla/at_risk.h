// The lists of clocks at risk. Whoever asks pages through one moment (ListAtRisk) or follows the
// head of the list (at_risk_watch.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/db/db.h"
#include "services/sla/at_risk_places.h"
#include "watchbell/sla/v1/at_risk.pb.h"

namespace watchbell::sla {

// Pages of 50, at most 500.
int AtRiskPageSize(int asked);

// INVALID_ARGUMENT naming the field below "filter".
absl::Status CheckAtRiskFilter(const v1::AtRiskFilter& filter);

// What clients see at these places: the clocks as they are stored now, with their tickets' facts,
// in the order of the list. A clock that has left the list since the place was read is left out.
absl::StatusOr<std::vector<v1::AtRiskClock>> ShowAtRisk(db::Database& database,
                                                        const std::string& tenant,
                                                        const v1::AtRiskFilter& filter,
                                                        const std::vector<AtRiskPlace>& places,
                                                        TimesLeft& times);

// INVALID_ARGUMENT for a bad filter or page token.
absl::StatusOr<v1::ListAtRiskResponse> ListAtRisk(db::Database& database, CalendarCache& calendars,
                                                  const std::string& tenant,
                                                  const v1::ListAtRiskRequest& request,
                                                  absl::Time now);

}  // namespace watchbell::sla
