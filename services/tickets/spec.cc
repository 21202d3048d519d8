#include "services/tickets/spec.h"

#include <memory>
#include <utility>

#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/schema/schema.h"
#include "services/tickets/tickets_decider.h"

namespace watchbell::tickets {

runtime::ServiceSpec Spec(std::string raw_tenant) {
  runtime::ServiceSpec spec;
  spec.name = "tickets";
  spec.migrations = Schema();
  spec.decider = std::make_shared<TicketsDecider>(std::move(raw_tenant));
  spec.consumes = {events::kEscalationTopic};
  spec.raw_topics = {events::kRawAlertsTopic};
  return spec;
}

}  // namespace watchbell::tickets
