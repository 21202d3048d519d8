// The bus over Apache Kafka: one broker topic for each topic of ours, one partition a shard.
//
// The producer's journal is the truth and the topic its transport. A relay publishes the journal
// rows of the shards held here, in order, at least once. A subscriber reads a shard from its stored
// position; where the topic no longer (or not yet) has that, from the producers' journals.
//
// No consumer groups: who holds a shard reads its partitions. Offsets are committed under the
// consumer's name for lag tools only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/shard.h"
#include "common/bus/bus.h"
#include "common/bus/journal_source.h"
#include "common/clock/clock.h"

namespace watchbell::bus {

struct KafkaOptions {
  std::string brokers;       // HOST:PORT, comma separated
  std::string topic_prefix;  // before every topic's name on the brokers
  int shards = kDefaultShards;
  // Passed through to librdkafka as they are: security.protocol, sasl.*, ssl.*, ... Those that
  // carry the guarantees above are refused.
  std::map<std::string, std::string> properties;
  std::string build;  // version of the program, for dead letters
  // Fetched records a subscriber may keep, over all its partitions. A partition whose share is full
  // is not fetched from until its reader has caught up.
  size_t buffer_bytes = size_t{64} << 20;
  // So often what was read is compared with the producers' journals. A topic that lacks something
  // from one time to the next is made good from there.
  absl::Duration compare_every = absl::Seconds(5);
  // A producer that could not be reached longer ago than this may be there now.
  absl::Duration silence_counts = absl::Seconds(3);
  // So long whoever asks waits for a producer that is connected, but cannot look into its journal.
  absl::Duration blind_limit = absl::Seconds(3);
};

// How far everything is behind, as last known; nobody is asked for it.
struct KafkaStats {
  // Records on the topic after the last one given out; what a catch-up reads from a journal is not
  // counted.
  struct Lag {
    std::string consumer;
    std::string topic;
    int shard;
    int64_t records;
    bool catching_up;  // not read from the topic: from the producer's journal, or not at all yet
    int64_t lost = 0;  // raw topics: times that the position was gone, and perhaps records with it
  };
  // Rows of held shards that are not published beyond doubt. For what must still be read from the
  // journal this counts journal numbers: at least as many.
  struct Backlog {
    std::string producer;
    int64_t rows;
  };
  std::vector<Lag> lags;
  std::vector<Backlog> backlogs;
};

// Thread-safe. Outlives its publishers and subscribers.
class KafkaBus : public Bus {
 public:
  virtual KafkaStats Stats() const = 0;
};

// INVALID_ARGUMENT names a property that is wrong. A broker that does not answer is no error here:
// Health tells, and everything goes on when it is back. `journals` and `clock` outlive the result.
absl::StatusOr<std::unique_ptr<KafkaBus>> OpenKafka(KafkaOptions options, JournalSource& journals,
                                                    Clock& clock);

}  // namespace watchbell::bus
