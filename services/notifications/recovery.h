// What a dead process had in flight is sent again, marked as a possible repeat.
#pragma once

#include "absl/status/status.h"
#include "common/runtime/service_core.h"

namespace watchbell::notifications {

// Feeds the engine one RecoverDeliveries per ticket that is stored as in flight. Call once after
// Open, before anything else is fed: then nothing of this process can be in flight yet.
absl::Status RecoverInFlight(runtime::ServiceCore& core);

}  // namespace watchbell::notifications
