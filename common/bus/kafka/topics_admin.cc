#include "common/bus/kafka/topics_admin.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/bus/dead_letter_record.h"
#include "common/bus/kafka/client.h"

namespace watchbell::bus {
namespace {

using kafka::ConfPtr;
using kafka::MakeConf;
using kafka::NewClient;
using kafka::ToStatus;

// A mebibyte of value, and room for key and headers.
constexpr int64_t kMessageBytes = 1'114'112;
constexpr int64_t kDeadLetterBytes = 2'097'152;

// How long a broker may take over one answer.
constexpr absl::Duration kAnswer = absl::Seconds(20);
constexpr absl::Duration kLeastAnswer = absl::Milliseconds(100);
// How long the controller may take to make topics. Those it has not made by then are waited for.
constexpr absl::Duration kMaking = absl::Minutes(1);
constexpr int kLookEveryMs = 50;

struct FreeClient {
  void operator()(rd_kafka_t* client) const { kafka::CloseClient(client, nullptr); }
};
using ClientPtr = std::unique_ptr<rd_kafka_t, FreeClient>;

struct FreeOptions {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};
using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, FreeOptions>;

struct FreeEvent {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using EventPtr = std::unique_ptr<rd_kafka_event_t, FreeEvent>;

struct FreeMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, FreeMetadata>;

struct FreeNewTopic {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, FreeNewTopic>;

struct FreeResource {
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
};
using ResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, FreeResource>;

using Configs = std::map<std::string, std::string>;

absl::StatusOr<ClientPtr> Connect(const KafkaOptions& options) {
  ASSIGN_OR_RETURN(ConfPtr conf, MakeConf(options, {}, {}));
  ASSIGN_OR_RETURN(rd_kafka_t * client, NewClient(RD_KAFKA_PRODUCER, std::move(conf)));
  return ClientPtr(client);
}

int Millis(absl::Duration limit) { return static_cast<int>(absl::ToInt64Milliseconds(limit)); }

AdminOptionsPtr Within(rd_kafka_t* client, rd_kafka_admin_op_t operation, absl::Duration limit) {
  AdminOptionsPtr options(rd_kafka_AdminOptions_new(client, operation));
  char text[256] = "";
  rd_kafka_AdminOptions_set_request_timeout(options.get(), Millis(limit), text, sizeof(text));
  return options;
}

// The settings a specification fixes, as the broker names them.
Configs ConfigsOf(const TopicSpec& spec) {
  Configs configs{{"cleanup.policy", spec.cleanup_policy},
                  {"retention.ms", absl::StrCat(spec.retention_ms)},
                  {"min.insync.replicas", absl::StrCat(spec.min_insync_replicas)},
                  {"message.timestamp.type", "CreateTime"}};
  if (spec.max_message_bytes > 0) {
    configs["max.message.bytes"] = absl::StrCat(spec.max_message_bytes);
  }
  return configs;
}

// What the brokers say of a topic.
struct Shape {
  int partitions = 0;
  int replicas = 0;  // of the partition with the fewest
  int led = 0;       // partitions with a leader
};
using Shapes = std::map<std::string, Shape>;  // by name on the brokers

absl::StatusOr<Shapes> ReadShapes(rd_kafka_t* client, const KafkaOptions& options,
                                  absl::Duration limit) {
  const rd_kafka_metadata_t* raw = nullptr;
  RETURN_IF_ERROR(
      ToStatus(rd_kafka_metadata(client, 1, nullptr, &raw, Millis(limit)),
               absl::StrCat("kafka.brokers (", options.brokers, ") did not answer within ",
                            absl::ToDoubleSeconds(limit), " s")));
  const MetadataPtr metadata(raw);
  Shapes shapes;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
    Shape& shape = shapes[topic.topic];
    shape.partitions = topic.partition_cnt;
    for (int p = 0; p < topic.partition_cnt; ++p) {
      const rd_kafka_metadata_partition_t& partition = topic.partitions[p];
      shape.replicas =
          p == 0 ? partition.replica_cnt : std::min(shape.replicas, partition.replica_cnt);
      if (partition.leader >= 0) ++shape.led;
    }
  }
  return shapes;
}

// The event that answers an admin call, or why there is none.
absl::StatusOr<EventPtr> Await(rd_kafka_queue_t* queue, absl::Duration limit,
                               absl::string_view what) {
  EventPtr event(rd_kafka_queue_poll(queue, Millis(limit) + 1000));
  if (event == nullptr) return absl::UnavailableError(absl::StrCat(what, ": no answer"));
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(
        absl::StrCat(what, ": ", rd_kafka_event_error_string(event.get())));
  }
  return event;
}

absl::StatusOr<std::map<std::string, Configs>> ReadConfigs(rd_kafka_t* client,
                                                           const std::vector<std::string>& names,
                                                           absl::Duration limit) {
  std::vector<ResourcePtr> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const std::string& name : names) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    raw.push_back(resources.back().get());
  }
  const kafka::QueuePtr queue(rd_kafka_queue_new(client));
  const AdminOptionsPtr options = Within(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, limit);
  rd_kafka_DescribeConfigs(client, raw.data(), raw.size(), options.get(), queue.get());
  ASSIGN_OR_RETURN(const EventPtr event,
                   Await(queue.get(), limit, "Kafka does not tell its topics' settings"));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, Configs> result;
  for (size_t i = 0; i < count; ++i) {
    const char* name = rd_kafka_ConfigResource_name(found[i]);
    RETURN_IF_ERROR(ToStatus(rd_kafka_ConfigResource_error(found[i]), name));
    size_t entries = 0;
    const rd_kafka_ConfigEntry_t** entry = rd_kafka_ConfigResource_configs(found[i], &entries);
    for (size_t j = 0; j < entries; ++j) {
      const char* value = rd_kafka_ConfigEntry_value(entry[j]);
      result[name][rd_kafka_ConfigEntry_name(entry[j])] = value == nullptr ? "" : value;
    }
  }
  return result;
}

