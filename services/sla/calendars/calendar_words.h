// Calendars in plain words. Pure.
#pragma once

#include <string>

#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Lines of text: its hours, its zone, and how many dates are not like their weekday. `calendar` has
// no faults.
std::string CalendarInWords(const v1::Calendar& calendar);

}  // namespace watchbell::sla
