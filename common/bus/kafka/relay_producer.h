// An idempotent producer for one relay thread. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/bus/kafka/client.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/bus/record.h"

namespace watchbell::bus::kafka {

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
  static void OnReport(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  static void OnEvent(rd_kafka_t* client, void* opaque);

  const KafkaOptions& options_;
  const std::string name_;
  const std::function<void()> wake_;
  rd_kafka_t* client_ = nullptr;
  QueuePtr events_;
  std::map<std::string, TopicPtr> topics_;  // by our names
  std::vector<Report> reports_;
};

}  // namespace watchbell::bus::kafka
