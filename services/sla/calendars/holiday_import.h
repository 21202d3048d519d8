// Days off of an iCalendar file, for a calendar of the API.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/errors.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Adds them to the calendar's holidays: those of the ten years before that of `now` to the twenty
// after it (UTC), and yearly ones. What the calendar has on such a day already stays as it is.
// Answers the faults, by path below `prefix`; with any, nothing is added.
std::vector<FieldViolation> AddHolidays(const std::string& ics, const std::string& prefix,
                                        absl::Time now, v1::Calendar& calendar);

}  // namespace watchbell::sla
