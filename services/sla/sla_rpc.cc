#include "services/sla/sla_rpc.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/at_risk_rpc.h"
#include "services/sla/calendar_rpc.h"
#include "services/sla/calendars/holiday_import.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/draft_ticket.h"
#include "services/sla/explain_rpc.h"
#include "services/sla/import_clocks.h"
#include "services/sla/policies/policy_schedule.h"
#include "services/sla/policy_move_rpc.h"
#include "services/sla/preview.h"
#include "services/sla/preview_change.h"
#include "services/sla/preview_clocks.h"
#include "services/sla/reference_lists.h"
#include "services/sla/request_faults.h"
#include "services/sla/sla_store.h"
#include "services/sla/what_if_pages.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

constexpr char kManager[] = "manager";
constexpr int64_t kMaxVersions = 1000;  // answered at once

// The stored state under `key`, or NOT_FOUND naming `resource`.
template <typename T>
absl::StatusOr<std::unique_ptr<T>> Require(runtime::ServiceCore& core, const engine::EntityKey& key,
                                           const std::string& resource) {
  ASSIGN_OR_RETURN(std::unique_ptr<T> stored,
                   runtime::ReadEntity<T>(core.database(), key.cls, key.tenant, key.id));
  if (stored == nullptr) return NotFound(resource);
  return stored;
}

std::string Versioned(const std::string& resource, int64_t version) {
  return version == 0 ? resource : absl::StrCat(resource, "@", version);
}

// Version 0 = the newest.
absl::StatusOr<v1::Calendar> GetCalendar(runtime::ServiceCore& core, const std::string& tenant,
                                         const std::string& id, int64_t version = 0) {
  const engine::EntityKey key =
      version == 0 ? CalendarKey(tenant, id) : CalendarVersionKey(tenant, id, version);
  ASSIGN_OR_RETURN(const auto stored,
                   Require<state::v1::StoredCalendar>(
                       core, key, Versioned(absl::StrCat("calendars/", id), version)));
  return stored->calendar();
}

absl::StatusOr<v1::PolicySet> GetPolicySet(runtime::ServiceCore& core, const std::string& tenant,
                                           const v1::GetPolicySetRequest& request) {
  const std::string& id = request.policy_set_id();
  const int64_t version = request.version();
  const engine::EntityKey key =
      version == 0 ? PolicySetKey(tenant, id) : PolicyVersionKey(tenant, id, version);
  ASSIGN_OR_RETURN(const auto stored,
                   Require<state::v1::StoredPolicySet>(
                       core, key, Versioned(absl::StrCat("policySets/", id), version)));
  return stored->policy_set();
}

absl::StatusOr<v1::ListPolicyVersionsResponse> ListPolicyVersions(runtime::ServiceCore& core,
                                                                  const std::string& tenant,
                                                                  const std::string& id) {
  const engine::EntityKey head = PolicySetKey(tenant, id);
  ASSIGN_OR_RETURN(const auto newest, Require<state::v1::StoredPolicySet>(
                                          core, head, absl::StrCat("policySets/", id)));
  const engine::EntityKey key = PolicyScheduleKey(tenant);
  ASSIGN_OR_RETURN(auto schedule, runtime::ReadEntity<state::v1::PolicySchedule>(
                                      core.database(), key.cls, key.tenant, key.id));
  if (schedule == nullptr) schedule = std::make_unique<state::v1::PolicySchedule>();
  const int64_t now = absl::ToUnixMicros(core.clock().Now());
  const int64_t last = newest->policy_set().version();
  v1::ListPolicyVersionsResponse response;
  for (int64_t version = last; version > std::max<int64_t>(0, last - kMaxVersions); --version) {
    const engine::EntityKey one = PolicyVersionKey(tenant, id, version);
    ASSIGN_OR_RETURN(const auto stored, runtime::ReadEntity<state::v1::StoredPolicySet>(
                                            core.database(), one.cls, one.tenant, one.id));
    if (stored != nullptr) *response.add_versions() = VersionView(*schedule, *stored, now);
  }
  return response;
}

