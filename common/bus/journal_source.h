// The journals of the producers whose topics are read, wherever those run: what a topic lacks is
// read here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/journal/journal.h"

namespace watchbell::bus {

class JournalSource {
 public:
  // Rows of the aggregates that go to one topic.
  struct Chunk {
    std::string producer;
    std::vector<journal::JournalRow> rows;  // in order
    bool end = false;                       // there were no more when it was asked
  };
  using Done = std::function<void(absl::StatusOr<Chunk>)>;
  using HeadsDone = std::function<void(absl::StatusOr<std::vector<int64_t>>)>;

  virtual ~JournalSource() = default;

  // All return at once; `done` is called exactly once, on any thread. UNAVAILABLE: the producer
  // does not answer now. At most `limit` rows, fewer if they are large. Thread-safe.
  //
  // One shard after a sequence, in sequence order.
  virtual void ReadShard(const std::string& topic, int shard, int64_t after_sequence, int limit,
                         Done done) = 0;
  // One stream after a version.
  virtual void ReadStream(const std::string& topic, const std::string& tenant,
                          const std::string& stream_id, int64_t after_version, int limit,
                          Done done) = 0;
  // The last sequence in each of these shards, in their order; 0 = no row. Every row committed
  // before the call, or whose commit was under way, is at or below it. Timers wait for the answer:
  // it comes, or fails, within kHeadsLimit. UNAVAILABLE with the reason STORAGE_UNAVAILABLE,
  // QUEUE_FULL, STARTING or STOPPING: the producer is there, but cannot look now; with
  // DEADLINE_EXCEEDED: it is connected, but has not answered within the limit.
  virtual void ReadHeads(const std::string& topic, const std::vector<int>& shards,
                         HeadsDone done) = 0;
  static constexpr absl::Duration kHeadsLimit = absl::Seconds(1);
};

}  // namespace watchbell::bus