std::string Difference(const std::string& topic, absl::string_view setting, absl::string_view is,
                       absl::string_view should_be) {
  return absl::StrCat("topic ", topic, ": ", setting, " is ", is, ", should be ", should_be);
}

absl::StatusOr<NewTopicPtr> NewTopic(const TopicSpec& spec, const std::string& name) {
  char text[256] = "";
  NewTopicPtr topic(
      rd_kafka_NewTopic_new(name.c_str(), spec.partitions, spec.replication, text, sizeof(text)));
  if (topic == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("topic ", name, ": ", text));
  }
  for (const auto& [key, value] : ConfigsOf(spec)) {
    rd_kafka_NewTopic_set_config(topic.get(), key.c_str(), value.c_str());
  }
  return topic;
}

// Asks for `specs` in one call. Topics that somebody made in between are no error.
absl::Status Create(rd_kafka_t* client, const KafkaOptions& options,
                    const std::vector<const TopicSpec*>& specs, absl::Duration limit) {
  std::vector<NewTopicPtr> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const TopicSpec* spec : specs) {
    ASSIGN_OR_RETURN(NewTopicPtr topic, NewTopic(*spec, options.topic_prefix + spec->name));
    raw.push_back(topic.get());
    topics.push_back(std::move(topic));
  }
  const kafka::QueuePtr queue(rd_kafka_queue_new(client));
  const AdminOptionsPtr within = Within(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, limit + kAnswer);
  // The answer comes when all brokers know them, or then.
  char text[256] = "";
  rd_kafka_AdminOptions_set_operation_timeout(within.get(), Millis(limit), text, sizeof(text));
  rd_kafka_CreateTopics(client, raw.data(), raw.size(), within.get(), queue.get());
  ASSIGN_OR_RETURN(const EventPtr event,
                   Await(queue.get(), limit + kAnswer, "Kafka makes no topics"));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    // Timed out: it is being made.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ||
        error == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT) {
      continue;
    }
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", rd_kafka_topic_result_name(results[i]),
                     " cannot be made: ", why == nullptr ? rd_kafka_err2str(error) : why));
  }
  return absl::OkStatus();
}

int PartitionsOf(const Shapes& shapes, const std::vector<std::string>& names) {
  int partitions = 0;
  for (const std::string& name : names) partitions += shapes.at(name).partitions;
  return partitions;
}

// Asks every partition's leader where it ends: one that was only just given the partition refuses
// until it has it. OK if all answer.
absl::Status AskLeaders(rd_kafka_t* client, const Shapes& shapes,
                        const std::vector<std::string>& names, absl::Duration limit) {
  const kafka::PartitionsPtr list(rd_kafka_topic_partition_list_new(PartitionsOf(shapes, names)));
  for (const std::string& name : names) {
    for (int p = 0; p < shapes.at(name).partitions; ++p) {
      rd_kafka_topic_partition_list_add(list.get(), name.c_str(), p)->offset = RD_KAFKA_OFFSET_END;
    }
  }
  RETURN_IF_ERROR(ToStatus(rd_kafka_offsets_for_times(client, list.get(), Millis(limit)),
                           "the leaders do not answer"));
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& asked = list->elems[i];
    RETURN_IF_ERROR(
        ToStatus(asked.err, absl::StrCat("topic ", asked.topic, ", partition ", asked.partition)));
  }
  return absl::OkStatus();
}

