// Publishing and subscribing, whatever carries the events. One contract suite
// (tests/contract/bus_contract.h) runs on every implementation.
//
// A topic has as many shards (partitions) as the installation; a process reads and publishes those
// it holds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/bus/record.h"
#include "common/journal/journal.h"

namespace watchbell::bus {

// Where the relay of one producer hands over what was committed. Called on the committer's thread;
// nothing here blocks.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // Called before a commit with rows, so that nobody believes to be at the end while it is under
  // way; `Committed` or `Abandoned` follows.
  virtual void Committing() = 0;
  // After a commit that took the numbers (after, upto]: its rows, in order. Rows that cannot be
  // published now, and rows of other processes, are found again in the journal.
  virtual void Committed(absl::Span<const journal::JournalRow> rows, int64_t after,
                         int64_t upto) = 0;
  virtual void Abandoned() = 0;

  // From now on rows of this shard are published, beginning after the sequence given; what was
  // published before may be published again. Embedded: nothing to do.
  virtual void Hold(int shard, int64_t relayed) { (void)shard, (void)relayed; }
  virtual void Release(int shard) { (void)shard; }
  // Another process committed rows of a shard held here.
  virtual void Look() {}
  // How far held shards are published beyond doubt, where that moved since the last call.
  virtual std::map<int, int64_t> TakeRelayed() { return {}; }
};

// (topic, shard)
using TopicShard = std::pair<std::string, int>;

// How far a shard of a topic was applied.
struct Position {
  // Last journal sequence of the producer; 0 = none yet. Raw topics: how often their offsets began
  // anew, so that an offset means one record only.
  int64_t sequence = 0;
  int64_t next_offset = -1;  // where the topic goes on; -1 = unknown: the producer's journal is
                             // read first
  friend bool operator==(const Position&, const Position&) = default;
};

// What one service reads. Used by one thread (its committer), but for the wake-up it was made with.
// Nothing here waits for another machine.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // The lifecycle topics it reads; raw ones are not among them.
  virtual const std::vector<std::string>& topics() const = 0;

  // Begins to read a shard of every topic after these positions; a topic that is missing begins
  // with the first row of its producer's journal.
  virtual absl::Status Hold(int shard, const std::map<std::string, Position>& applied) = 0;
  // Poll returns nothing of this shard any more.
  virtual void Release(int shard) = 0;

  // The next records, at most `max`, in order per shard; empty if there are none now, then the
  // wake-up follows. UNAVAILABLE: try again later.
  virtual absl::StatusOr<std::vector<RecordPtr>> Poll(size_t max) = 0;

  // True if Poll has returned everything that the producer had committed on this shard at some
  // moment at or after `since` (not in the future); if the producer cannot be reached, everything
  // that lay on the topic. One that is there, but cannot look into its journal, is waited for, some
  // seconds after `since`. False may mean "not known yet": the wake-up follows when it is, or, for
  // one that is waited for, nothing does: ask again.
  virtual bool AtEnd(const std::string& topic, int shard, absl::Time since) = 0;

  // Rows of one stream from the producer's journal, the truth behind the topic: fills holes,
  // releases parked keys, lets a timer see what precedes it. Nothing: the producer is being asked;
  // the wake-up follows, then the same call gives the answer. UNAVAILABLE: try again later.
  virtual absl::StatusOr<std::optional<std::vector<RecordPtr>>> ReadStream(
      const std::string& topic, const std::string& tenant, const std::string& stream_id,
      int64_t after_version, int limit) = 0;

  // Where shards stand, as far as that moved without a record that was applied: their journal was
  // read and the topic goes on, or its records were repeats. Holds when nothing that Poll has
  // returned waits to be stored.
  virtual std::map<TopicShard, Position> Reached() const { return {}; }

  // What was applied is stored: tools may be told how far. Positions by (topic, shard).
  virtual void Stored(const std::map<TopicShard, Position>& positions) { (void)positions; }
};

// What a service reads.
struct Subscription {
  std::string consumer;  // the service
  std::vector<std::string> topics;
  // Filled by anybody, in any form: their records have no envelope, their positions are offsets,
  // and the sequence of both counts how often these began anew.
  std::vector<std::string> raw_topics;
  // Records may come so much later if that is cheaper: nobody waits for what the service makes of
  // them. At most some seconds.
  absl::Duration patience = absl::ZeroDuration();
};

// What carries the events of an installation.
class Bus {
 public:
  virtual ~Bus() = default;

  // `topic_of_aggregate` says where the rows of a journal go; rows of other aggregates stay there.
  // `reader` outlives the result.
  virtual absl::StatusOr<std::unique_ptr<Publisher>> AddProducer(
      const std::string& producer, const journal::Reader& reader,
      const std::map<std::string, std::string>& topic_of_aggregate) = 0;

  // `wake` is called on any thread, until the result is destroyed.
  virtual std::unique_ptr<Subscriber> Subscribe(Subscription subscription,
                                                std::function<void()> wake) = 0;

  // OK, or why nothing can be published or read just now. Thread-safe.
  virtual absl::Status Health() const { return absl::OkStatus(); }
  // OK, or which shard waits for its producer's journal, which cannot be read. Thread-safe.
  virtual absl::Status ProducersHealth() const { return absl::OkStatus(); }
};

}  // namespace watchbell::bus
