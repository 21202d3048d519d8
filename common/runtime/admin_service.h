// watchbell.admin.v1.AdminService over the services of this process, and over its peers'.
#pragma once

#include <memory>
#include <vector>

#include "common/clock/clock.h"
#include "common/rpc/service.h"
#include "common/runtime/peers.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// `cores`, `clock` and `peers` outlive the result. A caller sees the dead letters of its tenant,
// and those whose tenant could not be read. What concerns a service that is not here is asked of
// its process, under the caller's name; a process so asked answers for itself only.
std::unique_ptr<rpc::Service> MakeAdminService(std::vector<ServiceCore*> cores, Clock& clock,
                                               const Peers& peers);

}  // namespace watchbell::runtime
