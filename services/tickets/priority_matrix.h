// Impact x urgency to priority, ITIL's default table. The table is data: a desk's own one will take
// its place.
#pragma once

#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

// PRIORITY_UNSPECIFIED if either is not given.
v1::Priority PriorityOf(v1::Impact impact, v1::Urgency urgency);

}  // namespace watchbell::tickets
