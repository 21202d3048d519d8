#include "services/tickets/module.h"

#include "services/tickets/raw_alert.h"
#include "services/tickets/spec.h"
#include "services/tickets/tickets_rpc.h"

namespace watchbell::tickets {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "tickets";
  module.keys = RawAlertKeys();
  module.spec = [](const config::Config& config) { return Spec(RawAlertTenant(config)); };
  module.services = MakeServices;
  module.check = CheckRawAlertTenant;
  return module;
}

}  // namespace watchbell::tickets
