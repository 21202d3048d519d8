// The name of the clock a target gives.
#pragma once

#include <string>

#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Target.clock, or where that is empty the metric's name ("first-response", ...), or the target's
// id for metrics of which a ticket may have several clocks. Part of ids of clocks: never renamed.
std::string ClockName(const v1::Target& target);

}  // namespace watchbell::sla
