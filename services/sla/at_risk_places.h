// The clocks at risk by the time they have left, read from the index.
//
// Deadlines that are counted by the same are in the order of the time they have left, so each kind
// of counting is read by its deadlines, a step at a time, and what is read is merged: whatever the
// length of the list, about as many rows are looked at as are asked for. What a filter leaves out
// is looked at on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "services/sla/time_left.h"
#include "watchbell/sla/v1/at_risk.pb.h"

namespace watchbell::sla {

// A clock and its place in the list. Of equally much time left (deadlines outside working hours)
// the earlier deadline comes first.
struct AtRiskPlace {
  int64_t time_left;  // microseconds
  int64_t due_at;     // microseconds since the epoch
  std::string ticket_id;
  std::string clock;
  int64_t cycle;
  friend auto operator<=>(const AtRiskPlace&, const AtRiskPlace&) = default;
};

// The first `limit` places that the filter lets in, after `after` if that is given.
absl::StatusOr<std::vector<AtRiskPlace>> ReadAtRisk(db::Database& database,
                                                    const std::string& tenant,
                                                    const v1::AtRiskFilter& filter,
                                                    const std::optional<AtRiskPlace>& after,
                                                    int limit, TimesLeft& times);

}  // namespace watchbell::sla
