#include "services/sla/zone_recount.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "common/time/zone_data.h"
#include "watchbell/sla/state/v1/inputs.pb.h"

namespace watchbell::sla {
namespace {

engine::Input Recount(const std::string& service, const std::string& tenant,
                      const std::string& ticket_id) {
  auto recount = std::make_shared<state::v1::RecountTicket>();
  recount->set_ticket_id(ticket_id);
  engine::Input input;
  input.kind = engine::Input::Kind::kOutcome;
  input.identity = {tenant, absl::StrCat("service:", service), {}};
  input.message = std::move(recount);
  return input;
}

}  // namespace

absl::Status RecountAfterNewZoneData(runtime::ServiceCore& core, int shard) {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                   core.database().Read("SELECT DISTINCT tenant, ticket_id FROM at_risk "
                                        "WHERE zone_data < $1 OR zone_data > $1",
                                        {ZoneDataVersion()}));
  std::vector<engine::Input> inputs;
  for (const db::Row& row : rows) {
    const std::string& ticket_id = db::AsText(row[1]);
    if (ShardOf(ticket_id, kDefaultShards) != shard) continue;
    inputs.push_back(Recount(core.name(), db::AsText(row[0]), ticket_id));
  }
  if (inputs.empty()) return absl::OkStatus();
  telemetry::Log(telemetry::Level::kInfo, "zone data has changed: deadlines are counted again",
                 {{"service", core.name()},
                  {"version", ZoneDataVersion()},
                  {"shard", absl::StrCat(shard)},
                  {"tickets", absl::StrCat(inputs.size())}});
  return core.engine().SubmitAll(std::move(inputs));
}

}  // namespace watchbell::sla
