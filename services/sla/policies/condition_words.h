// Conditions in words, for explanations.
#pragma once

#include <string>

#include "services/sla/policies/condition_fields.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// The first part of `condition`, which has no faults, that does not hold: "priority is
// PRIORITY_LOW, not one of PRIORITY_HIGH, PRIORITY_CRITICAL". Empty if it holds. For people, and
// not for every event: it allocates.
std::string WhyNot(const v1::Condition& condition, const Moment& moment);

// What `condition`, which has no faults, asks for: "priority is high or critical and (vip is true
// or tags have "board")". "always" and "never" for what always and never holds.
std::string InWords(const v1::Condition& condition);

}  // namespace watchbell::sla
