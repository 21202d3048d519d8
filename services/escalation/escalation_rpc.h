// The rpcs of watchbell.escalation.v1.EscalationService.
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/service.h"
#include "common/runtime/module.h"

namespace watchbell::escalation {

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context);

}  // namespace watchbell::escalation
