// watchbell.admin.v1.AdminService over all services of this process.
#pragma once

#include <memory>
#include <vector>

#include "common/clock/clock.h"
#include "common/rpc/service.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// `cores` and `clock` outlive the result. A caller sees the dead letters of its tenant, and those
// whose tenant could not be read.
std::unique_ptr<rpc::Service> MakeAdminService(std::vector<ServiceCore*> cores, Clock& clock);

}  // namespace watchbell::runtime
