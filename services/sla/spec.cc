#include "services/sla/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/sla/schema/schema.h"
#include "services/sla/sla_decider.h"

namespace watchbell::sla {

runtime::ServiceSpec Spec() {
  return {"sla", Schema(), std::make_shared<SlaDecider>(), {events::kTicketsTopic}};
}

}  // namespace watchbell::sla
