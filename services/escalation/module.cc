#include "services/escalation/module.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/escalation/escalation_decider.h"
#include "services/escalation/escalation_rpc.h"
#include "services/escalation/schema/schema.h"

namespace watchbell::escalation {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "escalation";
  module.spec = [](const config::Config&) {
    runtime::ServiceSpec spec;
    spec.name = "escalation";
    spec.migrations = Schema();
    spec.decider = std::make_shared<EscalationDecider>();
    spec.consumes = {events::kTicketsTopic, events::kSlaTopic};
    return spec;
  };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::escalation
