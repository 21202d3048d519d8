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
constexpr size_t kClients = 4;

const Settings& Defaults() {
  static const Settings* const settings = new Settings{
      {"linger.ms", "0"},
      {"retry.backoff.ms", "100"},
      {"compression.type", "lz4"},
      {"message.max.bytes", kMaxMessage},
      {"queue.buffering.max.messages", "125000"},
      {"queue.buffering.max.kbytes", "32768"},
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
  std::vector<Client> clients;
  while (clients.size() < kClients) {
    ASSIGN_OR_RETURN(Client client, OpenClient());
    clients.push_back(std::move(client));
  }
  clients_ = std::move(clients);
  return absl::OkStatus();
}

absl::StatusOr<RelayProducer::Client> RelayProducer::OpenClient() {
  ASSIGN_OR_RETURN(ConfPtr conf, MakeConf(options_, Defaults(), Fixed()));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &RelayProducer::OnReport);
  Client client;
  ASSIGN_OR_RETURN(client.handle, NewClient(RD_KAFKA_PRODUCER, std::move(conf)));
  client.events.reset(rd_kafka_queue_get_main(client.handle));
  rd_kafka_queue_cb_event_enable(client.events.get(), &RelayProducer::OnEvent, this);
  return client;
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

absl::StatusOr<rd_kafka_topic_t*> RelayProducer::TopicOf(Client& client,
                                                         const std::string& topic) const {
  TopicPtr& handle = client.topics[topic];
  if (handle == nullptr) {
    const std::string name = options_.topic_prefix + topic;
    handle.reset(rd_kafka_topic_new(client.handle, name.c_str(), nullptr));
    if (handle == nullptr) return ToStatus(rd_kafka_last_error(), absl::StrCat("topic ", name));
  }
  return handle.get();
}

absl::Status RelayProducer::Send(const Record& record, const Sending& sending) {
  if (clients_.empty()) return Fatal();
  Client& client = clients_[static_cast<size_t>(sending.shard) % clients_.size()];
  ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, TopicOf(client, record.topic));
  auto opaque = std::make_unique<Sending>(sending);
  const rd_kafka_resp_err_t error = Produce(client.handle, topic, record, opaque.get());
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
  for (const Client& client : clients_) {
    while (rd_kafka_poll(client.handle, 0) > 0) {
    }
  }
  return std::exchange(reports_, {});
}

absl::Status RelayProducer::Fatal() const {
  if (clients_.empty()) return absl::UnavailableError("there is no producer");
  for (const Client& client : clients_) {
    char text[512] = "";
    const rd_kafka_resp_err_t error = rd_kafka_fatal_error(client.handle, text, sizeof(text));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    return absl::UnavailableError(absl::StrCat(rd_kafka_err2name(error), ": ", text));
  }
  return absl::OkStatus();
}

void RelayProducer::Close(absl::Duration flush) {
  const int limit_ms = static_cast<int>(absl::ToInt64Milliseconds(flush));
  bool waits = limit_ms > 0;  // for all at once: what is left after the first is left
  for (Client& client : clients_) {
    rd_kafka_queue_cb_event_enable(client.events.get(), nullptr, nullptr);
    if (waits) waits = rd_kafka_flush(client.handle, limit_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  for (Client& client : clients_) {
    rd_kafka_purge(client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client.handle, 1000);  // the reports of what was purged
    client.topics.clear();
    client.events.reset();
    CloseClient(std::exchange(client.handle, nullptr), nullptr);
  }
  reports_.clear();
  clients_.clear();
}

}  // namespace watchbell::bus::kafka
