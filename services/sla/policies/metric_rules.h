// What moves the clocks of a target: its own conditions, and for what it leaves out those of its
// metric. A new metric is a new case here. Pure.
#pragma once

#include "services/sla/policies/condition.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// As messages, to check and to explain. What is absent never holds.
struct RuleConditions {
  v1::Condition selector;  // the target's lists and `when`; asks for no event
  v1::Condition start;
  v1::Condition stop;
  v1::Condition reset;
  v1::Condition cancel;
  v1::Condition pause;  // `pause_on` and `pause`
  v1::Condition resume;
  bool repeats = false;  // a new cycle whenever `start` holds while there is none
};

// The same, ready to ask.
struct Rules {
  CompiledCondition selector;
  CompiledCondition start;
  CompiledCondition stop;
  CompiledCondition reset;
  CompiledCondition cancel;
  CompiledCondition pause;
  CompiledCondition resume;
  bool has_resume = false;  // else a clock goes on once `pause` holds no longer
  bool repeats = false;
};

// `target` has no faults (policy_check.h).
RuleConditions ConditionsOf(const v1::Target& target);
Rules CompileRules(const v1::Target& target);

}  // namespace watchbell::sla
