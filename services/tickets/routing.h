// What tickets takes over from escalation: the group and person a ticket was routed to. Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"

namespace watchbell::tickets {

// For events of escalation's topic; nothing for those tickets does not care about.
std::vector<engine::EntityKey> RoutingNeeds(const engine::Input& input);

// Never refuses: a ticket that has a group by now, is over, historic or unknown stays as it is.
engine::Decision DecideRouting(const engine::View& view, const engine::Input& input);

}  // namespace watchbell::tickets
