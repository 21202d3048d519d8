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
// empty = sound. Faults of the set: no targets or too many, a target id twice, targets of one clock
// that measure different things, a target that no ticket reaches because one before it takes them
// all, zones of sites unknown or needed and missing, conditions that take too long to look through
// (then the targets behind are not looked at). Of a target: whatever its comments in
// sla.proto rule out, a calendar that `calendar_exists` does not know, a selector that no ticket
// can match.
std::vector<FieldViolation> PolicyFaults(
    const v1::PolicySet& policy, absl::string_view prefix,
    const std::function<bool(const std::string& calendar_id)>& calendar_exists);

}  // namespace watchbell::sla
