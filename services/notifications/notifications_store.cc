#include "services/notifications/notifications_store.h"

#include "common/base/status_macros.h"
#include "protos/watchbell/events/v1/topics.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {

const std::vector<engine::EntityClass>& EntityClasses() {
  static const auto* const kClasses = new std::vector<engine::EntityClass>{
      {kContactClass, "contact", &state::v1::ContactState::default_instance(), "",
       /*reference=*/true},
      {kTicketClass, "ticket", &state::v1::TicketDeliveries::default_instance(),
       events::kNotificationsTopic},
  };
  return *kClasses;
}

engine::EntityKey ContactKey(absl::string_view tenant, absl::string_view person) {
  return {kContactClass, std::string(tenant), std::string(person)};
}

engine::EntityKey TicketKey(absl::string_view tenant, absl::string_view ticket_id) {
  return {kTicketClass, std::string(tenant), std::string(ticket_id)};
}

const db::Table& InFlightTable() {
  static const auto* const kTable = new db::Table{"notification_in_flight",
                                                  {{"tenant", db::ColumnType::kText},
                                                   {"ticket_id", db::ColumnType::kText},
                                                   {"deliveries", db::ColumnType::kInt}},
                                                  /*key_columns=*/2};
  return *kTable;
}

absl::StatusOr<std::vector<engine::EntityKey>> TicketsInFlight(db::Database& database) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      database.Read(
          "SELECT tenant, ticket_id FROM notification_in_flight ORDER BY tenant, ticket_id", {}));
  std::vector<engine::EntityKey> keys;
  keys.reserve(rows.size());
  for (const db::Row& row : rows) keys.push_back(TicketKey(db::AsText(row[0]), db::AsText(row[1])));
  return keys;
}

}  // namespace watchbell::notifications
