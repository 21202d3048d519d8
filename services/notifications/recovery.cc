#include "services/notifications/recovery.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "services/notifications/notifications_store.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {
namespace {

// A replica has a row from before its first claim until it is found dead. Without replicas there
// are none, and whoever claimed anything is gone.
absl::StatusOr<std::set<std::string>> LivingReplicas(db::Database& database) {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows, database.Read("SELECT id FROM replicas", {}));
  std::set<std::string> living;
  for (const db::Row& row : rows) living.insert(db::AsText(row[0]));
  return living;
}

engine::Input Recovery(const std::string& service, const engine::EntityKey& ticket,
                       const v1::Delivery& delivery) {
  auto recover = std::make_shared<state::v1::RecoverDeliveries>();
  recover->set_tenant(ticket.tenant);
  recover->set_ticket_id(ticket.id);
  state::v1::Claim& claim = *recover->add_claims();
  claim.set_delivery_id(delivery.delivery_id());
  claim.set_attempt(delivery.attempts());
  engine::Input input;
  input.kind = engine::Input::Kind::kOutcome;
  input.identity = {ticket.tenant, service, {}};
  input.traceparent = delivery.traceparent();
  input.message = std::move(recover);
  return input;
}

}  // namespace

absl::Status RecoverInFlight(runtime::ServiceCore& core, int shard) {
  ASSIGN_OR_RETURN(const std::vector<engine::EntityKey> tickets, TicketsInFlight(core.database()));
  std::vector<engine::EntityKey> ours;
  for (const engine::EntityKey& ticket : tickets) {
    if (ShardOf(ticket.id, kDefaultShards) == shard) ours.push_back(ticket);
  }
  if (ours.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::set<std::string> living, LivingReplicas(core.database()));
  std::vector<engine::Input> inputs;
  for (const engine::EntityKey& ticket : ours) {
    ASSIGN_OR_RETURN(const auto state, runtime::ReadEntity<state::v1::TicketDeliveries>(
                                           core.database(), ticket.cls, ticket.tenant, ticket.id));
    if (state == nullptr) continue;
    for (const v1::Delivery& delivery : state->deliveries()) {
      if (delivery.state() != v1::DELIVERY_STATE_SENDING) continue;
      if (living.count(delivery.claimed_by()) > 0) continue;
      inputs.push_back(Recovery(core.name(), ticket, delivery));
    }
  }
  if (inputs.empty()) return absl::OkStatus();
  telemetry::Log(telemetry::Level::kInfo, "deliveries of a dead process are sent again",
                 {{"service", core.name()},
                  {"shard", absl::StrCat(shard)},
                  {"deliveries", absl::StrCat(inputs.size())}});
  return core.engine().SubmitAll(std::move(inputs));
}

}  // namespace watchbell::notifications
