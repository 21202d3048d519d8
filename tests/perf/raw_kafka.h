// A bare Kafka producer, with nothing of ours in between: the raw limit of the relay, and whoever
// fills the raw alert topic.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "common/bus/record.h"

namespace watchbell::perf {

// Idempotent, acks=all, lz4. One thread; what goes wrong ends the program.
class RawProducer {
 public:
  RawProducer(const std::string& brokers, const std::string& topic, int linger_ms);
  ~RawProducer();
  RawProducer(const RawProducer&) = delete;
  RawProducer& operator=(const RawProducer&) = delete;

  // On the record's shard; -1: where its key belongs.
  void Send(const bus::Record& record);
  // Waits until all is acknowledged.
  void Flush();

 private:
  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void*);

  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
};

}  // namespace watchbell::perf
