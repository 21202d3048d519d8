#include "services/notifications/notifications_rpc.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "services/notifications/notifications_store.h"
#include "watchbell/notifications/state/v1/state.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"

namespace watchbell::notifications {
namespace {

absl::StatusOr<v1::Contact> GetContact(runtime::ServiceCore& core, const rpc::CallContext& call,
                                       const v1::GetContactRequest& request) {
  ASSIGN_OR_RETURN(const auto state,
                   runtime::ReadEntity<state::v1::ContactState>(
                       core.database(), kContactClass, call.identity.tenant, request.person()));
  if (state == nullptr) return NotFound(absl::StrCat("contact of ", request.person()));
  return state->contact();
}

absl::StatusOr<v1::ListDeliveriesResponse> ListDeliveries(
    runtime::ServiceCore& core, const rpc::CallContext& call,
    const v1::ListDeliveriesRequest& request) {
  absl::string_view ticket = request.ticket();
  if (!absl::ConsumePrefix(&ticket, "tickets/") || ticket.empty()) {
    return InvalidField("ticket", "must be tickets/<id>");
  }
  ASSIGN_OR_RETURN(const auto state,
                   runtime::ReadEntity<state::v1::TicketDeliveries>(
                       core.database(), kTicketClass, call.identity.tenant, std::string(ticket)));
  v1::ListDeliveriesResponse response;
  // A ticket nobody was paged for is unknown here: that is no error.
  if (state != nullptr) *response.mutable_deliveries() = state->deliveries();
  return response;
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  runtime::ServiceCore& core = context.core;
  auto service = std::make_unique<rpc::Service>("watchbell.notifications.v1.NotificationService");
  service->Command("PutContact", core.engine(), "manager");
  service->Query<v1::GetContactRequest, v1::Contact>(
      "GetContact", [&core](const rpc::CallContext& call, const v1::GetContactRequest& request) {
        return GetContact(core, call, request);
      });
  service->Query<v1::ListDeliveriesRequest, v1::ListDeliveriesResponse>(
      "ListDeliveries",
      [&core](const rpc::CallContext& call, const v1::ListDeliveriesRequest& request) {
        return ListDeliveries(core, call, request);
      });
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace watchbell::notifications
