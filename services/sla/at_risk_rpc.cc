#include "services/sla/at_risk_rpc.h"

#include <memory>

#include "services/sla/at_risk.h"
#include "services/sla/at_risk_watch.h"

namespace watchbell::sla {

void AddAtRiskRpcs(runtime::ModuleContext context, rpc::Service& service) {
  runtime::ServiceCore* core = &context.core;
  const auto calendars = std::make_shared<CalendarCache>();
  service.Query<v1::ListAtRiskRequest, v1::ListAtRiskResponse>(
      "ListAtRisk",
      [core, calendars](const rpc::CallContext& call, const v1::ListAtRiskRequest& request) {
        return ListAtRisk(core->database(), *calendars, call.identity.tenant, request,
                          core->clock().Now());
      });
  service.Watch(
      "WatchAtRisk", context.hub,
      [core, calendars](const rpc::CallContext& call, const google::protobuf::Message& request) {
        return WatchAtRisk(core->database(), *calendars, core->clock(), call.identity.tenant,
                           static_cast<const v1::WatchAtRiskRequest&>(request));
      });
}

}  // namespace watchbell::sla
