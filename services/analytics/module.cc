#include "services/analytics/module.h"

#include <memory>

#include "protos/watchbell/events/v1/topics.h"
#include "services/analytics/analytics_decider.h"
#include "services/analytics/analytics_rpc.h"
#include "services/analytics/schema/schema.h"

namespace watchbell::analytics {

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "analytics";
  module.spec = [](const config::Config&) {
    return runtime::ServiceSpec{"analytics",
                                Schema(),
                                std::make_shared<AnalyticsDecider>(),
                                {events::kTicketsTopic, events::kSlaTopic, events::kEscalationTopic,
                                 events::kNotificationsTopic}};
  };
  module.services = MakeServices;
  return module;
}

}  // namespace watchbell::analytics
