// What is odd about a policy set although it can be used.
#include "services/sla/policies/policy_lint.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/policy_check.h"
#include "tests/unit/sla/moments.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Of a set of targets that are due after an hour of any time and have nothing else but this.
std::vector<std::string> Findings(const std::vector<std::string>& targets) {
  v1::PolicySet policy;
  for (const std::string& text : targets) {
    v1::Target& target = *policy.add_targets();
    target = Parsed<v1::Target>(text);
    target.set_target_id(absl::StrCat("t", policy.targets_size()));
    if (target.metric() == v1::METRIC_UNSPECIFIED) target.set_metric(v1::METRIC_RESOLUTION);
    target.set_basis(v1::TIME_BASIS_CALENDAR);
    target.mutable_duration()->set_seconds(3600);
  }
  EXPECT_THAT(PolicyFaults(policy, "p", [](const std::string&) { return false; }), IsEmpty());
  std::vector<std::string> lines;
  for (const PolicyFinding& finding : LintPolicySet(policy)) {
    lines.push_back(absl::StrCat(finding.clock, ": ", finding.text));
  }
  return lines;
}

TEST(PolicyLint, OneTargetForEveryTicketLeavesNobodyOut) {
  EXPECT_THAT(Findings({""}), IsEmpty());
  EXPECT_THAT(Findings({"vip: true", "priorities: PRIORITY_HIGH", "sites: 'berlin'"}), IsEmpty());
}

TEST(PolicyLint, PrioritiesWithoutAPromiseAreTold) {
  EXPECT_THAT(Findings({"priorities: PRIORITY_HIGH priorities: PRIORITY_CRITICAL"}),
              ElementsAre("resolution: no target is for tickets whose priority is moderate or low "
                          "or planning: they have no such clock"));
}

TEST(PolicyLint, ByEachClockForItself) {
  EXPECT_THAT(
      Findings({"",
                "metric: METRIC_FIRST_RESPONSE priorities: PRIORITY_MODERATE"
                " priorities: PRIORITY_LOW priorities: PRIORITY_PLANNING",
                "metric: METRIC_FIRST_RESPONSE priorities: PRIORITY_HIGH"}),
      ElementsAre("first-response: no target is for tickets whose priority is critical: they have "
                  "no such clock"));
}

TEST(PolicyLint, SelectorsAreLookedThrough) {
  // Neither list names a priority.
  EXPECT_THAT(
      Findings({R"(when { none { of { compare { field: "priority" operator: OPERATOR_IS
                                                 values: "PRIORITY_LOW" } } } })",
                R"(vip: true when { compare { field: "priority" operator: OPERATOR_IS
                                              values: "PRIORITY_HIGH" } })"}),
      ElementsAre("resolution: no target is for tickets whose priority is low: they have no such "
                  "clock"));
}

TEST(PolicyLint, AClockThatStopsAsItStartsNeverRuns) {
  const std::string conditions = R"(
    metric: METRIC_NAMED clock: "approval"
    start { compare { field: "state" operator: OPERATOR_IS values: "STATE_RESOLVED" } }
    stop { compare { field: "state" operator: OPERATOR_IS values: "STATE_RESOLVED"
                     values: "STATE_CLOSED" } })";
  EXPECT_THAT(Findings({conditions}),
              ElementsAre("approval: target t1 starts only where it stops: it never runs"));
}

}  // namespace
}  // namespace watchbell::sla::test
