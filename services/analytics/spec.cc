#include "services/analytics/spec.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/analytics/analytics_decider.h"
#include "services/analytics/schema/schema.h"

namespace watchbell::analytics {

runtime::ServiceSpec Spec() {
  runtime::ServiceSpec spec;
  spec.name = "analytics";
  spec.migrations = Schema();
  spec.decider = std::make_shared<AnalyticsDecider>();
  spec.consumes = {events::kTicketsTopic, events::kSlaTopic, events::kEscalationTopic,
                   events::kNotificationsTopic};
  spec.patient = true;  // reports are read by people
  return spec;
}

}  // namespace watchbell::analytics
