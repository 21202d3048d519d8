#include "services/tickets/module.h"

#include "services/tickets/spec.h"
#include "services/tickets/tickets_rpc.h"

namespace watchbell::tickets {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "tickets";
  module.spec = [](const config::Config&) { return Spec(); };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::tickets
