// What a dead process had in flight is sent again, marked as a possible repeat.
#pragma once

#include "absl/status/status.h"
#include "common/runtime/service_core.h"

namespace watchbell::notifications {

// To be called when a shard was taken over, before anything of it is fed. Feeds the engine one
// RecoverDeliveries per delivery of that shard that is stored as in flight and was claimed by a
// process that is gone. One that another living replica claimed, before it gave the shard up, is
// left to that replica's outcome (and in the end to its claim timer).
absl::Status RecoverInFlight(runtime::ServiceCore& core, int shard);

}  // namespace watchbell::notifications
