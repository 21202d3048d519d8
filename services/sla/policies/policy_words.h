// What a policy file promises, in plain words. Pure; the command line shares it (see `watchbell
// policy explain`).
#pragma once

#include <string>

#include "absl/time/time.h"
#include "services/sla/policies/policy_lint.h"
#include "watchbell/sla/v1/sla.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// Lines of text: each calendar with what is odd about it in the 12 months from `now` on, then each
// clock of the policy set with its targets by rank and what is odd about them. `file` has no faults
// (policy_file.h).
std::string PolicyFileInWords(const v1::PolicyFile& file, absl::Time now);

// "warning: calendars[0].holidays[2] (2027-01-03): ..."; what is worth a look only is a "note".
std::string FindingInWords(const v1::CalendarFinding& finding);
// "note: policy_set, clock resolution: ...".
std::string FindingInWords(const PolicyFinding& finding);

// "2 h 30 min", "0 s".
std::string DurationInWords(absl::Duration duration);

}  // namespace watchbell::sla
