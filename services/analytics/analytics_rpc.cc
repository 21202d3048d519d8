#include "services/analytics/analytics_rpc.h"

#include "services/analytics/analytics_queries.h"

namespace watchbell::analytics {
namespace {

template <typename Request, typename Response>
void AddQuery(rpc::Service& service, const std::string& method, db::Database& database,
              absl::StatusOr<Response> (*answer)(db::Database&, const std::string&,
                                                 const Request&)) {
  service.Query<Request, Response>(
      method, [&database, answer](const rpc::CallContext& call, const Request& request) {
        return answer(database, call.identity.tenant, request);
      });
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeServices(runtime::ModuleContext context) {
  db::Database& database = context.core.database();
  auto service = std::make_unique<rpc::Service>("watchbell.analytics.v1.AnalyticsService");
  AddQuery(*service, "GetDeskSummary", database, GetDeskSummary);
  AddQuery(*service, "GetImportProgress", database, GetImportProgress);
  AddQuery(*service, "GetImportReport", database, GetImportReport);
  AddQuery(*service, "GetAdherence", database, GetAdherence);
  std::vector<std::unique_ptr<rpc::Service>> services;
  services.push_back(std::move(service));
  return services;
}

}  // namespace watchbell::analytics
