// WatchAtRisk: the head of the list of clocks at risk, whole, whenever something of it changes.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/rpc/service.h"
#include "services/sla/calendars/calendars.h"
#include "watchbell/sla/v1/at_risk.pb.h"

namespace watchbell::sla {

// Everything outlives the source. The first message is the list as it is, later ones come after a
// change; what time alone changes comes with the bookmarks. INVALID_ARGUMENT for a bad filter.
absl::StatusOr<std::unique_ptr<rpc::WatchSource>> WatchAtRisk(
    db::Database& database, CalendarCache& calendars, Clock& clock, const std::string& tenant,
    const v1::WatchAtRiskRequest& request);

}  // namespace watchbell::sla
