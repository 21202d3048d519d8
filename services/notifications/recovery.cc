#include "services/notifications/recovery.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "services/notifications/notifications_store.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {

absl::Status RecoverInFlight(runtime::ServiceCore& core) {
  ASSIGN_OR_RETURN(const std::vector<engine::EntityKey> tickets, TicketsInFlight(core.database()));
  std::vector<engine::Input> inputs;
  for (const engine::EntityKey& ticket : tickets) {
    ASSIGN_OR_RETURN(const auto state, runtime::ReadEntity<state::v1::TicketDeliveries>(
                                           core.database(), ticket.cls, ticket.tenant, ticket.id));
    if (state == nullptr) continue;
    auto recover = std::make_shared<state::v1::RecoverDeliveries>();
    recover->set_tenant(ticket.tenant);
    recover->set_ticket_id(ticket.id);
    for (const v1::Delivery& delivery : state->deliveries()) {
      if (delivery.state() != v1::DELIVERY_STATE_SENDING) continue;
      state::v1::Claim& claim = *recover->add_claims();
      claim.set_delivery_id(delivery.delivery_id());
      claim.set_attempt(delivery.attempts());
    }
    engine::Input input;
    input.kind = engine::Input::Kind::kOutcome;
    input.identity = {ticket.tenant, core.name(), {}};
    input.message = std::move(recover);
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) return absl::OkStatus();
  return core.engine().SubmitAll(std::move(inputs));
}

}  // namespace watchbell::notifications
