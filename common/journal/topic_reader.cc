#include "common/journal/topic_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/base/status_macros.h"

namespace watchbell::journal {
namespace {

// Drops from the end what lies beyond `known`.
void CutAfter(int64_t known, std::vector<JournalRow>& rows) {
  while (!rows.empty() && rows.back().sequence > known) rows.pop_back();
}

}  // namespace

absl::StatusOr<TopicRows> ReadTopicShard(const Reader& reader,
                                         absl::Span<const std::string> aggregates, int shard,
                                         int64_t after_sequence, int limit) {
  TopicRows result;
  // Nothing beyond it may be given out: an aggregate cut off by the limit is known only up to its
  // last row, and each aggregate is read at a moment of its own, so that all of them together are
  // known up to where the journal ended before the first of these moments.
  int64_t known = std::numeric_limits<int64_t>::max();
  if (aggregates.size() > 1) {
    ASSIGN_OR_RETURN(known, reader.Head());
  }
  bool cut = false;
  for (const std::string& aggregate : aggregates) {
    ASSIGN_OR_RETURN(std::vector<JournalRow> some,
                     reader.AfterInShard(aggregate, shard, after_sequence, limit));
    if (some.size() == static_cast<size_t>(limit)) {
      known = std::min(known, some.back().sequence);
      cut = true;
    }
    std::move(some.begin(), some.end(), std::back_inserter(result.rows));
  }
  if (aggregates.size() > 1) {
    std::sort(result.rows.begin(), result.rows.end(),
              [](const JournalRow& a, const JournalRow& b) { return a.sequence < b.sequence; });
    const size_t found = result.rows.size();
    CutAfter(known, result.rows);
    cut = cut || result.rows.size() < found || result.rows.size() > static_cast<size_t>(limit);
    if (result.rows.size() > static_cast<size_t>(limit)) result.rows.resize(limit);
  }
  result.end = !cut;
  return result;
}

absl::StatusOr<TopicRows> ReadTopicStream(const Reader& reader,
                                          absl::Span<const std::string> aggregates,
                                          const std::string& tenant, const std::string& stream_id,
                                          int64_t after_version, int limit) {
  TopicRows result;
  for (const std::string& aggregate : aggregates) {
    const int left = limit - static_cast<int>(result.rows.size());
    if (left <= 0) break;
    ASSIGN_OR_RETURN(std::vector<JournalRow> some,
                     reader.Stream(aggregate, tenant, stream_id, after_version, left));
    std::move(some.begin(), some.end(), std::back_inserter(result.rows));
  }
  result.end = result.rows.size() < static_cast<size_t>(limit);
  return result;
}

absl::StatusOr<std::vector<int64_t>> ReadTopicHeads(const Reader& reader,
                                                    absl::Span<const std::string> aggregates,
                                                    absl::Span<const int> shards) {
  std::vector<int64_t> heads(shards.size(), 0);
  for (const std::string& aggregate : aggregates) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> some, reader.ShardHeads(aggregate, shards));
    for (size_t i = 0; i < heads.size(); ++i) heads[i] = std::max(heads[i], some[i]);
  }
  return heads;
}

}  // namespace watchbell::journal
