#include "common/bus/kafka/topics_admin.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/contract/kafka_tools.h"

namespace watchbell::bus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class TopicsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    defaults_.shards = 3;
    defaults_.replication = defaults_.min_insync_replicas = 1;
    specs_ = TopicSpecs({{"a.v1", {"x", "y"}}, {"raw.v1", {}}}, defaults_);
  }
  void TearDown() override {
    for (const TopicSpec& spec : specs_) topics_.Delete(spec.name);
  }

  TestTopics topics_;
  TopicDefaults defaults_;
  std::vector<TopicSpec> specs_;
};

TEST_F(TopicsTest, WhatIsMissingIsMadeAndThenAllIsWell) {
  auto report = CheckTopics(topics_.options(), specs_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->missing, ElementsAre("a.v1", "a.v1.x.dlq", "a.v1.y.dlq", "raw.v1"));
  EXPECT_THAT(report->differences, IsEmpty());
  auto made = CreateMissing(topics_.options(), specs_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->size(), 4u);
  report = CheckTopics(topics_.options(), specs_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->missing, IsEmpty());
  EXPECT_THAT(report->differences, IsEmpty());
  made = CreateMissing(topics_.options(), specs_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(*made, IsEmpty());
}

TEST_F(TopicsTest, EveryDifferenceIsASentenceAndNothingIsChanged) {
  ASSERT_TRUE(CreateMissing(topics_.options(), specs_).ok());
  std::vector<TopicSpec> others = specs_;
  others[0].partitions = 4;
  others[0].retention_ms = -1;
  others[1].max_message_bytes = 5;
  others[2].cleanup_policy = "compact";
  others[3].replication = 2;
  others[3].min_insync_replicas = 2;
  for (int round = 0; round < 2; ++round) {
    const auto report = CheckTopics(topics_.options(), others);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->missing, IsEmpty());
    EXPECT_THAT(
        report->differences,
        UnorderedElementsAre(HasSubstr("a.v1: number of partitions is 3, should be 4"),
                             HasSubstr("a.v1: retention.ms is 604800000, should be -1"),
                             HasSubstr("a.v1.x.dlq: max.message.bytes is 2097152, should be 5"),
                             HasSubstr("a.v1.y.dlq: cleanup.policy is delete, should be compact"),
                             HasSubstr("raw.v1: replication factor is 1, should be 2"),
                             HasSubstr("raw.v1: min.insync.replicas is 1, should be 2")));
    ASSERT_TRUE(CreateMissing(topics_.options(), others).ok());
  }
}

TEST_F(TopicsTest, WhatTheBrokersRefuseIsSaid) {
  ASSERT_TRUE(CreateMissing(topics_.options(), specs_).ok());
  TopicSpec impossible = specs_[0];
  impossible.name = "impossible";
  impossible.replication = 3;
  const auto made = CreateMissing(topics_.options(), {impossible});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("impossible"));
  KafkaOptions nobody = topics_.options();
  nobody.brokers = "127.0.0.1:1";
  const absl::Status silent = CheckTopics(nobody, specs_, absl::Seconds(1)).status();
  EXPECT_THAT(std::string(silent.message()),
              HasSubstr("kafka.brokers (127.0.0.1:1) did not answer within 1 s"));
  EXPECT_EQ(silent.code(), absl::StatusCode::kUnavailable);
}

// A broker that knows its topics before it can serve them, as one does while its disk makes them.
class SlowBrokerTest : public ::testing::Test {
 protected:
  static constexpr int16_t kListOffsets = 2;  // in Kafka's protocol

  SlowBrokerTest() {
    char text[256] = "";
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text)));
    broker_.reset(rd_kafka_mock_cluster_new(client_.get(), 1));
    options_.brokers = rd_kafka_mock_cluster_bootstraps(broker_.get());
    defaults_.shards = 3;
    defaults_.replication = defaults_.min_insync_replicas = 1;
    specs_ = TopicSpecs({{"a.v1", {"x"}}}, defaults_);
    for (const TopicSpec& spec : specs_) {
      rd_kafka_mock_topic_create(broker_.get(), spec.name.c_str(), spec.partitions, 1);
    }
  }

  absl::Status Create(absl::Duration limit) {
    return CreateMissing(options_, specs_, limit).status();
  }

  struct FreeClient {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  };
  struct FreeBroker {
    void operator()(rd_kafka_mock_cluster_t* broker) const {
      rd_kafka_mock_cluster_destroy(broker);
    }
  };
  std::unique_ptr<rd_kafka_t, FreeClient> client_;
  std::unique_ptr<rd_kafka_mock_cluster_t, FreeBroker> broker_;
  KafkaOptions options_;
  TopicDefaults defaults_;
  std::vector<TopicSpec> specs_;
};

TEST_F(SlowBrokerTest, TopicsAreWaitedForUntilEachPartitionHasALeader) {
  rd_kafka_mock_partition_set_leader(broker_.get(), "a.v1.x.dlq", 1, -1);
  const absl::Status waits = Create(absl::Seconds(1));
  EXPECT_EQ(waits.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(waits.message()),
              HasSubstr("not ready after 1s: topic a.v1.x.dlq: 1 of 3 partitions have no leader"));
  rd_kafka_mock_partition_set_leader(broker_.get(), "a.v1.x.dlq", 1, 1);
  const absl::Status made = Create(absl::Minutes(1));
  EXPECT_TRUE(made.ok()) << made;
}

TEST_F(SlowBrokerTest, TopicsAreWaitedForUntilTheirLeadersHaveThem) {
  std::vector<rd_kafka_resp_err_t> refused(10'000, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  rd_kafka_mock_push_request_errors_array(broker_.get(), kListOffsets, refused.size(),
                                          refused.data());
  const absl::Status waits = Create(absl::Seconds(1));
  EXPECT_EQ(waits.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(waits.message()), HasSubstr("not ready after 1s"));
  rd_kafka_mock_clear_request_errors(broker_.get(), kListOffsets);
  const absl::Status made = Create(absl::Minutes(1));
  EXPECT_TRUE(made.ok()) << made;
}

}  // namespace
}  // namespace watchbell::bus
