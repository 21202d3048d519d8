// What is odd about a calendar although it can be used.
#pragma once

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "common/time/calendar_spec.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// The findings of one calendar that is sound (see CheckCalendar), in the 12 months from the local
// date `from`; holidays on days off also later. Those without a date first, then by date. `id` is
// whose they are.
std::vector<v1::CalendarFinding> LintCalendar(const std::string& id, const CalendarSpec& spec,
                                              absl::CivilDay from);

}  // namespace watchbell::sla
