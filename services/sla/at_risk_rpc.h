// The rpcs of the lists of clocks at risk.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::sla {

void AddAtRiskRpcs(runtime::ModuleContext context, rpc::Service& service);

}  // namespace watchbell::sla
