// The rpcs of watchbell.notifications.v1.NotificationService.
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/service.h"
#include "common/runtime/module.h"

namespace watchbell::notifications {

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context);

}  // namespace watchbell::notifications
