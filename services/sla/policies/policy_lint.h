// What is odd about a policy set although it can be used.
#pragma once

#include <string>
#include <vector>

#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

struct PolicyFinding {
  std::string clock;  // its name
  std::string text;
};

// The findings of `policy`, which has no faults (policy_check.h), clock by clock in the order of
// CompilePolicy: priorities that no target of a clock selects, so that tickets of them have no such
// clock; targets whose clocks stop as they start.
std::vector<PolicyFinding> LintPolicySet(const v1::PolicySet& policy);

}  // namespace watchbell::sla
