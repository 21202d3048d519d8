#include "common/bus/kafka/relay_producer.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/bus/kafka/wire.h"

namespace watchbell::bus::kafka {
namespace {

// The topic decides what is too large; this only keeps nonsense away from the network.
constexpr char kMaxMessage[] = "8388608";

const Settings& Defaults() {
  static const Settings* const settings = new Settings{
      {"linger.ms", "1"},
      {"retry.backoff.ms", "100"},
      {"compression.type", "lz4"},
      {"message.max.bytes", kMaxMessage},
      {"queue.buffering.max.messages", "500000"},
      {"queue.buffering.max.kbytes", "131072"},
  };
  return *settings;
}

const Settings& Fixed() {
  static const Settings* const settings = new Settings{
      {"enable.idempotence", "true"},
      {"acks", "all"},
      // With more under way a broker that turns one request away, for it does not lead the
      // partition yet, may take the next: if it has nothing of this producer there, it misses
      // nothing. librdkafka then reports the first one as written.
      {"max.in.flight", "1"},
      // Never give up in mid-order: a row left out would be a hole.
      {"message.timeout.ms", "0"},
      {"partitioner", "murmur2_random"},
      {"delivery.report.only.error", "false"},
  };
  return *settings;
}

}  // namespace

absl::Status RelayProducer::Open() {
  ASSIGN_OR_RETURN(ConfPtr conf, MakeConf(options_, Defaults(), Fixed()));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &RelayProducer::OnReport);
  ASSIGN_OR_RETURN(client_, NewClient(RD_KAFKA_PRODUCER, std::move(conf)));
  events_.reset(rd_kafka_queue_get_main(client_));
  rd_kafka_queue_cb_event_enable(events_.get(), &RelayProducer::OnEvent, this);
  return absl::OkStatus();
}

void RelayProducer::OnEvent(rd_kafka_t*, void* opaque) {
  static_cast<RelayProducer*>(opaque)->wake_();
}

void RelayProducer::OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* producer = static_cast<RelayProducer*>(opaque);
  const std::unique_ptr<Sending> sending(static_cast<Sending*>(message->_private));
  Report report{*sending, absl::OkStatus()};
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    report.status =
        ToStatus(message->err, absl::StrCat("topic ", rd_kafka_topic_name(message->rkt)));
    report.too_large = message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
  } else if (message->offset < 0) {
    // librdkafka concludes that it must be there; no broker has said so.
    report.status = absl::UnavailableError(
        absl::StrCat("topic ", rd_kafka_topic_name(message->rkt), ": written at no known place"));
  }
  producer->reports_.push_back(std::move(report));
}

absl::Status RelayProducer::Send(const Record& record, const Sending& sending) {
  if (client_ == nullptr) return Fatal();
  TopicPtr& topic = topics_[record.topic];
  if (topic == nullptr) {
    const std::string name = options_.topic_prefix + record.topic;
    topic.reset(rd_kafka_topic_new(client_, name.c_str(), nullptr));
    if (topic == nullptr) return ToStatus(rd_kafka_last_error(), absl::StrCat("topic ", name));
  }
  auto opaque = std::make_unique<Sending>(sending);
  const rd_kafka_resp_err_t error = Produce(client_, topic.get(), record, opaque.get());
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      opaque.release();  // comes back with the report
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return absl::ResourceExhaustedError("the producer's queue is full");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return absl::OutOfRangeError(
          absl::StrCat("a record for topic ", record.topic, " is too large"));
    default:
      return ToStatus(error, absl::StrCat("topic ", options_.topic_prefix, record.topic));
  }
}

std::vector<RelayProducer::Report> RelayProducer::TakeReports() {
  while (client_ != nullptr && rd_kafka_poll(client_, 0) > 0) {
  }
  return std::exchange(reports_, {});
}

absl::Status RelayProducer::Fatal() const {
  if (client_ == nullptr) return absl::UnavailableError("there is no producer");
  char text[512] = "";
  const rd_kafka_resp_err_t error = rd_kafka_fatal_error(client_, text, sizeof(text));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(rd_kafka_err2name(error), ": ", text));
}

void RelayProducer::Close(absl::Duration flush) {
  if (client_ == nullptr) return;
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
  if (flush > absl::ZeroDuration()) {
    rd_kafka_flush(client_, static_cast<int>(absl::ToInt64Milliseconds(flush)));
  }
  rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client_, 1000);  // the reports of what was purged
  reports_.clear();
  topics_.clear();
  events_.reset();
  CloseClient(std::exchange(client_, nullptr), nullptr);
}

}  // namespace watchbell::bus::kafka
