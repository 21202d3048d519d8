// Publishing and subscribing, whatever carries the events. One contract suite
// (tests/contract/bus_contract.h) runs on every implementation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/bus/record.h"
#include "common/journal/journal.h"

namespace watchbell::bus {

// Where the relay of one producer hands over what was committed.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // Called on the committer's thread after each commit, in sequence order. Must not block. Rows it
  // cannot publish now it finds again in the journal.
  virtual void Committed(absl::Span<const journal::JournalRow> rows) = 0;
  // Called before a commit whose rows reach up to `sequence`, so that nobody believes to be at the
  // end while it is under way; `Committed` or `Abandoned` follows.
  virtual void Committing(int64_t sequence) = 0;
  virtual void Abandoned() = 0;
};

// (topic, shard)
using TopicShard = std::pair<std::string, int>;

// What one service reads. Used by one thread (its committer), but for the wake-up it was made with.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // The topics it reads, and the aggregate each carries.
  virtual const std::vector<std::string>& topics() const = 0;

  // Begins after the sequences applied so far; a missing entry means from the first row of the
  // producer's journal.
  virtual absl::Status Start(const std::map<TopicShard, int64_t>& applied) = 0;

  // The next records, at most `max`, in order per shard; empty if there are none now. UNAVAILABLE:
  // try again later.
  virtual absl::StatusOr<std::vector<RecordPtr>> Poll(size_t max) = 0;

  // True if Poll has returned everything the producer had committed for this shard when AtEnd was
  // called.
  virtual bool AtEnd(const std::string& topic, int shard) = 0;

  // Rows of one stream from the producer's journal, the truth behind the topic: fills holes,
  // releases parked keys, lets a timer see what precedes it.
  virtual absl::StatusOr<std::vector<RecordPtr>> ReadStream(const std::string& topic,
                                                            const std::string& tenant,
                                                            const std::string& stream_id,
                                                            int64_t after_version, int limit) = 0;
};

}  // namespace watchbell::bus
