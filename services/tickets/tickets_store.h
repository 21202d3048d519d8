// The index table behind ListTickets, and the query over it. Tickets themselves are entities.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/db/statement.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

// Table ticket_index of schema/0002_tickets.sql.
const db::Table& TicketIndexTable();
db::Row TicketIndexRow(const std::string& tenant, const state::v1::TicketState& state);

// A place in the list: newest opened first, then by id downwards.
struct ListCursor {
  int64_t opened_at;  // microseconds
  std::string ticket_id;
};

// One statement: at most `limit` rows (ticket_id, opened_at) after `after` (null: from the first).
db::Statement MakeListQuery(const std::string& tenant, const v1::ListTicketsRequest& request,
                            const ListCursor* after, int limit);

// Pages of 50, at most 500. INVALID_ARGUMENT for a bad page token, or an external id without its
// import.
absl::StatusOr<v1::ListTicketsResponse> ListTickets(db::Database& database,
                                                    const std::string& tenant,
                                                    const v1::ListTicketsRequest& request);

// NOT_FOUND if there is none, INVALID_ARGUMENT for a name that is none.
absl::StatusOr<v1::Ticket> GetTicket(db::Database& database, const std::string& tenant,
                                     const std::string& name);

}  // namespace watchbell::tickets
