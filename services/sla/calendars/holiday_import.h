// Days off of an iCalendar file, for a calendar of the API.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// The request without its iCalendar file, whose days off are among its calendar's holidays: those
// of the ten years before that of `now` to the twenty after it (UTC), and yearly ones. What the
// calendar has on such a day already stays as it is. INVALID_ARGUMENT with the file's faults, by
// path below "holidays_ics". May take seconds (see ReadHolidays): done before the engine gets the
// request, as its timers would wait.
absl::StatusOr<v1::PutCalendarRequest> WithHolidays(v1::PutCalendarRequest request, absl::Time now);

}  // namespace watchbell::sla
