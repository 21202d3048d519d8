// librdkafka's clients: made from our options, closed with a limit. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/bus/kafka/kafka_bus.h"

namespace watchbell::bus::kafka {

using Settings = std::vector<std::pair<std::string, std::string>>;

struct FreeConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, FreeConf>;

struct FreeTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, FreeTopic>;

struct FreeQueue {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, FreeQueue>;

struct FreePartitions {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionsPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, FreePartitions>;

// OK or UNAVAILABLE: "`what`: <librdkafka's words>".
absl::Status ToStatus(rd_kafka_resp_err_t error, absl::string_view what);
// The same; takes the error.
absl::Status ToStatus(rd_kafka_error_t* error, absl::string_view what);

// A configuration: `defaults`, then the user's properties, then `fixed`, which nobody may change.
// INVALID_ARGUMENT names a property that is unknown, has a wrong value, or is not the user's.
// librdkafka's log goes to ours.
absl::StatusOr<ConfPtr> MakeConf(const KafkaOptions& options, const Settings& defaults,
                                 const Settings& fixed);

// INVALID_ARGUMENT: the properties do not fit together, or name what does not exist.
absl::StatusOr<rd_kafka_t*> NewClient(rd_kafka_type_t type, ConfPtr conf);

// Ends a client. One that does not end within some seconds is left behind, with a log line: closing
// can hang in librdkafka 2.0. `keep` is what its callbacks may still touch.
void CloseClient(rd_kafka_t* client, std::shared_ptr<void> keep);

// Number of partitions of a topic (its name on the brokers). NOT_FOUND if there is no such topic,
// FAILED_PRECONDITION if we may not see it; UNAVAILABLE if nobody answers within `timeout_ms`.
absl::StatusOr<int> CountPartitions(rd_kafka_t* client, const std::string& topic, int timeout_ms);

}  // namespace watchbell::bus::kafka
