#include "services/sla/policies/policy_lint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/sla/policies/compiled_policy.h"
#include "services/sla/policies/condition.h"
#include "services/sla/policies/condition_check.h"
#include "services/sla/policies/condition_words.h"
#include "services/sla/policies/metric_rules.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {
namespace {

// The names of priorities for which none of `selectors` can hold.
std::vector<std::string> PrioritiesLeftOut(const std::vector<v1::Condition>& selectors,
                                           SearchBudget& budget) {
  std::vector<std::string> left_out;
  for (int number = 1; tickets::v1::Priority_IsValid(number); ++number) {
    const auto priority = static_cast<tickets::v1::Priority>(number);
    const std::string& name = tickets::v1::Priority_Name(priority);
    const bool selected =
        std::any_of(selectors.begin(), selectors.end(), [&](const v1::Condition& selector) {
          return CanHold(All({selector, Is("priority", {name})}), budget);
        });
    if (!selected) left_out.push_back(name);
  }
  return left_out;
}

}  // namespace

std::vector<PolicyFinding> LintPolicySet(const v1::PolicySet& policy) {
  std::vector<PolicyFinding> findings;
  SearchBudget budget;  // once it is spent, nothing more is found
  for (const ClockSlot& slot : CompilePolicy(policy).slots) {
    std::vector<v1::Condition> selectors;
    for (const int place : slot.targets) {
      const v1::Target& target = policy.targets(place);
      RuleConditions rules = ConditionsOf(target);
      if (!CanHold(All({rules.start, None({rules.stop})}), budget)) {
        findings.push_back({slot.name, absl::StrCat("target ", target.target_id(),
                                                    " starts only where it stops: it never runs")});
      }
      selectors.push_back(std::move(rules.selector));
    }
    const std::vector<std::string> left_out = PrioritiesLeftOut(selectors, budget);
    if (left_out.empty()) continue;
    findings.push_back(
        {slot.name, absl::StrCat("no target is for tickets whose ",
                                 InWords(Is("priority", left_out)), ": they have no such clock")});
  }
  return findings;
}

}  // namespace watchbell::sla
