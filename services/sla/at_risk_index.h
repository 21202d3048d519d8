// The index behind the at-risk lists: a row for each running clock that has a deadline, of tickets
// that are not historic. Written with the tickets, see Decider::Index.
#pragma once

#include "common/db/db.h"
#include "common/engine/decider.h"
#include "common/engine/entity.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// Table at_risk of schema/0002_at_risk.sql.
const db::Table& AtRiskTable();

// Whether the clock has a row.
bool IsAtRisk(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& clock);

// Writes and deletes the rows that differ from those of `before` (null: there are none).
void IndexAtRisk(const engine::EntityKey& key, const state::v1::TicketClocks* before,
                 const state::v1::TicketClocks& after, engine::IndexWriter& writer);

}  // namespace watchbell::sla
