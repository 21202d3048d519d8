// What the relay's producer reports as written is there, whatever a broker answers. The broker is
// librdkafka's own, which answers as it is told.
#include "common/bus/kafka/relay_producer.h"

#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/bus_fixture.h"
#include "tests/contract/kafka_tools.h"

namespace watchbell::bus::kafka {
namespace {

using ::testing::ElementsAre;

constexpr char kTopic[] = "widgets";
constexpr int kRows = 5;
constexpr int kProduceRequest = 0;  // Kafka's number of it

class RelayProducerTest : public ::testing::Test {
 protected:
  RelayProducerTest()
      : client_(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(client_, 1)),
        topics_(rd_kafka_mock_cluster_bootstraps(cluster_)),
        options_(topics_.options()) {
    const std::string name = options_.topic_prefix + kTopic;
    rd_kafka_mock_topic_create(cluster_, name.c_str(), 1, 1);
    // Long enough for all that may be under way at once.
    rd_kafka_mock_broker_set_rtt(cluster_, 1, 100);
    options_.properties["batch.num.messages"] = "1";  // a request for each
  }
  ~RelayProducerTest() override {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }

  // Sends rows 1, 2, ... and returns their reports by row.
  std::map<int64_t, absl::Status> SendAll() {
    RelayProducer producer(options_, "test", [] {});
    EXPECT_TRUE(producer.Open().ok());
    for (int64_t row = 1; row <= kRows; ++row) {
      Record record;
      record.topic = kTopic;
      record.key = "w-1";
      record.value = absl::StrCat(row);
      EXPECT_TRUE(producer.Send(record, {0, 1, row, false}).ok());
    }
    std::map<int64_t, absl::Status> reports;
    EXPECT_TRUE(Await([&] {
      for (const RelayProducer::Report& report : producer.TakeReports()) {
        reports[report.sending.sequence] = report.status;
      }
      return reports.size() == kRows;
    })) << "no report came";
    return reports;
  }

  std::vector<std::string> Written() {
    std::vector<std::string> values;
    for (const PlainRecord& record : topics_.ReadAll(kTopic, 1)) values.push_back(*record.value);
    return values;
  }

  rd_kafka_t* const client_;
  rd_kafka_mock_cluster_t* const cluster_;
  TestTopics topics_;
  KafkaOptions options_;
};

TEST_F(RelayProducerTest, ARowThatWasTurnedAwayIsNotReportedForTheNextOnesSake) {
  rd_kafka_mock_push_request_errors(cluster_, kProduceRequest, 1,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  for (const auto& [row, status] : SendAll()) EXPECT_TRUE(status.ok()) << row << ": " << status;
  EXPECT_THAT(Written(), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(RelayProducerTest, ARowOfUnknownPlaceIsNotCalledWritten) {
  rd_kafka_mock_push_request_errors(cluster_, kProduceRequest, 1,
                                    RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
  const std::map<int64_t, absl::Status> reports = SendAll();
  EXPECT_TRUE(absl::IsUnavailable(reports.at(1))) << reports.at(1);
  for (int64_t row = 2; row <= kRows; ++row) EXPECT_TRUE(reports.at(row).ok()) << row;
  EXPECT_THAT(Written(), ElementsAre("2", "3", "4", "5"));
}

}  // namespace
}  // namespace watchbell::bus::kafka
