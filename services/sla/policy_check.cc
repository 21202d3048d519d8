#include "services/sla/policy_check.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/time/business_calendar.h"

namespace watchbell::sla {
namespace {

class Checker {
 public:
  Checker(const std::function<bool(const std::string&)>& calendar_exists,
          std::vector<FieldViolation>& faults)
      : calendar_exists_(calendar_exists), faults_(faults) {}

  void Check(const v1::Target& target, const std::string& path) {
    path_ = path;
    if (target.target_id().empty()) {
      Fault("target_id", "is required");
    } else if (!ids_.insert(target.target_id()).second) {
      Fault("target_id", absl::StrCat("\"", target.target_id(), "\" is given twice"));
    }
    if (target.metric() == v1::METRIC_UNSPECIFIED || !v1::Metric_IsValid(target.metric())) {
      Fault("metric", "must be a known metric");
    }
    CheckSelector(target);
    CheckTime(target);
    CheckWarnings(target);
  }

 private:
  void Fault(absl::string_view field, std::string description) {
    faults_.push_back({absl::StrCat(path_, ".", field), std::move(description)});
  }

  void CheckSelector(const v1::Target& target) {
    for (int i = 0; i < target.priorities_size(); ++i) {
      if (target.priorities(i) == tickets::v1::PRIORITY_UNSPECIFIED ||
          !tickets::v1::Priority_IsValid(target.priorities(i))) {
        Fault(absl::StrCat("priorities[", i, "]"), "must be a known priority");
      }
    }
    for (int i = 0; i < target.pause_on_size(); ++i) {
      if (target.pause_on(i) == tickets::v1::HOLD_REASON_UNSPECIFIED ||
          !tickets::v1::HoldReason_IsValid(target.pause_on(i))) {
        Fault(absl::StrCat("pause_on[", i, "]"), "must be a known hold reason");
      }
    }
  }

  void CheckTime(const v1::Target& target) {
    const absl::Duration duration = FromProto(target.duration());
    if (duration < absl::Seconds(1)) {
      Fault("duration", "must be at least 1 s");
    } else if (duration > kDeadlineHorizon) {
      Fault("duration", "must be at most 20 years of 365 days");
    }
    if (target.basis() != v1::TIME_BASIS_BUSINESS && target.basis() != v1::TIME_BASIS_CALENDAR) {
      Fault("basis", "must be BUSINESS or CALENDAR");
    }
    if (target.calendar_id().empty()) {
      if (target.basis() == v1::TIME_BASIS_BUSINESS) {
        Fault("calendar_id", "is required with business time");
      }
    } else if (!calendar_exists_(target.calendar_id())) {
      Fault("calendar_id", absl::StrCat("there is no calendar \"", target.calendar_id(), "\""));
    }
  }

  void CheckWarnings(const v1::Target& target) {
    for (int i = 0; i < target.warn_percent_size(); ++i) {
      const int percent = target.warn_percent(i);
      if (percent < 1 || percent > 99) {
        Fault(absl::StrCat("warn_percent[", i, "]"), "must be 1 to 99");
      } else if (i > 0 && percent <= target.warn_percent(i - 1)) {
        Fault(absl::StrCat("warn_percent[", i, "]"), "must be ascending");
      }
    }
  }

  const std::function<bool(const std::string&)>& calendar_exists_;
  std::vector<FieldViolation>& faults_;
  std::set<std::string> ids_;
  std::string path_;
};

}  // namespace

std::vector<FieldViolation> PolicyFaults(
    const v1::PolicySet& policy, absl::string_view prefix,
    const std::function<bool(const std::string&)>& calendar_exists) {
  std::vector<FieldViolation> faults;
  if (policy.targets().empty()) {
    faults.push_back({absl::StrCat(prefix, ".targets"), "at least one target is required"});
  }
  Checker checker(calendar_exists, faults);
  for (int i = 0; i < policy.targets_size(); ++i) {
    checker.Check(policy.targets(i), absl::StrCat(prefix, ".targets[", i, "]"));
  }
  return faults;
}

}  // namespace watchbell::sla
