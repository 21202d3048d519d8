#include "services/escalation/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/escalation/escalation_decider.h"
#include "services/escalation/schema/schema.h"

namespace watchbell::escalation {

runtime::ServiceSpec Spec() {
  return {"escalation",
          Schema(),
          std::make_shared<EscalationDecider>(),
          {events::kTicketsTopic, events::kSlaTopic}};
}

}  // namespace watchbell::escalation
