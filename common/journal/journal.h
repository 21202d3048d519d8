// The journal of a service: every event, in the transaction that changed the state. Outbox, audit
// history, change feed and replay source in one table; nothing is ever updated or deleted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/db/db.h"

namespace watchbell::journal {

// One event. Sequence order is visibility order (gaps are allowed); versions have no holes per
// (aggregate, tenant, stream id).
struct JournalRow {
  int64_t sequence = 0;
  std::string event_id;   // UUIDv7
  std::string aggregate;  // kind of stream, for example the name of an entity class
  std::string tenant;
  std::string stream_id;
  int64_t version = 0;
  int shard = 0;
  std::string type;     // CloudEvents type
  std::string payload;  // protobuf bytes
  absl::Time occurred_at;
  absl::Time recorded_at;
  std::optional<absl::Time> source_recorded_at;
  std::string actor;
  std::string traceparent;
  std::string causation_id;
  std::string correlation_id;
};

// Row shape of the journal table. The database gives the sequence: a row to be inserted holds k,
// the k-th number of its transaction (db.h, kSequence).
const db::Table& JournalTable();
db::Row ToDbRow(const JournalRow& row);
JournalRow FromDbRow(const db::Row& row);

// Reads a journal in chunks; each call is one short snapshot. Thread-safe. `database` outlives it.
class Reader {
 public:
  explicit Reader(db::Database& database) : database_(database) {}

  // Rows of one aggregate after a sequence, in order; all aggregates if `aggregate` is empty.
  absl::StatusOr<std::vector<JournalRow>> After(const std::string& aggregate, int64_t sequence,
                                                int limit) const;
  // The same for one shard.
  absl::StatusOr<std::vector<JournalRow>> AfterInShard(const std::string& aggregate, int shard,
                                                       int64_t sequence, int limit) const;
  // Rows of one stream after a version, in order.
  absl::StatusOr<std::vector<JournalRow>> Stream(const std::string& aggregate,
                                                 const std::string& tenant,
                                                 const std::string& stream_id,
                                                 int64_t after_version, int limit) const;
  // The last sequence, 0 if the journal is empty.
  absl::StatusOr<int64_t> Head() const;
  // The last sequence of one aggregate in each of these shards, in their order; 0 = no row. Waits
  // for commits that are under way (db.h, ReadSettled).
  absl::StatusOr<std::vector<int64_t>> ShardHeads(const std::string& aggregate,
                                                  absl::Span<const int> shards) const;

 private:
  db::Database& database_;
};

}  // namespace watchbell::journal