absl::StatusOr<v1::ListClocksResponse> ListClocks(runtime::ServiceCore& core,
                                                  const std::string& tenant,
                                                  const std::string& ticket) {
  ASSIGN_OR_RETURN(const std::string id, ReadTicketName(ticket));
  const engine::EntityKey key = TicketKey(tenant, id);
  ASSIGN_OR_RETURN(const auto stored, runtime::ReadEntity<state::v1::TicketClocks>(
                                          core.database(), key.cls, key.tenant, key.id));
  if (stored == nullptr) return NotFound(ticket);
  v1::ListClocksResponse response;
  if (!stored->eras().empty()) {
    response.set_policy_set_id(stored->eras(stored->era()).policy_set_id());
    response.set_policy_version(stored->eras(stored->era()).policy_version());
  }
  for (const state::v1::ClockRecord& clock : stored->clocks()) {
    *response.add_clocks() = ToClock(*stored, clock);
  }
  return response;
}

absl::StatusOr<v1::PreviewDeadlineResponse> PreviewDeadline(
    runtime::ServiceCore& core, const std::string& tenant,
    const v1::PreviewDeadlineRequest& request) {
  ASSIGN_OR_RETURN(const CalendarWithMembers read,
                   ReadCalendar(core, tenant, request.calendar_id(),
                                request.has_calendar() ? &request.calendar() : nullptr));
  ASSIGN_OR_RETURN(const auto compiled, CompileCalendar(read.calendar, "calendar", read.find()));
  return Preview(*compiled, FromProto(request.start()), absl::Seconds(request.target_seconds()));
}

using Caches = std::shared_ptr<JudgeCaches>;

void AddReferenceQueries(runtime::ServiceCore* core, rpc::Service& service) {
  service.Query<v1::GetCalendarRequest, v1::Calendar>(
      "GetCalendar", [core](const rpc::CallContext& call, const v1::GetCalendarRequest& request) {
        return GetCalendar(*core, call.identity.tenant, request.calendar_id(), request.version());
      });
  service.Query<v1::GetPolicySetRequest, v1::PolicySet>(
      "GetPolicySet", [core](const rpc::CallContext& call, const v1::GetPolicySetRequest& request) {
        return GetPolicySet(*core, call.identity.tenant, request);
      });
  service.Query<v1::ListPolicySetsRequest, v1::ListPolicySetsResponse>(
      "ListPolicySets", [core](const rpc::CallContext& call, const v1::ListPolicySetsRequest&) {
        return ListPolicySets(core->database(), call.identity.tenant,
                              absl::ToUnixMicros(core->clock().Now()));
      });
  service.Query<v1::ListCalendarsRequest, v1::ListCalendarsResponse>(
      "ListCalendars", [core](const rpc::CallContext& call, const v1::ListCalendarsRequest&) {
        return ListCalendars(core->database(), call.identity.tenant,
                             absl::ToUnixMicros(core->clock().Now()));
      });
  service.Query<v1::ListPolicyVersionsRequest, v1::ListPolicyVersionsResponse>(
      "ListPolicyVersions",
      [core](const rpc::CallContext& call, const v1::ListPolicyVersionsRequest& request) {
        return ListPolicyVersions(*core, call.identity.tenant, request.policy_set_id());
      });
  service.Query<v1::LintCalendarRequest, v1::LintCalendarResponse>(
      "LintCalendar", [core](const rpc::CallContext& call, const v1::LintCalendarRequest& request) {
        return AnswerLintCalendar(*core, call.identity.tenant, request);
      });
  service.Query<v1::PreviewDeadlineRequest, v1::PreviewDeadlineResponse>(
      "PreviewDeadline",
      [core](const rpc::CallContext& call, const v1::PreviewDeadlineRequest& request) {
        return PreviewDeadline(*core, call.identity.tenant, request);
      });
}

