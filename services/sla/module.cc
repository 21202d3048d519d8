#include "services/sla/module.h"

#include "services/sla/sla_rpc.h"
#include "services/sla/spec.h"
#include "services/sla/zone_recount.h"

namespace watchbell::sla {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "sla";
  module.spec = [](const config::Config&) { return Spec(); };
  module.services = MakeServices;
  module.recover = RecountAfterNewZoneData;
  return module;
}

}  // namespace watchbell::sla
