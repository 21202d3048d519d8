// What makes the tickets service that service: its decider, its tables, the topics it reads.
#pragma once

#include "common/runtime/service_core.h"

namespace watchbell::tickets {

runtime::ServiceSpec Spec();

}  // namespace watchbell::tickets
