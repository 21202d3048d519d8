// Storing a ticket's clocks.
#pragma once

#include "common/engine/decision.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// Stores the ticket and moves its timer to the next crossing; historic tickets have none.
void PutTicket(const engine::EntityKey& key, state::v1::TicketClocks next,
               engine::Decision& decision);

}  // namespace watchbell::sla
