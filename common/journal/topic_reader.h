// What goes to one topic, read from its producer's journal: the rows of one or several aggregates
// in one order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/journal/journal.h"

namespace watchbell::journal {

struct TopicRows {
  std::vector<JournalRow> rows;
  bool end = false;  // there were no more when it was asked
};

// The next rows of a shard after a sequence, in sequence order, at most `limit` (> 0). Whoever goes
// on after the last row misses none, however much is committed meanwhile. Errors are the
// database's.
absl::StatusOr<TopicRows> ReadTopicShard(const Reader& reader,
                                         absl::Span<const std::string> aggregates, int shard,
                                         int64_t after_sequence, int limit);

// The next rows of a stream after a version, aggregate by aggregate, in version order, at most
// `limit` (> 0).
absl::StatusOr<TopicRows> ReadTopicStream(const Reader& reader,
                                          absl::Span<const std::string> aggregates,
                                          const std::string& tenant, const std::string& stream_id,
                                          int64_t after_version, int limit);

// The last sequence in each of these shards, in their order; 0 = no row. Every row that was visible
// before the call, or whose commit was under way, is at or below it. Errors are the database's.
absl::StatusOr<std::vector<int64_t>> ReadTopicHeads(const Reader& reader,
                                                    absl::Span<const std::string> aggregates,
                                                    absl::Span<const int> shards);

}  // namespace watchbell::journal
