// Commands that excuse the miss of a clock, and take that back. Nothing of the clock itself moves.
// Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"

namespace watchbell::sla {

// Whether the command is one of these.
bool IsWaiverCommand(const engine::Input& input);

std::vector<engine::EntityKey> WaiverCommandNeeds(const engine::Input& input);

engine::Decision DecideWaiverCommand(const engine::View& view, const engine::Input& input);

}  // namespace watchbell::sla
