#include "services/escalation/module.h"

#include "services/escalation/escalation_rpc.h"
#include "services/escalation/spec.h"

namespace watchbell::escalation {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "escalation";
  module.spec = [](const config::Config&) { return Spec(); };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::escalation
