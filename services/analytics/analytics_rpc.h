// The rpcs of analytics: reads only.
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/service.h"
#include "common/runtime/module.h"

namespace watchbell::analytics {

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context);

}  // namespace watchbell::analytics
