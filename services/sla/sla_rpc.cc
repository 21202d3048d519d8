#include "services/sla/sla_rpc.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/calendars.h"
#include "services/sla/clock_view.h"
#include "services/sla/preview.h"
#include "services/sla/sla_store.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

constexpr char kManager[] = "manager";

// The stored state under `key`, or NOT_FOUND naming `resource`.
template <typename T>
absl::StatusOr<std::unique_ptr<T>> Require(runtime::ServiceCore& core, const engine::EntityKey& key,
                                           const std::string& resource) {
  ASSIGN_OR_RETURN(std::unique_ptr<T> stored,
                   runtime::ReadEntity<T>(core.database(), key.cls, key.tenant, key.id));
  if (stored == nullptr) return NotFound(resource);
  return stored;
}

absl::StatusOr<v1::Calendar> GetCalendar(runtime::ServiceCore& core, const std::string& tenant,
                                         const std::string& id) {
  ASSIGN_OR_RETURN(const auto stored,
                   Require<state::v1::StoredCalendar>(core, CalendarKey(tenant, id),
                                                      absl::StrCat("calendars/", id)));
  return stored->calendar();
}

absl::StatusOr<v1::PolicySet> GetPolicySet(runtime::ServiceCore& core, const std::string& tenant,
                                           const std::string& id) {
  ASSIGN_OR_RETURN(const auto stored,
                   Require<state::v1::StoredPolicySet>(core, PolicySetKey(tenant, id),
                                                       absl::StrCat("policySets/", id)));
  return stored->policy_set();
}

absl::StatusOr<v1::ListClocksResponse> ListClocks(runtime::ServiceCore& core,
                                                  const std::string& tenant,
                                                  absl::string_view ticket) {
  if (!absl::ConsumePrefix(&ticket, "tickets/") || ticket.empty()) {
    return InvalidField("ticket", "must be tickets/<id>");
  }
  const engine::EntityKey key = TicketKey(tenant, std::string(ticket));
  ASSIGN_OR_RETURN(const auto stored, runtime::ReadEntity<state::v1::TicketClocks>(
                                          core.database(), key.cls, key.tenant, key.id));
  v1::ListClocksResponse response;
  if (stored == nullptr) return response;
  for (const state::v1::ClockRecord& clock : stored->clocks()) {
    *response.add_clocks() = ToClock(*stored, clock);
  }
  return response;
}

absl::StatusOr<v1::PreviewDeadlineResponse> PreviewDeadline(
    runtime::ServiceCore& core, const std::string& tenant,
    const v1::PreviewDeadlineRequest& request) {
  if (request.calendar_id().empty() == !request.has_calendar()) {
    return InvalidField("calendar_id", "give either calendar_id or calendar");
  }
  v1::Calendar calendar = request.calendar();
  if (!request.has_calendar()) {
    ASSIGN_OR_RETURN(calendar, GetCalendar(core, tenant, request.calendar_id()));
  }
  ASSIGN_OR_RETURN(const auto compiled, CompileCalendar(calendar, "calendar"));
  return Preview(*compiled, FromProto(request.start()), absl::Seconds(request.target_seconds()));
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  runtime::ServiceCore* core = &context.core;
  auto service = std::make_unique<rpc::Service>("watchbell.sla.v1.SlaService");
  service->Command("PutCalendar", core->engine(), kManager);
  service->Command("PutPolicySet", core->engine(), kManager);
  service->Command("ActivatePolicySet", core->engine(), kManager);
  service->Query<v1::GetCalendarRequest, v1::Calendar>(
      "GetCalendar", [core](const rpc::CallContext& call, const v1::GetCalendarRequest& request) {
        return GetCalendar(*core, call.identity.tenant, request.calendar_id());
      });
  service->Query<v1::GetPolicySetRequest, v1::PolicySet>(
      "GetPolicySet", [core](const rpc::CallContext& call, const v1::GetPolicySetRequest& request) {
        return GetPolicySet(*core, call.identity.tenant, request.policy_set_id());
      });
  service->Query<v1::ListClocksRequest, v1::ListClocksResponse>(
      "ListClocks", [core](const rpc::CallContext& call, const v1::ListClocksRequest& request) {
        return ListClocks(*core, call.identity.tenant, request.ticket());
      });
  service->Query<v1::PreviewDeadlineRequest, v1::PreviewDeadlineResponse>(
      "PreviewDeadline",
      [core](const rpc::CallContext& call, const v1::PreviewDeadlineRequest& request) {
        return PreviewDeadline(*core, call.identity.tenant, request);
      });
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace watchbell::sla
