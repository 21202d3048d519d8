// What makes the sla service that service: its decider, its tables, the topics it reads.
#pragma once

#include "common/runtime/service_core.h"

namespace watchbell::sla {

runtime::ServiceSpec Spec();

}  // namespace watchbell::sla
