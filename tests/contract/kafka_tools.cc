#include "tests/contract/kafka_tools.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace watchbell::bus {
namespace {

constexpr int kLimitMs = 60'000;

void Check(rd_kafka_resp_err_t error, const std::string& what) {
  EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << what << ": " << rd_kafka_err2str(error);
}

std::optional<std::string> Text(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

PlainRecord ToPlain(const rd_kafka_message_t& message) {
  PlainRecord record{Text(message.key, message.key_len),
                     Text(message.payload, message.len),
                     {},
                     message.partition,
                     message.offset};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.emplace_back(name, Text(value, size));
  }
  return record;
}

void KeepReport(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  Check(message->err, "a record is not written");
  auto* record = static_cast<PlainRecord*>(message->_private);
  record->partition = message->partition;
  record->offset = message->offset;
}

}  // namespace

std::string TestBrokers() {
  const char* brokers = std::getenv("WATCHBELL_TEST_KAFKA");
  EXPECT_NE(brokers, nullptr)
      << "WATCHBELL_TEST_KAFKA is not set: run it through ./dev test, which starts a broker";
  return brokers == nullptr ? "127.0.0.1:1" : brokers;
}

TestTopics::TestTopics(std::string brokers)
    : brokers_(std::move(brokers)),
      prefix_(absl::StrCat("t", absl::Hex(SystemIdSource().Random64()), ".")) {
  producer_ = MakeClient(RD_KAFKA_PRODUCER);
}

TestTopics::~TestTopics() {
  for (const std::string& topic : std::vector<std::string>(made_)) Delete(topic);
}

KafkaOptions TestTopics::options() const {
  KafkaOptions options;
  options.brokers = brokers_;
  options.topic_prefix = prefix_;
  options.build = "test-build";
  return options;
}

TestTopics::Client TestTopics::MakeClient(rd_kafka_type_t type, const std::string& group) const {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[256];
  const auto set = [&](const char* name, const char* value) {
    EXPECT_EQ(rd_kafka_conf_set(conf, name, value, text, sizeof(text)), RD_KAFKA_CONF_OK) << text;
  };
  set("bootstrap.servers", brokers_.c_str());
  if (type == RD_KAFKA_PRODUCER) {
    set("partitioner", "murmur2_random");
    set("message.max.bytes", "8388608");
    rd_kafka_conf_set_dr_msg_cb(conf, KeepReport);
  } else {
    set("group.id", (prefix_ + group).c_str());
    set("enable.partition.eof", "true");
    set("enable.auto.commit", "false");
  }
  Client client(rd_kafka_new(type, conf, text, sizeof(text)));
  EXPECT_NE(client, nullptr) << text;
  return client;
}

void TestTopics::Make(const std::string& topic, int partitions, int64_t max_message_bytes) {
  TopicSpec spec;
  spec.name = topic;
  spec.partitions = partitions;
  spec.replication = spec.min_insync_replicas = 1;
  spec.max_message_bytes = max_message_bytes;
  const auto made = CreateMissing(options(), {spec}, absl::Minutes(1));
  ASSERT_TRUE(made.ok()) << made.status();
  made_.push_back(topic);
}

void TestTopics::Delete(const std::string& topic) {
  rd_kafka_DeleteTopic_t* deletion = rd_kafka_DeleteTopic_new(NameOf(topic).c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(producer_.get());
  rd_kafka_DeleteTopics(producer_.get(), &deletion, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kLimitMs);
  EXPECT_NE(event, nullptr);
  if (event != nullptr) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteTopic_destroy(deletion);
  made_.erase(std::remove(made_.begin(), made_.end(), topic), made_.end());
}

void TestTopics::Expire(const std::string& topic, int partition, int64_t offset) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, NameOf(topic).c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* deletion = rd_kafka_DeleteRecords_new(list);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(producer_.get());
  rd_kafka_DeleteRecords(producer_.get(), &deletion, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kLimitMs);
  ASSERT_NE(event, nullptr);
  Check(rd_kafka_event_error(event), "records are not deleted");
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(deletion);
  rd_kafka_topic_partition_list_destroy(list);
}

PlainRecord TestTopics::Write(const std::string& topic, PlainRecord record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [header, text] : record.headers) {
    rd_kafka_header_add(headers, header.data(), static_cast<ssize_t>(header.size()),
                        text ? text->data() : nullptr,
                        static_cast<ssize_t>(text ? text->size() : 0));
  }
  PlainRecord written = record;
  void* key = record.key ? record.key->data() : nullptr;
  void* value = record.value ? record.value->data() : nullptr;
  const size_t key_size = record.key ? record.key->size() : 0;
  const size_t value_size = record.value ? record.value->size() : 0;
  const std::string name = NameOf(topic);
  Check(rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(name.c_str()),
                          RD_KAFKA_V_PARTITION(record.partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                          RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_OPAQUE(&written), RD_KAFKA_V_END),
        "a record is not taken");
  Check(rd_kafka_flush(producer_.get(), kLimitMs), "a record is not written in time");
  return written;
}

std::vector<PlainRecord> TestTopics::ReadAll(const std::string& topic, int partitions) {
  const Client consumer = MakeClient(RD_KAFKA_CONSUMER);
  rd_kafka_poll_set_consumer(consumer.get());
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list, NameOf(topic).c_str(), i)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  Check(rd_kafka_assign(consumer.get(), list), "assign");
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<std::vector<PlainRecord>> found(partitions);
  for (int ended = 0; ended < partitions;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), kLimitMs);
    EXPECT_NE(message, nullptr) << topic;
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ended;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      found[message->partition].push_back(ToPlain(*message));
    }
    rd_kafka_message_destroy(message);
  }
  std::vector<PlainRecord> all;
  for (auto& part : found) std::move(part.begin(), part.end(), std::back_inserter(all));
  return all;
}

int64_t TestTopics::End(const std::string& topic, int partition) {
  int64_t low = -1, high = -1;
  rd_kafka_query_watermark_offsets(producer_.get(), NameOf(topic).c_str(), partition, &low, &high,
                                   kLimitMs);
  return high;
}

int64_t TestTopics::Committed(const std::string& group, const std::string& topic, int partition) {
  const Client client = MakeClient(RD_KAFKA_CONSUMER, group);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, NameOf(topic).c_str(), partition);
  Check(rd_kafka_committed(client.get(), list, kLimitMs), "committed offsets are not told");
  const int64_t offset = list->elems[0].offset;
  rd_kafka_topic_partition_list_destroy(list);
  return offset;
}

}  // namespace watchbell::bus
