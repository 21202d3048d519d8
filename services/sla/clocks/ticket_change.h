// A change that is not made, as the inputs it would come to: one for each event that the tickets
// service would tell of it. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/preview.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {

// What `request` does to `ticket` by an agent's hand, as inputs like `first`, each with the next
// sequence: priority, classification, attributes, assignment, the reply, then the move to another
// state. What changes nothing gives none. INVALID_ARGUMENT by path for what no ticket can be and
// for moves that no event tells of; which moves are allowed otherwise is not known here.
absl::StatusOr<std::vector<state::v1::TicketInput>> InputsOfChange(
    const tickets::v1::Ticket& ticket, const v1::PreviewChangeRequest& request,
    const state::v1::TicketInput& first);

}  // namespace watchbell::sla
