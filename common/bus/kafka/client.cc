#include "common/bus/kafka/client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

constexpr auto kCloseLimit = std::chrono::seconds(5);

// What suits us, and may be changed by properties.
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"client.id", "watchbell"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"log.connection.close", "false"},
    // A broker that was away is found again soon.
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
};

// What the guarantees of this bus stand on, under all their names.
constexpr std::array<absl::string_view, 26> kOurs = {"bootstrap.servers",
                                                     "metadata.broker.list",
                                                     "acks",
                                                     "request.required.acks",
                                                     "enable.idempotence",
                                                     "message.timeout.ms",
                                                     "delivery.timeout.ms",
                                                     "message.send.max.retries",
                                                     "retries",
                                                     "max.in.flight",
                                                     "max.in.flight.requests.per.connection",
                                                     "partitioner",
                                                     "transactional.id",
                                                     "group.id",
                                                     "group.instance.id",
                                                     "enable.auto.commit",
                                                     "auto.commit.enable",
                                                     "enable.auto.offset.store",
                                                     "auto.offset.reset",
                                                     "enable.partition.eof",
                                                     "queued.max.messages.kbytes",
                                                     "delivery.report.only.error",
                                                     "enable.gapless.guarantee",
                                                     "produce.offset.report",
                                                     "test.mock.num.brokers",
                                                     "allow.auto.create.topics"};

bool IsSecret(absl::string_view property) {
  for (const absl::string_view word : {"password", "secret", "key.pem", "oauthbearer", "jaas"}) {
    if (absl::StrContains(property, word)) return true;
  }
  return false;
}

absl::Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[512] = "";
  const rd_kafka_conf_res_t result =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof(text));
  if (result == RD_KAFKA_CONF_OK) return absl::OkStatus();
  if (result == RD_KAFKA_CONF_UNKNOWN) {
    return absl::InvalidArgumentError(absl::StrCat("Kafka property ", name, " does not exist"));
  }
  return absl::InvalidArgumentError(absl::StrCat("Kafka property ", name, " has a wrong value",
                                                 IsSecret(name) ? "" : absl::StrCat(": ", text)));
}

void WriteLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // Connections that are tried again, over and over, are told once by whoever waits for them.
  const absl::string_view about(facility);
  const bool again = about == "FAIL" || about == "ERROR" || about == "GETPID";
  const telemetry::Level as = level <= 2             ? telemetry::Level::kError
                              : level <= 4 && !again ? telemetry::Level::kWarning
                                                     : telemetry::Level::kDebug;
  telemetry::Log(as, "Kafka client",
                 {{"client", client == nullptr ? "" : rd_kafka_name(client)},
                  {"facility", facility},
                  {"text", text}});
}

// Without one librdkafka would write them to its log.
void IgnoreError(rd_kafka_t*, int, const char*, void*) {}

}  // namespace

absl::Status ToStatus(rd_kafka_resp_err_t error, absl::string_view what) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(what, ": ", rd_kafka_err2str(error)));
}

absl::Status ToStatus(rd_kafka_error_t* error, absl::string_view what) {
  if (error == nullptr) return absl::OkStatus();
  const absl::Status status =
      absl::UnavailableError(absl::StrCat(what, ": ", rd_kafka_error_string(error)));
  rd_kafka_error_destroy(error);
  return status;
}

absl::StatusOr<ConfPtr> MakeConf(const KafkaOptions& options, const Settings& defaults,
                                 const Settings& fixed) {
  if (options.brokers.empty()) return absl::InvalidArgumentError("no Kafka brokers are given");
  ConfPtr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : kDefaults) RETURN_IF_ERROR(Set(conf.get(), name, value));
  for (const auto& [name, value] : defaults) RETURN_IF_ERROR(Set(conf.get(), name, value));
  for (const auto& [name, value] : options.properties) {
    if (std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Kafka property ", name, " cannot be given: the program decides it"));
    }
    RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  RETURN_IF_ERROR(Set(conf.get(), "bootstrap.servers", options.brokers));
  for (const auto& [name, value] : fixed) RETURN_IF_ERROR(Set(conf.get(), name, value));
  rd_kafka_conf_set_log_cb(conf.get(), WriteLog);
  rd_kafka_conf_set_error_cb(conf.get(), IgnoreError);
  return conf;
}

absl::StatusOr<rd_kafka_t*> NewClient(rd_kafka_type_t type, ConfPtr conf) {
  char text[512] = "";
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), text, sizeof(text));
  if (client == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("Kafka properties do not work: ", text));
  }
  conf.release();  // it is the client's now
  return client;
}

void CloseClient(rd_kafka_t* client, std::shared_ptr<void> keep) {
  struct Done {
    Mutex mu;
    CondVar cv;
    bool done ABSL_GUARDED_BY(mu) = false;
  };
  auto state = std::make_shared<Done>();
  std::thread closer([client, state, keep = std::move(keep)]() mutable {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    keep = nullptr;
    MutexLock lock(state->mu);
    state->done = true;
    state->cv.NotifyAll();
  });
  const auto limit = std::chrono::steady_clock::now() + kCloseLimit;
  bool done = false;
  {
    MutexLock lock(state->mu);
    while (!state->done && std::chrono::steady_clock::now() < limit) {
      state->cv.WaitUntil(state->mu, limit);
    }
    done = state->done;
  }
  if (done) {
    closer.join();
    return;
  }
  telemetry::Log(telemetry::Level::kWarning, "a Kafka client does not close; it is left behind");
  closer.detach();
}

absl::StatusOr<int> CountPartitions(rd_kafka_t* client, const std::string& topic, int timeout_ms) {
  const TopicPtr handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr) return ToStatus(rd_kafka_last_error(), topic);
  const rd_kafka_metadata_t* metadata = nullptr;
  RETURN_IF_ERROR(
      ToStatus(rd_kafka_metadata(client, 0, handle.get(), &metadata, timeout_ms), topic));
  absl::StatusOr<int> count =
      absl::NotFoundError(absl::StrCat("Kafka topic ", topic, " does not exist"));
  if (metadata->topic_cnt == 1) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    if (found.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      count = found.partition_cnt;
    } else if (found.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
               found.err != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
      count = absl::FailedPreconditionError(
          absl::StrCat("Kafka topic ", topic, ": ", rd_kafka_err2str(found.err)));
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return count;
}

}  // namespace watchbell::bus::kafka
