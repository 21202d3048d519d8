// What the Kafka bus says of itself, as metrics: added up over the shards of a topic.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "common/base/mutex.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/runtime/metrics.h"

namespace watchbell::runtime {

// Remembers what it told before. Thread-safe.
class BusMetrics {
 public:
  void Report(const bus::KafkaStats& stats, Metrics& metrics);

 private:
  struct Behind {
    int64_t records = 0;
    int catching_up = 0;  // shards
  };

  Mutex mu_;
  // By (consumer, topic), and by producer.
  std::map<std::pair<std::string, std::string>, Behind> behind_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int64_t> backlogs_ ABSL_GUARDED_BY(mu_);
  // By (consumer, topic, shard): of the losses told.
  std::map<std::tuple<std::string, std::string, int>, int64_t> lost_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::runtime
