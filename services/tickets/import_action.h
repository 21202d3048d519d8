// What one imported command does to its ticket.
#pragma once

#include "absl/status/status.h"
#include "services/tickets/ticket_editor.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

// The state of a ticket before its Create: the facts the source gave, and where it came from.
// INVALID_ARGUMENT if it has no type, and as TakeGivenFacts.
absl::StatusOr<state::v1::TicketState> ImportedFacts(const v1::ImportBatchRequest& batch,
                                                     const v1::ImportCommand& command);

// Any action but create. The moves are those of the state machine; permissions, reasons and codes
// are not asked for.
absl::Status ApplyImported(const v1::ImportCommand& command, const Act& act, TicketEditor& editor);

}  // namespace watchbell::tickets
