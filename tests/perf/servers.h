// PostgreSQL and Kafka for benchmarks: where they are, and a database and topics of one's own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/bus/journal_source.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/clock/clock.h"
#include "common/db/db.h"

namespace watchbell::perf {

// A new database on the test server, gone with the object.
class OwnDatabase {
 public:
  // `name` tells those of one program apart.
  explicit OwnDatabase(const std::string& name);
  ~OwnDatabase();
  OwnDatabase(const OwnDatabase&) = delete;
  OwnDatabase& operator=(const OwnDatabase&) = delete;

  const std::string& url() const { return url_; }
  // As the service would open it. `clock` outlives it.
  std::unique_ptr<db::Database> Open(const std::string& service, Clock& clock) const;

 private:
  std::string name_;
  std::string url_;
};

std::string KafkaBrokers();

// What the bus needs, with a topic prefix nobody else has.
bus::KafkaOptions OwnTopics();
// Makes a topic as `watchbell topics` would, for one broker.
void MakeTopic(const bus::KafkaOptions& options, const std::string& topic);

// For readers that have nothing to catch up with.
class NoJournals : public bus::JournalSource {
 public:
  void ReadShard(const std::string&, int, int64_t, int, Done done) override;
  void ReadStream(const std::string&, const std::string&, const std::string&, int64_t, int,
                  Done done) override;
  void ReadHeads(const std::string&, const std::vector<int>&, HeadsDone done) override;
};

// Processor time taken so far by this program, by children of it as named, and by the servers that
// `servers.py run` started beside it.
class ProcessorTimes {
 public:
  explicit ProcessorTimes(std::map<std::string, int> children = {})
      : children_(std::move(children)), from_(Now()) {}
  // Who took how much since the beginning, for each of `count` things: "Kafka 30 us, ...".
  std::string Each(int count) const;

 private:
  std::map<std::string, absl::Duration> Now() const;

  const std::map<std::string, int> children_;  // pids
  const std::map<std::string, absl::Duration> from_;
};

}  // namespace watchbell::perf
