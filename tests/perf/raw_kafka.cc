#include "tests/perf/raw_kafka.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

constexpr int kLimitMs = 60'000;

void Check(rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  Must(absl::UnavailableError(absl::StrCat("raw Kafka: ", rd_kafka_err2str(error))));
}

}  // namespace

RawProducer::RawProducer(const std::string& brokers, const std::string& topic, int linger_ms) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[256] = "";
  for (const auto& [name, value] :
       {std::pair<const char*, std::string>{"bootstrap.servers", brokers},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.type", "lz4"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", absl::StrCat(linger_ms)},
        {"queue.buffering.max.messages", "500000"},
        {"log_level", "2"}}) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof(text)) != RD_KAFKA_CONF_OK) {
      Must(absl::InvalidArgumentError(text));
    }
  }
  rd_kafka_conf_set_dr_msg_cb(conf, &RawProducer::OnReport);
  client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
  if (client_ == nullptr) Must(absl::InvalidArgumentError(text));
  topic_ = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
}

RawProducer::~RawProducer() {
  rd_kafka_topic_destroy(topic_);
  rd_kafka_destroy(client_);
}

void RawProducer::OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  Check(message->err);
}

void RawProducer::Send(const bus::Record& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  for (;;) {
    rd_kafka_poll(client_, 0);
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        client_, RD_KAFKA_V_RKT(topic_), RD_KAFKA_V_PARTITION(record.shard),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(const_cast<char*>(record.key.data()), record.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data()), record.value.size()),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) Check(error);
    rd_kafka_poll(client_, 10);
  }
}

void RawProducer::Flush() { Check(rd_kafka_flush(client_, kLimitMs)); }

}  // namespace watchbell::perf
