#include "services/tickets/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/schema/schema.h"
#include "services/tickets/tickets_decider.h"

namespace watchbell::tickets {

runtime::ServiceSpec Spec() {
  return {"tickets", Schema(), std::make_shared<TicketsDecider>(), {events::kEscalationTopic}};
}

}  // namespace watchbell::tickets
