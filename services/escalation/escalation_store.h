// What the escalation service stores: entity classes and keys. It has no tables of its own.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/db/db.h"
#include "common/engine/entity.h"
#include "watchbell/escalation/v1/escalation.pb.h"

namespace watchbell::escalation {

// In locking order.
inline constexpr int kSetupClass = 1;  // v1::EscalationSetup, one a tenant
inline constexpr int kTicketClass =
    2;  // state::v1::TicketState; stream of every event of this service
inline constexpr int kHistoryClass = 3;  // state::v1::RunHistory

const std::vector<engine::EntityClass>& Classes();

engine::EntityKey SetupKey(const std::string& tenant);
engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id);
engine::EntityKey HistoryKey(const std::string& tenant, const std::string& ticket_id);

// The setup in force; an empty one (version 0) if none was put.
absl::StatusOr<v1::EscalationSetup> ReadSetup(db::Database& database, const std::string& tenant);
// The runs of a ticket, oldest first, the one that is on last. NOT_FOUND if the ticket was never
// heard of.
absl::StatusOr<std::vector<v1::Run>> ReadRuns(db::Database& database, const std::string& tenant,
                                              const std::string& ticket_id);

}  // namespace watchbell::escalation
