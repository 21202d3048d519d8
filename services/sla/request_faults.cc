#include "services/sla/request_faults.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "services/sla/policies/policy_file.h"

namespace watchbell::sla {
namespace {

// Whatever is named may be stored.
const v1::Calendar* Supposed(const std::string&) {
  static const v1::Calendar* const calendar = [] {
    auto* utc = new v1::Calendar();
    utc->set_time_zone("UTC");
    return utc;
  }();
  return calendar;
}

std::vector<FieldViolation> FaultsOf(const v1::PolicyFile& file) {
  if (file.calendars().empty() && !file.has_policy_set()) return {};
  return PolicyFileFaults(file, &Supposed);
}

}  // namespace

std::vector<FieldViolation> RequestFaults(const v1::PutCalendarRequest& request) {
  if (!request.has_calendar()) return {};
  v1::PolicyFile file;
  *file.add_calendars() = request.calendar();
  std::vector<FieldViolation> faults = FaultsOf(file);
  for (FieldViolation& fault : faults) {
    fault.field.replace(0, std::string("calendars[0]").size(), "calendar");
  }
  return faults;
}

std::vector<FieldViolation> RequestFaults(const v1::PutPolicySetRequest& request) {
  v1::PolicyFile file;
  if (request.has_policy_set()) *file.mutable_policy_set() = request.policy_set();
  return FaultsOf(file);
}

std::vector<FieldViolation> DraftFaults(const v1::PolicyDraft& draft) {
  v1::PolicyFile file;
  *file.mutable_calendars() = draft.calendars();
  if (draft.has_policy_set()) *file.mutable_policy_set() = draft.policy_set();
  std::vector<FieldViolation> faults = FaultsOf(file);
  for (FieldViolation& fault : faults) fault.field = absl::StrCat("policy.", fault.field);
  return faults;
}

}  // namespace watchbell::sla
