// What is wrong with one target of a policy set, looked at alone. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/errors.h"
#include "services/sla/policies/condition_check.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Appends every fault, by path below `path` ("policy_set.targets[2]"). Whether the selector has
// none. What can never hold is looked for while the budget lasts.
bool AddTargetFaults(const v1::Target& target, const std::string& path,
                     const std::function<bool(const std::string& calendar_id)>& calendar_exists,
                     SearchBudget& budget, std::vector<FieldViolation>& faults);

}  // namespace watchbell::sla
