// The journals of the producers whose topics are read, wherever those run: what a topic lacks is
// read here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
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

  virtual ~JournalSource() = default;

  // Both return at once; `done` is called exactly once, on any thread. UNAVAILABLE: the producer
  // does not answer now. At most `limit` rows, fewer if they are large. Thread-safe.
  //
  // One shard after a sequence, in sequence order.
  virtual void ReadShard(const std::string& topic, int shard, int64_t after_sequence, int limit,
                         Done done) = 0;
  // One stream after a version.
  virtual void ReadStream(const std::string& topic, const std::string& tenant,
                          const std::string& stream_id, int64_t after_version, int limit,
                          Done done) = 0;
};

}  // namespace watchbell::bus
