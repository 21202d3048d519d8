#include "services/sla/at_risk_index.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "services/sla/clocks/clock_machine.h"
#include "services/sla/time_left.h"

namespace watchbell::sla {
namespace {

using db::ColumnType;
using state::v1::ClockRecord;
using state::v1::TicketClocks;

db::Row KeyOf(const db::Row& row) {
  return db::Row(row.begin(), row.begin() + AtRiskTable().key_columns);
}

db::Row RowOf(const engine::EntityKey& key, const TicketClocks& ticket, const ClockRecord& clock) {
  return {key.tenant,
          key.id,
          clock.name(),
          int64_t{clock.cycle()},
          clock.due(),
          int64_t{BreachOf(clock, clock.leg()) != nullptr},
          CountingOf(ticket, clock),
          ticket.ticket().group(),
          int64_t{ticket.ticket().priority()},
          ticket.ticket().site(),
          ticket.zone_data()};
}

std::vector<db::Row> RowsOf(const engine::EntityKey& key, const TicketClocks& ticket) {
  std::vector<db::Row> rows;
  for (const ClockRecord& clock : ticket.clocks()) {
    if (IsAtRisk(ticket, clock)) rows.push_back(RowOf(key, ticket, clock));
  }
  return rows;
}

}  // namespace

const db::Table& AtRiskTable() {
  static const db::Table* const table = new db::Table{"at_risk",
                                                      {{"tenant", ColumnType::kText},
                                                       {"ticket_id", ColumnType::kText},
                                                       {"clock", ColumnType::kText},
                                                       {"cycle", ColumnType::kInt},
                                                       {"due_at", ColumnType::kInt},
                                                       {"breached", ColumnType::kInt},
                                                       {"counting", ColumnType::kText},
                                                       {"assignment_group", ColumnType::kText},
                                                       {"priority", ColumnType::kInt},
                                                       {"site", ColumnType::kText},
                                                       {"zone_data", ColumnType::kText}},
                                                      4};
  return *table;
}

bool IsAtRisk(const TicketClocks& ticket, const ClockRecord& clock) {
  return !ticket.historic() && clock.state() == v1::CLOCK_STATE_RUNNING && clock.has_due();
}

void IndexAtRisk(const engine::EntityKey& key, const TicketClocks* before,
                 const TicketClocks& after, engine::IndexWriter& writer) {
  const std::vector<db::Row> old_rows =
      before == nullptr ? std::vector<db::Row>() : RowsOf(key, *before);
  std::vector<db::Row> rows = RowsOf(key, after);
  for (const db::Row& old_row : old_rows) {
    db::Row row_key = KeyOf(old_row);
    const bool stays = std::any_of(rows.begin(), rows.end(),
                                   [&](const db::Row& row) { return KeyOf(row) == row_key; });
    if (!stays) writer.Delete(AtRiskTable(), std::move(row_key));
  }
  for (db::Row& row : rows) {
    const bool is_there = std::find(old_rows.begin(), old_rows.end(), row) != old_rows.end();
    if (!is_there) writer.Upsert(AtRiskTable(), std::move(row));
  }
}

}  // namespace watchbell::sla
