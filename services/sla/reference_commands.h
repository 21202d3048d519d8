// The commands on calendars and policy sets: every version is kept, the same content again is no
// new version.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"

namespace watchbell::sla {

std::vector<engine::EntityKey> ReferenceCommandNeeds(const engine::Input& input);

engine::Decision DecideReferenceCommand(const engine::View& view, const engine::Input& input);

}  // namespace watchbell::sla
