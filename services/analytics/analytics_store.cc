#include "services/analytics/analytics_store.h"

#include <limits>
#include <utility>

#include "common/base/status_macros.h"

namespace watchbell::analytics {
namespace {

const db::Table& TicketTable() {
  static const auto* const kTable = new db::Table{"analytics_ticket",
                                                  {{"tenant", db::ColumnType::kText},
                                                   {"ticket_id", db::ColumnType::kText},
                                                   {"import_source", db::ColumnType::kText},
                                                   {"opened_at", db::ColumnType::kInt},
                                                   {"finished", db::ColumnType::kInt},
                                                   {"settled", db::ColumnType::kInt},
                                                   {"facts", db::ColumnType::kBytes}},
                                                  2};
  return *kTable;
}

absl::Status Visit(const db::Value& bytes, TicketFacts& reused,
                   const std::function<void(const TicketFacts&)>& visit) {
  if (!reused.ParseFromString(db::AsBytes(bytes)))
    return absl::DataLossError("stored facts cannot be read");
  visit(reused);
  return absl::OkStatus();
}

// Infinite times have no microseconds of their own; the ends of the range stand for them.
int64_t Micros(absl::Time time) {
  if (time == absl::InfinitePast()) return std::numeric_limits<int64_t>::min();
  if (time == absl::InfiniteFuture()) return std::numeric_limits<int64_t>::max();
  return absl::ToUnixMicros(time);
}

}  // namespace

engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id) {
  return {kTicketClass, tenant, ticket_id};
}

void IndexTicket(const engine::EntityKey& key, const TicketFacts& facts,
                 engine::IndexWriter& writer) {
  if (!IsOpened(facts)) return;
  const bool finished = facts.finished_as_of() != 0;
  // A settlement from before a second, later finish does not count for it.
  const bool settled =
      facts.settled_as_of() != 0 && facts.settled_as_of() >= facts.finished_as_of();
  writer.Upsert(TicketTable(), {key.tenant, key.id, facts.import_source(), facts.opened_at(),
                                int64_t{finished ? 1 : 0}, int64_t{settled ? 1 : 0},
                                db::Bytes{facts.SerializeAsString()}});
}

absl::StatusOr<ImportProgress> ReadImportProgress(db::Database& database, const std::string& tenant,
                                                  const std::string& source) {
  const db::Value params[] = {tenant, source};
  // The casts are for databases where a sum is wider than what is summed.
  ASSIGN_OR_RETURN(
      std::vector<db::Row> rows,
      database.Read("SELECT COUNT(*), CAST(COALESCE(SUM(finished), 0) AS BIGINT), "
                    "CAST(COALESCE(SUM(settled), 0) AS BIGINT), COALESCE(MIN(opened_at), 0) "
                    "FROM analytics_ticket WHERE tenant = $1 AND import_source = $2",
                    params));
  const db::Row& row = rows.at(0);
  return ImportProgress{db::AsInt(row[0]), db::AsInt(row[1]), db::AsInt(row[2]),
                        absl::FromUnixMicros(db::AsInt(row[3]))};
}

absl::Status VisitImport(db::Database& database, const std::string& tenant,
                         const std::string& source,
                         const std::function<void(const TicketFacts&)>& visit) {
  TicketFacts facts;
  std::string after;  // ids are never empty
  while (true) {
    const db::Value params[] = {tenant, source, after, int64_t{kChunk}};
    ASSIGN_OR_RETURN(std::vector<db::Row> rows,
                     database.Read("SELECT ticket_id, facts FROM analytics_ticket "
                                   "WHERE tenant = $1 AND import_source = $2 AND ticket_id > $3 "
                                   "ORDER BY ticket_id LIMIT $4",
                                   params));
    for (const db::Row& row : rows) RETURN_IF_ERROR(Visit(row[1], facts, visit));
    if (rows.size() < static_cast<size_t>(kChunk)) return absl::OkStatus();
    after = db::AsText(rows.back()[0]);
  }
}

absl::Status VisitOpened(db::Database& database, const std::string& tenant, absl::Time from,
                         absl::Time to, const std::function<void(const TicketFacts&)>& visit) {
  TicketFacts facts;
  int64_t after_opened = Micros(from);
  std::string after;
  while (true) {
    const db::Value params[] = {tenant, after_opened, after, Micros(to), int64_t{kChunk}};
    ASSIGN_OR_RETURN(
        std::vector<db::Row> rows,
        database.Read("SELECT opened_at, ticket_id, facts FROM analytics_ticket "
                      "WHERE tenant = $1 AND (opened_at, ticket_id) > ($2, $3) AND opened_at < $4 "
                      "ORDER BY opened_at, ticket_id LIMIT $5",
                      params));
    for (const db::Row& row : rows) RETURN_IF_ERROR(Visit(row[2], facts, visit));
    if (rows.size() < static_cast<size_t>(kChunk)) return absl::OkStatus();
    after_opened = db::AsInt(rows.back()[0]);
    after = db::AsText(rows.back()[1]);
  }
}

}  // namespace watchbell::analytics
