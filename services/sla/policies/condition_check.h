// What is wrong with a condition, and whether any ticket can satisfy one. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

inline constexpr int kMostNested = 8;
inline constexpr int kMostParts = 100;   // of one all, any or none
inline constexpr int kMostValues = 100;  // of one comparison

// Every fault, by path below `path` ("policy_set.targets[2].when" gives
// "policy_set.targets[2].when.all.of[1].compare.values[0]"); empty = sound. Faults: kind not set, a
// list of conditions empty or too long, nested too deep, unknown field, a field of the event unless
// `events_allowed`, operator missing or not one of the field's, values missing, too many, given
// twice or not of the field.
std::vector<FieldViolation> ConditionFaults(const v1::Condition& condition, const std::string& path,
                                            bool events_allowed);

// How far searches may go together, in about as many comparisons of two texts. Policy sets made by
// hand stay far below.
struct SearchBudget {
  size_t left = 5'000'000;
};

// False if there is no ticket and no event with which `condition`, which has no faults, holds. A
// hold reason is only had on hold, and type and state always. Exact while the budget lasts; true
// without one.
bool CanHold(const v1::Condition& condition, SearchBudget& budget);

}  // namespace watchbell::sla
