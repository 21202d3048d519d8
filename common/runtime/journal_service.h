// watchbell.journal.v1.JournalService over the services of this process.
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/service.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// `cores` outlive the result. Callers need the role "service".
std::unique_ptr<rpc::Service> MakeJournalService(std::vector<ServiceCore*> cores);

}  // namespace watchbell::runtime
