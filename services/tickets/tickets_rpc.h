// The rpcs of the tickets service: TicketService and ImportService.
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/service.h"
#include "common/runtime/module.h"

namespace watchbell::tickets {

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context);

}  // namespace watchbell::tickets
