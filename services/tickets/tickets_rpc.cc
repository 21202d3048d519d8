#include "services/tickets/tickets_rpc.h"

#include <utility>

#include "services/tickets/ticket_commands.h"
#include "services/tickets/ticket_history.h"
#include "services/tickets/ticket_watch.h"
#include "services/tickets/tickets_store.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {
namespace {

std::unique_ptr<rpc::Service> MakeTicketService(runtime::ServiceCore& core, rpc::WatchHub& hub) {
  auto service = std::make_unique<rpc::Service>("watchbell.tickets.v1.TicketService");
  for (const char* command : {"CreateTicket", "AcknowledgeTicket", "AssignTicket", "StartWork",
                              "HoldTicket", "ResumeTicket", "ResolveTicket", "ReopenTicket",
                              "CloseTicket", "AddComment", "UpdateTicket", "PublishAlerts"}) {
    service->Command(command, core.engine());
  }
  service->Query<v1::GetTicketRequest, v1::Ticket>(
      "GetTicket", [&core](const rpc::CallContext& call, const v1::GetTicketRequest& request) {
        return GetTicket(core.database(), call.identity.tenant, request.name());
      });
  service->Query<v1::ListTicketsRequest, v1::ListTicketsResponse>(
      "ListTickets", [&core](const rpc::CallContext& call, const v1::ListTicketsRequest& request) {
        return ListTickets(core.database(), call.identity.tenant, request);
      });
  service->Query<v1::ListTicketHistoryRequest, v1::ListTicketHistoryResponse>(
      "ListTicketHistory",
      [&core](const rpc::CallContext& call, const v1::ListTicketHistoryRequest& request) {
        return ListTicketHistory(core.database(), core.journal(), call.identity.tenant, request);
      });
  service->Watch("WatchTickets", hub,
                 [&core](const rpc::CallContext& call, const google::protobuf::Message& request) {
                   return WatchTickets(core.database(), core.journal(), call.identity.tenant,
                                       static_cast<const v1::WatchTicketsRequest&>(request));
                 });
  return service;
}

// Both commands recognise repeats by what is stored: nothing is remembered by request id.
std::unique_ptr<rpc::Service> MakeImportService(runtime::ServiceCore& core) {
  auto service = std::make_unique<rpc::Service>("watchbell.tickets.v1.ImportService");
  service->Command("ImportBatch", core.engine(), kIntegrationRole, true);
  service->Command("FinishImport", core.engine(), kIntegrationRole, true);
  return service;
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(MakeTicketService(context.core, context.hub));
  services.push_back(MakeImportService(context.core));
  return services;
}

}  // namespace watchbell::tickets
