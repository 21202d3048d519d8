// The idempotent producers of one relay thread. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/kafka/client.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/bus/record.h"

namespace watchbell::bus::kafka {

// Looks like one producer. librdkafka makes a request for each partition, and order needs that only
// one be under way (see Fixed): so that partitions do not wait for each other's answers, there are
// several clients, each for its share of the shards.
//
// Belongs to one thread, but for the wake-up.
class RelayProducer {
 public:
  // What was sent, for its report.
  struct Sending {
    int shard;
    uint64_t hold;  // of the shard
    int64_t sequence;
    bool dead_letter;
  };
  struct Report {
    Sending sending;
    absl::Status status;
    bool too_large = false;  // of a failure: it will never be taken
  };

  // `wake`: there are reports; on a thread of librdkafka's, must not call back.
  RelayProducer(const KafkaOptions& options, std::string name, std::function<void()> wake)
      : options_(options), name_(std::move(name)), wake_(std::move(wake)) {}
  ~RelayProducer() { Close(absl::ZeroDuration()); }
  RelayProducer(const RelayProducer&) = delete;
  RelayProducer& operator=(const RelayProducer&) = delete;

  absl::Status Open();

  // RESOURCE_EXHAUSTED: the queue is full. OUT_OF_RANGE: it is larger than anything may be. A
  // report follows only after OK.
  absl::Status Send(const Record& record, const Sending& sending);
  // What came since the last call.
  std::vector<Report> TakeReports();
  // OK, or why this producer can publish nothing any more.
  absl::Status Fatal() const;

  // Waits up to `flush` for what is under way, then drops the rest: no more reports.
  void Close(absl::Duration flush);

 private:
  struct Client {
    rd_kafka_t* handle = nullptr;
    QueuePtr events;
    std::map<std::string, TopicPtr> topics;  // by our names
  };

  absl::StatusOr<Client> OpenClient();
  absl::StatusOr<rd_kafka_topic_t*> TopicOf(Client& client, const std::string& topic) const;
  static void OnReport(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  static void OnEvent(rd_kafka_t* client, void* opaque);

  const KafkaOptions& options_;
  const std::string name_;
  const std::function<void()> wake_;
  std::vector<Client> clients_;  // all of them, or none
  std::vector<Report> reports_;
};

}  // namespace watchbell::bus::kafka
