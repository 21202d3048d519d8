// What tests of the Kafka bus need of a broker beside the bus: topics of their own, and a plain
// client that shows and writes records as they are.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/bus/kafka/kafka_bus.h"
#include "common/bus/kafka/topics_admin.h"

namespace watchbell::bus {

// HOST:PORT of the test broker; a test without one fails.
std::string TestBrokers();

// A record as the broker keeps it; nothing = null.
struct PlainRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  int partition = 0;
  int64_t offset = 0;
};

// Topics under a prefix nobody else has; they go with this object.
class TestTopics {
 public:
  explicit TestTopics(std::string brokers = TestBrokers());
  ~TestTopics();

  // Fit for this broker and these topics.
  KafkaOptions options() const;
  // Makes a topic as `watchbell topics` would, with this many partitions.
  void Make(const std::string& topic, int partitions = kDefaultShards,
            int64_t max_message_bytes = 2'097'152);
  void Delete(const std::string& topic);
  // As when the retention time has passed: what lies below `offset` is gone.
  void Expire(const std::string& topic, int partition, int64_t offset);

  // Writes a record; partition -1: where a murmur2_random producer puts its key. Its place.
  PlainRecord Write(const std::string& topic, PlainRecord record);
  // Everything that lies on a topic now, partition by partition.
  std::vector<PlainRecord> ReadAll(const std::string& topic, int partitions = kDefaultShards);
  // Where a partition ends; -1: nobody can tell yet.
  int64_t End(const std::string& topic, int partition);
  // What a group has committed, as lag tools see it; negative = nothing.
  int64_t Committed(const std::string& group, const std::string& topic, int partition);

 private:
  struct FreeClient {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  };
  using Client = std::unique_ptr<rd_kafka_t, FreeClient>;
  Client MakeClient(rd_kafka_type_t type, const std::string& group = "test") const;
  std::string NameOf(const std::string& topic) const { return prefix_ + topic; }

  const std::string brokers_;
  const std::string prefix_;
  std::vector<std::string> made_;
  Client producer_;
};

}  // namespace watchbell::bus
