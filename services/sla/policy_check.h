// What is wrong with a policy set. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Every fault, by path below `prefix` ("policy_set" gives "policy_set.targets[2].calendar_id");
// empty = sound. Faults: no targets, target id missing or twice, unknown metric or basis, duration
// under 1 s or over 20 years, business time without calendar, a calendar that `calendar_exists`
// does not know, warning percents out of range or not ascending, UNSPECIFIED as a priority or hold
// reason.
std::vector<FieldViolation> PolicyFaults(
    const v1::PolicySet& policy, absl::string_view prefix,
    const std::function<bool(const std::string& calendar_id)>& calendar_exists);

}  // namespace watchbell::sla
