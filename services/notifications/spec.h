// What makes the notifications service that service: its decider, its tables, the topics it reads.
#pragma once

#include "common/runtime/service_core.h"

namespace watchbell::notifications {

runtime::ServiceSpec Spec();

}  // namespace watchbell::notifications
