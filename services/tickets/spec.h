// What makes the tickets service that service: its decider, its tables, the topics it reads.
#pragma once

#include <string>

#include "common/runtime/service_core.h"

namespace watchbell::tickets {

// `raw_tenant`: of alerts on the raw topic that name none (raw_alert.h: RawAlertTenant).
runtime::ServiceSpec Spec(std::string raw_tenant = "default");

}  // namespace watchbell::tickets
