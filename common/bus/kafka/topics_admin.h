// The topics of an installation: what they should be, what differs, and making those that are
// missing. Topics that are there are never changed from here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/kafka/kafka_bus.h"

namespace watchbell::bus {

struct TopicSpec {
  std::string name;  // without the installation's prefix
  int partitions = kDefaultShards;
  int64_t retention_ms = -1;              // -1 = for ever
  std::string cleanup_policy = "delete";  // or "compact"
  int64_t max_message_bytes = 0;
  int replication = 3;
  int min_insync_replicas = 2;
};

// What every topic of an installation has in common.
struct TopicDefaults {
  int shards = kDefaultShards;
  int replication = 3;  // 1 for a single broker
  int min_insync_replicas = 2;
  absl::Duration retention = absl::Hours(7 * 24);
  absl::Duration dead_letter_retention = absl::Hours(30 * 24);
};

// The lifecycle and raw topics, and for each reader of each the topic of its dead letters.
// `readers`: the services that read a topic, by topic; a topic nobody reads has an empty entry.
std::vector<TopicSpec> TopicSpecs(const std::map<std::string, std::vector<std::string>>& readers,
                                  const TopicDefaults& defaults);

struct TopicReport {
  std::vector<std::string> missing;      // names, as specified
  std::vector<std::string> differences;  // sentences: topic, setting, what it is and should be
};

// Compares. INVALID_ARGUMENT: a wrong property; UNAVAILABLE: the brokers do not answer in time.
absl::StatusOr<TopicReport> CheckTopics(const KafkaOptions& options,
                                        const std::vector<TopicSpec>& specs,
                                        absl::Duration limit = absl::Seconds(20));

// Makes those that are missing; returns their names when all of `specs`, those that were there
// included, can be written and read: every partition has a leader, and the leader knows. A broker
// with a slow disk needs half a minute for that. UNAVAILABLE names what was not ready in time.
absl::StatusOr<std::vector<std::string>> CreateMissing(const KafkaOptions& options,
                                                       const std::vector<TopicSpec>& specs,
                                                       absl::Duration limit = absl::Minutes(2));

}  // namespace watchbell::bus