// OK if all of `specs` can be written and read, or why one cannot yet.
absl::Status AreReady(rd_kafka_t* client, const KafkaOptions& options,
                      const std::vector<TopicSpec>& specs, absl::Duration limit) {
  ASSIGN_OR_RETURN(const Shapes shapes, ReadShapes(client, options, limit));
  std::vector<std::string> names;
  for (const TopicSpec& spec : specs) {
    names.push_back(options.topic_prefix + spec.name);
    const auto shape = shapes.find(names.back());
    if (shape == shapes.end() || shape->second.partitions == 0) {
      return absl::UnavailableError(
          absl::StrCat("topic ", names.back(), " was made, but the brokers do not show it"));
    }
    const auto [partitions, replicas, led] = shape->second;
    if (led < partitions) {
      return absl::UnavailableError(absl::StrCat("topic ", names.back(), ": ", partitions - led,
                                                 " of ", partitions, " partitions have no leader"));
    }
  }
  return AskLeaders(client, shapes, names, limit);
}

using SteadyTime = std::chrono::steady_clock::time_point;

absl::Status AwaitReady(rd_kafka_t* client, const KafkaOptions& options,
                        const std::vector<TopicSpec>& specs, absl::Duration limit,
                        SteadyTime deadline) {
  while (true) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const absl::Duration left = absl::FromChrono(deadline - now);
    const absl::Status ready =
        AreReady(client, options, specs, std::clamp(left, kLeastAnswer, kAnswer));
    if (ready.ok()) return ready;
    if (now >= deadline) {
      return absl::UnavailableError(absl::StrCat(
          "the topics are not ready after ", absl::FormatDuration(limit), ": ", ready.message()));
    }
    rd_kafka_poll(client, kLookEveryMs);
  }
}

}  // namespace

std::vector<TopicSpec> TopicSpecs(const std::map<std::string, std::vector<std::string>>& readers,
                                  const TopicDefaults& defaults) {
  std::vector<TopicSpec> specs;
  const auto add = [&](std::string name, absl::Duration retention, int64_t max_bytes) {
    TopicSpec spec;
    spec.name = std::move(name);
    spec.partitions = defaults.shards;
    spec.retention_ms =
        retention == absl::InfiniteDuration() ? -1 : absl::ToInt64Milliseconds(retention);
    spec.max_message_bytes = max_bytes;
    spec.replication = defaults.replication;
    spec.min_insync_replicas = defaults.min_insync_replicas;
    specs.push_back(std::move(spec));
  };
  for (const auto& [topic, services] : readers) {
    add(topic, defaults.retention, kMessageBytes);
    for (const std::string& service : services) {
      add(DeadLetterTopic(topic, service), defaults.dead_letter_retention, kDeadLetterBytes);
    }
  }
  return specs;
}

absl::StatusOr<TopicReport> CheckTopics(const KafkaOptions& options,
                                        const std::vector<TopicSpec>& specs, absl::Duration limit) {
  ASSIGN_OR_RETURN(const ClientPtr client, Connect(options));
  ASSIGN_OR_RETURN(const Shapes shapes, ReadShapes(client.get(), options, limit));
  TopicReport report;
  std::vector<std::string> there;
  for (const TopicSpec& spec : specs) {
    const std::string name = options.topic_prefix + spec.name;
    (shapes.count(name) > 0 ? there : report.missing)
        .push_back(shapes.count(name) > 0 ? name : spec.name);
  }
  if (there.empty()) return report;
  ASSIGN_OR_RETURN(auto configs, ReadConfigs(client.get(), there, limit));
  for (const TopicSpec& spec : specs) {
    const std::string name = options.topic_prefix + spec.name;
    auto shape = shapes.find(name);
    if (shape == shapes.end()) continue;
    const Shape& is = shape->second;
    if (is.partitions != spec.partitions) {
      report.differences.push_back(Difference(name, "number of partitions",
                                              absl::StrCat(is.partitions),
                                              absl::StrCat(spec.partitions)));
    }
    if (is.replicas != spec.replication) {
      report.differences.push_back(Difference(name, "replication factor", absl::StrCat(is.replicas),
                                              absl::StrCat(spec.replication)));
    }
    for (const auto& [key, value] : ConfigsOf(spec)) {
      const std::string& set = configs[name][key];
      if (set != value) report.differences.push_back(Difference(name, key, set, value));
    }
  }
  return report;
}

absl::StatusOr<std::vector<std::string>> CreateMissing(const KafkaOptions& options,
                                                       const std::vector<TopicSpec>& specs,
                                                       absl::Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(limit);
  ASSIGN_OR_RETURN(const ClientPtr client, Connect(options));
  ASSIGN_OR_RETURN(const Shapes shapes,
                   ReadShapes(client.get(), options, std::min(limit, kAnswer)));
  std::vector<const TopicSpec*> missing;
  std::vector<std::string> names;
  for (const TopicSpec& spec : specs) {
    if (shapes.count(options.topic_prefix + spec.name) > 0) continue;
    missing.push_back(&spec);
    names.push_back(spec.name);
  }
  if (!missing.empty()) {
    RETURN_IF_ERROR(Create(client.get(), options, missing, std::min(limit, kMaking)));
  }
  RETURN_IF_ERROR(AwaitReady(client.get(), options, specs, limit, deadline));
  return names;
}

}  // namespace watchbell::bus
