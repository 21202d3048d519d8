#include "services/sla/policies/policy_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/shorten.h"
#include "common/rpc/validate.h"
#include "common/time/wall_time.h"
#include "services/sla/calendars/calendar_lint.h"
#include "services/sla/policies/policy_check.h"

namespace watchbell::sla {
namespace {

constexpr char kPolicySet[] = "policy_set";

std::string CalendarPath(int place) { return absl::StrCat("calendars[", place, "]"); }

// Faults by path; the first one said of a path counts: what is missing or has the wrong shape is
// not faulted again for what it means.
class Faults {
 public:
  // What the fields' own rules say of `message`, which stands at `path`.
  void AddRules(const google::protobuf::Message& message, const std::string& path) {
    std::vector<FieldViolation> found = FieldViolations(rpc::Validate(message));
    for (FieldViolation& fault : found) fault.field = absl::StrCat(path, ".", fault.field);
    Add(std::move(found));
  }

  void Add(std::vector<FieldViolation> found) {
    // Several may be said of one path at a time, but not after another time.
    const std::set<std::string> before = said_;
    for (FieldViolation& fault : found) {
      if (before.count(fault.field) > 0) continue;
      said_.insert(fault.field);
      faults_.push_back(std::move(fault));
    }
  }

  std::vector<FieldViolation> Take() { return std::move(faults_); }

 private:
  std::set<std::string> said_;
  std::vector<FieldViolation> faults_;
};

// The rules of a set and of its targets: the checker of rules ends early, so one target at a time.
void AddPolicySetRules(const v1::PolicySet& policy, Faults& faults) {
  v1::PolicySet alone = policy;
  alone.mutable_targets()->Clear();
  *alone.add_targets() = v1::Target::default_instance();
  std::vector<FieldViolation> found = FieldViolations(rpc::Validate(alone));
  for (FieldViolation& fault : found) fault.field = absl::StrCat(kPolicySet, ".", fault.field);
  found.erase(std::remove_if(found.begin(), found.end(),
                             [](const FieldViolation& fault) {
                               return absl::StartsWith(fault.field, "policy_set.targets");
                             }),
              found.end());
  faults.Add(std::move(found));
  for (int i = 0; i < policy.targets_size(); ++i) {
    faults.AddRules(policy.targets(i), absl::StrCat(kPolicySet, ".targets[", i, "]"));
  }
}

std::map<std::string, const v1::Calendar*> ById(const v1::PolicyFile& file) {
  std::map<std::string, const v1::Calendar*> calendars;
  for (const v1::Calendar& calendar : file.calendars()) {
    calendars.emplace(calendar.calendar_id(), &calendar);
  }
  return calendars;
}

}  // namespace

std::vector<FieldViolation> PolicyFileFaults(const v1::PolicyFile& file,
                                             const FindCalendar& elsewhere) {
  if (file.calendars().empty() && !file.has_policy_set()) {
    return {{kPolicySet, "is required in a file without calendars"}};
  }
  const std::map<std::string, const v1::Calendar*> own = ById(file);
  const FindCalendar find = [&](const std::string& id) {
    const auto it = own.find(id);
    return it == own.end() ? elsewhere(id) : it->second;
  };
  Faults faults;
  for (int i = 0; i < file.calendars_size(); ++i) {
    const v1::Calendar& calendar = file.calendars(i);
    faults.AddRules(calendar, CalendarPath(i));
    if (!calendar.calendar_id().empty() && own.at(calendar.calendar_id()) != &calendar) {
      faults.Add({{absl::StrCat(CalendarPath(i), ".calendar_id"),
                   absl::StrCat("\"", Shorten(calendar.calendar_id(), 100), "\" is given twice")}});
    }
    faults.Add(CalendarFaults(calendar, CalendarPath(i), find));
  }
  if (file.has_policy_set()) {
    AddPolicySetRules(file.policy_set(), faults);
    faults.Add(PolicyFaults(file.policy_set(), kPolicySet,
                            [&](const std::string& id) { return find(id) != nullptr; }));
  }
  return faults.Take();
}

std::vector<std::string> CalendarsElsewhere(const v1::PolicyFile& file) {
  const std::map<std::string, const v1::Calendar*> own = ById(file);
  std::set<std::string> named;
  for (const v1::Calendar& calendar : file.calendars()) {
    named.insert(calendar.union_of().begin(), calendar.union_of().end());
  }
  for (const v1::Target& target : file.policy_set().targets()) named.insert(target.calendar_id());
  std::vector<std::string> missing;
  for (const std::string& id : named) {
    if (!id.empty() && own.count(id) == 0) missing.push_back(id);
  }
  return missing;
}

std::vector<v1::CalendarFinding> PolicyFileFindings(const v1::PolicyFile& file, absl::Time now) {
  std::vector<v1::CalendarFinding> findings;
  for (int i = 0; i < file.calendars_size(); ++i) {
    const v1::Calendar& calendar = file.calendars(i);
    if (calendar.union_of_size() > 0) continue;  // its members are looked at where they stand
    const auto specs =
        CalendarSpecs(calendar, CalendarPath(i), [](const std::string&) { return nullptr; });
    if (!specs.ok()) continue;
    const CalendarSpec& spec = specs->front();
    const absl::CivilDay from = absl::ToCivilDay(now, LoadZone(spec.time_zone).value());
    for (v1::CalendarFinding& finding : LintCalendar(calendar.calendar_id(), spec, from)) {
      finding.set_field(finding.field().empty()
                            ? CalendarPath(i)
                            : absl::StrCat(CalendarPath(i), ".", finding.field()));
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

std::vector<int> StoringOrder(const v1::PolicyFile& file) {
  std::vector<int> order;
  for (const bool unions : {false, true}) {
    for (int i = 0; i < file.calendars_size(); ++i) {
      if ((file.calendars(i).union_of_size() > 0) == unions) order.push_back(i);
    }
  }
  return order;
}

std::string PathInFile(const std::string& path, int calendar) {
  absl::string_view rest = path;
  if (calendar < 0 || !absl::ConsumePrefix(&rest, "calendar") ||
      (!rest.empty() && rest[0] != '.')) {
    return path;
  }
  return absl::StrCat(CalendarPath(calendar), rest);
}

}  // namespace watchbell::sla
