// What notifications keeps: entity classes, their keys, and the index of what is in flight.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/db/db.h"
#include "common/engine/entity.h"

namespace watchbell::notifications {

// In locking order.
inline constexpr int kContactClass = 1;
inline constexpr int kTicketClass = 2;

const std::vector<engine::EntityClass>& EntityClasses();

engine::EntityKey ContactKey(absl::string_view tenant, absl::string_view person);
engine::EntityKey TicketKey(absl::string_view tenant, absl::string_view ticket_id);

// A row per ticket with deliveries in flight: (tenant, ticket_id) -> how many. What a dead process
// left is found here without reading every ticket.
const db::Table& InFlightTable();

// Keys of the tickets in it. Thread-safe; blocks on the database.
absl::StatusOr<std::vector<engine::EntityKey>> TicketsInFlight(db::Database& database);

}  // namespace watchbell::notifications
