// Why another target applies, in a word for people. Pure.
#pragma once

#include <string>

#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// "policy version"; else "priority", "category", ...: the first of the changed facts; "rematch" if
// none is named.
std::string CauseOf(const state::v1::TicketInput& input);

}  // namespace watchbell::sla