void AddClockRpcs(runtime::ServiceCore* core, const Caches& caches, rpc::Service& service) {
  service.Query<v1::ListClocksRequest, v1::ListClocksResponse>(
      "ListClocks", [core](const rpc::CallContext& call, const v1::ListClocksRequest& request) {
        return ListClocks(*core, call.identity.tenant, request.ticket());
      });
  service.Query<v1::ExplainClockRequest, v1::ClockExplanation>(
      "ExplainClock",
      [core, caches](const rpc::CallContext& call, const v1::ExplainClockRequest& request) {
        return AnswerExplainClock(*core, *caches, call.identity.tenant, request);
      });
  service.Query<v1::ListImportClocksRequest, v1::ListImportClocksResponse>(
      "ListImportClocks",
      [core](const rpc::CallContext& call, const v1::ListImportClocksRequest& request) {
        return ListImportClocks(core->database(), call.identity.tenant, request);
      });
  service.Query<v1::ApplyPolicyVersionRequest, v1::ApplyPolicyVersionResponse>(
      "ApplyPolicyVersion",
      [core, caches](const rpc::CallContext& call, const v1::ApplyPolicyVersionRequest& request) {
        return AnswerApplyPolicyVersion(*core, *caches, call, request);
      },
      kManager);
}

// What would be, or would have been.
void AddSupposingQueries(runtime::ServiceCore* core, const Caches& caches, rpc::Service& service) {
  service.Query<v1::PreviewClocksRequest, v1::PreviewClocksResponse>(
      "PreviewClocks",
      [core](const rpc::CallContext& call, const v1::PreviewClocksRequest& request) {
        return AnswerPreviewClocks(core->database(), call.identity.tenant, request,
                                   absl::ToUnixMicros(core->clock().Now()));
      });
  service.Query<v1::PreviewChangeRequest, v1::PreviewChangeResponse>(
      "PreviewChange",
      [core, caches](const rpc::CallContext& call, const v1::PreviewChangeRequest& request) {
        return AnswerPreviewChange(core->database(), *caches, call.identity.tenant, request,
                                   absl::ToUnixMicros(core->clock().Now()));
      });
  service.Query<v1::WhatIfRequest, v1::WhatIfResponse>(
      "WhatIf", [core](const rpc::CallContext& call, const v1::WhatIfRequest& request) {
        return AnswerWhatIf(core->database(), core->clock(), call.identity.tenant, request,
                            call.deadline);
      });
}

template <typename Request, typename Find>
void AddFaults(const std::string& method, Find find, rpc::Service& service) {
  service.MoreFaults(method, [find](const google::protobuf::Message& request) {
    return find(static_cast<const Request&>(request));
  });
}

void PrepareCalendars(runtime::ServiceCore* core, rpc::Service& service) {
  service.Prepare(
      "PutCalendar", [core](rpc::MessagePtr request) -> absl::StatusOr<rpc::MessagePtr> {
        ASSIGN_OR_RETURN(v1::PutCalendarRequest prepared,
                         WithHolidays(static_cast<const v1::PutCalendarRequest&>(*request),
                                      core->clock().Now()));
        return std::make_shared<const v1::PutCalendarRequest>(std::move(prepared));
      });
}

void AddRequestFaults(rpc::Service& service) {
  const auto of_request = [](const auto& request) { return RequestFaults(request); };
  const auto of_draft = [](const auto& request) { return DraftFaults(request.policy()); };
  AddFaults<v1::PutCalendarRequest>("PutCalendar", of_request, service);
  AddFaults<v1::PutPolicySetRequest>("PutPolicySet", of_request, service);
  AddFaults<v1::PreviewClocksRequest>("PreviewClocks", of_draft, service);
  AddFaults<v1::WhatIfRequest>("WhatIf", of_draft, service);
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  runtime::ServiceCore* core = &context.core;
  auto service = std::make_unique<rpc::Service>("watchbell.sla.v1.SlaService");
  for (const char* command : {"PutCalendar", "PutPolicySet", "ActivatePolicySet", "RetirePolicySet",
                              "WaiveClock", "WithdrawWaiver"}) {
    service->Command(command, core->engine(), kManager);
  }
  PrepareCalendars(core, *service);
  const auto caches = std::make_shared<JudgeCaches>();
  AddReferenceQueries(core, *service);
  AddClockRpcs(core, caches, *service);
  AddSupposingQueries(core, caches, *service);
  AddRequestFaults(*service);
  AddAtRiskRpcs(context, *service);
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace watchbell::sla
