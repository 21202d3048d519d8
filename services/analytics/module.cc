#include "services/analytics/module.h"

#include "services/analytics/analytics_rpc.h"
#include "services/analytics/spec.h"

namespace watchbell::analytics {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "analytics";
  module.spec = [](const config::Config&) { return Spec(); };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::analytics
