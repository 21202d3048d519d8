#include "services/escalation/escalation_rpc.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/escalation/escalation_store.h"
#include "services/escalation/on_call.h"
#include "services/escalation/routing.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"

namespace watchbell::escalation {
namespace {

using rpc::CallContext;

// What google.protobuf.Timestamp itself allows: years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

absl::StatusOr<v1::WhoIsOnCallResponse> WhoIsOnCall(runtime::ServiceCore& core,
                                                    const CallContext& call,
                                                    const v1::WhoIsOnCallRequest& request) {
  if (request.has_at() &&
      (request.at().seconds() < kFirstSecond || request.at().seconds() > kLastSecond ||
       request.at().nanos() < 0 || request.at().nanos() > 999'999'999)) {
    return InvalidField("at", "must be in the years 1 to 9999");
  }
  ASSIGN_OR_RETURN(const v1::EscalationSetup setup,
                   ReadSetup(core.database(), call.identity.tenant));
  const v1::Rota* rota = FindRota(setup, request.rota_id());
  if (rota == nullptr) return NotFound(absl::StrCat("rotas/", request.rota_id()));
  const absl::Time at = request.has_at() ? FromProto(request.at()) : core.clock().Now();
  v1::WhoIsOnCallResponse response;
  if (const std::optional<Turn> turn = TurnAt(*rota, at)) {
    response.set_person(turn->person);
    *response.mutable_from() = ToProto(turn->from);
    *response.mutable_until() = ToProto(turn->until);
  } else if (const std::optional<absl::Time> first = FirstTurn(*rota)) {
    *response.mutable_until() = ToProto(*first);
  }
  return response;
}

absl::StatusOr<v1::ListRunsResponse> ListRuns(runtime::ServiceCore& core, const CallContext& call,
                                              const v1::ListRunsRequest& request) {
  constexpr absl::string_view kPrefix = "tickets/";
  if (!absl::StartsWith(request.ticket(), kPrefix) || request.ticket().size() == kPrefix.size()) {
    return InvalidField("ticket", "must be tickets/<id>");
  }
  ASSIGN_OR_RETURN(std::vector<v1::Run> runs, ReadRuns(core.database(), call.identity.tenant,
                                                       request.ticket().substr(kPrefix.size())));
  v1::ListRunsResponse response;
  for (v1::Run& run : runs) *response.add_runs() = std::move(run);
  return response;
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  runtime::ServiceCore& core = context.core;
  auto service = std::make_unique<rpc::Service>("watchbell.escalation.v1.EscalationService");
  service->Command("PutEscalationSetup", core.engine(), "manager");
  service->Query<v1::GetEscalationSetupRequest, v1::EscalationSetup>(
      "GetEscalationSetup", [&core](const CallContext& call, const v1::GetEscalationSetupRequest&) {
        return ReadSetup(core.database(), call.identity.tenant);
      });
  service->Query<v1::WhoIsOnCallRequest, v1::WhoIsOnCallResponse>(
      "WhoIsOnCall", [&core](const CallContext& call, const v1::WhoIsOnCallRequest& request) {
        return WhoIsOnCall(core, call, request);
      });
  service->Query<v1::ListRunsRequest, v1::ListRunsResponse>(
      "ListRuns", [&core](const CallContext& call, const v1::ListRunsRequest& request) {
        return ListRuns(core, call, request);
      });
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace watchbell::escalation
