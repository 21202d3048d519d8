// The deadline of a target on a calendar, from nothing but the calendar.
#pragma once

#include "common/time/business_calendar.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

v1::PreviewDeadlineResponse Preview(const BusinessCalendar& calendar, absl::Time start,
                                    absl::Duration target);

}  // namespace watchbell::sla
