// A policy that judges nothing yet: for previews and what-ifs. Its policy set and calendars are
// sent along, or stored.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/preview.pb.h"

namespace watchbell::sla {

// What a draft comes to, with all it is made of.
class DraftJudge {
 public:
  virtual ~DraftJudge() = default;
  // Of one era, Judge::Nothing() without a policy in force.
  virtual const Judge& judge() const = 0;
  // Empty without one; version 0 if it was sent along.
  virtual const v1::PolicySet& policy() const = 0;
};

// Blocks on the database. INVALID_ARGUMENT with every fault of what was sent, by path below
// `field` ("policy.policy_set.targets[2].calendar_id"), NOT_FOUND for a stored set or calendar that
// is not there. `now`: microseconds; says which stored versions are in force.
absl::StatusOr<std::unique_ptr<DraftJudge>> ReadDraft(db::Database& database,
                                                      const std::string& tenant,
                                                      const v1::PolicyDraft& draft,
                                                      const std::string& field, int64_t now);

}  // namespace watchbell::sla
