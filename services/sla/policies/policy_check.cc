#include "services/sla/policies/policy_check.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/shorten.h"
#include "common/time/wall_time.h"
#include "services/sla/policies/clock_name.h"
#include "services/sla/policies/condition.h"
#include "services/sla/policies/metric_rules.h"
#include "services/sla/policies/target_check.h"

namespace watchbell::sla {
namespace {

constexpr int kMostTargets = 500;

// Whether the selector lists nothing and asks for nothing: what it leaves is its metric's.
bool SelectsAll(const v1::Target& target) {
  const bool lists = !target.types().empty() || !target.priorities().empty() ||
                     !target.categories().empty() || !target.sites().empty() ||
                     !target.services().empty() || !target.channels().empty() || target.has_vip() ||
                     !target.tags().empty();
  const bool groups = target.metric() != v1::METRIC_OPERATIONAL_LEVEL && !target.groups().empty();
  return !lists && !groups && !target.has_when() && !target.relative().due_date();
}

bool IsMetric(v1::Metric metric) {
  return metric != v1::METRIC_UNSPECIFIED && v1::Metric_IsValid(metric);
}

// Looks at the targets of a set together, in order.
class SetChecker {
 public:
  SetChecker(SearchBudget& budget, std::vector<FieldViolation>& faults)
      : budget_(budget), faults_(faults) {}

  void Check(const v1::Target& target, int place, const std::string& path, bool sound_selector) {
    if (!target.target_id().empty() && !ids_.insert(target.target_id()).second) {
      Fault(path, "target_id",
            absl::StrCat("\"", Shorten(target.target_id(), 100), "\" is given twice"));
    }
    const std::string name = ClockName(target);
    if (name.empty()) return;  // for want of an id, which is a fault
    const auto [it, first] = clocks_.try_emplace(name, Clock{&target, place});
    Clock& clock = it->second;
    if (!first) CheckSharing(target, clock, name, path, sound_selector);
    if (clock.takes_all == nullptr && SelectsAll(target)) {
      clock.takes_all = &target;
      clock.takes_all_place = place;
    }
  }

 private:
  struct Clock {
    const v1::Target* first;
    int first_place;
    const v1::Target* takes_all = nullptr;  // the first target without a selector
    int takes_all_place = 0;
  };

  static bool SameGroups(const v1::Target& a, const v1::Target& b) {
    return std::set<std::string>(a.groups().begin(), a.groups().end()) ==
           std::set<std::string>(b.groups().begin(), b.groups().end());
  }

  void Fault(const std::string& path, absl::string_view field, std::string description) {
    faults_.push_back({absl::StrCat(path, ".", field), std::move(description)});
  }

  void CheckSharing(const v1::Target& target, const Clock& clock, const std::string& name,
                    const std::string& path, bool sound_selector) {
    if (target.metric() != clock.first->metric()) {
      if (!IsMetric(target.metric()) || !IsMetric(clock.first->metric())) return;  // told before
      Fault(path, "clock",
            absl::StrCat("the clock \"", Shorten(name, 100), "\" is given by targets[",
                         clock.first_place, "], which has another metric"));
      return;
    }
    // Groups do not select; they say whose clock it is.
    if (target.metric() == v1::METRIC_OPERATIONAL_LEVEL && !SameGroups(target, *clock.first)) {
      Fault(path, "groups",
            absl::StrCat("must be those of targets[", clock.first_place,
                         "], which gives the same clock \"", Shorten(name, 100), "\""));
      return;
    }
    if (!sound_selector || clock.takes_all == nullptr) return;
    const v1::Condition reaching =
        All({ConditionsOf(target).selector, None({ConditionsOf(*clock.takes_all).selector})});
    if (CanHold(reaching, budget_)) return;
    faults_.push_back({path, absl::StrCat("can never be reached: targets[", clock.takes_all_place,
                                          "], which has no selector, comes first on the clock \"",
                                          Shorten(name, 100), "\"")});
  }

  SearchBudget& budget_;
  std::vector<FieldViolation>& faults_;
  std::set<std::string> ids_;
  std::map<std::string, Clock> clocks_;
};

void CheckSiteZones(const v1::PolicySet& policy, absl::string_view prefix,
                    std::vector<FieldViolation>& faults) {
  const std::map<std::string, std::string> zones(policy.site_time_zones().begin(),
                                                 policy.site_time_zones().end());
  for (const auto& [site, zone] : zones) {
    const std::string path = absl::StrCat(prefix, ".site_time_zones[\"", Shorten(site, 100), "\"]");
    if (site.empty()) faults.push_back({path, "a site must not be empty"});
    if (!LoadZone(zone)) {
      faults.push_back({path, absl::StrCat("unknown time zone \"", Shorten(zone, 100), "\"")});
    }
  }
  if (!zones.empty()) return;
  for (int i = 0; i < policy.targets_size(); ++i) {
    if (policy.targets(i).zone_source() != v1::ZONE_SOURCE_SITE) continue;
    faults.push_back({absl::StrCat(prefix, ".targets[", i, "].zone_source"),
                      "SITE needs the sites' zones in site_time_zones"});
  }
}

}  // namespace

std::vector<FieldViolation> PolicyFaults(
    const v1::PolicySet& policy, absl::string_view prefix,
    const std::function<bool(const std::string&)>& calendar_exists) {
  std::vector<FieldViolation> faults;
  if (policy.targets().empty()) {
    faults.push_back({absl::StrCat(prefix, ".targets"), "at least one target is required"});
  } else if (policy.targets_size() > kMostTargets) {
    faults.push_back(
        {absl::StrCat(prefix, ".targets"),
         absl::StrCat("has ", policy.targets_size(), " items, at most ", kMostTargets)});
    return faults;
  }
  SearchBudget budget;
  SetChecker set(budget, faults);
  for (int i = 0; i < policy.targets_size(); ++i) {
    const std::string path = absl::StrCat(prefix, ".targets[", i, "]");
    const bool sound_selector =
        AddTargetFaults(policy.targets(i), path, calendar_exists, budget, faults);
    set.Check(policy.targets(i), i, path, sound_selector);
    if (budget.left > 0) continue;
    faults.push_back({path,
                      "the conditions of the set, up to here, are too many and too nested to "
                      "see whether they can hold: make them simpler"});
    break;
  }
  CheckSiteZones(policy, prefix, faults);
  return faults;
}

}  // namespace watchbell::sla
