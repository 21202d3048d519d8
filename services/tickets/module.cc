#include "services/tickets/module.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/schema/schema.h"
#include "services/tickets/tickets_decider.h"
#include "services/tickets/tickets_rpc.h"

namespace watchbell::tickets {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "tickets";
  module.spec = [](const config::Config&) {
    runtime::ServiceSpec spec;
    spec.name = "tickets";
    spec.migrations = Schema();
    spec.decider = std::make_shared<TicketsDecider>();
    spec.consumes = {events::kEscalationTopic};
    return spec;
  };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::tickets
