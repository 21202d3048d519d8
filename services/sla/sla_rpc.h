// The rpcs of watchbell.sla.v1.SlaService.
#pragma once

#include <memory>
#include <vector>

#include "common/runtime/module.h"

namespace watchbell::sla {

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context);

}  // namespace watchbell::sla
