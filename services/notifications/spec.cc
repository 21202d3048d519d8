#include "services/notifications/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/notifications/notifications_decider.h"
#include "services/notifications/schema/schema.h"

namespace watchbell::notifications {

runtime::ServiceSpec Spec() {
  return {"notifications",
          Schema(),
          std::make_shared<NotificationsDecider>(),
          {events::kEscalationTopic}};
}

}  // namespace watchbell::notifications
