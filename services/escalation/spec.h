// What makes the escalation service that service: its decider, its tables, the topics it reads.
#pragma once

#include "common/runtime/service_core.h"

namespace watchbell::escalation {

runtime::ServiceSpec Spec();

}  // namespace watchbell::escalation
