#include "services/analytics/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/analytics/analytics_decider.h"
#include "services/analytics/schema/schema.h"

namespace watchbell::analytics {

runtime::ServiceSpec Spec() {
  return {"analytics",
          Schema(),
          std::make_shared<AnalyticsDecider>(),
          {events::kTicketsTopic, events::kSlaTopic, events::kEscalationTopic,
           events::kNotificationsTopic}};
}

}  // namespace watchbell::analytics
