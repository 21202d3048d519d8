// What makes the analytics service that service: its decider, its tables, the topics it reads.
#pragma once

#include "common/runtime/service_core.h"

namespace watchbell::analytics {

runtime::ServiceSpec Spec();

}  // namespace watchbell::analytics
