// A policy file looked at as a whole, before any of it is stored: what the server would refuse, by
// path in the file. Pure; the command line shares it (see `watchbell policy`).
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/errors.h"
#include "services/sla/calendars/calendars.h"
#include "watchbell/sla/v1/sla.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// Every fault of the file, by path ("calendars[1].weekly[0].intervals[2]",
// "policy_set.targets[3].basis"), in the words of the server; empty = sound. What a union or a
// target names must be in the file, or known to `elsewhere`.
std::vector<FieldViolation> PolicyFileFaults(const v1::PolicyFile& file,
                                             const FindCalendar& elsewhere);

// The ids of calendars the file names and does not hold; each once.
std::vector<std::string> CalendarsElsewhere(const v1::PolicyFile& file);

// What is odd about the file's calendars in the 12 months from `now` on; `field` is a path in the
// file. Of a file without faults.
std::vector<v1::CalendarFinding> PolicyFileFindings(const v1::PolicyFile& file, absl::Time now);

// The places of the calendars in the order they are stored in: unions after what they are made of.
std::vector<int> StoringOrder(const v1::PolicyFile& file);

// A path of the server about PutCalendar or PutPolicySet as one in the file; `calendar`: the place
// of the calendar that was put, -1 for the policy set. Paths of other fields stay as they are.
std::string PathInFile(const std::string& path, int calendar);

}  // namespace watchbell::sla
