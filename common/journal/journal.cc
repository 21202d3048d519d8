#include "common/journal/journal.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace watchbell::journal {
namespace {

using db::ColumnType;

constexpr char kColumns[] =
    "sequence, event_id, aggregate, tenant, stream_id, version, shard, type, payload, occurred_at, "
    "recorded_at, "
    "source_recorded_at, actor, traceparent, causation_id, correlation_id";

absl::StatusOr<std::vector<JournalRow>> ReadRows(db::Database& database, absl::string_view where,
                                                 const std::vector<db::Value>& params) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      database.Read(absl::StrCat("SELECT ", kColumns, " FROM journal WHERE ", where), params));
  std::vector<JournalRow> result;
  result.reserve(rows.size());
  for (const db::Row& row : rows) result.push_back(FromDbRow(row));
  return result;
}

}  // namespace

const db::Table& JournalTable() {
  static const db::Table* const table = new db::Table{"journal",
                                                      {{"sequence", ColumnType::kSequence},
                                                       {"event_id", ColumnType::kText},
                                                       {"aggregate", ColumnType::kText},
                                                       {"tenant", ColumnType::kText},
                                                       {"stream_id", ColumnType::kText},
                                                       {"version", ColumnType::kInt},
                                                       {"shard", ColumnType::kInt},
                                                       {"type", ColumnType::kText},
                                                       {"payload", ColumnType::kBytes},
                                                       {"occurred_at", ColumnType::kInt},
                                                       {"recorded_at", ColumnType::kInt},
                                                       {"source_recorded_at", ColumnType::kInt},
                                                       {"actor", ColumnType::kText},
                                                       {"traceparent", ColumnType::kText},
                                                       {"causation_id", ColumnType::kText},
                                                       {"correlation_id", ColumnType::kText}},
                                                      1};
  return *table;
}

db::Row ToDbRow(const JournalRow& row) {
  db::Value source_recorded_at;
  if (row.source_recorded_at) source_recorded_at = absl::ToUnixMicros(*row.source_recorded_at);
  return {row.sequence,
          row.event_id,
          row.aggregate,
          row.tenant,
          row.stream_id,
          row.version,
          int64_t{row.shard},
          row.type,
          db::Bytes{row.payload},
          absl::ToUnixMicros(row.occurred_at),
          absl::ToUnixMicros(row.recorded_at),
          source_recorded_at,
          row.actor,
          row.traceparent,
          row.causation_id,
          row.correlation_id};
}

JournalRow FromDbRow(const db::Row& row) {
  JournalRow result;
  result.sequence = db::AsInt(row[0]);
  result.event_id = db::AsText(row[1]);
  result.aggregate = db::AsText(row[2]);
  result.tenant = db::AsText(row[3]);
  result.stream_id = db::AsText(row[4]);
  result.version = db::AsInt(row[5]);
  result.shard = static_cast<int>(db::AsInt(row[6]));
  result.type = db::AsText(row[7]);
  result.payload = db::AsBytes(row[8]);
  result.occurred_at = absl::FromUnixMicros(db::AsInt(row[9]));
  result.recorded_at = absl::FromUnixMicros(db::AsInt(row[10]));
  if (!db::IsNull(row[11])) result.source_recorded_at = absl::FromUnixMicros(db::AsInt(row[11]));
  result.actor = db::AsText(row[12]);
  result.traceparent = db::AsText(row[13]);
  result.causation_id = db::AsText(row[14]);
  result.correlation_id = db::AsText(row[15]);
  return result;
}

absl::StatusOr<std::vector<JournalRow>> Reader::After(const std::string& aggregate,
                                                      int64_t sequence, int limit) const {
  if (aggregate.empty()) {
    return ReadRows(database_, "sequence > $1 ORDER BY sequence LIMIT $2",
                    {sequence, int64_t{limit}});
  }
  return ReadRows(database_, "sequence > $1 AND aggregate = $2 ORDER BY sequence LIMIT $3",
                  {sequence, aggregate, int64_t{limit}});
}

absl::StatusOr<std::vector<JournalRow>> Reader::AfterInShard(const std::string& aggregate,
                                                             int shard, int64_t sequence,
                                                             int limit) const {
  return ReadRows(database_,
                  "aggregate = $1 AND shard = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
                  {aggregate, int64_t{shard}, sequence, int64_t{limit}});
}

absl::StatusOr<std::vector<JournalRow>> Reader::Stream(const std::string& aggregate,
                                                       const std::string& tenant,
                                                       const std::string& stream_id,
                                                       int64_t after_version, int limit) const {
  return ReadRows(database_,
                  "aggregate = $1 AND tenant = $2 AND stream_id = $3 AND version > $4 ORDER BY "
                  "version LIMIT $5",
                  {aggregate, tenant, stream_id, after_version, int64_t{limit}});
}

absl::StatusOr<int64_t> Reader::Head() const {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                   database_.Read("SELECT COALESCE(MAX(sequence), 0) FROM journal", {}));
  return db::AsInt(rows[0][0]);
}

absl::StatusOr<std::vector<int64_t>> Reader::ShardHeads(const std::string& aggregate,
                                                        absl::Span<const int> shards) const {
  if (shards.empty()) return std::vector<int64_t>();
  // One step down the index for each, however long the journal is: a GROUP BY would read it all.
  std::vector<std::string> heads;
  std::vector<db::Value> params = {aggregate};
  for (const int shard : shards) {
    params.emplace_back(int64_t{shard});
    heads.push_back(absl::StrCat(
        "COALESCE((SELECT MAX(sequence) FROM journal WHERE aggregate = $1 AND shard = $",
        params.size(), "), 0)"));
  }
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      database_.ReadSettled(absl::StrCat("SELECT ", absl::StrJoin(heads, ", ")), params));
  std::vector<int64_t> result;
  for (const db::Value& value : rows[0]) result.push_back(db::AsInt(value));
  return result;
}

}  // namespace watchbell::journal
