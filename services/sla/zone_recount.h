// After an upgrade of the zone data: has the deadlines to come counted again.
#pragma once

#include "absl/status/status.h"
#include "common/runtime/service_core.h"

namespace watchbell::sla {

// Asks the engine for a recount of each ticket of this shard whose deadlines were counted with
// other zone data than this process has. See runtime::ModuleDefinition::recover.
absl::Status RecountAfterNewZoneData(runtime::ServiceCore& core, int shard);

}  // namespace watchbell::sla
